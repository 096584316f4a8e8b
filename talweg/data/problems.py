"""What is wrong with a sample, said with its file, its row and the reason; and what is done about it."""

from __future__ import annotations

from pathlib import Path

ON_ERROR = ("stop", "skip")
SHOWN = 3


class BadSample(ValueError):
    """One file or row that cannot be used."""

    def __init__(self, path: str | Path, reason: str, row: int | None = None) -> None:
        self.path = str(path)
        self.row = row
        self.reason = reason
        super().__init__(f"{path}: {f'row {row}: ' if row is not None else ''}{reason}")


class Problems:
    """Stops at the first bad sample, or with `on_error="skip"` counts them and goes on."""

    def __init__(self, on_error: str = "stop") -> None:
        if on_error not in ON_ERROR:
            raise ValueError(f"on_error must be one of {', '.join(ON_ERROR)}, got {on_error!r}")
        self.on_error = on_error
        self.skipped: list[BadSample] = []

    def found(self, problem: BadSample) -> None:
        """Keep the problem, or raise it with the way around it."""
        if self.on_error == "stop":
            problem.args = (f"{problem} (mend or remove it, or leave such samples out with --on-error skip)",)
            raise problem
        self.skipped.append(problem)

    def notes(self) -> list[str]:
        """One line that counts what was skipped and shows the first few, or no line."""
        if not self.skipped:
            return []
        shown = "; ".join(str(p) for p in self.skipped[:SHOWN])
        more = len(self.skipped) - SHOWN
        return [f"skipped {len(self.skipped)} bad samples: {shown}{f'; and {more} more' if more > 0 else ''}"]
