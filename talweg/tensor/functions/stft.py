"""The short-time Fourier transform of signals, and its inverse."""

from __future__ import annotations

from ...graph import ops
from ..autocast import raised
from ..box import Box
from ..operands import require_tensor
from ..tensor import Tensor, wrap
from .complex import view_as_real
from .creation import arange, ones, zeros
from .indexing import index_put
from .shape import cat
from .spectral import fft, ifft, irfft, rfft


def _full_window(window, n_fft: int, win_length: int, dtype, call: str) -> Tensor:
    """The window in the middle of n_fft points."""
    if not 0 < win_length <= n_fft:
        raise RuntimeError(f"{call}: expected 0 < win_length <= n_fft, but got win_length={win_length}, n_fft={n_fft}")
    if window is None:
        window = ones(win_length, dtype=dtype)
    elif window.dim() != 1 or window.shape[0] != win_length:
        raise RuntimeError(f"{call}: expected a 1D window tensor of size equal to win_length={win_length}, but got window with "
                           f"size {list(window.shape)}")
    left = (n_fft - win_length) // 2
    node = ops.pad(window.node, (left,), (n_fft - win_length - left,), 0)
    return wrap(node)


def _padded(x: Tensor, amount: int, mode: str) -> Tensor:
    """A signal (B, T) with `amount` more points on both sides."""
    length = x.shape[-1]
    if mode == "constant":
        return wrap(ops.pad(x.node, (0, amount), (0, amount), 0))
    if mode == "reflect":
        if amount >= length:
            raise RuntimeError(f"stft: Padding size should be less than the corresponding input dimension, but got: padding "
                               f"({amount}, {amount}) for a signal of {length} points")
        return cat([x[:, 1 : amount + 1].flip(1), x, x[:, length - amount - 1 : length - 1].flip(1)], 1)
    if mode == "replicate":
        return cat([x[:, :1].expand(-1, amount), x, x[:, -1:].expand(-1, amount)], 1)
    if mode == "circular":
        return cat([x[:, length - amount :], x, x[:, :amount]], 1)
    raise NotImplementedError(f"stft: unrecognised padding mode {mode}")


