"""A folder of sounds, one folder a class: each becomes a picture of its energy by pitch and time."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..examples import Examples, Request, content_hash
from ..problems import BadSample, Problems
from ..sound import log_mel, read_sound
from .walk import labelled_files

EXTENSIONS = {".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff"}


def read_sound_folder(root: Path, request: Request) -> Examples:
    """Log-mel pictures (N, 1, size, size) of all sounds. Raises BadSample for a file that cannot be read, and
    ModuleNotFoundError when one needs the soundfile package."""
    files = labelled_files(root)
    named = np.array([p.suffix.lower() in EXTENSIONS for p in files.paths], bool)
    notes = files.notes + ([f"left out {int((~named).sum())} files that are no sounds by name"] if not named.all() else [])
    files = files.kept(named)
    problems = Problems(request.on_error)
    pictures = []
    contents = []
    good = np.zeros(len(files.paths), bool)
    for i, path in enumerate(files.paths):
        try:
            sound = read_sound(path)
        except (ValueError, OSError) as error:
            problems.found(BadSample(path, str(error).removeprefix(f"{path}: ")))
            continue
        good[i] = True
        pictures.append(log_mel(sound, request.size, request.size)[::-1])  # high notes on top
        contents.append(content_hash(sound))
    files = files.kept(good)
    if len(np.unique(files.labels)) < len(files.classes):
        raise ValueError(f"{root}: a class has no sound that can be read: {'; '.join(problems.notes() + notes)}")
    return Examples(
        name=root.name, inputs=np.stack(pictures)[:, None], targets=files.labels, classes=files.classes,
        where=files.where, contents=contents, fixed=files.fixed, notes=notes + problems.notes(), kind="sound",
    )
