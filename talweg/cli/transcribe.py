"""`talweg transcribe RUN talk.wav`."""

from __future__ import annotations

from pathlib import Path

import click

from ..models.transcription import Segment
from ..recipes.asr import RECIPE
from ..recipes.listening import Options, answer, line_of, published_listener
from .output import as_json, print_json


@click.command(short_help="Write down what is said in a sound file.")
@click.argument("what", nargs=-1, required=True, metavar="[RUN] SOUND...")
@click.option("--weights", metavar="FOLDER", help="A published Whisper instead of a run: a folder such as whisper-tiny/.")
@click.option("--language", help="Language of the sound, such as en. [default: found out]")
@click.option("--task", default="transcribe", show_default=True, help="transcribe, or translate into English.")
@click.option("--out", metavar="FILE", help="Write subtitles (.srt, .vtt), text (.txt), or a picture (.png).")
@as_json
@click.pass_context
def command(
    ctx: click.Context, what: tuple[str, ...], weights: str | None, language: str | None, task: str, out: str | None,
    as_json: bool,
) -> None:
    """The words of SOUND, files of any length, with times in seconds, as RUN or a published Whisper hears them.

    \b
    talweg transcribe runs/whisper-speech-digits talk.wav --out talk.srt
    talweg transcribe --weights whisper-tiny/ talk.wav --json
    """
    sounds = what if weights else what[1:]
    if not sounds:
        raise click.UsageError(f"needs a run and a sound file, got only {what[0]}; or --weights FOLDER and a sound file", ctx)
    if out is not None and len(sounds) > 1:
        raise click.UsageError(f"--out {out} is one file, but there are {len(sounds)} sounds", ctx)
    options = Options(language, task)
    listener = published_listener(weights) if weights else RECIPE.listener(what[0])
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
