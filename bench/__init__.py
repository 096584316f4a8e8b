"""Benchmarks: each a file that prints what it measures, side by side with PyTorch in one run."""
