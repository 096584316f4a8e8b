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
    "boundary": ("boundary", "The perceptron, logistic regression and a hidden layer in the plane (N 2.1)."),
    "metric": ("metric", "The triplet loss: classes by distance (L 3.1)."),
    "weight-decay": ("weight_decay", "Weight decay in the loss and in the optimizer (L 3.1)."),
    "causal": ("causal", "What outputs of sequence models depend on; the chain rule (L 3.2)."),
    "gd": ("descent", "Gradient descent in a valley: step sizes, zig-zag, momentum (L 3.3, N 2.1)."),
    "newton": ("newton", "Newton's method beside gradient descent on logistic regression (N 2.2)."),
    "diff": ("differentiation", "Numerical, symbolic and automatic differentiation compared (N 2.3)."),
    "cost": ("cost", "Arithmetic of the backward pass beside the forward pass (L 3.4)."),
    "activations": ("activations", "Activation functions and their slopes (L 4.3)."),
    "memory": ("memory", "Memory of activations by depth, with and without checkpoints (L 3.4)."),
    "depth": ("depth", "Vanishing and exploding gradients by initialisation and activation (L 3.4, L 4.2)."),
    "double-descent": ("double_descent", "More parameters than samples: the second descent of the test error (L 3.5)."),
    "filters": ("filters", "Blur, edges and sharpening by 3x3 kernels on a photograph (N 5.2)."),
    "mc-dropout": ("mc_dropout", "Dropout as a measure of doubt (L 4.5)."),
    "uat": ("universal", "Universal approximation by one hidden layer (L 5.1)."),
    "robustness": ("robustness", "Adversarial examples, and training against them (N 8)."),
    "regularity": ("regularity", "Lipschitz bounds, spectral normalisation, gradient penalties (N 8)."),
}
BENCHES = {
    "linear": ("batches", "Samples a second through a linear layer, in batches and one by one (L 2.1)."),
}

__all__ = ["BENCHES", "DEMOS", "Claim", "Shown", "Table"]
