"""Answering to the name `torch`: an import hook, and the few names that say what this build has not."""
