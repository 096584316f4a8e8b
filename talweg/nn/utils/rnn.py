"""Sequences of unequal lengths: padded to one tensor, or packed without the padding for a recurrent layer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from ...tensor import Tensor, argsort, cat, full, stack


class _Packed(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Packed):
    """Sequences laid out step by step without padding, the longest first: made by pack_padded_sequence.

    data (sum of lengths, *), batch_sizes (T,) how many sequences reach each step; sorted_indices puts a batch into the
    order of falling lengths, unsorted_indices back.
    """

    def __new__(cls, data, batch_sizes=None, sorted_indices=None, unsorted_indices=None):
        if isinstance(data, (list, tuple)) and batch_sizes is None:
            data, batch_sizes = data
        if unsorted_indices is None and sorted_indices is not None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def _with(self, data: Tensor) -> PackedSequence:
        return self if data is self.data else type(self)(data, *self[1:])

    def to(self, *args, **kwargs) -> PackedSequence:
        """The data converted as Tensor.to does."""
        return self._with(self.data.to(*args, **kwargs))

    def cpu(self):
        return self.to("cpu")

    def cuda(self, *args, **kwargs):
        return self._with(self.data.cuda(*args, **kwargs))

    def double(self):
        return self._with(self.data.double())

    def float(self):
        return self._with(self.data.float())

    def half(self):
        return self._with(self.data.half())

    def long(self):
        return self._with(self.data.long())

    def int(self):
        return self._with(self.data.int())

    def pin_memory(self):
        return self

    def is_pinned(self) -> bool:
        return self.data.is_pinned()

    @property
    def is_cuda(self) -> bool:
        return self.data.is_cuda


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes one."""
    return None if permutation is None else argsort(permutation)


class Places:
    """Where each step of each packed sequence lies: in the packed data, and in a padded (T, B) batch."""

    def __init__(self, batch_sizes: np.ndarray):
        self.steps = len(batch_sizes)
        self.batch = int(batch_sizes[0]) if self.steps else 0
        self.count = int(batch_sizes.sum())
        self.sizes = batch_sizes
        column = np.arange(self.batch)
        self.lengths = (column[None, :] < batch_sizes[:, None]).sum(0)  # (B,)
        self._starts = np.cumsum(batch_sizes) - batch_sizes

    def rows(self, reverse: bool = False) -> np.ndarray:
        """(T, B): the packed row of each step, `count` where there is none. In reverse each sequence starts at its end."""
        t, b = np.arange(self.steps)[:, None], np.arange(self.batch)[None, :]
        alive = t < self.lengths
        step = np.where(alive, self.lengths - 1 - t, 0) if reverse else t
        return np.where(alive, self._starts[step] + b, self.count)

    def cells(self, reverse: bool = False) -> np.ndarray:
        """(count,): for each packed row its place t B + b in the padded batch, the inverse of `rows`."""
        rows = self.rows(reverse).reshape(-1)
        found = np.empty(self.count, np.int64)
        used = rows < self.count
        found[rows[used]] = np.nonzero(used)[0]
        return found

    def last(self) -> np.ndarray:
        """(B,): the place of each sequence's last step in the padded batch."""
        return (self.lengths - 1) * self.batch + np.arange(self.batch)


def _lengths(lengths, call: str) -> np.ndarray:
    found = lengths.detach().numpy() if isinstance(lengths, Tensor) else np.asarray([int(n) for n in lengths])
    if found.ndim != 1 or not found.size or found.dtype.kind not in "iu":
        raise RuntimeError(f"{call}: `lengths` should be a 1D tensor of at least one int64 length, got shape "
                           f"{list(found.shape)} of {found.dtype}")
    return found.astype(np.int64)


def pack_padded_sequence(input: Tensor, lengths, batch_first: bool = False, enforce_sorted: bool = True) -> PackedSequence:
    """Pack input (T, B, *), or (B, T, *) with batch_first, whose sequences have the given lengths.

    Raises RuntimeError for lengths that do not fit the batch, are not positive, or, with enforce_sorted, do not fall.
    """
    call = "pack_padded_sequence"
    input = input.transpose(0, 1) if batch_first else input
    sizes = _lengths(lengths, call)
    order = None
    if not enforce_sorted:
        order = np.argsort(-sizes, kind="stable")
        sizes = sizes[order]
        input = input.index_select(1, Tensor._from_array(order))
    _check_lengths(input, sizes, call)
    batch_sizes = (sizes[None, :] > np.arange(int(sizes[0]))[:, None]).sum(1).astype(np.int64)
    places = Tensor._from_array(Places(batch_sizes).cells())
    flat = input[: len(batch_sizes)].reshape(len(batch_sizes) * input.shape[1], *input.shape[2:])
    indices = None if order is None else Tensor._from_array(order.astype(np.int64))
    return PackedSequence(flat.index_select(0, places), Tensor._from_array(batch_sizes), indices)


