"""Demonstrations: one idea of the books each, run in seconds, shown as a table, as numbers and as a figure.

A demonstration is a file of this room with a function `run(**options) -> Shown`, and a line in `DEMOS`. Its keyword
arguments are its options, each `Annotated[type, "what it is"]` with a default: `talweg demo NAME --option VALUE`.
What the idea says of the numbers are `Claim`s, each measured against its bound: the command ends with 1 where one fails.
Benchmarks are the same thing under `talweg bench NAME`.
"""

from .shown import Claim, Shown, Table

# Name, the module of this folder, and its line in the help. Nothing is imported before it is asked for.
DEMOS = {
    "basis": ("basis", "Basis functions fitted in closed form and by gradient descent (L 1.2)."),
    "overfit": ("overfit", "Capacity: too little, enough, too much (L 1.3)."),
    "diff": ("differentiation", "Numerical, symbolic and automatic differentiation compared (N 2.3)."),
    "cost": ("cost", "Arithmetic of the backward pass beside the forward pass (L 3.4)."),
    "memory": ("memory", "Memory of activations by depth, with and without checkpoints (L 3.4)."),
}
BENCHES = {
    "linear": ("batches", "Samples a second through a linear layer, in batches and one by one (L 2.1)."),
}

__all__ = ["BENCHES", "DEMOS", "Claim", "Shown", "Table"]
