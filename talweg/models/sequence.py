"""The names of the architectures for sequences, vectors and graphs, and what builds each for given inputs and classes.

Inputs of language models are tokens: an input shape (T,) of T tokens, which is also the context. They have a vocabulary
where others have classes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import nn
from ..core import dtypes
from ..tensor import Tensor, tensor, zeros
from . import bert, clip, gpt2, whisper
from .entry import Entry
from .flows import NICE, RealNVP
from .gpt import GPT
from .graph_networks import LAYERS, GraphNetwork
from .recurrent import KINDS, RecurrentClassifier, RecurrentLM
from .transformer import Transformer
from .vit import ViT

Shape = tuple[int, ...]
IMAGENET = (3, 224, 224)
TEXT_OF_A_WINDOW = 224
"""Whisper writes at most half of its context of 448 tokens for one window of sound."""


def _length(name: str, input_shape: Shape) -> int:
    if len(input_shape) != 1:
        raise ValueError(f"{name}: inputs are tokens, their shape is (length,), got {list(input_shape)}")
    return input_shape[0]


def _width(name: str, input_shape: Shape) -> int:
    if len(input_shape) != 1:
        raise ValueError(f"{name}: inputs are vectors, their shape is (width,), got {list(input_shape)}")
    return input_shape[0]


def one_text(input_shape: Shape) -> tuple[Tensor, ...]:
    """A batch of one text, all of token 0."""
    return (zeros(1, *input_shape, dtype=dtypes.int64),)


def _text_and_text(input_shape: Shape) -> tuple[Tensor, ...]:
    return one_text(input_shape) * 2


def _sound_and_text(input_shape: Shape) -> tuple[Tensor, ...]:
    return (zeros(1, *input_shape), *one_text((TEXT_OF_A_WINDOW,)))


def _image_and_text(input_shape: Shape) -> tuple[Tensor, ...]:
    return (zeros(1, *input_shape), *one_text((77,)))


def _ring(input_shape: Shape) -> tuple[Tensor, ...]:
    """Four nodes, each joined to the next in both directions."""
    return zeros(4, *input_shape), tensor([[0, 1, 2, 3, 1, 2, 3, 0], [1, 2, 3, 0, 0, 1, 2, 3]])


def _language_model(name: str, kind: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    def built(input_shape: Shape, classes: int, **settings: Any) -> nn.Module:
        return kind(context=_length(name, input_shape), **settings)

    return built


def _transformer(input_shape: Shape, classes: int, width: int, **settings: Any) -> nn.Module:
    return Transformer(context=_length("transformer", input_shape), width=width, hidden=4 * width, **settings)


def _recurrent_lm(kind: str) -> Callable[..., nn.Module]:
    def built(input_shape: Shape, classes: int, state: int, **settings: Any) -> nn.Module:
        _length(f"{kind}_lm", input_shape)
        return RecurrentLM(hidden=state, kind=kind, **settings)

    return built


def _bert(input_shape: Shape, classes: int, **settings: Any) -> nn.Module:
    return bert.BERT(context=_length("bert", input_shape), classes=classes, **settings)


def _vit(input_shape: Shape, classes: int, **settings: Any) -> nn.Module:
    if len(input_shape) != 3 or input_shape[1] != input_shape[2]:
        raise ValueError(f"vit: images must be square, (channels, side, side), got {list(input_shape)}")
    return ViT(input_shape[1], classes=classes, channels=input_shape[0], **settings)


def _whisper(input_shape: Shape, classes: int, **settings: Any) -> nn.Module:
    if len(input_shape) != 2 or input_shape[1] % 2:
        raise ValueError(f"whisper: spectrograms must be (mels, frames) with an even number of frames, got {list(input_shape)}")
    return whisper.Whisper(mels=input_shape[0], audio_context=input_shape[1] // 2, **settings)


def _clip(input_shape: Shape, classes: int, image_encoder: dict[str, Any], **settings: Any) -> nn.Module:
    if len(input_shape) != 3 or input_shape[0] != 3 or input_shape[1] != input_shape[2]:
        raise ValueError(f"clip: images must be (3, side, side), got {list(input_shape)}")
    return clip.CLIP(image_encoder={"size": input_shape[1], **image_encoder}, **settings)


def _recurrent(kind: str) -> Callable[..., nn.Module]:
    def built(input_shape: Shape, classes: int, width: int, **settings: Any) -> nn.Module:
        if len(input_shape) not in (2, 3) or (len(input_shape) == 3 and input_shape[0] != 1):
            raise ValueError(f"{kind}: sequences are (steps, features), images (1, rows, columns) are read row by row, got "
                             f"{list(input_shape)}")
        return RecurrentClassifier(input_shape[-1], width, classes, kind=kind, **settings)

    return built


def _graph_network(kind: str) -> Callable[..., nn.Module]:
    def built(input_shape: Shape, classes: int, width: int, **settings: Any) -> nn.Module:
        return GraphNetwork(_width("a graph network's nodes", input_shape), width, classes, kind=kind, **settings)

    return built


def _flow(name: str, kind: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    return lambda input_shape, classes, **settings: kind(_width(name, input_shape), **settings)


def _texts() -> dict[str, Entry]:
    words = {"vocabulary": 50257, "dropout": 0.0}
    table = {
        "gpt": Entry(
            _language_model("gpt", GPT), "GPT (L fig. 5.8)", (512,),
            {"vocabulary": 40478, "width": 768, "layers": 12, "heads": 12, "dropout": 0.0}, one_text,
        ),
        "transformer": Entry(
            _transformer, "encoder-decoder Transformer (L fig. 5.7)", (64,),
            {"vocabulary": 37000, "width": 512, "layers": 6, "heads": 8, "dropout": 0.1}, _text_and_text,
        ),
    }
    for name, size in gpt2.SIZES.items():
        table[_plain(name)] = Entry(
            _language_model("gpt2", gpt2.GPT2), f"GPT-2, {size['layers']} layers (L 5.3)", (1024,), {**words, **size}, one_text
        )
    for name, size in bert.SIZES.items():
        table[_plain(name)] = Entry(
            _bert, f"BERT, {size['layers']} layers (L 5.3)", (512,),
            {"vocabulary": 30522, "head": "none", "dropout": 0.0, **size}, one_text,
        )
    for kind in KINDS:
        table[f"{kind}_lm"] = Entry(
            _recurrent_lm(kind), f"{kind.upper()} language model (N 6)", (64,),
            {"vocabulary": 128, "width": 64, "state": 256, "layers": 1, "dropout": 0.0}, one_text,
        )
    return table


VITS = {
    "vit_ti_16": {"patch": 16, "width": 192, "layers": 12, "heads": 3},
    "vit_s_16": {"patch": 16, "width": 384, "layers": 12, "heads": 6},
    "vit_b_16": {"patch": 16, "width": 768, "layers": 12, "heads": 12},
    "vit_b_32": {"patch": 32, "width": 768, "layers": 12, "heads": 12},
    "vit_l_16": {"patch": 16, "width": 1024, "layers": 24, "heads": 16},
}


def _images_and_sound() -> dict[str, Entry]:
    table = {
        "vit_small": Entry(
            _vit, "vision transformer for small images (L fig. 5.9)", (1, 28, 28),
            {"patch": 2, "width": 64, "layers": 4, "heads": 4, "dropout": 0.1},
        )
    }
    for name, size in VITS.items():
        summary = f"vision transformer, {size['layers']} layers, patches of {size['patch']} (L 5.3)"
        table[name] = Entry(_vit, summary, IMAGENET, {**size, "dropout": 0.0}, classes=1000)
    for name, size in whisper.SIZES.items():
        table[f"whisper_{name}"] = Entry(
            _whisper, f"Whisper {name} (L 6.5)", (80, 3000), {"vocabulary": 51865, "dropout": 0.0, **size}, _sound_and_text
        )
    for name, settings in clip.SIZES.items():
        table["clip_" + _plain(name)] = Entry(_clip, f"CLIP {name} (L 6.6)", IMAGENET, settings, _image_and_text)
    return table


def _others() -> dict[str, Entry]:
    flow = {"hidden": [256, 256]}
    table = {
        "nice": Entry(_flow("nice", NICE), "NICE, a flow of additive couplings (N 12)", (64,), {"couplings": 4, **flow}),
        "realnvp": Entry(
            _flow("realnvp", RealNVP), "RealNVP, a flow of affine couplings (N 12)", (64,), {"couplings": 8, **flow}
        ),
    }
    for kind in KINDS:
        table[kind] = Entry(
            _recurrent(kind), f"{kind.upper()} reading rows (L missing bits, N 6)", (1, 28, 28),
            {"width": 128, "layers": 1, "both_ways": False, "dropout": 0.0},
        )
    for kind in LAYERS:
        table["graphsage" if kind == "sage" else kind] = Entry(
            _graph_network(kind), f"graph network of {kind.upper()} layers (L missing bits)", (34,),
            {"width": 16, "layers": 2}, _ring,
        )
    return table


def _plain(name: str) -> str:
    """A published name as ours are written: vit_b_32 for ViT-B/32."""
    return name.lower().replace("-", "_").replace("/", "_")


SEQUENCE: dict[str, Entry] = {**_texts(), **_images_and_sound(), **_others()}
