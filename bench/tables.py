"""Records as tables of text: a title, heads and rows, for the terminal and for Markdown alike."""

from __future__ import annotations

from dataclasses import dataclass, field

from .contestants import CONTESTANTS
from .figures import Record, best_ours, best_peer, fraction_of_peak, ran, speedup
from .machine import bfloat16_remark
from .targets import Verdict, judge

SHORT = {"float32": "fp32", "bfloat16": "bf16"}
DASH = "-"


@dataclass
class Table:
    title: str
    heads: list[str]
    rows: list[list[str]] = field(default_factory=list)
    remark: str = ""


def tables(report: dict) -> list[Table]:
    """All that a report holds, empty tables left out."""
    records = report["races"]
    found = [
        times("Training steps, milliseconds", records, ("train",)),
        times("Forward passes, milliseconds", records, ("forward", "pointwise")),
        times("Scaling with depth, batch and threads: training steps, milliseconds", records, ("scaling",)),
        first_steps(records), memory(records), losses(records), problems(records),
        imports(report.get("imports", {})), recorded(report.get("recording", [])),
        peaks(records), verdicts(judge(records, report.get("imports", {}))),
    ]
    return [table for table in found if table.rows]


def label(record: Record) -> str:
    parts = [record["workload"], SHORT[record["dtype"]], record["detail"], "quick" if record["quick"] else ""]
    return ", ".join(p for p in parts if p)


def of_groups(records: dict[str, Record], groups: tuple[str, ...]) -> list[Record]:
    return [r for r in records.values() if r["group"] in groups]


def contestants_in(records: list[Record]) -> list[str]:
    return [c.name for c in CONTESTANTS if any(c.name in r["results"] for r in records)]


def times(title: str, records: dict[str, Record], groups: tuple[str, ...]) -> Table:
    """A row a task, a column a contestant; then how much faster the best of ours is, and its share of the peak."""
    rows = of_groups(records, groups)
    names = contestants_in(rows)
    table = Table(title, ["", *names, "best peer / ours", "of the peak"])
    for record in rows:
        ratio, share = speedup(record), fraction_of_peak(record)
        table.rows.append([label(record), *(_cell(record, name) for name in names),
                           DASH if ratio is None else f"{ratio:.2f} x", DASH if share is None else f"{100 * share:.0f} %"])
    table.remark = _dtype_remark(rows)
    return table


def _dtype_remark(rows: list[Record]) -> str:
    halves = [r for r in rows if r["dtype"] == "bfloat16"]
    return bfloat16_remark(halves[0]["origin"]["machine"]["instructions"]) if halves else ""


def _cell(record: Record, name: str) -> str:
    result = record["results"].get(name)
    if result is None:
        return DASH
    if result["status"] != "ok":
        return result["status"]
    mark = "" if result.get("agrees", True) else " (losses differ)"
    star = "*" if name in (best_ours(record), best_peer(record)) else ""
    return f"{milliseconds(result['ms'])}{star}{mark}"


def milliseconds(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def first_steps(records: dict[str, Record]) -> Table:
    rows = [r for r in of_groups(records, ("train",)) if any("first_cold" in x for x in ran(r).values())]
    names = [n for n in contestants_in(rows) if any("first_cold" in ran(r).get(n, {}) for r in rows)]
    table = Table("Wait for the first training step, seconds: cold (empty caches), warm (a second process)", ["", *names])
    for record in rows:
        table.rows.append([label(record), *(_first_cell(ran(record).get(name)) for name in names)])
    return table


def _first_cell(result: dict | None) -> str:
    return DASH if not result or "first_cold" not in result else f"{result['first_cold']:.1f}, {result['first_warm']:.1f}"


def memory(records: dict[str, Record]) -> Table:
    rows = of_groups(records, ("train",))
    names = contestants_in(rows)
    table = Table("Peak memory of training, MiB beyond what importing takes", ["", *names])
    for record in rows:
        found = ran(record)
        table.rows.append([label(record), *(f"{found[n]['peak_mb']:.0f}" if n in found else DASH for n in names)])
    return table


def losses(records: dict[str, Record]) -> Table:
    """How far losses are apart: the same mathematics, or not."""
    table = Table("Largest difference of a loss in the first steps (of the mean output, for a forward pass)",
                  ["", "compared with", "largest", "whose", "agrees"])
    for record in records.values():
        compared = {n: r for n, r in record["results"].items() if r["status"] == "ok" and "loss_difference" in r}
        if len(compared) < 2:
            continue
        worst = max(compared, key=lambda n: compared[n]["loss_difference"])
        table.rows.append([f"{record['group']}: {label(record)}", compared[worst]["reference"],
                           f"{compared[worst]['loss_difference']:.1e}", worst,
                           "yes" if all(r["agrees"] for r in compared.values()) else "NO"])
    return table


def problems(records: dict[str, Record]) -> Table:
    table = Table("What did not run", ["", "contestant", "what", "why"])
    for record in records.values():
        table.rows += [[f"{record['group']}: {label(record)}", name, r["status"], r["note"]]
                       for name, r in record["results"].items() if r["status"] != "ok"]
    return table


def imports(seconds: dict[str, float]) -> Table:
    return Table("Import, seconds", ["", "seconds"], [[name, f"{value:.2f}"] for name, value in seconds.items()])


def recorded(rows: list[dict]) -> Table:
    table = Table("Recording one operation, microseconds", ["operation", "gradient", "Talweg records", "PyTorch computes"])
    for row in rows:
        table.rows.append([row["operation"], "yes" if row["gradient"] else "no",
                           f"{row['talweg_us']:.2f}", f"{row['torch_us']:.2f}"])
    return table


def peaks(records: dict[str, Record]) -> Table:
    """Of each run the records come from."""
    table = Table("The machine's peaks, as measured in the run", ["run", "matmul fp32", "matmul bf16", "copy"])
    for record in records.values():
        found = record.get("peaks")
        if found:
            row = [record["origin"]["when"], f"{found['float32'] / 1e9:.0f} GFLOP/s", f"{found['bfloat16'] / 1e9:.0f} GFLOP/s",
                   f"{found['copy'] / 1e9:.1f} GB/s"]
            table.rows += [row] if row not in table.rows else []
    return table


def verdicts(found: list[Verdict]) -> Table:
    table = Table("Targets", ["target", "wanted", "worst found", "where", ""])
    for v in found:
        table.rows.append([v.target.text, f"{'>=' if v.target.at_least else '<='} {_amount(v.target.limit, v.target.unit)}",
                           DASH if v.value is None else _amount(v.value, v.target.unit), v.where or DASH, v.verdict])
    return table


def _amount(value: float, unit: str) -> str:
    return f"{100 * value:.0f} %" if unit == "%" else f"{value:.2f} {unit}"
