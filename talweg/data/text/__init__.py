"""Text as token ids: characters, words, and byte pairs as GPT-2, Whisper and CLIP have them (L 3.2)."""

from .byte_level import ByteLevelBPE
from .character import CharacterTokenizer
from .clip import CLIPTokenizer
from .masking import masked_tokens
from .tokenizer import Tokenizer, decode_stream
from .training import train_bpe
from .whisper import WhisperTokenizer
from .words import WordTokenizer

__all__ = [
    "ByteLevelBPE", "CLIPTokenizer", "CharacterTokenizer", "Tokenizer", "WhisperTokenizer", "WordTokenizer",
    "decode_stream", "masked_tokens", "train_bpe",
]
