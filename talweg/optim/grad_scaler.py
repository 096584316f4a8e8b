"""Loss scaling: gradients too small for half precision are brought into its range and back (Micikevicius et al., 2018).

bfloat16 has float32's range and needs none of it; float16 does. The interface and the arithmetic are PyTorch's.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.dtypes import float16, float32
from ..tensor import Tensor, no_grad
from ..tensor.tensor import wrap
from ..tensor.tracing import varying_number
from .optimizer import Optimizer


@dataclass
class _Progress:
    """What has been done to one optimiser's gradients since the last update."""

    overflow: Tensor | None = None  # bool: whether any of them is infinite or nan; None: not looked at
    unscaled: bool = False
    stepped: bool = False


class GradScaler:
    """`scaler.scale(loss).backward(); scaler.step(optimizer); scaler.update()`.

    The loss is multiplied by the scale and the gradients divided by it before the step, which is left out where one of them
    is not finite. After such a step the scale is multiplied by `backoff_factor`; after `growth_interval` good ones in a row
    by `growth_factor`. A scaler for "cuda" warns and does nothing, as PyTorch's does without a GPU.

    Raises AssertionError for factors on the wrong side of 1.
    """

    def __init__(self, device: str = "cuda", init_scale: float = 2.0**16, growth_factor: float = 2.0,
                 backoff_factor: float = 0.5, growth_interval: int = 2000, enabled: bool = True):
        if enabled and device == "cuda":
            warnings.warn("GradScaler is enabled for 'cuda', but this build of Talweg computes on 'cpu' only. Disabling.",
                          stacklevel=2)
            enabled = False
        if enabled and growth_factor <= 1:
            raise AssertionError(f"The growth factor must be > 1.0, got {growth_factor}.")
        if enabled and backoff_factor >= 1:
            raise AssertionError(f"The backoff factor must be < 1.0, got {backoff_factor}.")
        self._enabled = enabled
        self._scale = float(np.float32(init_scale))
        self._used = False
        self._growth_factor = growth_factor
        self._backoff_factor = backoff_factor
        self._growth_interval = growth_interval
        self._good_steps = 0
        self._progress: dict[int, _Progress] = {}

    # --- a step
    def scale(self, outputs: Any) -> Any:
        """A tensor, or the tensors of a list or iterable, times the scale. Raises ValueError for anything else."""
        if not self._enabled:
            return outputs
        self._used = True
        if isinstance(outputs, Tensor):
            return outputs * wrap(varying_number(lambda: self._scale, float32))
        if isinstance(outputs, (tuple, list)):
            return type(outputs)([self.scale(x) for x in outputs])
        if isinstance(outputs, Iterable):
            return map(self.scale, outputs)
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def unscale_(self, optimizer: Optimizer) -> None:
        """Divide the gradients by the scale, to clip them for instance. `step` does it where this was not called.

        Raises RuntimeError the second time before an update, or after `step`; ValueError for float16 gradients, which
        have lost already what the scale was to save.
        """
        if not self._enabled:
            return
        self._require_scaled("unscale_")
        progress = self._of(optimizer)
        if progress.stepped:
            raise RuntimeError("unscale_() is being called after step().")
        if progress.unscaled:
            raise RuntimeError("unscale_() has already been called on this optimizer since the last update().")
        gradients = _gradients(optimizer)
        if any(g.dtype is float16 for g in gradients):
            raise ValueError("Attempting to unscale FP16 gradients.")
        with no_grad():
            inverse = wrap(varying_number(lambda: 1 / self._scale, float32))
            progress.overflow = _any_overflow(gradients)
            for g in gradients:
                g.mul_(inverse)
        progress.unscaled = True

    def step(self, optimizer: Optimizer, *args: Any, **kwargs: Any) -> Any:
        """optimizer.step(*args, **kwargs) with unscaled gradients, or nothing where one of them is not finite.

        Raises RuntimeError for a closure and for a second step before an update, AssertionError for an optimiser
        without gradients.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        self._require_scaled("step")
        progress = self._of(optimizer)
        if progress.stepped:
            raise RuntimeError("step() has already been called since the last update().")
        if not progress.unscaled:
            self.unscale_(optimizer)
        if progress.overflow is None:
            raise AssertionError("No inf checks were recorded for this optimizer: none of its parameters has a gradient.")
        overflow = bool(progress.overflow.item())
        progress.stepped = True
        return None if overflow else optimizer.step(*args, **kwargs)

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Make the scale smaller after an overflow, larger after many steps without one; or `new_scale`."""
        if not self._enabled:
            return
        self._require_scaled("update")
        if new_scale is not None:
            self._scale = float(np.float32(_one_number(new_scale)))
        else:
            self._adapt()
        self._progress = {}

    def _adapt(self) -> None:
        seen = [p.overflow for p in self._progress.values() if p.overflow is not None]
        if not seen:
            raise AssertionError("No inf checks were recorded prior to update.")
        if any(bool(overflow.item()) for overflow in seen):
            self._scale = _product(self._scale, self._backoff_factor)
            self._good_steps = 0
            return
        self._good_steps += 1
        if self._good_steps == self._growth_interval:
            grown = _product(self._scale, self._growth_factor)
            self._scale = grown if math.isfinite(grown) else self._scale
            self._good_steps = 0

    def _of(self, optimizer: Optimizer) -> _Progress:
        return self._progress.setdefault(id(optimizer), _Progress())

    def _require_scaled(self, call: str) -> None:
        if not self._used:
            raise AssertionError(f"Attempted {call} but nothing has been scaled yet: call scaler.scale(loss) before it.")

    # --- what it is set to
    def is_enabled(self) -> bool:
        return self._enabled

    def get_scale(self) -> float:
        """The scale; 1 where scaling is disabled."""
        return self._scale if self._enabled else 1.0

    def get_growth_factor(self) -> float:
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        self._growth_interval = new_interval

    def state_dict(self) -> dict[str, Any]:
        """PyTorch's entries; empty where scaling is disabled."""
        if not self._enabled:
            return {}
        return {"scale": self._scale, "growth_factor": self._growth_factor, "backoff_factor": self._backoff_factor,
                "growth_interval": self._growth_interval, "_growth_tracker": self._good_steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state. Raises RuntimeError for the empty one of a disabled scaler, KeyError for a part missing."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError("The source state dict is empty, possibly because it was saved from a disabled instance of "
                               "GradScaler.")
        self._scale = float(state_dict["scale"])
        self._growth_factor = float(state_dict["growth_factor"])
        self._backoff_factor = float(state_dict["backoff_factor"])
        self._growth_interval = int(state_dict["growth_interval"])
        self._good_steps = int(state_dict["_growth_tracker"])


def _gradients(optimizer: Optimizer) -> list[Tensor]:
    return [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]


def _any_overflow(gradients: list[Tensor]) -> Tensor | None:
    """Whether one element of them is not finite; None of no gradients."""
    found: Tensor | None = None
    for g in gradients:
        here = g.isfinite().all().logical_not()
        found = here if found is None else found.logical_or(here)
    return found


def _product(x: float, factor: float) -> float:
    """Rounded to float32, in which PyTorch keeps the scale."""
    with np.errstate(over="ignore"):
        return float(np.float32(x * factor))


def _one_number(value: Any) -> float:
    if isinstance(value, Tensor) and (value.numel() != 1 or value.requires_grad):
        raise AssertionError("new_scale should be a float or a 1-element tensor with requires_grad=False, got a tensor of "
                             f"shape {list(value.shape)}" + (" that requires grad" if value.requires_grad else ""))
    return float(value)
