"""A published CLIP, its tokenizer and its pictures' preparation, for telling pictures by any words (L 6.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..data import read_pixels
from ..data.text import CLIPTokenizer
from ..io import ImagePreprocessing
from ..io.hub import locate
from ..models import CLIP
from ..tensor import Tensor, from_numpy
from .published import Weights

MERGES = ("bpe_simple_vocab_16e6.txt.gz", "bpe_simple_vocab_16e6.txt")  # what OpenAI publishes


@dataclass(frozen=True)
class PublishedTexts:
    """How texts and pictures become the inputs of a published CLIP."""

    tokenizer: CLIPTokenizer
    context: int
    preparation: ImagePreprocessing

    def tokens(self, texts: Sequence[str]) -> Tensor:
        """Ids (N, context); what is too long loses its last tokens."""
        return from_numpy(self.tokenizer.batch(texts, self.context, cut=True))

    def image(self, path: str) -> Tensor:
        return self.preparation(read_pixels(path)).unsqueeze(0)


def published_clip(weights: Weights) -> tuple[CLIP, PublishedTexts]:
    """The model, in evaluation mode, and how it is asked.

    `weights` lie in a folder with config.json, the tokenizer's files and preprocessor_config.json, as transformers writes them;
    or are OpenAI's file, with the list of merges beside it. Raises ValueError for files that do not belong together or say
    nothing of the pictures' preparation, and as `from_pretrained` and the tokenizer do.
    """
    path = locate(weights.source)
    model = CLIP.from_pretrained(path)
    tokenizer = _tokenizer_in(path if path.is_dir() else path.parent)
    vocabulary = model.text.tokens.num_embeddings
    if len(tokenizer) > vocabulary:
        raise ValueError(f"{path}: the tokenizer has {len(tokenizer)} tokens, and the model knows {vocabulary}: the files do not "
                         "belong together")
    if model.preprocessing is None:
        raise ValueError(f"{path}: does not say how pictures are prepared: put the preprocessor_config.json it is published with "
                         "beside it")
    return model, PublishedTexts(tokenizer, model.text.context, model.preprocessing)


def _tokenizer_in(folder: Path) -> CLIPTokenizer:
    if (folder / "vocab.json").exists() or (folder / "tokenizer.json").exists():
        return CLIPTokenizer.from_pretrained(folder)
    for name in MERGES:
        if (folder / name).exists():
            return CLIPTokenizer.from_merges(folder / name)
    raise FileNotFoundError(f"{folder}: has no tokenizer: expected vocab.json and merges.txt, tokenizer.json, or OpenAI's "
                            f"{MERGES[0]}")
