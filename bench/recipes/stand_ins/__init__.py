"""What stands beneath Talweg's recipes when they run over PyTorch, where torch itself has no such name."""
