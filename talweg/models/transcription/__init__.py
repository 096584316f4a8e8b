"""From sound to text with a Whisper: windows decoded under the rules of timestamps, long sounds window by window (L 6.5)."""

from .attention import cross_attention
from .decoding import Heard, decode_windows
from .long_form import Transcription, transcribe
from .segments import Segment, cut_into_segments

__all__ = ["Heard", "Segment", "Transcription", "cross_attention", "cut_into_segments", "decode_windows", "transcribe"]
