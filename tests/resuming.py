"""A training that is ended like a killed process and gone on with, against one that nobody interrupts."""

import dataclasses

from killing import differences

from talweg.training import Listener


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
