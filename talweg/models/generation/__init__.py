"""Text from a model, token by token: choosing a token, stepping with a cache, beam search (L 3.2, 7.1)."""

from .beam import Hypothesis, beam_search
from .decoder import CachedDecoder
from .sampling import Sampling
from .streaming import generate, stream

__all__ = ["CachedDecoder", "Hypothesis", "Sampling", "beam_search", "generate", "stream"]
