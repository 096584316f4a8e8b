"""What the named datasets are made from."""
