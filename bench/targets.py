"""The targets, in one table, and whether a run meets them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .contestants import AUTOMATIC, COMPILED
from .figures import LARGE, Record, automatic_over_compiled, first_step, fraction_of_peak, memory_ratio, ran, speedup


@dataclass(frozen=True)
class Target:
    """`figure` of each record that fits must be at least, or at most, `limit`; the worst of them is shown."""

    text: str
    figure: Callable[[Record], float | None]
    limit: float
    at_least: bool
    workloads: tuple[str, ...] = ()
    dtype: str = ""
    groups: tuple[str, ...] = ("train",)
    unit: str = "x"

    def fits(self, record: Record) -> bool:
        return (record["group"] in self.groups and self.dtype in ("", record["dtype"])
                and (not self.workloads or record["workload"] in self.workloads))

    def met(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True)
class Verdict:
    """The worst value over the records, the record it comes from, and met, missed or not measured."""

    target: Target
    value: float | None
    where: str
    verdict: str


def _first(warm: bool) -> Callable[[Record], float | None]:
    """The longest wait for a first step among the compiling ways of running."""
    def figure(record: Record) -> float | None:
        waits = [first_step(record, c.name, warm) for c in (AUTOMATIC, COMPILED)]
        return max((w for w in waits if w is not None), default=None)

    return figure


def _faster(title: str, names: tuple[str, ...], float32: float, bfloat16: float) -> tuple[Target, Target]:
    text = f"{title} training step, times as fast as the best peer"
    return (Target(f"{text}, fp32", speedup, float32, True, names, "float32"),
            Target(f"{text}, bf16", speedup, bfloat16, True, names, "bfloat16"))


TARGETS = (
    *_faster("MLP", ("mlp",), 2.5, 3.0),
    *_faster("LeNet", ("lenet",), 3.0, 3.0),
    *_faster("ResNet", ("resnet18", "resnet50", "resnet50-224"), 1.6, 2.5),
    *_faster("GPT, ViT", ("gpt", "vit"), 1.35, 2.5),
    *_faster("U-Net, LSTM", ("unet", "lstm"), 2.0, 2.0),
    Target("large steps, share of the matmul peak, fp32", fraction_of_peak, 0.8, True, LARGE, "float32", unit="%"),
    Target("large steps, share of the matmul peak, bf16", fraction_of_peak, 0.5, True, LARGE, "bfloat16", unit="%"),
    Target("peak memory of a training step, beside PyTorch's least", memory_ratio, 0.7, False),
    Target("cold first step of ResNet-50 at 224", _first(False), 10, False, ("resnet50-224",), "float32", unit="s"),
    Target("warm first step of ResNet-50 at 224", _first(True), 3, False, ("resnet50-224",), "float32", unit="s"),
    Target("automatic, beside @compile, large steps", automatic_over_compiled, 1.15, False, LARGE),
    Target("no workload slower than the best peer", speedup, 1.0, True, groups=("train", "forward", "pointwise")),
)
IMPORT_LIMIT = 0.3


def judge(records: dict[str, Record], imports: dict[str, float]) -> list[Verdict]:
    """A verdict for each target. Quick runs are judged too: what shows them says that they are quick."""
    verdicts = [_judge(target, records) for target in TARGETS]
    seconds = imports.get("talweg")
    target = Target("import", lambda record: seconds, IMPORT_LIMIT, False, unit="s")
    return [*verdicts, _verdict(target, seconds, "")]


def _judge(target: Target, records: dict[str, Record]) -> Verdict:
    values = [(target.figure(r), key) for key, r in records.items() if target.fits(r) and ran(r)]
    known = [(value, key) for value, key in values if value is not None]
    if not known:
        return _verdict(target, None, "")
    value, key = min(known) if target.at_least else max(known)
    return _verdict(target, value, key)


def _verdict(target: Target, value: float | None, where: str) -> Verdict:
    if value is None:
        return Verdict(target, None, where, "not measured")
    return Verdict(target, value, where, "met" if target.met(value) else "missed")
