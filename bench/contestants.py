"""Who competes: a name, how it runs, and with which environment. One line a contestant."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field

# glibc gives freed pages back to the system and pays for them anew at the next step, unless told to keep them.
# Talweg tells it so itself.
KEEP_PAGES = {"MALLOC_MMAP_THRESHOLD_": "1000000000", "MALLOC_TRIM_THRESHOLD_": "2000000000", "MALLOC_TOP_PAD_": "67108864"}
KEPT = ", pages kept"


@dataclass(frozen=True)
class Contestant:
    """`framework` is talweg, torch or jax; `mode` is how it runs (runners.py); `environment` is added to ours."""

    name: str
    framework: str
    mode: str
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def ours(self) -> bool:
        return self.framework == "talweg"

    @property
    def keeps_pages(self) -> bool:
        """The same as another contestant but for the C allocator, so its first step is not timed again."""
        return self.name.endswith(KEPT)

    def applies(self, images: bool) -> bool:
        return images or self.mode != "channels-last"

    def obstacle(self) -> str | None:
        """What this machine lacks to run it, in words."""
        if self.framework == "torch" and self.mode == "compile" and not any(map(shutil.which, ("g++", "clang++", "c++"))):
            return "no C++ compiler"
        return None


def _torch(name: str, mode: str) -> tuple[Contestant, Contestant]:
    return Contestant(name, "torch", mode), Contestant(name + KEPT, "torch", mode, KEEP_PAGES)


INTERPRETED = Contestant("Talweg, interpreted", "talweg", "eager", {"TALWEG_COMPILE_AFTER": "-1"})
AUTOMATIC = Contestant("Talweg, automatic", "talweg", "eager")
COMPILED = Contestant("Talweg, @compile", "talweg", "compile")
CONTESTANTS = (
    INTERPRETED, AUTOMATIC, COMPILED,
    *_torch("PyTorch", "eager"), *_torch("PyTorch, channels-last", "channels-last"), *_torch("PyTorch, compile", "compile"),
    Contestant("JAX, jit", "jax", "jit"),
)
QUICK = (INTERPRETED.name, AUTOMATIC.name, COMPILED.name, "PyTorch" + KEPT, "PyTorch, channels-last" + KEPT, "JAX, jit")


def chosen(words: tuple[str, ...]) -> tuple[Contestant, ...]:
    """The contestants whose name is, or else contains, one of the words. Raises ValueError where a word fits none."""
    found: list[Contestant] = []
    for word in words:
        fits = [c for c in CONTESTANTS if c.name.lower() == word.lower()]
        fits = fits or [c for c in CONTESTANTS if word.lower() in c.name.lower()]
        if not fits:
            raise ValueError(f"no contestant {word!r}: there are {'; '.join(c.name for c in CONTESTANTS)}")
        found += [c for c in fits if c not in found]
    return tuple(c for c in CONTESTANTS if c in found)
