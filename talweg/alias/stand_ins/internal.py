"""The few names of torch._C that other packages reach for."""


def _log_api_usage_once(name: str) -> None:
    """Nothing is logged."""


def _get_tracing_state() -> None:
    return None
