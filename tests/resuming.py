"""A training that is interrupted, or ended like a killed process, and gone on with, beside one that is not."""

import dataclasses

from killing import differences
from safetensors.numpy import load_file

from talweg.training import Listener


class Interrupts(Listener):
    """As Ctrl-C would, after so many steps."""

    def __init__(self, steps):
        self.left = steps

    def step(self):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def whole_and_resumed(recipe, settings, folder, steps):
    """The weights (best and last) of a run that nobody interrupts, and of one interrupted after `steps` and resumed."""
    whole = recipe.train(settings, folder / "whole")
    cut = recipe.train(settings, folder / "cut", [Interrupts(steps)])
    assert not whole.result.interrupted
    assert cut.result.interrupted
    recipe.resume(cut.run)
    return [weights(run) for run in (whole.run, cut.run)]


def weights(run):
    files = [load_file(run / name) for name in ("model.safetensors", "last.safetensors")]
    return {f"{i}.{name}": array.tobytes() for i, file in enumerate(files) for name, array in file.items()}


class Killed(BaseException):
    """Nothing in the library catches it: no last save is made."""


class Killer(Listener):
    def __init__(self, steps):
        self.left = steps

    def step(self):
        self.left -= 1
        if self.left == 0:
            raise Killed


def resumed_differs(recipe, settings, folder, after):
    """Differences of the two runs' files, [] where they are the same to the last bit."""
    whole = recipe.train(settings, folder / "whole").run
    cut = folder / "cut"
    try:
        recipe.train(dataclasses.replace(settings, save_every=2), cut, [Killer(after)])
    except Killed:
        recipe.resume(cut)
    else:
        raise AssertionError("the run ended before it was killed")
    return differences(whole, cut)
