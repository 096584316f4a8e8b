"""Text as token ids: characters, words, byte pairs as GPT-2, Whisper and CLIP have them, BERT's WordPiece (L 3.2)."""

from .bert_words import BertWords
from .byte_level import ByteLevelBPE
from .character import CharacterTokenizer
from .clip import CLIPTokenizer
from .masking import masked_tokens
from .tokenizer import Tokenizer, decode_stream
from .training import train_bpe, train_wordpiece
from .whisper import WhisperTokenizer
from .wordpiece import WordPiece
from .words import WordTokenizer

__all__ = [
    "BertWords", "ByteLevelBPE", "CLIPTokenizer", "CharacterTokenizer", "Tokenizer", "WhisperTokenizer", "WordPiece",
    "WordTokenizer", "decode_stream", "masked_tokens", "train_bpe", "train_wordpiece",
]
