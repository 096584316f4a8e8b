"""Pictures with boxes and masks, read from the formats people have them in, and everything that can be wrong with these."""

import json

import numpy as np
import pytest
from PIL import Image

from talweg.data import load
from talweg.data.annotations import read_boxed, read_masked, scene_set
from talweg.data.problems import BadSample

SIDE = 32
COUNT = 12
BOX = [4.0, 8.0, 20.0, 16.0]  # left, top, right, bottom of a picture 40 wide and 20 high


def picture(folder, name, seed, colour=True):
    """A file 40 pixels wide and 20 high."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (20, 40, 3) if colour else (20, 40), dtype=np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(folder / name)


def coco(root, change=lambda content: None, name="instances.json"):
    for i in range(COUNT):
        picture(root / "images", f"{i}.png", i)
    left, top, right, bottom = BOX
    content = {
        "images": [{"id": 10 + i, "file_name": f"{i}.png", "width": 40, "height": 20} for i in range(COUNT)],
        "annotations": [{"id": i, "image_id": 10 + i, "category_id": 7 + i % 2, "bbox": [left, top, right - left, bottom - top]}
                        for i in range(COUNT - 1)],
        "categories": [{"id": 7, "name": "cat"}, {"id": 8, "name": "dog"}],
    }
    change(content)
    (root / name).write_text(json.dumps(content))
    return root


def voc(root, text=None):
    left, top, right, bottom = BOX
    for i in range(COUNT):
        picture(root / "JPEGImages", f"{i}.png", i)
        thing = (f"<object><name>{'dog' if i % 2 else 'cat'}</name><bndbox><xmin>{left + 1}</xmin><ymin>{top + 1}</ymin>"
                 f"<xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object>") if i < COUNT - 1 else ""
        (root / "Annotations").mkdir(exist_ok=True)
        (root / "Annotations" / f"{i}.xml").write_text(f"<annotation><filename>x</filename>{thing}</annotation>")
    if text is not None:
        (root / "Annotations" / "0.xml").write_text(text)
    return root


def yolo(root, text=None, names=True):
    left, top, right, bottom = BOX
    line = f"{(left + right) / 80} {(top + bottom) / 40} {(right - left) / 40} {(bottom - top) / 20}"
    for i in range(COUNT):
        part = "train" if i < 8 else "val"
        picture(root / "images" / part, f"{i}.png", i)
        (root / "labels" / part).mkdir(parents=True, exist_ok=True)
        if i < COUNT - 1:
            (root / "labels" / part / f"{i}.txt").write_text(f"{i % 2} {line}\n")
    if names:
        (root / "data.yaml").write_text("names: [cat, dog]\n")
    if text is not None:
        (root / "labels" / "train" / "0.txt").write_text(text)
    return root


@pytest.mark.parametrize("write", [coco, voc, yolo])
def test_the_three_formats_say_the_same(write, tmp_path):
    found = read_boxed(write(tmp_path), SIDE)
    assert found.classes == ["cat", "dog"]
    assert found.images.shape == (COUNT, 3, SIDE, SIDE)
    assert sorted(np.concatenate(found.parts).tolist()) == list(range(COUNT))
    assert all(len(part) for part in found.parts)
    wanted = np.array(BOX) * np.array([SIDE / 40, SIDE / 20] * 2)
    boxes = [b for b in found.boxes if len(b)]
    assert len(boxes) == COUNT - 1
    np.testing.assert_allclose(np.concatenate(boxes), np.tile(wanted, (COUNT - 1, 1)), atol=1e-3)
    labels = {found.picture(i).tobytes(): found.labels[i].tolist() for i in range(COUNT)}
    for i in range(COUNT - 1):
        original = Image.open(next(tmp_path.rglob(f"{i}.png"))).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        assert labels[(np.asarray(original).transpose(2, 0, 1).astype(np.float32) / 255).tobytes()] == [i % 2]


def test_a_given_part_is_kept_and_a_missing_one_made_of_the_training(tmp_path):
    found = read_boxed(yolo(tmp_path), SIDE)
    train, validation, test = found.parts
    assert (len(train) + len(test), len(validation)) == (8, 4)
    assert any("no test split" in note for note in found.notes)


def test_coco_of_several_files_goes_by_their_names_and_leaves_crowds_out(tmp_path):
    coco(tmp_path, name="train.json")

    def crowd(content):
        content["images"] = content["images"][:3]
        content["annotations"] = content["annotations"][:3]
        content["annotations"][0]["iscrowd"] = 1

    coco(tmp_path, crowd, "val.json")
    found = read_boxed(tmp_path, SIDE)
    assert len(found.images) == COUNT + 3
    assert [len(p) for p in found.parts][1] == 3
    assert any("1 boxes around crowds" in note for note in found.notes)


def test_yolos_polygons_become_boxes_and_classes_may_have_no_names(tmp_path):
    found = read_boxed(yolo(tmp_path, "1 0.1 0.2 0.5 0.2 0.3 0.6\n", names=False), SIDE)
    assert found.classes == ["0", "1"]
    boxes = np.concatenate([b for b in found.boxes if len(b)])
    assert any(np.allclose(b, np.array([0.1, 0.2, 0.5, 0.6]) * SIDE, atol=1e-3) for b in boxes)


def test_one_json_file_is_a_data_set_too(tmp_path):
    assert read_boxed(coco(tmp_path) / "instances.json", SIDE).classes == ["cat", "dog"]


def changed(name, i, **values):
    def change(content):
        content[name][i] |= values
        for key in [k for k, v in values.items() if v is None]:
            del content[name][i][key]

    return change


BAD_COCO = {
    "no area": (changed("annotations", 0, bbox=[1, 1, 0, 5]), "box 1 has no area"),
    "not finite": (changed("annotations", 0, bbox=[1, 1, float("inf"), 5]), "no area"),
    "three numbers": (changed("annotations", 0, bbox=[1, 1, 5]), "unpack"),
    "no box": (changed("annotations", 0, bbox=None), "bbox"),
    "class that is none": (changed("annotations", 0, category_id=99), "99"),
    "picture that is none": (changed("images", 0, file_name="gone.png"), "there is no such picture"),
    "out of the folder": (changed("images", 0, file_name="../../etc/passwd"), "leads out of the folder"),
    "image that is none": (changed("annotations", 0, image_id=1234), "1234"),
}


@pytest.mark.parametrize("name", BAD_COCO)
def test_bad_coco_is_named_or_left_out(name, tmp_path):
    change, told = BAD_COCO[name]
    coco(tmp_path, change)
    with pytest.raises(BadSample, match=told):
        read_boxed(tmp_path, SIDE)
    found = read_boxed(tmp_path, SIDE, on_error="skip")
    assert len(found.images) >= COUNT - 1
    assert any("skipped 1 bad" in note for note in found.notes)


@pytest.mark.parametrize(("text", "told"), [
    ("{", "is no JSON"), ("[]", "`images` is none"), ('{"images": [], "annotations": []}', "`categories` is none"),
    ('{"images": [1], "annotations": [], "categories": []}', "`images` is none"),
    ('{"images": [], "annotations": [], "categories": [{"id": 1}]}', "an id and a name"),
    ('{"images": [], "annotations": [], "categories": []}', "not one picture"), ("[" * 100_000, "is no JSON"),
])
def test_files_that_are_no_coco_are_refused(text, told, tmp_path):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=told):
        read_boxed(tmp_path, SIDE)


@pytest.mark.parametrize(("text", "told"), [
    ("<annotation>", "no sound XML"), ("", "no sound XML"), ("<!DOCTYPE x><annotation/>", "document type"),
    ("<a><object><name>cat</name></object></a>", "no bndbox"),
    ("<a><object><name>cat</name><bndbox><xmin>a</xmin></bndbox></object></a>", "must be numbers"),
    ("<a><object><name>c</name><bndbox><xmin>5</xmin><ymin>5</ymin><xmax>2</xmax><ymax>9</ymax></bndbox></object></a>",
     "no area"),
])
def test_bad_voc_is_named_or_left_out(text, told, tmp_path):
    voc(tmp_path, text)
    with pytest.raises(BadSample, match=told):
        read_boxed(tmp_path, SIDE)
    assert len(read_boxed(tmp_path, SIDE, on_error="skip").images) == COUNT - 1


@pytest.mark.parametrize(("text", "told"), [
    ("0 0.5 0.5", "needs a class and 4 numbers"), ("cat 0.5 0.5 0.1 0.1", "not a class and numbers"),
    ("5 0.5 0.5 0.1 0.1", "no class 5 of 2"), ("-1 0.5 0.5 0.1 0.1", "no class -1"), ("0 50 50 10 10", "from 0 to 1"),
    ("0 0.5 0.5 0 0.1", "no area"), ("0 nan 0.5 0.1 0.1", "from 0 to 1"), ("nan 0.5 0.5 0.1 0.1", "class"),
])
def test_bad_yolo_is_named_or_left_out(text, told, tmp_path):
    yolo(tmp_path, text)
    with pytest.raises(BadSample, match=told):
        read_boxed(tmp_path, SIDE)
    assert len(read_boxed(tmp_path, SIDE, on_error="skip").images) == COUNT - 1


def test_what_holds_no_boxes_is_told_what_would_be_read(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        read_boxed(tmp_path / "gone", SIDE)
    picture(tmp_path, "1.png", 0)
    with pytest.raises(ValueError, match="COCO's annotations"):
        read_boxed(tmp_path, SIDE)


def test_a_picture_that_is_damaged_is_named(tmp_path):
    coco(tmp_path)
    (tmp_path / "images" / "3.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    with pytest.raises(BadSample, match=r"3\.png"):
        read_boxed(tmp_path, SIDE)


def test_pictures_without_a_single_box_teach_nothing(tmp_path):
    coco(tmp_path, lambda content: content.update(annotations=[]))
    with pytest.raises(ValueError, match="nothing to learn"):
        read_boxed(tmp_path, SIDE)


# Masks


def masked(root, mask_of, names=None, count=10):
    """Pictures with masks that `mask_of(i)` gives: an array, or an image."""
    for i in range(count):
        picture(root / "images", f"{i}.jpg", i, colour=False)
        mask = mask_of(i)
        (root / "masks").mkdir(exist_ok=True)
        (mask if isinstance(mask, Image.Image) else Image.fromarray(mask)).save(root / "masks" / f"{i}.png")
    if names:
        (root / "classes.txt").write_text("\n".join(names))
    return root


def halves(i, low=0, high=2):
    mask = np.full((20, 40), low, np.uint8)
    mask[:, 20:] = high
    return mask


def with_palette(i):
    image = Image.fromarray(halves(i))
    image.putpalette([7 * k % 256 for k in range(768)])
    return image


def in_colours(i):
    colours = np.zeros((20, 40, 3), np.uint8)
    colours[:, 20:] = (200, 30, 30)
    colours[:5, 20:] = (30, 200, 30)
    return colours


@pytest.mark.parametrize(("mask_of", "classes"), [
    (halves, ["0", "1", "2"]), (with_palette, ["0", "1", "2"]), (lambda i: halves(i, 0, 255), ["0", "1"]),
    (lambda i: Image.fromarray(halves(i).astype(np.uint16)), ["0", "1", "2"]),
])
def test_masks_of_numbers_are_read(mask_of, classes, tmp_path):
    found = read_masked(masked(tmp_path, mask_of), SIDE)
    assert found.classes == classes
    assert found.masks.shape == (10, SIDE, SIDE)
    wanted = np.zeros((SIDE, SIDE), int)
    wanted[:, SIDE // 2:] = len(classes) - 1
    np.testing.assert_array_equal(found.masks, np.broadcast_to(wanted, found.masks.shape))


def test_masks_in_colours_are_read_and_255_among_numbers_means_nothing_is_said(tmp_path):
    found = read_masked(masked(tmp_path / "a", in_colours, ["ground", "leaf", "petal"]), SIDE)
    assert found.classes == ["ground", "leaf", "petal"]
    assert found.masks[0, 0, -1] == 1
    assert found.masks[0, -1, -1] == 2
    found = read_masked(masked(tmp_path / "b", lambda i: halves(i, 1, 255)), SIDE)
    assert found.classes == ["0", "1"]
    assert set(np.unique(found.masks)) == {1, 255}


BAD_MASKS = {
    "size": (lambda i: halves(i)[:10] if i == 3 else halves(i), "is 10 x 40 pixels, but its picture 20 x 40"),
    "a photograph": (lambda i: np.random.default_rng(i).integers(0, 256, (20, 40, 3), dtype=np.uint8), "is it a photograph"),
    "mixed": (lambda i: in_colours(i) if i == 3 else halves(i), "has colours, but masks before it numbers"),
    "high": (lambda i: Image.fromarray(np.full((20, 40), 999, np.uint16)), "class number 999"),
}


@pytest.mark.parametrize("name", BAD_MASKS)
def test_bad_masks_are_named(name, tmp_path):
    mask_of, told = BAD_MASKS[name]
    masked(tmp_path, mask_of)
    with pytest.raises(BadSample, match=told):
        read_masked(tmp_path, SIDE)


def test_a_skipped_mask_leaves_pictures_and_masks_together(tmp_path):
    """The picture of a bad mask goes too, whichever of the two fails."""
    masked(tmp_path, lambda i: halves(i, 0, i % 3))
    (tmp_path / "masks" / "4.png").write_bytes(b"no")
    (tmp_path / "images" / "5.jpg").write_bytes(b"no")
    found = read_masked(tmp_path, SIDE, on_error="skip")
    assert len(found.images) == len(found.masks) == 8
    assert found.masks.max(axis=(1, 2)).tolist() == [i % 3 for i in range(10) if i not in (4, 5)]


def test_missing_masks_few_names_and_folders_without_masks_are_told(tmp_path):
    with pytest.raises(ValueError, match="no images/ with masks/ beside it"):
        read_masked(tmp_path, SIDE)
    with pytest.raises(FileNotFoundError):
        read_masked(tmp_path / "gone", SIDE)
    masked(tmp_path, halves, ["only"])
    with pytest.raises(ValueError, match="names 1 classes, but the masks have 3"):
        read_masked(tmp_path, SIDE)
    (tmp_path / "masks" / "0.png").unlink()
    with pytest.raises(BadSample, match="has no mask"):
        read_masked(tmp_path, SIDE)


def test_scenes_become_boxes_or_masks_that_agree():
    scenes = load("scenes", counts=(6, 2, 2))
    boxed, drawn = scene_set("scenes", scenes, masks=False), scene_set("scenes", scenes, masks=True)
    assert drawn.classes == ["ground", *boxed.classes]
    for i in range(10):
        for (left, top, right, bottom), label in zip(boxed.boxes[i].astype(int), boxed.labels[i]):
            assert (drawn.masks[i][top:bottom, left:right] == label + 1).any()
        assert set(np.unique(drawn.masks[i])) == {0, *(boxed.labels[i] + 1)}
    with pytest.raises(ValueError, match="no split is called 'dev'"):
        boxed.part("dev")
