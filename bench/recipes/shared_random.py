"""Talweg's random numbers in PyTorch, for the steps whose losses are compared: dropout, noise and drawn actions agree."""

from __future__ import annotations

import importlib
import math
from contextlib import ExitStack
from unittest.mock import patch

import torch
from torch.distributions import Categorical, Normal
from torch.nn import functional as F

_attention, _dropout = F.scaled_dot_product_attention, F.dropout


def sharing() -> ExitStack:
    """Until it is closed, torch's random functions give what Talweg's default generator gives. They are slow meanwhile."""
    stack = ExitStack()
    for owner, name, replacement in (
        (torch, "randn", _randn), (torch, "rand", _rand), (torch, "randn_like", lambda x: _randn(*x.shape)),
        (F, "dropout", _masked), (F, "scaled_dot_product_attention", _attended),
        (Categorical, "sample", _category), (Normal, "rsample", _normal), (Normal, "sample", _normal),
    ):
        stack.enter_context(patch.object(owner, name, replacement))
    return stack


def _ours():
    return importlib.import_module("talweg.facade")


def _theirs(x) -> torch.Tensor:
    return torch.tensor(x.numpy())


def _randn(*size) -> torch.Tensor:
    return _theirs(_ours().randn(*size))


def _rand(*size) -> torch.Tensor:
    return _theirs(_ours().rand(*size))


def _masked(x: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> torch.Tensor:
    if not training or p == 0:
        return x
    T = _ours()
    return x * _theirs(T.nn.functional.dropout(T.ones(*x.shape), p))


def _attended(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False):
    """With dropout its weights are needed, which torch's operator keeps to itself."""
    if dropout_p == 0:
        return _attention(query, key, value, attn_mask, dropout_p, is_causal)
    T, S = query.shape[-2], key.shape[-2]
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])  # (..., T, S)
    if is_causal:
        attn_mask = torch.ones(T, S, dtype=torch.bool).tril()
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, -math.inf) if attn_mask.dtype == torch.bool else scores + attn_mask
    return _masked(scores.softmax(-1), dropout_p) @ value


def _category(self: Categorical) -> torch.Tensor:
    T = _ours()
    drawn = T.distributions.Categorical(logits=T.from_numpy(self.logits.detach().numpy())).sample()
    return _theirs(drawn)


def _normal(self: Normal) -> torch.Tensor:
    return self.loc + self.scale * _randn(*self.batch_shape)
