"""Connectionist temporal classification (Graves et al., 2006): all alignments of a target with T frames, summed.

Inputs: log-probabilities (T, N, C), targets int64 (N, S) filled up with anything, lengths of the inputs and of the targets,
int64 (N,) each.
"""

from __future__ import annotations

from ..declare import NO_GRADIENT, Op
from .movement import reshape
from .pointwise import mul


def _infer_loss(logs, targets, input_lengths, target_lengths, *how):
    return (logs.shape[1],), logs.dtype


def _gradient(g, out, logs, targets, input_lengths, target_lengths, *how):
    return mul(reshape(g, (1, g.shape[0], 1)), ctc_grad(logs, targets, input_lengths, target_lengths, *how))


# -log of the probability of each target, (N,); where the frames are too few infinite, or with zero_infinity zero.
ctc = Op("ctc", 4, "scan", _infer_loss, (_gradient, NO_GRADIENT, NO_GRADIENT, NO_GRADIENT),
         attr_names=("blank", "zero_infinity"))
# Its gradient, (T, N, C), for log-probabilities that are a log_softmax: exp(logs) less the share of the alignments that pass
# through each class at each frame. Zero after an input's end. It is not differentiated further, as in PyTorch.
ctc_grad = Op("ctc_grad", 4, "scan", lambda logs, *rest: (logs.shape, logs.dtype), NO_GRADIENT,
              attr_names=("blank", "zero_infinity"))
