"""NumPy: one short obvious function for each operation; it defines what the operation means."""