def _check_lengths(input: Tensor, sizes: np.ndarray, call: str) -> None:
    if input.dim() < 2 or len(sizes) != input.shape[1]:
        raise RuntimeError(f"{call}: Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} "
                           f"(batch_size={input.shape[1] if input.dim() > 1 else None})")
    if sizes.min() <= 0:
        raise RuntimeError(f"{call}: Length of all samples has to be greater than 0, but found an element in 'lengths' that "
                           f"is <= 0: {sizes.tolist()}")
    if (np.diff(sizes) > 0).any():
        raise RuntimeError(f"{call}: `lengths` array must be sorted in decreasing order when `enforce_sorted` is True, got "
                           f"{sizes.tolist()}. Pass enforce_sorted=False to have the batch sorted")
    if sizes[0] > input.shape[0]:
        raise RuntimeError(f"{call}: a length of {sizes[0]} is more than the {input.shape[0]} steps of the input")


def pad_packed_sequence(sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0,
                        total_length: int | None = None) -> tuple[Tensor, Tensor]:
    """(padded (T, B, *) or with batch_first (B, T, *), lengths (B,)): the inverse of pack_padded_sequence.

    Raises ValueError for a total_length below the longest sequence.
    """
    places = Places(sequence.batch_sizes.numpy())
    data = sequence.data
    steps = places.steps
    if total_length is not None:
        if total_length < steps:
            raise ValueError(f"Expected total_length to be at least the length of the longest sequence in input, but got "
                             f"total_length={total_length} and max sequence length being {steps}")
        steps = total_length
    rows = np.full((steps, places.batch), places.count)
    rows[: places.steps] = places.rows()
    filler = full((1, *data.shape[1:]), padding_value, dtype=data.dtype)
    padded = cat([data, filler]).index_select(0, Tensor._from_array(rows.reshape(-1)))
    padded = padded.reshape(steps, places.batch, *data.shape[1:])
    lengths = Tensor._from_array(places.lengths.astype(np.int64))
    if sequence.unsorted_indices is not None:
        padded = padded.index_select(1, sequence.unsorted_indices)
        lengths = lengths[sequence.unsorted_indices]
    return (padded.transpose(0, 1) if batch_first else padded), lengths


def pad_sequence(sequences: Tensor | Iterable[Tensor], batch_first: bool = False, padding_value: float = 0.0,
                 padding_side: str = "right") -> Tensor:
    """Tensors (L, *) of unequal L as one of shape (longest, B, *), or with batch_first (B, longest, *)."""
    if padding_side not in ("right", "left"):
        raise RuntimeError(f"pad_sequence: Padding side should be 'left' or 'right', got {padding_side!r}")
    if not isinstance(sequences, Iterable):
        raise RuntimeError(f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}")
    parts = list(sequences.unbind(0)) if isinstance(sequences, Tensor) else list(sequences)
    if not parts:
        raise RuntimeError("pad_sequence: received an empty list of sequences")
    longest = max(p.shape[0] for p in parts)
    padded = stack([_lengthened(p, longest, padding_value, padding_side) for p in parts])
    return padded if batch_first else padded.transpose(0, 1)


def _lengthened(x: Tensor, length: int, value: float, side: str) -> Tensor:
    if x.shape[0] == length:
        return x
    filler = full((length - x.shape[0], *x.shape[1:]), value, dtype=x.dtype)
    return cat([x, filler] if side == "right" else [filler, x])


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The sequences of a padded batch, each cut to its length."""
    batch = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [x[:n] for x, n in zip(batch, _lengths(lengths, "unpad_sequence").tolist())]


def pack_sequence(sequences: list[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack tensors (L, *) of unequal L; of falling L, unless enforce_sorted is False."""
    lengths = Tensor._from_array(np.array([s.shape[0] for s in sequences], np.int64))
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences that pack_sequence was given."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
