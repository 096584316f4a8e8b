"""From a recorded graph to values."""
