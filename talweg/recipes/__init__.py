"""Recipes: a task from data to report, each in one readable file."""
