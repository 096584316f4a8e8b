"""What pages are made of: sections, tables, pictures, as HTML that needs nothing else to be shown."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from PIL import Image


def section(title: str, body: str) -> str:
    return f"<section><h2>{text(title)}</h2>{body}</section>"


def pair(*sections: str) -> str:
    return f'<div class="pair">{"".join(sections)}</div>'


def table(head: Sequence[str], rows: Iterable[Sequence[Any]], numbers: Sequence[int] = ()) -> str:
    def line(values: Sequence[Any], tag: str) -> str:
        marks = (' class="number"' if i in numbers else "" for i in range(len(values)))
        return "<tr>" + "".join(f"<{tag}{m}>{text(v)}</{tag}>" for m, v in zip(marks, values)) + "</tr>"

    return f'<table class="lines">{line(head, "th")}{"".join(line(row, "td") for row in rows)}</table>'


def pairs(values: dict[str, Any]) -> str:
    rows = (f"<tr><th>{text(k)}</th><td><code>{text(v)}</code></td></tr>" for k, v in values.items())
    return f"<table>{''.join(rows)}</table>"


def picture_source(picture: np.ndarray | Image.Image) -> str:
    """A picture as a data: address; an array (H, W) or (H, W, 3) of numbers is stretched to the whole range."""
    file = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else _stretched(picture)).save(file, format="PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _stretched(picture: np.ndarray) -> Image.Image:
    low = float(picture.min())
    span = max(float(picture.max()) - low, 1e-12)
    return Image.fromarray(np.round(255 * (picture - low) / span).astype(np.uint8))


def gallery(pictures: Iterable[tuple[str, str]], least: int | None = None) -> str:
    """Pictures side by side: (address, caption) of each, the caption plain text. `least` pixels wide, if not as small ones."""
    def figure(source: str, caption: str) -> str:
        return f'<figure><img alt="{text(caption)}" src="{source}"><figcaption>{text(caption)}</figcaption></figure>'

    columns = "" if least is None else f' style="grid-template-columns: repeat(auto-fill, minmax(min(100%, {least}px), 1fr))"'
    return f'<div class="pictures"{columns}>{"".join(figure(*picture) for picture in pictures)}</div>'


def percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def text(value: Any) -> str:
    return html.escape(str(value))
