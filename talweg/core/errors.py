"""Errors that no built-in type of Python stands for."""


class LinAlgError(RuntimeError):
    """A matrix has no factorisation or inverse of the kind asked for."""
