"""`talweg transcribe RUN talk.wav`."""

from __future__ import annotations

from pathlib import Path

import click

from ..models.transcription import Segment
from ..recipes.asr import RECIPE
from ..recipes.listening import Options, answer, line_of
from .output import as_json, print_json
from .weights import run_or_weights, takes_weights


@click.command(short_help="Write down what is said in a sound file.")
@click.argument("what", nargs=-1, required=True, metavar="[RUN] SOUND...")
@takes_weights
@click.option("--language", help="Language of the sound, such as en. [default: found out]")
@click.option("--task", default="transcribe", show_default=True, help="transcribe, or translate into English.")
@click.option("--out", metavar="FILE", help="Write subtitles (.srt, .vtt), text (.txt), or a picture (.png).")
@as_json
@click.pass_context
def command(
    ctx: click.Context, what: tuple[str, ...], weights: str | None, model: str | None, language: str | None, task: str,
    out: str | None, as_json: bool,
) -> None:
    """The words of SOUND, files of any length, with times in seconds, as RUN or a published Whisper hears them.

    \b
    talweg transcribe runs/whisper-speech-digits talk.wav --out talk.srt
    talweg transcribe --weights whisper-tiny/ talk.wav --json
    """
    run, sounds = run_or_weights(ctx, what, weights, "whisper" if weights and not model else model)
    if not sounds:
        raise click.UsageError(f"needs a run and a sound file, got only {run}; or --weights FOLDER and a sound file", ctx)
    if out is not None and len(sounds) > 1:
        raise click.UsageError(f"--out {out} is one file, but there are {len(sounds)} sounds", ctx)
    options = Options(language, task)
    listener = RECIPE.listener(run)
    found = []
    for sound in sounds:
        one = answer(listener, sound, options, None if as_json or out else _shown)
        found.append(one)
        if not as_json:
            click.echo(one.text.splitlines()[0] if out is None else one.text)
    if out is not None and found[0].save is not None:
        found[0].save(Path(out))
    if as_json:
        facts = [one.facts for one in found]
        print_json(facts[0] if len(facts) == 1 else {"answers": facts})


def _shown(segment: Segment) -> None:
    """Long sounds take their time: each segment is shown as soon as it is there."""
    click.echo(line_of(segment))
