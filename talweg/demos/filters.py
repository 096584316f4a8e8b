"""Filters by hand (N 5.2.2, fig. 5.3 to 5.5): blur, edges and sharpening are 3x3 kernels moved over a picture.

What frameworks call a convolution does not turn the kernel round: y_ij = sum_ab k_ab x_(i+a)(j+b), a cross-correlation. The
true convolution takes x_(i-a)(j-b), which is the same with the kernel turned by 180 degrees. Sobel's kernels change their sign
when they are turned, the blur stays as it is.
"""

from __future__ import annotations

import importlib
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from ..data.images import read_pixels
from ..data.named.photos import photo_files
from ..models.mlp import MLP
from ..nn import functional as F
from ..tensor import Tensor, cat, from_numpy, manual_seed, randn
from .figures import new_panels, picture
from .learning import Digits, accuracy, learn, load_digits
from .shown import Claim, Shown, Table

BLUR = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16
SOBEL_X = np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
KERNELS = {
    "blur": BLUR,
    "sobel x": SOBEL_X,
    "sobel y": SOBEL_X.T.copy(),
    "sharpen": np.array([[0.0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
}
PHOTOS = ("china", "flower")
FEW, DRAWS, EPOCHS = 200, 10, 40


def run(image: Annotated[str, "A picture file, or china or flower, the photographs of scikit-learn."] = "china",
        draws: Annotated[int, "Draws of 200 digits for the comparison of features."] = DRAWS,
        seed: Annotated[int, "Of the digits and the weights."] = 0) -> Shown:
    """Blur, Sobel's edges and sharpening of a picture by conv2d; then 200 digits learned by a network that sees blurred pixels
    and edges beside the pixels, and by one that sees pixels alone.

    Raises FileNotFoundError and ValueError for a picture that cannot be read, and ValueError for less than 1 draw.
    """
    if draws < 1:
        raise ValueError(f"filters: --draws must be at least 1, got {draws}")
    grey = from_numpy(grey_picture(image))
    found = {name: correlate(grey, kernel) for name, kernel in KERNELS.items()}
    edges = (found["sobel x"] ** 2 + found["sobel y"] ** 2).sqrt()
    pairs = [with_and_without(load_digits(seed + n).few(FEW, seed + n), seed + n) for n in range(draws)]
    return Shown(
        title=f"filters on {image}, {grey.shape[1]} x {grey.shape[0]} pixels",
        tables=[_table(found, edges), _digits_table(pairs)],
        facts={"image": image, "size": list(grey.shape), "kernels": {n: k.tolist() for n, k in KERNELS.items()},
               "digits": [{"with_features": a, "pixels_alone": b} for a, b in pairs]},
        figures={"filters": partial(figure, grey, found, edges)},
        claims=claims(grey, found, pairs),
    )


def grey_picture(image: str) -> np.ndarray:
    """The mean of the colours, (H, W) from 0 to 1."""
    named = {path.stem: path for path in photo_files()} if image in PHOTOS else {}
    pixels = read_pixels(named.get(image, Path(image)))
    if min(pixels.shape[:2]) < 3:
        raise ValueError(f"filters: {image} has {pixels.shape[1]} x {pixels.shape[0]} pixels, a filter needs 3 x 3")
    return pixels.reshape(*pixels.shape[:2], -1).mean(2) / 255


def correlate(grey: Tensor, kernel: np.ndarray) -> Tensor:
    """sum_ab k_ab x_(i+a)(j+b) where the kernel fits: (H, W) -> (H - 2, W - 2)."""
    return F.conv2d(grey[None, None], from_numpy(kernel)[None, None].to(grey.dtype))[0, 0]


def convolve(grey: Tensor, kernel: np.ndarray) -> Tensor:
    """The true convolution, by the kernel turned round."""
    return correlate(grey, kernel[::-1, ::-1].copy())


def with_and_without(digits: Digits, seed: int) -> tuple[float, float]:
    """Test accuracies of a network on pixels, blur and edges, and of one on pixels alone."""
    scores = []
    for seen in (features, lambda x: x):
        manual_seed(seed)
        x, test_x = seen(digits.x), seen(digits.test_x)
        model = MLP([x[0].numel(), 64, 10])
        learn(model, x, digits.y, epochs=EPOCHS, lr=2e-3, batch=50, seed=seed)
        scores.append(accuracy(model, test_x, digits.test_y))
    return scores[0], scores[1]


def features(x: Tensor) -> Tensor:
    """Pixels, their blur, and the edges towards each of the four sides: (N, 1, H, W) -> (N, 6, H, W). Sobel's results are
    divided by 4, to be about as large as the pixels, and cut at 0 for either sign, so that a side is a unit of its own."""
    kernels = np.stack([BLUR, SOBEL_X / 4, SOBEL_X.T / 4, -SOBEL_X / 4, -SOBEL_X.T / 4])[:, None].astype(np.float32)
    found = F.conv2d(x, from_numpy(kernels), padding=1)
    return cat([x, found[:, :1], F.relu(found[:, 1:])], 1)


def claims(grey: Tensor, found: dict[str, Tensor], pairs: list[tuple[float, float]]) -> list[Claim]:
    """Rows 57 to 59 of the acceptance table."""
    ndimage = importlib.import_module("scipy.ndimage")
    apart = [np.abs(convolve(grey, k).numpy() - ndimage.convolve(grey.numpy(), k)[1:-1, 1:-1]).max() for k in KERNELS.values()]
    turned = (found["sobel x"] + convolve(grey, SOBEL_X)).abs().max().item()
    smooth, difference = np.array([[1.0], [2], [1]]), np.array([[-1.0, 0, 1]])
    in_two = (correlate(correlate(grey, smooth), difference) - found["sobel x"]).abs().max().item()
    manual_seed(0)
    left = correlate(randn(256, 256, dtype=grey.dtype), BLUR).std().item()
    gain = float(np.mean([a - b for a, b in pairs]))
    return [
        Claim("true convolution apart from scipy.ndimage.convolve", max(apart), "<=", 1e-5),
        Claim("Sobel: correlation apart from minus the convolution", turned, "<=", 1e-12),
        Claim("Sobel: apart from [1 2 1] down and [-1 0 1] across", in_two, "<=", 1e-12),
        Claim("blur: share of white noise that is left, apart from |kernel|", abs(left - np.sqrt((BLUR**2).sum())), "<=", 0.01),
        Claim(f"accuracy gained by features, mean of {len(pairs)} draws of {FEW} digits", gain, ">=", 0.0),
    ]


def _table(found: dict[str, Tensor], edges: Tensor) -> Table:
    rows = [["filter", "mean", "standard deviation", "smallest", "largest"]]
    for name, result in {**found, "edges": edges}.items():
        rows.append([name, *(f"{v.item():.3f}" for v in (result.mean(), result.std(), result.min(), result.max()))])
    return Table("results (pixels are from 0 to 1)", rows)


def _digits_table(pairs: list[tuple[float, float]]) -> Table:
    rows = [["draw", "pixels, blur and edges", "pixels alone"]]
    rows += [[str(n + 1), f"{a:.1%}", f"{b:.1%}"] for n, (a, b) in enumerate(pairs)]
    means = np.mean(pairs, axis=0)
    return Table(f"accuracy of a network that has learned {FEW} digits", [*rows, ["mean", *(f"{m:.1%}" for m in means)]])


def figure(grey: Tensor, found: dict[str, Tensor], edges: Tensor) -> Any:
    """The picture and what each filter makes of it, and the kernels in small."""
    figure, panels = new_panels(2, 3, 12.0, 5.8)
    picture(panels[0, 0], grey.numpy(), "the picture")
    reach = max(found[name].abs().max().item() for name in ("sobel x", "sobel y")) / 2
    for axes, (name, result) in zip((panels[0, 1], panels[1, 0], panels[1, 1], panels[0, 2]), found.items()):
        signed = name.startswith("sobel")
        settings = {"cmap": "RdBu", "vmin": -reach, "vmax": reach} if signed else {}
        picture(axes, result.numpy(), name, **settings)
        _draw_kernel(axes, KERNELS[name])
    picture(panels[1, 2], edges.numpy(), "edges: length of both", cmap="gray_r", vmin=0, vmax=edges.max().item() / 2)
    return figure


def _draw_kernel(axes: Any, kernel: np.ndarray) -> None:
    scale = 16 if np.abs(kernel).max() < 1 else 1
    words = "\n".join(" ".join(f"{v:3.0f}" for v in row) for row in kernel * scale)
    axes.text(0.015, 0.975, words + (" /16" if scale > 1 else ""), transform=axes.transAxes, fontsize=7, family="monospace",
              va="top", bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 2})
