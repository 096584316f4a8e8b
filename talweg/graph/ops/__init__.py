"""The operations: each with its shape rule and gradient beside its declaration."""
