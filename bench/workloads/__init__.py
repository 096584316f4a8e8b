"""What is trained: each workload written once, over a namespace `T` that is either `talweg` or `torch`.

A workload is a module with
    model(T, s)            the network, as an nn.Module of T
    batch(rng, s)          NumPy arrays: what the model takes first, then what only the loss takes
    loss(T, model, *batch) the scalar that is minimised
    INPUTS                 how many of the batch's arrays the model takes
    OPTIMIZER              which optimiser, with its settings; None (and no loss) where nothing is trained
where `s` holds the sizes of the table in catalogue.py. The JAX versions are in bench/jax_workloads.
"""

from .catalogue import WORKLOADS, Workload, find
from .training import Optimizer, Training, build
