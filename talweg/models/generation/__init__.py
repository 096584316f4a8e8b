"""Text from a model, token by token: choosing a token, stepping with a cache, beam search (L 3.2, 7.1)."""

from .beam import Hypothesis, beam_search
from .decoder import CachedDecoder
from .reading import Reading, read
from .sampling import Sampling
from .streaming import generate, stream

__all__ = ["CachedDecoder", "Hypothesis", "Reading", "Sampling", "beam_search", "generate", "read", "stream"]
