"""Signal processing, as a table of contents: `talweg.signal.windows.hann(512)`."""

from .tensor.functions import windows