@raised
def stft(input, n_fft: int, hop_length: int | None = None, win_length: int | None = None, window=None, center: bool = True,
         pad_mode: str = "reflect", normalized: bool = False, onesided: bool | None = None, return_complex: bool | None = None,
         align_to_window: bool | None = None):
    """(B, frequencies, frames) of signals (B, T): the Fourier transforms of windowed stretches of n_fft points, hop_length
    apart; with `center` the t-th is centred on point t * hop_length. Signals may be without the batch dimension."""
    x = require_tensor(input, "stft")
    hop = n_fft // 4 if hop_length is None else hop_length
    width = n_fft if win_length is None else win_length
    _check_stft(x, hop, window, return_complex)
    batch = x.reshape(1, -1) if x.dim() == 1 else x
    if center:
        batch = _padded(batch, n_fft // 2, pad_mode)
    length = batch.shape[-1]
    if not 0 < n_fft <= length:
        raise RuntimeError(f"stft: expected 0 < n_fft <= {length}, but got n_fft={n_fft}")
    weights = _full_window(window, n_fft, width, x.dtype, "stft")
    frames = batch.unfold(-1, n_fft, hop) * weights  # (B, frames, n_fft)
    one_sided = not frames.is_complex() if onesided is None else onesided
    if one_sided and frames.is_complex():
        raise RuntimeError("stft: Cannot have onesided output if window or input is complex")
    norm = "ortho" if normalized else None
    spectrum = (rfft if one_sided else fft)(frames, norm=norm).transpose(1, 2)
    spectrum = spectrum[0] if x.dim() == 1 else spectrum
    return spectrum if return_complex or return_complex is None else view_as_real(spectrum)


def _check_stft(x: Tensor, hop: int, window, return_complex) -> None:
    if x.dim() not in (1, 2):
        raise RuntimeError(f"stft: expected a 1D or 2D tensor, but got shape {list(x.shape)}")
    if not (x.is_floating_point() or x.is_complex()):
        raise RuntimeError(f"stft: expected a tensor of floating point or complex values, got {x.dtype.name}")
    if hop <= 0:
        raise RuntimeError(f"stft: expected hop_length > 0, but got hop_length={hop}")
    if return_complex is None and not (x.is_complex() or (isinstance(window, Box) and window.is_complex())):
        raise RuntimeError("stft requires the return_complex parameter be given for real inputs, and will further require that "
                           "return_complex=True in a future PyTorch release.")


def istft(input, n_fft: int, hop_length: int | None = None, win_length: int | None = None, window=None, center: bool = True,
          normalized: bool = False, onesided: bool | None = None, length: int | None = None, return_complex: bool = False):
    """Signals from their short-time Fourier transforms: the windowed inverse transforms added up where they overlap and
    divided by the sum of the squared windows (Griffin and Lim, 1984). Raises RuntimeError where that sum vanishes."""
    spectrum = require_tensor(input, "istft")
    if not spectrum.is_complex():
        raise RuntimeError(f"istft requires a complex-valued input tensor matching the output from stft with "
                           f"return_complex=True, got {spectrum.dtype.name}")
    if spectrum.dim() not in (2, 3):
        raise RuntimeError(f"istft: expected a tensor with 2 or 3 dimensions, but got {spectrum.dim()}")
    hop = n_fft // 4 if hop_length is None else hop_length
    width = n_fft if win_length is None else win_length
    one_sided = spectrum.shape[-2] != n_fft if onesided is None else onesided
    _check_istft(spectrum, n_fft, hop, width, one_sided)
    batch = spectrum if spectrum.dim() == 3 else spectrum.unsqueeze(0)
    norm = "ortho" if normalized else None
    columns = batch.transpose(1, 2)  # (B, frames, frequencies)
    if one_sided or not return_complex:  # of a spectrum of both sides, the first half says all about a real signal
        frames = irfft(columns[..., : n_fft // 2 + 1], n_fft, norm=norm)
    else:
        frames = ifft(columns, norm=norm)
    weights = _full_window(window, n_fft, width, frames.dtype, "istft")
    total = _overlapped(frames * weights, hop)
    envelope = _overlapped((weights * weights).expand(1, frames.shape[1], n_fft), hop)
    start, stop = _kept(total.shape[-1], n_fft, center, length)
    result = _divided(total[:, start:stop], envelope[:, start:stop])
    if length is not None and length > result.shape[-1]:
        result = wrap(ops.pad(result.node, (0, 0), (0, length - result.shape[-1]), 0))
    return result if spectrum.dim() == 3 else result[0]


def _check_istft(spectrum: Tensor, n_fft: int, hop: int, width: int, one_sided: bool) -> None:
    wanted = n_fft // 2 + 1 if one_sided else n_fft
    if spectrum.shape[-2] != wanted:
        raise RuntimeError(f"istft: expected the frequency dimension (3rd to the last) of the input tensor to match n_fft / 2 + "
                           f"1 when onesided=True, n_fft otherwise: {wanted}, but got {spectrum.shape[-2]}")
    if not 0 < hop <= width:
        raise RuntimeError(f"istft: expected 0 < hop_length <= win_length, but got hop_length={hop}, win_length={width}")
    if spectrum.numel() == 0:
        raise RuntimeError(f"istft: input tensor cannot be empty, got shape {list(spectrum.shape)}")


def _overlapped(frames: Tensor, hop: int) -> Tensor:
    """(B, frames, n) added up at hop points from one another."""
    count, n = frames.shape[1:]
    places = (arange(count) * hop).unsqueeze(1) + arange(n)
    blank = zeros(frames.shape[0], (count - 1) * hop + n, dtype=frames.dtype)
    return index_put(blank, (None, places), frames, True)


def _kept(size: int, n_fft: int, center: bool, length: int | None) -> tuple[int, int]:
    start = n_fft // 2 if center else 0
    stop = start + length if length is not None else size - n_fft // 2 if center else size
    return start, min(stop, size)


def _divided(total: Tensor, envelope: Tensor) -> Tensor:
    if envelope.numel() and float(envelope.detach().abs().min()) < 1e-11:
        raise RuntimeError("istft: window overlap add min: 1, the sum of the squared windows is 0 somewhere: the signal cannot "
                           "be recovered there; use a smaller hop_length or center=True")
    return total / envelope

