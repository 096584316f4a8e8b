"""Discrete Fourier transforms, as a table of contents."""

from .tensor.functions.spectral import (
    fft,
    fft2,
    fftfreq,
    fftn,
    fftshift,
    hfft,
    hfft2,
    hfftn,
    ifft,
    ifft2,
    ifftn,
    ifftshift,
    ihfft,
    ihfft2,
    ihfftn,
    irfft,
    irfft2,
    irfftn,
    rfft,
    rfft2,
    rfftfreq,
    rfftn,
)
from .tensor.out import IN_NAMESPACES, accept_out

accept_out(globals(), IN_NAMESPACES)
