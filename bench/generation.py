"""Time per token of generation with the cache, at growing lengths: python -m bench.generation [tokens].

A GPT-2 of 4 layers, width 256, random weights. Each step reads the whole room of the cache, so that the time does not depend
on how many tokens there are already (L 3.2): the table shows the median and the least time of each stretch of the text, and
for comparison one forward pass over all tokens so far without the cache.
"""

from __future__ import annotations

import sys
import time

import numpy as np

import talweg as tw
from talweg.models import GPT2
from talweg.models.generation import CachedDecoder

STRETCHES = 8


def seconds_per_token(model: GPT2, count: int) -> list[float]:
    """Of each token after the first two, which compile."""
    decoder = CachedDecoder.start(model, 1, count + 2)
    token = np.array([[1]])
    times = []
    for _ in range(count + 2):
        start = time.perf_counter()
        logits = decoder(token)
        times.append(time.perf_counter() - start)
        token = logits.argmax(-1)[:, None]
    return times[2:]


def seconds_uncached(model: GPT2, length: int, repeats: int = 3) -> float:
    tokens = tw.ones(1, length, dtype=tw.int64)

    def once() -> float:
        start = time.perf_counter()
        with tw.no_grad():
            model(tokens).numpy()
        return time.perf_counter() - start

    return min(once() for _ in range(repeats))


def main(count: int) -> None:
    tw.manual_seed(0)
    model = GPT2(1000, count + 2, 256, 4, 4).eval()
    times = np.array(seconds_per_token(model, count))
    print(f"{'tokens':>12} {'median ms':>10} {'least ms':>9} {'without cache':>14}")
    for part in np.array_split(np.arange(count), STRETCHES):
        some = 1e3 * times[part]
        whole = 1e3 * seconds_uncached(model, int(part[-1]) + 1)
        print(f"{part[0]:>5} to {part[-1]:>4} {np.median(some):>10.2f} {some.min():>9.2f} {whole:>14.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 512)
