"""Pictures with masks: PNG files of class numbers, with a palette, or in colours."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from ..images import MAX_PIXELS
from ..problems import BadSample
from ..sources.walk import files_below, visible
from .annotated_set import IGNORED
from .listing import Listed, Listing, images_by_stem, part_named

PICTURES = ("images", "image", "imgs", "JPEGImages")
MASKS = ("masks", "mask", "labels", "annotations", "SegmentationClass")


def list_masked(folder: Path) -> Listing:
    """images/ and masks/ with files of the same names, or both inside train/, val/ and test/; names of classes in
    classes.txt, one a line from class 0 on. Raises ValueError for a folder without the two."""
    pairs = _pairs_of_folders(folder)
    if not pairs:
        raise ValueError(f"{folder}: has no images/ with masks/ beside it: put pictures into one and masks of the same names "
                         "(PNG) into the other, or both into train/, val/ and test/")
    pictures: list[Listed] = []
    bad: list[BadSample] = []
    notes: list[str] = []
    for images, masks, part in pairs:
        by_stem = {str(p.relative_to(masks).with_suffix("")): p for p in files_below(masks) if p.suffix.lower() == ".png"}
        for stem, path in images_by_stem(images).items():
            mask = by_stem.pop(stem, None)
            if mask is None:
                bad.append(BadSample(path, f"has no mask {masks / stem}.png"))
            else:
                inner = part if part >= 0 else part_named(Path(stem).parts[0]) if len(Path(stem).parts) > 1 else -1
                pictures.append(Listed(path, mask, mask=mask, part=inner))
        if by_stem:
            notes.append(f"left out {len(by_stem)} masks without a picture, such as {next(iter(by_stem.values()))}")
    text = folder / "classes.txt"
    names = text.read_text(encoding="utf-8").splitlines() if text.is_file() else []
    return Listing(folder, pictures, [name.strip() for name in names if name.strip()], notes, bad)


def _pairs_of_folders(folder: Path) -> list[tuple[Path, Path, int]]:
    """(pictures, masks, part) of the folder itself or of its parts."""
    found = []
    for top, part in ((folder, -1), *((p, part_named(p.name)) for p in visible(folder) if p.is_dir())):
        if top != folder and part < 0:
            continue
        images = next((top / name for name in PICTURES if (top / name).is_dir()), None)
        masks = next((top / name for name in MASKS if (top / name).is_dir()), None)
        if images is not None and masks is not None:
            found.append((images, masks, part))
    return found


def read_mask(path: Path) -> np.ndarray:
    """Class numbers (H, W), or colours (H, W, 3), uint8. A palette's numbers are the classes.

    Raises ValueError for what is no PNG, damaged, too large, or has numbers above 255.
    """
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(file, formats=("PNG",))
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"{image.width} x {image.height} pixels are too many")
            image.load()
    except (OSError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise ValueError(f"is no sound PNG ({error})") from error
    if image.mode in ("1", "L", "P"):
        return np.asarray(image.convert("L") if image.mode == "1" else image)
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.max(initial=0) > 255:
            raise ValueError(f"has a class number {values.max()}; at most 254 can be told apart, and 255 means nothing is said")
        return values.astype(np.uint8)
    return np.asarray(image.convert("RGB"))


class Colours:
    """Which class a mask's values mean: numbers are classes; colours get numbers by their order, black first.

    Where masks have only 0 and 255, 255 is class 1.
    """

    def __init__(self) -> None:
        self.seen: set[int] = set()
        self.coloured = False

    def note(self, mask: np.ndarray) -> None:
        """Raises ValueError for too many colours, and for colours beside numbers."""
        coloured = mask.ndim == 3
        if self.seen and coloured != self.coloured:
            kinds = ("colours", "numbers") if coloured else ("numbers", "colours")
            raise ValueError("has {}, but masks before it {}".format(*kinds))
        self.coloured = coloured
        self.seen |= set(np.unique(_packed(mask)).tolist())
        if len(self.seen) > IGNORED:
            raise ValueError(f"brings the colours to {len(self.seen)}: a mask has one for each class; is it a photograph?")

    @property
    def classes(self) -> int:
        if self.coloured:
            return len(self.seen)
        return 2 if self.two_tone else max((v for v in self.seen if v != IGNORED), default=0) + 1

    @property
    def two_tone(self) -> bool:
        return not self.coloured and self.seen == {0, IGNORED}

    @property
    def names(self) -> list[str]:
        if self.coloured:
            return [f"#{value:06x}" for value in sorted(self.seen)]
        return [str(i) for i in range(self.classes)]

    def numbers(self, mask: np.ndarray) -> np.ndarray:
        """Class numbers (H, W), uint8."""
        if self.coloured:
            return np.searchsorted(np.array(sorted(self.seen)), _packed(mask)).astype(np.uint8)
        return (mask > 0).astype(np.uint8) if self.two_tone else mask


def _packed(mask: np.ndarray) -> np.ndarray:
    """Colours as one number each."""
    if mask.ndim == 2:
        return mask
    parts = mask.astype(np.int64)
    return (parts[..., 0] << 16) | (parts[..., 1] << 8) | parts[..., 2]
