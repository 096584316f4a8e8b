"""The commands of docs/book.md in their order, and the smaller forms in which `make book` runs them."""

from __future__ import annotations

import re
import shlex
import socket
from dataclasses import dataclass
from pathlib import Path

from talweg.recipes.registry import recipe_for

GUIDE = Path(__file__).parents[1] / "docs" / "book.md"
CODE = re.compile(r"`([^`]+)`")
AGENT = "--epochs 1 --epoch-steps 500 --validation-episodes 1 --test-episodes 2"

SMALL = {
    "classify": "--steps 30", "regress": "--epochs 10", "textclf": "--pretrain-steps 10 --steps 10",
    "masked": "--steps 10",
    "language": "--steps 120 --width 64 --layers 2 --context 64", "align": "--steps 10 --width 64 --layers 2",
    "asr": "--epochs 1 --windows 48 --width 48", "translate": "--steps 20 --width 48",
    "denoise": "--epochs 2 --patches 160", "detect": "--epochs 1 --scenes 300", "segment": "--steps 60",
    "diffuse": "--epochs 1 --draws 3 --noise-steps 20", "autoencode": "--epochs 3", "gan": "--epochs 2", "flow": "--epochs 1",
    "graph": "", "graphs": "--epochs 2", "links": "--epochs 5",
    "dqn": AGENT, "reinforce": AGENT, "a2c": AGENT, "ppo": AGENT, "sac": f"{AGENT} --epoch-steps 300", "tabular": "",
}
"""By recipe, what makes a training short: enough for every command that uses it, and for its pictures to be drawn."""

SMALL_TRIALS = "--trials 2 --epochs 1"


@dataclass(frozen=True)
class Section:
    """A row of the guide: what it is about, the files to read, the commands."""

    title: str
    files: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]


def sections(path: Path = GUIDE) -> list[Section]:
    """The rows of the guide's tables. Raises ValueError where a table has another form."""
    guide = path.read_text(encoding="utf-8").partition("\n## The guide\n")[2].partition("\n## ")[0]
    found = []
    for line in guide.splitlines():
        if not line.startswith("| ") or line.startswith("| section "):
            continue
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) != 4:
            raise ValueError(f"{path}: a row of the guide has 4 cells, section, code, commands, what they show; got {line!r}")
        title, files, commands, _ = cells
        found.append(Section(title, tuple(CODE.findall(files)), tuple(map(_words, CODE.findall(commands)))))
    if not found:
        raise ValueError(f"{path}: has no tables under the heading 'The guide'")
    return found


def commands(path: Path = GUIDE) -> list[tuple[str, ...]]:
    """Every command once, in order, without the program's name."""
    return list(dict.fromkeys(command for section in sections(path) for command in section.commands))


def small(command: tuple[str, ...]) -> tuple[str, ...]:
    """The command as `make book` runs it: a training shorter than the guide's, everything else as it stands."""
    if command[0] == "tune":
        return _with(command, SMALL_TRIALS)
    if command[0] == "ui":
        return _with(command, f"--port {_free_port()}")
    if command[0] != "train" or "--resume" in command or "--find-lr" in command:
        return command
    return _with(command, SMALL[recipe_for(command[1])[0]])


def _with(command: tuple[str, ...], flags: str) -> tuple[str, ...]:
    """With more flags; one that the command has already is what these say."""
    words = list(command)
    pairs = shlex.split(flags)
    for name, value in zip(pairs[::2], pairs[1::2]):
        if name in words:
            words[words.index(name) + 1] = value
        else:
            words += [name, value]
    return tuple(words)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _words(command: str) -> tuple[str, ...]:
    program, *words = shlex.split(command)
    if program != "talweg":
        raise ValueError(f"the guide's commands are those of talweg, got {command!r}")
    return tuple(words)
