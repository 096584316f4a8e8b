"""The recipes of Talweg trained side by side with the same recipes over PyTorch: python -m bench.recipes."""
