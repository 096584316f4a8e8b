"""`talweg`: finds the sub-command, runs it, and turns whatever goes wrong into one line."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from typing import Any

import click

from ..recipes.settings import ELSEWHERE
from ..version import __version__

# Name, the module of this folder that holds its `command`, and its line in the help. Nothing is imported
# before it is needed: `talweg --help` must not wait for NumPy.
COMMANDS = {
    "train": ("train", "Train a model on a dataset; keeps checkpoint, history and report."),
    "compare": ("compare", "Several runs side by side: figures, settings that differ, curves."),
    "tune": ("tune", "Search settings: grid, random draws or successive halving; every trial is a run."),
    "evaluate": ("evaluate", "Measure a trained model on a split of its dataset."),
    "diagnose": ("diagnose", "What ails a run: vanishing gradients, dead ReLUs, over-fitting."),
    "predict": ("predict", "Say what a file holds: the class of an image, and whatever else a run was trained for."),
    "generate": ("generate", "Make something new with a trained model."),
    "transcribe": ("transcribe", "Write down what is said in a sound file."),
    "play": ("play", "Watch a policy that was learned in an environment."),
    "ui": ("ui", "A local page on which runs are used."),
    "summary": ("summary", "Layers of a model or a run: shapes, parameters, operations, memory, receptive fields."),
    "info": ("summary", "The same as summary."),
    "draw": ("draw", "Draw the layers of a model or a run as an SVG picture."),
    "shape": ("shape", "The size that a convolution or pooling gives."),
    "visualise": ("visualise", "Pictures of what a layer answers to an image, and of its filters."),
    "data": ("data", "The datasets that have a name."),
    "graph": ("graph", "Draw a computational graph with its values and gradients."),
    "profile": ("profile", "Where the time of a model goes: kernels, bytes, arithmetic against the machine's peaks."),
    "bench": ("bench", "Small measurements on this machine: talweg bench linear."),
    "demo": ("demo", "Demonstrations of the books' ideas: talweg demo diff."),
    "tokenizer": ("tokenizer", "Learn a tokenizer from a text, and apply it."),
    "run": ("run", "Run a script written for PyTorch; Talweg answers to the name torch in it."),
}
ELSEWHERE_CALLED = {"sample": "generate", "infer": "predict", "inference": "predict", "test": "evaluate", "eval": "evaluate",
                    "fit": "train", "classify": "predict"}
SCRIPT = "run"  # what follows it belongs to the script
INTERRUPTED = 130


class Commands(click.Group):
    """The sub-commands by name, and one place where errors become a line and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        return importlib.import_module(f".{COMMANDS[name][0]}", __package__).command

    def resolve_command(self, ctx: click.Context, args: list[str]):
        if args and args[0] not in COMMANDS:
            known = ELSEWHERE_CALLED.get(args[0])
            near = [known] if known else difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(COMMANDS)}"
            raise click.UsageError(f"there is no command {args[0]!r}: {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def main(self, args=None, prog_name=None, **extra: Any) -> Any:
        given = list(sys.argv[1:] if args is None else args)
        if given and given[0].endswith(".py"):  # python -m talweg script.py
            given.insert(0, SCRIPT)
        first = next((i for i, a in enumerate(given) if not a.startswith("-")), 0)
        ours = first if SCRIPT in given[first : first + 1] else len(given)
        debug = "--debug" in given[:ours] or os.environ.get("TALWEG_DEBUG", "") not in ("", "0")
        given[:ours] = [a for a in given[:ours] if a != "--debug"]
        extra["standalone_mode"] = False
        try:
            code = super().main(given, prog_name or "talweg", **extra)
        except Exception as error:
            if debug:
                raise
            code = _told(error)
        except KeyboardInterrupt:
            code = _say("interrupted", INTERRUPTED)
        sys.exit(code if isinstance(code, int) else 0)


def _told(error: Exception) -> int:
    """Print the error as one line on stderr; returns the exit code."""
    if isinstance(error, BrokenPipeError):  # the reader of a pipe has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    if isinstance(error, click.Abort):
        return _say("interrupted", INTERRUPTED)
    if isinstance(error, click.UsageError):
        where = error.ctx.command_path if error.ctx else "talweg"
        return _say(f"{_usage(error)} (see `{where} --help`)", error.exit_code)
    if isinstance(error, click.ClickException):
        return _say(error.format_message(), error.exit_code)
    expected = isinstance(error, ValueError | RuntimeError | OSError | ImportError | ArithmeticError)
    message = _message(error)
    if not expected or not message:
        message = f"internal error: {type(error).__name__}: {message} (run again with --debug to see where)"
    return _say(message, 1)


def _usage(error: click.UsageError) -> str:
    """Click's words, with our name for what other tools call otherwise."""
    if isinstance(error, click.NoSuchOption):
        ours = ELSEWHERE.get(error.option_name.lstrip("-").replace("-", "_"))
        if ours:
            return f"there is no option {error.option_name}: it is called --{ours.replace('_', '-')} here"
    return error.format_message()


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        words = error.strerror[:1].lower() + error.strerror[1:]
        return f"{error.filename}: {words}" if error.filename else error.strerror
    return "; ".join([str(error), *getattr(error, "__notes__", [])])


def _say(message: str, code: int) -> int:
    click.echo(f"talweg: {' '.join(message.split())}", err=True)
    return code


@click.group(
    "talweg", cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with: talweg train lenet --data digits",
)
@click.version_option(__version__, "--version", message="talweg %(version)s")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks; so does TALWEG_DEBUG=1.")
def main() -> None:
    """Talweg trains neural networks and shows how they come to their answers."""


if __name__ == "__main__":
    main()
