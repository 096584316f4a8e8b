"""Python's own multiprocessing; tensors travel by value. A child process has to import what it needs by itself."""


def get_all_sharing_strategies() -> set[str]:
    return {"file_system"}


def get_sharing_strategy() -> str:
    return "file_system"


def set_sharing_strategy(new_strategy: str) -> None:
    """Kept as it is: tensors are copied to another process, never shared."""
