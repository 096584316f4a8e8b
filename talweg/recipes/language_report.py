"""What the report of a language model shows: text it makes, and how much each token of the test text surprised it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..data.text import Tokenizer
from ..training.report_parts import section, text
from .language_settings import Options
from .language_text import answer, text_of

TEMPERATURES = (0.0, 0.5, 0.8, 1.0)
LENGTH = 240  # tokens of each text
MOST_BITS = 8.0  # a surprise that has the full colour
RUNNING = "white-space:pre-wrap;overflow-wrap:anywhere;font-family:ui-monospace,monospace;font-size:0.85rem"


def language_sections(model: Any, tokenizer: Tokenizer, tokens: np.ndarray, nats: np.ndarray) -> list[str]:
    """`tokens` (N,) are the beginning of the test text, `nats` (N - 1,) what each but the first cost."""
    prompt = "".join(text_of(tokenizer, tokens[:24].tolist()))
    heat = _heat(tokenizer, tokens, nats)
    return [section("Text it makes", _texts(model, tokenizer, prompt)), section("What surprised it", heat)]


def _texts(model: Any, tokenizer: Tokenizer, prompt: str) -> str:
    head = f"<p>The test text begins with <code>{text(prompt)}</code>. By the temperature, what follows it:</p>"
    blocks = []
    for temperature in TEMPERATURES:
        made = answer(model, tokenizer, Options(prompt=prompt, count=LENGTH, temperature=temperature))
        body = text("".join(made.pieces or ()))
        blocks.append(f'<p class="soft">temperature {temperature:g}</p><div style="{RUNNING}">{body}</div>')
    return head + "".join(blocks)


def _heat(tokenizer: Tokenizer, tokens: np.ndarray, nats: np.ndarray) -> str:
    pieces = [text(tokenizer_text(tokenizer, int(tokens[0])))]
    for token, cost in zip(tokens[1:].tolist(), nats.tolist()):
        bits = cost / math.log(2)
        strength = min(1.0, bits / MOST_BITS)
        shown = text(tokenizer_text(tokenizer, token))
        colour = f"background:rgb(var(--wrong) / {0.75 * strength:.2f})"
        pieces.append(f'<span title="{bits:.1f} bits" style="{colour}">{shown}</span>')
    told = ("<p>The beginning of the test text. The redder a token, the less probable it was to the model: no colour is 0 "
            f"bits, full colour {MOST_BITS:g} or more. The pointer shows the bits.</p>")
    body = "".join(pieces)
    return f'{told}<div style="{RUNNING}">{body}</div>'


def tokenizer_text(tokenizer: Tokenizer, token: int) -> str:
    return "".join(text_of(tokenizer, [token]))
