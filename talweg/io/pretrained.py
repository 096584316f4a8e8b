"""Published weights into a model, and a model's weights into a published layout."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from .. import nn
from ..nn import init
from ..tensor import Tensor, from_numpy, no_grad
from .atomic import write_atomically
from .layouts import Layout, Plan
from .preprocessing import ImagePreprocessing
from .published import CONFIG, PREPROCESSING, WEIGHTS, Checkpoint, read_checkpoint
from .tensors import write_tensors

OWN = Layout("talweg")


@dataclass(frozen=True)
class LoadReport:
    """What a load did, by our names; `unexpected` are published names.

    `wrong_shapes` is {name: (shape in the file, the model's shape)}. Tied tensors that the file holds once count
    as loaded.
    """

    source: str
    layout: str
    loaded: list[str]
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    wrong_shapes: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return not (self.missing or self.unexpected or self.wrong_shapes)

    def __str__(self) -> str:
        shapes = [f"{n} is {list(found)}, expected {list(own)}" for n, (found, own) in self.wrong_shapes.items()]
        parts = [f"{len(self.loaded)} tensors loaded ({self.layout} names)"]
        listed = (("missing", self.missing), ("unexpected", self.unexpected), ("different shape", shapes))
        parts += [f"{len(names)} {what}: {_some(names)}" for what, names in listed if names]
        return f"{self.source}: " + "; ".join(parts)


class Pretrained(nn.Module):
    """A model that is published: `from_pretrained` builds and fills it, `save_pretrained` writes it back.

    A subclass lists the `layouts` its weights are published in, the one it writes first, and says in
    `settings_of` which arguments of its constructor a checkpoint implies and in `config_of` the reverse.
    """

    layouts: ClassVar[Sequence[Layout]] = (OWN,)
    weights_file: ClassVar[str] = WEIGHTS[0]
    load_report: LoadReport | None = None
    preprocessing: ImagePreprocessing | None = None

    @classmethod
    def settings_of(cls, checkpoint: Checkpoint) -> dict[str, Any]:
        """Constructor arguments that the checkpoint's config, or the shapes of its tensors, imply."""
        return {}

    def config_of(self, layout: str) -> dict[str, Any]:
        """What config.json says of this model in that layout."""
        return {}

    @classmethod
    def preprocessing_of(cls, checkpoint: Checkpoint) -> ImagePreprocessing | None:
        """How images are prepared for these weights, as the files beside them say; None where they do not."""
        if "image_mean" in checkpoint.preprocessing:
            return ImagePreprocessing.from_config(checkpoint.preprocessing)
        if "pretrained_cfg" in checkpoint.config:
            return ImagePreprocessing.from_timm(checkpoint.config)
        return None

    @classmethod
    def from_pretrained(
        cls, source: str | Path | Checkpoint, *, layout: str | None = None, strict: bool = True, revision: str | None = None,
        **settings: Any,
    ) -> Self:
        """The model of a folder, a weights file, a hub id or what was read of one, in evaluation mode.

        `settings` go to the constructor and win over what the checkpoint implies. What was loaded is in
        `load_report`, the images' preparation in `preprocessing`. Raises as `load_published` does, and
        ValueError for a config that this model cannot be built from.
        """
        checkpoint = source if isinstance(source, Checkpoint) else read_checkpoint(source, revision)
        model = cls._built(checkpoint, settings, strict)
        model.load_report = load_published(model, checkpoint, layout=layout, strict=strict)
        model.preprocessing = cls.preprocessing_of(checkpoint)
        return model.eval()

    @classmethod
    def _built(cls, checkpoint: Checkpoint, settings: dict[str, Any], strict: bool) -> Self:
        unfit = f"{checkpoint.path}: its config or tensors do not describe a {cls.__name__}"
        unfit += "" if checkpoint.config else ", and there is no config.json beside it"
        try:
            implied = cls.settings_of(checkpoint)
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise ValueError(f"{unfit} ({error!r})") from error
        try:
            with init.skipped() if strict else contextlib.nullcontext():
                return cls(**{**implied, **settings})
        except TypeError as error:
            if settings:  # the mistake may be the caller's
                raise
            raise ValueError(f"{unfit} ({error})") from error

    def save_pretrained(self, folder: str | Path, layout: str | None = None) -> None:
        """Write weights, config.json and preprocessing into `folder` as the publisher's own library reads them."""
        chosen = layout or self.layouts[0].name
        save_published(self, folder, layout=chosen, config=self.config_of(chosen), preprocessing=self.preprocessing)


def load_published(
    model: nn.Module, source: str | Path | Checkpoint, *, layout: str | None = None, strict: bool = True,
    revision: str | None = None,
) -> LoadReport:
    """Fill `model` with published weights; the layout that fits best is chosen unless one is named.

    Values are converted to the model's types. With `strict` nothing is changed and RuntimeError is raised
    when a tensor is missing, unexpected or of another shape; without, what fits is loaded and the report names
    the rest. Raises FileNotFoundError or ValueError for a source without sound weights, and what `locate` raises.
    """
    checkpoint = source if isinstance(source, Checkpoint) else read_checkpoint(source, revision)
    own = {name: value for name, value in model.state_dict().items() if isinstance(value, Tensor)}
    plan = _best_plan(_layouts_of(model, layout), checkpoint, own)
    arrays, unexpected = _renamed(plan, checkpoint, own)
    report = _report(checkpoint, plan.layout, model, own, arrays, unexpected)
    if strict and not report.complete:
        raise RuntimeError(f"{report} (this is {type(model).__name__}; strict=False loads what fits)")
    with no_grad():
        for name, value in own.items():
            if name in arrays and name not in report.wrong_shapes:
                value.copy_(from_numpy(_at_home(arrays[name])))
    return report


def save_published(
    model: nn.Module, folder: str | Path, *, layout: str | None = None, config: Mapping[str, Any] | None = None,
    preprocessing: ImagePreprocessing | None = None,
) -> None:
    """Write the model's weights, tied ones once, in a published layout, with its config and preprocessing.

    Raises ValueError for a layout that this model is not published in.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    chosen = _layouts_of(model, layout)[0]
    arrays = {name: value.detach().numpy() for name, value in _untied(model).items()}
    weights = getattr(model, "weights_file", WEIGHTS[0])
    # Other libraries refuse a file that does not name the framework whose order of dimensions it has.
    write_tensors(folder / weights, chosen.written(arrays), {"format": "pt"})
    if config:
        _write_json(folder / CONFIG, config)
    if preprocessing is not None:
        _write_json(folder / PREPROCESSING, preprocessing.as_config())


def _layouts_of(model: nn.Module, name: str | None) -> Sequence[Layout]:
    layouts = [*getattr(model, "layouts", ())]
    if all(known.name != OWN.name for known in layouts):
        layouts.append(OWN)
    if name is None:
        return layouts
    chosen = [known for known in layouts if known.name == name]
    if not chosen:
        has = ", ".join(known.name for known in layouts)
        raise ValueError(f"{type(model).__name__} is not published in a layout {name!r}; it has: {has}")
    return chosen


def _best_plan(layouts: Sequence[Layout], checkpoint: Checkpoint, own: Mapping[str, Tensor]) -> Plan:
    plans = [layout.plan(checkpoint.tensors.keys(), own.keys()) for layout in layouts]
    return max(plans, key=lambda plan: plan.fit(own.keys()))


def _renamed(
    plan: Plan, checkpoint: Checkpoint, own: Mapping[str, Tensor]
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Arrays by our names, and the published names that are none of ours."""
    arrays: dict[str, np.ndarray] = {}
    unexpected: list[str] = []
    for step in plan.steps:
        if not any(target in own for target in step.targets):
            unexpected += step.sources
            continue
        try:
            arrays |= step.apply(checkpoint.tensors)
        except ValueError as error:
            raise ValueError(f"{checkpoint.path}: {', '.join(step.sources)}: {error}") from error
    return arrays, unexpected


def _report(
    checkpoint: Checkpoint, layout: Layout, model: nn.Module, own: Mapping[str, Tensor],
    arrays: Mapping[str, np.ndarray], unexpected: list[str],
) -> LoadReport:
    wrong = {
        name: (arrays[name].shape, tuple(value.shape))
        for name, value in own.items()
        if name in arrays and arrays[name].shape != tuple(value.shape)
    }
    loaded = {name for name in own if name in arrays and name not in wrong}
    for names in _ties(model):
        loaded |= {name for name in names if name in own} if loaded & set(names) else set()
    missing = [name for name in own if name not in loaded and name not in wrong and not layout.may_lack(name)]
    order = [name for name in own if name in loaded]
    return LoadReport(str(checkpoint.path), layout.name, order, missing, unexpected, wrong)


def _ties(model: nn.Module) -> list[list[str]]:
    """Names of one and the same tensor, where it has several."""
    names: dict[int, list[str]] = {}
    parameters = model.named_parameters(remove_duplicate=False)
    buffers = model.named_buffers(remove_duplicate=False)
    for name, value in itertools.chain(parameters, buffers):
        names.setdefault(id(value), []).append(name)
    return [same for same in names.values() if len(same) > 1]


def _untied(model: nn.Module) -> dict[str, Tensor]:
    again = {name for same in _ties(model) for name in same[1:]}
    state = model.state_dict().items()
    return {name: value for name, value in state if isinstance(value, Tensor) and name not in again}


def _at_home(array: np.ndarray) -> np.ndarray:
    """Contiguous, which from_numpy wants of what was transposed or cut."""
    return np.ascontiguousarray(array).reshape(array.shape)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    write_atomically(path, (json.dumps(content, indent=2) + "\n").encode())


def _some(names: Sequence[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
