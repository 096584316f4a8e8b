"""What a running program stands on: memory, threads."""
