"""A local page on which runs are used: `talweg ui`."""
