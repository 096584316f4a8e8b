"""Text from a language model as it is asked for, piece by piece (L 7.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..data.text import CharacterTokenizer, Tokenizer, WordTokenizer, decode_stream
from ..models.generation import beam_search, stream
from .evaluation import Answer
from .language_settings import Options


def answer(model: Any, tokenizer: Tokenizer, options: Options, end: int | None = None) -> Answer:
    """The prompt as text, what follows it as pieces. `end` is the token that ends a text, where there is one.

    Raises ValueError for a prompt that cannot be told in tokens, or for what `stream` and `beam_search` refuse.
    """
    prompt = tokenizer.encode(options.prompt)
    if not prompt:
        raise ValueError(f"generate: the prompt {options.prompt!r} has no token")
    facts: dict[str, Any] = {"prompt": options.prompt, "prompt_ids": prompt, "seed": options.seed}
    if options.beam is not None:
        return _searched(model, tokenizer, options, prompt, end, facts)
    return Answer(options.prompt, facts, pieces=_drawn(model, tokenizer, options, prompt, end, facts))


def _drawn(
    model: Any, tokenizer: Tokenizer, options: Options, prompt: list[int], end: int | None, facts: dict[str, Any],
) -> Iterator[str]:
    """Pieces of text; the tokens and the whole text are put into `facts`."""
    tokens: list[int] = []
    kept: list[str] = []
    drawn = stream(
        model, _readable(prompt, model), options.count, temperature=options.temperature, top_k=options.top_k,
        top_p=options.top_p, stop=() if end is None else [end], seed=options.seed, slide=True, without=without_text(tokenizer),
    )

    def chosen() -> Iterator[int]:
        for (token,) in drawn:
            if token is None or token == end:
                return
            tokens.append(token)
            yield token

    for piece in until(text_of(tokenizer, chosen()), options.stop):
        kept.append(piece)
        yield piece
    facts |= {"tokens": tokens, "text": "".join(kept)}


def _searched(
    model: Any, tokenizer: Tokenizer, options: Options, prompt: list[int], end: int | None, facts: dict[str, Any],
) -> Answer:
    found = beam_search(model, prompt, options.count, beams=options.beam or 1, end=end,
                        without=without_text(tokenizer))
    best = found[0]
    text = "".join(until(text_of(tokenizer, best.tokens), options.stop))
    facts |= {"tokens": best.tokens, "text": text, "score": best.score,
              "others": [{"text": "".join(text_of(tokenizer, h.tokens)), "score": h.score} for h in found[1:]]}
    return Answer(options.prompt + text, facts)


def _readable(prompt: list[int], model: Any) -> list[int]:
    """The prompt's end, as much as the model reads with room for a token."""
    return prompt[-max(1, model.context - 1):]


def without_text(tokenizer: Tokenizer) -> list[int]:
    """The tokens that stand for no text of their own, which a text is therefore never made of: what was not known."""
    if isinstance(tokenizer, CharacterTokenizer):
        return [] if tokenizer.unknown is None else [tokenizer.characters.index(tokenizer.unknown)]
    return list(range(len(tokenizer.special))) if isinstance(tokenizer, WordTokenizer) else []


def text_of(tokenizer: Tokenizer, tokens: Iterable[int]) -> Iterator[str]:
    """Tokens as text, each character as soon as it is whole. Words have a space before them."""
    if isinstance(tokenizer, WordTokenizer):
        return (f" {tokenizer.tokens[token]}" for token in tokens)
    return decode_stream(tokenizer, tokens)


def until(pieces: Iterable[str], stop: str | None) -> Iterator[str]:
    """The pieces up to where their text first holds `stop`. What could be the beginning of it is held back until that is
    decided."""
    if stop is None:
        yield from pieces
        return
    held = ""
    for piece in pieces:
        held += piece
        place = held.find(stop)
        if place >= 0:
            if place:
                yield held[:place]
            return
        safe = len(held) - _overlap(held, stop)
        if safe:
            yield held[:safe]
        held = held[safe:]
    if held:
        yield held


def _overlap(text: str, stop: str) -> int:
    """How many of the text's last characters are the first of `stop`."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if stop.startswith(text[-n:])), 0)
