"""Two names of torch.nn.functional that hold an answer rather than a function."""

from typing import Any


def has_torch_function(relevant_args: Any) -> bool:
    """False: arguments that replace the functions applied to them are not supported."""
    return False


has_torch_function_unary = has_torch_function


def has_torch_function_variadic(*args: Any) -> bool:
    """False, as has_torch_function."""
    return False
