"""Data by path: folders of images, texts and sounds, tables and arrays; and every mistake a newcomer makes there."""

import io
import json
import sys
import wave

import numpy as np
import pytest
from PIL import Image

from talweg import data
from talweg.data import BadSample, Request, load_path, targets_of
from talweg.data.images import squared
from talweg.data.problems import Problems
from talweg.data.sources.csv_file import read_csv

RNG = np.random.default_rng(0)


def noise(height=12, width=12, channels=None):
    shape = (height, width) if channels is None else (height, width, channels)
    return RNG.integers(0, 256, shape, np.uint8)


def folder_of_images(root, count=10, classes=("a", "b"), channels=None, suffix=".png"):
    for name in classes:
        (root / name).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            Image.fromarray(noise(channels=channels)).save(root / name / f"{i}{suffix}")
    return root


def everything(splits):
    return [splits.train, splits.validation, splits.test]


def sizes(splits):
    return [len(part) for part in everything(splits)]


def inputs(part):
    return part.batch(range(len(part)))[0].numpy()


def load(path, **request):
    return load_path(path, Request(**{"size": 8, **request}))


# Images


def test_each_file_is_in_one_part_with_its_folders_label(tmp_path):
    root = folder_of_images(tmp_path / "set", 20, ("cat", "dog", "élan 木"))
    splits = load(root, size=12)
    assert splits.classes == ["cat", "dog", "élan 木"]
    assert splits.input_shape == (1, 12, 12)
    assert sum(sizes(splits)) == 60
    expected = {np.asarray(Image.open(p)).tobytes(): splits.classes.index(p.parent.name) for p in root.rglob("*.png")}
    found = {}
    for part in everything(splits):
        pixels = np.round((inputs(part) * splits.std + splits.mean) * 255).astype(np.uint8)
        found |= {p.tobytes(): int(y) for p, y in zip(pixels, part.targets)}
        assert np.ptp(np.bincount(part.targets, minlength=3)) <= 1  # each class's share
    assert found == expected


def test_training_inputs_have_mean_zero_and_deviation_one(tmp_path):
    splits = load(folder_of_images(tmp_path / "s", 20), size=12)
    values = inputs(splits.train)
    assert values.dtype == np.float32
    np.testing.assert_allclose([values.mean(), values.std()], [0, 1], atol=1e-4)


def test_the_split_depends_on_the_seed_only(tmp_path):
    root = folder_of_images(tmp_path / "s", 20)
    first, again, other, larger = (load(root, seed=s, size=n) for s, n in ((0, 8), (0, 8), (1, 8), (0, 10)))
    assert first.test.indices.tolist() == again.test.indices.tolist() == larger.test.indices.tolist()
    assert first.test.indices.tolist() != other.test.indices.tolist()
    assert first.fingerprint == again.fingerprint == larger.fingerprint


@pytest.mark.parametrize("given", [("train", "val", "test"), ("train", "test"), ("Training", "VALID"), ("train",)])
def test_split_folders_are_taken_as_they_are_and_what_lacks_is_cut_from_training(tmp_path, given):
    for part in given:
        folder_of_images(tmp_path / "s" / part, 20)
    splits = load(tmp_path / "s")
    assert sum(sizes(splits)) == 40 * len(given)
    assert min(sizes(splits)) > 0
    assert sum("no " in n and "split is given" in n for n in splits.notes) == 3 - len(given)
    if "test" in given:
        assert len(splits.test) == 40


def test_modes_orientation_and_extensions(tmp_path):
    """Whatever the mode, the pixels are what a viewer would show."""
    root = folder_of_images(tmp_path / "s", 6)
    grey = noise(6, 9)
    colour = noise(6, 9, 3)
    saved = {
        "grey16.png": (Image.fromarray(grey.astype(np.uint16) * 257), grey),
        "one.PNG": (Image.fromarray(grey > 127), np.where(grey > 127, 255, 0)),
        "rgb of grey.bmp": (Image.fromarray(np.repeat(grey[..., None], 3, 2)), grey),
        "colour.TIFF": (Image.fromarray(colour), colour),
        "opaque.png": (Image.fromarray(np.dstack([colour, np.full((6, 9), 255, np.uint8)])), colour),
        "clear.png": (Image.fromarray(np.dstack([colour, np.zeros((6, 9), np.uint8)])), np.full((6, 9), 255)),
        "greyalpha.png": (Image.fromarray(np.dstack([grey, np.full((6, 9), 255, np.uint8)]), "LA"), grey),
    }
    for name, (image, expected) in saved.items():
        image.save(root / "a" / name)
        np.testing.assert_array_equal(data.read_pixels(root / "a" / name), expected, err_msg=name)
    palette = Image.fromarray(colour).quantize(16)
    palette.save(root / "a" / "palette.gif")
    np.testing.assert_array_equal(data.read_pixels(root / "a" / "palette.gif"), np.asarray(palette.convert("RGB")))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.fromarray(grey).save(root / "a" / "turned.png", exif=exif)
    np.testing.assert_array_equal(data.read_pixels(root / "a" / "turned.png"), np.rot90(grey, -1))
    (root / "a" / "9.png").rename(root / "a" / "9.txt") if (root / "a" / "9.png").exists() else None
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "PNG")
    (root / "b" / "misnamed.jpg").write_bytes(buffer.getvalue())
    (root / "b" / "unnamed").write_bytes(buffer.getvalue()[:])
    splits = load(root)
    assert splits.input_shape == (3, 8, 8)  # one colour image is enough
    assert sum(sizes(splits)) == 12 + len(saved) + 2 + 2
    assert load(root, channels=1).input_shape == (1, 8, 8)
    with pytest.raises(ValueError, match="1 channel"):
        load(root, channels=2)


def test_resizing_keeps_proportions_and_takes_the_middle():
    wide = np.zeros((10, 30), np.uint8)
    wide[:, 10:20] = 200
    np.testing.assert_array_equal(squared(wide, 10), np.full((10, 10), 200))
    np.testing.assert_array_equal(squared(wide.T, 10), np.full((10, 10), 200))
    assert squared(noise(31, 17, 3), 5).shape == (5, 5, 3)
    whole = noise(9, 9)
    assert squared(whole, 9) is whole


def test_hidden_and_foreign_files_are_left_out_and_nested_ones_found(tmp_path):
    root = folder_of_images(tmp_path / "s", 8)
    for junk in (".DS_Store", "Thumbs.db", "._0.png"):
        (root / "a" / junk).write_bytes(b"junk")
    (root / ".git").mkdir()
    (root / "__MACOSX").mkdir()
    (root / "a" / "notes.txt").write_text("about these images")
    folder_of_images(root / "b" / "more", 2, ("deep", "deeper"))
    splits = load(root)
    assert splits.classes == ["a", "b"]
    assert sum(sizes(splits)) == 16 + 4
    assert splits.notes == ["left out 1 files that are no images: " + str((root / "a/notes.txt").relative_to(root))]


def test_a_bad_image_stops_with_its_path_or_is_skipped_and_counted(tmp_path):
    root = folder_of_images(tmp_path / "s", 10)
    good = (root / "a" / "0.png").read_bytes()
    bad = {"empty.png": b"", "text.jpg": b"hello", "cut.png": good[: len(good) // 2], "zeros.jpeg": bytes(500)}
    for name, content in bad.items():
        (root / "a" / name).write_bytes(content)
    with pytest.raises(BadSample, match=r"cut\.png: .*--on-error skip") as caught:
        load(root)
    assert caught.value.path.endswith("cut.png")
    splits = load(root, on_error="skip")
    assert sum(sizes(splits)) == 20
    assert splits.notes[0].startswith("skipped 4 bad samples: ")
    assert splits.notes[0].endswith("and 1 more")


@pytest.mark.parametrize(
    ("build", "match"),
    [
        (lambda r: None, "there is no such file or folder"),
        (lambda r: r.mkdir(), "is empty: put a folder of files for each class"),
        (lambda r: (r / "a").mkdir(parents=True), "hold no files"),
        (lambda r: folder_of_images(r, 4, ("a",)), r"one class only \(a\)"),
        (lambda r: folder_of_images(r, 4, ("a",)) and [p.rename(r / p.name) for p in (r / "a").iterdir()]
         and (r / "a").rmdir(), "no class folders"),
        (lambda r: folder_of_images(r, 1, ("a", "b")), "too few"),
        (lambda r: [folder_of_images(r / "train", 3), folder_of_images(r, 3, ("c",))], "others beside them"),
        (lambda r: [folder_of_images(r / "val", 3), folder_of_images(r / "test", 3)], "no train folder"),
        (lambda r: [folder_of_images(r / "train", 3), folder_of_images(r / "test", 3, ("a", "B"))], "no class B"),
        (lambda r: [(r / c).mkdir(parents=True) or (r / c / "x.xyz").write_text("?") for c in "ab"], "no image among them"),
        (lambda r: r.write_text("a,b"), r"files named \* are not read"),
    ],
)
def test_folders_that_cannot_be_learned_from_are_answered(tmp_path, build, match):
    build(tmp_path / "s")
    with pytest.raises((ValueError, FileNotFoundError), match=match):
        load(tmp_path / "s")


def test_single_files_get_advice(tmp_path):
    for name, match in (("x.png", "is one image"), ("x.xlsx", "as CSV"), ("x.zip", "unpack"), ("x.npy", "x.npy and the labels")):
        (tmp_path / name).write_bytes(b"1")
        with pytest.raises(ValueError, match=match):
            load(tmp_path / name)


def test_duplicates_stay_together_and_leaks_are_reported(tmp_path):
    root = folder_of_images(tmp_path / "s", 20)
    for i in range(10):
        (root / "a" / f"copy{i}.png").write_bytes((root / "a" / f"{i}.png").read_bytes())
    (root / "b" / "wrong.png").write_bytes((root / "a" / "0.png").read_bytes())
    splits = load(root, size=12)
    assert splits.notes == ["11 samples repeat the content of another, 1 of them with another label; "
                            "equal ones were kept in one split"]
    contents = [{row.tobytes() for row in inputs(part)} for part in everything(splits)]
    assert not contents[0] & contents[1] | contents[0] & contents[2] | contents[1] & contents[2]
    split = tmp_path / "t"
    for part in ("train", "val", "test"):
        folder_of_images(split / part, 6)
    (split / "test/a/leak.png").write_bytes((split / "train/a/3.png").read_bytes())
    note = load(split).notes[0]
    assert note.startswith("data leak: 1 samples stand in two splits")
    assert "3.png (train) = " in note
    assert "leak.png (test)" in note


# Tables


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def rows_of(count=60, header="x,colour,y\n", mark=","):
    lines = [mark.join((f"{i / 7:.3f}", "red green blue".split()[i % 3], "ab"[i % 2])) for i in range(count)]
    return header.replace(",", mark) + "\n".join(lines) + "\n"


def test_numbers_are_standardised_and_words_one_hot(tmp_path):
    splits = load(write(tmp_path / "t.csv", rows_of()))
    assert splits.classes == ["a", "b"]
    assert splits.input_shape == (4,)
    assert "numbers: x; categories: colour" in splits.notes[-1]
    train = inputs(splits.train)
    np.testing.assert_allclose([train[:, 0].mean(), train[:, 0].std()], [0, 1], atol=1e-5)
    np.testing.assert_array_equal(train[:, 1:].sum(1), 1)
    everyone = np.concatenate([inputs(p) for p in everything(splits)])
    raw = np.array([i / 7 for i in range(60)])
    assert abs(np.corrcoef(np.sort(everyone[:, 0]), raw)[0, 1]) > 0.999999


@pytest.mark.parametrize(("mark", "name"), [(",", "t.csv"), (";", "t.csv"), ("\t", "t.tsv"), ("|", "t.csv"), ("\t", "t.csv")])
@pytest.mark.parametrize("header", ["x,colour,y\n", ""])
def test_delimiter_and_header_are_found_out(tmp_path, mark, name, header):
    text = rows_of(30, header, mark)
    table = read_csv(write(tmp_path / name, text), Problems())
    assert list(table.columns) == (["x", "colour", "y"] if header else ["column1", "column2", "column3"])
    assert len(table) == 30
    assert bool(table.notes) == (not header)


def test_all_words_with_and_without_a_header(tmp_path):
    words = "\n".join(f"{a},{b}" for a in ("u", "v") for b in ("p", "q") for _ in range(3))
    assert len(read_csv(write(tmp_path / "a.csv", "first,second\n" + words), Problems())) == 12
    assert len(read_csv(write(tmp_path / "b.csv", words), Problems())) == 12


def test_quotes_marks_of_order_and_decimal_commas(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"\xef\xbb\xbf" + 'größe;name;y\n1,5;"a; b";j\n2,5;"c ""d""";n\n'.encode())
    table = read_csv(path, Problems())
    assert table.columns == {"größe": ["1.5", "2.5"], "name": ["a; b", 'c "d"'], "y": ["j", "n"]}
    path.write_bytes("x,y\n1,a\n2,b\n".encode("utf-16"))
    assert read_csv(path, Problems()).columns["x"] == ["1", "2"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [("1.0,red", "2 cells where there are 3"), ("1.0,red,a,b", "4 cells"), ("high,red,a", "'high' where the others have numbers"),
     ("inf,red,a", "'inf'"), ("1.0,red,", "nothing in the target column 'y'")],
)
def test_a_bad_row_is_named_or_skipped(tmp_path, line, reason):
    lines = rows_of().splitlines()
    lines.insert(17, line)
    path = write(tmp_path / "t.csv", "\n".join(lines))
    with pytest.raises(BadSample, match=rf"t\.csv: row 18: .*{reason}") as caught:
        load(path)
    assert caught.value.row == 18
    splits = load(path, on_error="skip")
    assert sum(sizes(splits)) == 60
    assert "skipped 1 bad samples" in splits.notes[-1]


def test_missing_cells_become_the_mean_and_a_sign(tmp_path):
    lines = rows_of().splitlines()
    for i in range(1, 60, 4):
        lines[i] = lines[i].replace(lines[i].split(",")[0], ("", "NA", "nan", "?")[i // 4 % 4], 1)
    splits = load(write(tmp_path / "t.csv", "\n".join(lines)))
    assert splits.input_shape == (5,)
    train = inputs(splits.train)
    assert set(train[:, 1]) == {0, 1}
    np.testing.assert_array_equal(train[train[:, 1] == 1, 0], 0)


def test_only_training_rows_shape_the_features(tmp_path):
    """Changing test rows changes no training feature."""
    path = write(tmp_path / "t.csv", rows_of())
    before = load(path)
    lines = path.read_text().splitlines()
    for i in before.test.indices.tolist():
        lines[i + 1] = f"{1000 + i}.5,violet,{lines[i + 1][-1]}"
    after = load(write(path, "\n".join(lines)))
    assert before.test.indices.tolist() == after.test.indices.tolist()
    np.testing.assert_array_equal(inputs(before.train), inputs(after.train))
    assert not np.array_equal(inputs(before.test), inputs(after.test))


def test_targets_by_name_numbers_as_classes_and_as_numbers(tmp_path):
    lines = ["size,kind,price"] + [f"{i},{i % 3},{i * 1.5}" for i in range(60)]
    path = write(tmp_path / "t.csv", "\n".join(lines))
    priced = load(path)
    assert priced.classes == []
    assert priced.train.targets.shape == (len(priced.train), 1)
    kinds = load(path, target="kind")
    assert kinds.classes == ["0", "1", "2"]
    with pytest.raises(ValueError, match="did you mean 'price'"):
        load(path, target="prise")


def test_a_group_stays_in_one_part(tmp_path):
    lines = ["patient,x,y"] + [f"p{i % 15},{i * 37 % 101},{'ab'[i % 2]}" for i in range(150)]
    splits = load(write(tmp_path / "t.csv", "\n".join(lines)), group="patient")
    patients = [{int(i) % 15 for i in part.indices} for part in everything(splits)]
    assert sum(map(len, patients)) == 15
    assert splits.input_shape == (1,)


@pytest.mark.parametrize(
    ("text", "match"),
    [("", "is empty"), ("\n \n", "is empty"), ("a,b\n", "one value only"), ("x,y\n1,a\n2,a\n3,a\n", "one value only"),
     ("x,x\n1,a\n2,b\n", "two columns are called 'x'"), ("x,y\n1,a\n1,b\n1,a\n", "no column has anything"),
     ("x,y\n1,u\n2,v\n3,w\n4,z\n", "are no classes"), ("a\0b,c\n1,2", "zero bytes")],
)
def test_tables_without_anything_to_learn_are_answered(tmp_path, text, match):
    with pytest.raises(ValueError, match=match):
        load(write(tmp_path / "t.csv", text))


def test_a_file_that_is_no_text_names_the_row(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"x,y\n1,a\n2,\xff\xfe\n")
    with pytest.raises(ValueError, match=r"row 3: is no UTF-8"):
        load(tmp_path / "t.csv")


def test_json_lines_objects_lists_and_missing_keys(tmp_path):
    rows = [{"size": {"w": i, "h": i * i}, "taste": [i % 5, 1 / (i + 1)], "label": "yn"[i % 2]} for i in range(40)]
    del rows[3]["taste"]
    text = "\n".join(map(json.dumps, rows)) + "\n\n"
    splits = load(write(tmp_path / "t.jsonl", text))
    assert splits.classes == ["n", "y"]
    assert "size.w, size.h, taste.0, taste.1" in splits.notes[-1]
    broken = text.replace(json.dumps(rows[7]), '{"size": ', 1)
    with pytest.raises(BadSample, match="row 8: is no JSON object"):
        load(write(tmp_path / "b.jsonl", broken))
    assert sum(sizes(load(tmp_path / "b.jsonl", on_error="skip"))) == 39
    for line in ("[1, 2]", "3", '{"a": [[1]]}', "[" * 100_000):
        with pytest.raises(BadSample, match="row 1"):
            load(write(tmp_path / "c.jsonl", line))
    with pytest.raises(ValueError, match="no rows of data"):
        load(write(tmp_path / "d.jsonl", "\n"))


def test_parquet_needs_its_package(tmp_path, monkeypatch):
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ModuleNotFoundError, match=r"t\.parquet: .*pip install talweg\[parquet\]"):
        load(path)


def test_parquet_is_read_as_the_same_csv(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    csv = load(write(tmp_path / "t.csv", rows_of()))
    columns = {"x": [round(i / 7, 3) for i in range(60)], "colour": ["red green blue".split()[i % 3] for i in range(60)],
               "y": ["ab"[i % 2] for i in range(60)]}
    parquet.write_table(arrow.table(columns), tmp_path / "t.parquet")
    found = load(tmp_path / "t.parquet")
    for a, b in zip(everything(csv), everything(found)):
        np.testing.assert_allclose(np.sort(inputs(a), axis=0), np.sort(inputs(b), axis=0), atol=1e-6)
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match="damaged"):
        load(tmp_path / "bad.parquet")


# Texts and sounds


def test_texts_by_folder_are_told_apart_by_their_words(tmp_path):
    words = {"sea": "wave ship sail salt", "hill": "stone path sheep rain"}
    for name, found in words.items():
        (tmp_path / "s" / name).mkdir(parents=True)
        for i in range(20):
            text = " ".join(RNG.choice(found.split(), 12)) + f" number{i}"
            write(tmp_path / "s" / name / f"{i}.txt", text)
    splits = load(tmp_path / "s")
    np.testing.assert_allclose(np.linalg.norm(inputs(splits.train), axis=1), 1, atol=1e-5)
    x, y = inputs(splits.train), splits.train.targets
    centres = np.stack([x[y == c].mean(0) for c in (0, 1)])
    guesses = (inputs(splits.test) @ centres.T).argmax(1)
    assert (guesses == splits.test.targets).all()
    (tmp_path / "s" / "sea" / "none.txt").write_text(" ")
    with pytest.raises(BadSample, match=r"none\.txt: is empty"):
        load(tmp_path / "s")
    assert sum(sizes(load(tmp_path / "s", on_error="skip"))) == 40


def write_wave(path, values, rate=16_000, width=2, channels=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    scaled = np.round(np.clip(values, -1, 1) * (2 ** (8 * width - 1) - 1)).astype(np.int64)
    if width == 1:
        raw = (scaled + 128).astype(np.uint8).tobytes()
    else:
        raw = b"".join(int(v).to_bytes(width, "little", signed=True) for v in scaled)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(raw)
    return path


def tone(hertz, seconds=0.2, rate=16_000):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 48_000])
def test_waves_of_any_width_and_rate_are_the_same_sound(tmp_path, width, rate):
    found = data.read_sound(write_wave(tmp_path / "x.wav", tone(440, rate=rate), rate, width))
    assert found.dtype == np.float32
    assert abs(len(found) - 3200) <= 1
    inner = slice(200, 3000)
    np.testing.assert_allclose(found[inner], tone(440)[inner], atol=2e-2 if width == 1 else 5e-3)


def test_channels_are_averaged(tmp_path):
    both = np.stack([tone(300), -tone(300)], 1).reshape(-1)
    assert abs(data.read_sound(write_wave(tmp_path / "x.wav", both, channels=2))).max() < 1e-3


def test_a_pure_tone_lights_its_own_band():
    bands = [data.log_mel(tone(f), 40, 10).mean(1).argmax() for f in (200, 400, 1000, 3000, 7000)]
    assert bands == sorted(set(bands))
    picture = data.log_mel(tone(400), 40, 10)
    assert picture.shape == (40, 10)
    assert (picture.min(), picture.max()) >= (0, 1)
    assert data.log_mel(np.zeros(5, np.float32), 4, 3).shape == (4, 3)


def test_sounds_by_folder(tmp_path):
    for i in range(10):
        write_wave(tmp_path / "s" / "low" / f"{i}.wav", tone(200 + 10 * i))
        write_wave(tmp_path / "s" / "high" / f"{i}.WAV", tone(2000 + 100 * i))
    splits = load(tmp_path / "s", size=16)
    assert splits.input_shape == (1, 16, 16)
    rows = inputs(splits.test)[:, 0].mean(2).argmax(1)
    assert max(rows[splits.test.targets == 0]) < min(rows[splits.test.targets == 1])  # high notes on top
    (tmp_path / "s" / "low" / "bad.wav").write_bytes(b"RIFF....")
    with pytest.raises((BadSample, ModuleNotFoundError), match=r"bad\.wav"):
        load(tmp_path / "s")
    assert sum(sizes(load(tmp_path / "s", on_error="skip"))) == 20


# Arrays


@pytest.mark.parametrize("names", [("x", "y"), ("images", "labels"), ("X", "Y")])
def test_arrays_of_npz_files_and_folders(tmp_path, names):
    x, y = noise(50, 36).reshape(50, 6, 6), np.arange(50) % 3
    np.savez(tmp_path / "a.npz", **dict(zip(names, (x, y))))
    splits = load(tmp_path / "a.npz")
    assert splits.input_shape == (1, 6, 6)
    assert splits.classes == ["0", "1", "2"]
    (tmp_path / "f").mkdir()
    for name, value in zip(names, (x, y)):
        np.save(tmp_path / "f" / f"{name}.npy", value)
    folder = load(tmp_path / "f")
    for a, b in zip(everything(splits), everything(folder)):
        np.testing.assert_array_equal(inputs(a), inputs(b))


def test_arrays_with_their_own_test_set(tmp_path):
    x, y = RNG.normal(size=(60, 4)).astype(np.float32), RNG.integers(0, 2, 60)
    np.savez(tmp_path / "a.npz", x_train=x[:40], y_train=y[:40], x_test=x[40:], y_test=y[40:])
    splits = load(tmp_path / "a.npz")
    assert len(splits.test) == 20
    np.testing.assert_array_equal(inputs(splits.test), x[40:])


@pytest.mark.parametrize(
    ("arrays", "match"),
    [
        ({"x": np.zeros((4, 2))}, "holds x; expected"),
        ({"x": np.zeros((4, 2)), "y": np.arange(3)}, "4 samples, but there are 3"),
        ({"x": np.zeros(4), "y": np.arange(4)}, "a row for each"),
        ({"x": np.full((4, 2), np.nan), "y": np.arange(4)}, "row 0: .*nan"),
        ({"x": np.zeros((9, 2)), "y": np.zeros(9, int)}, "all labels are 0"),
        ({"x": np.zeros((0, 2)), "y": np.zeros(0)}, "no samples"),
        ({"x": np.zeros((4, 2)), "y": np.array([None] * 4)}, "plain arrays"),
        ({"x": np.zeros((4, 2)), "y": np.ones((4, 3), int)}, "one a"),
        ({"x": np.zeros((4, 2)), "y": np.array([0, 1, np.inf, 0])}, "nan or infinity"),
    ],
)
def test_arrays_that_do_not_fit_are_answered(tmp_path, arrays, match):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=match):
        load(tmp_path / "a.npz")


def test_damaged_array_files_are_named(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK\3\4 no")
    with pytest.raises(ValueError, match=r"a\.npz: .*damaged"):
        load(tmp_path / "a.npz")
    (tmp_path / "f").mkdir()
    np.save(tmp_path / "f" / "x.npy", np.zeros((50, 4)))
    np.save(tmp_path / "f" / "y.npy", np.arange(50) % 2)
    whole = (tmp_path / "f" / "x.npy").read_bytes()
    (tmp_path / "f" / "x.npy").write_bytes(whole[:-8])
    with pytest.raises(ValueError, match=r"x\.npy: .*cut short"):
        load(tmp_path / "f")


def test_targets_of_every_dataset_are_the_same(tmp_path):
    splits = data.digits(8)
    y = targets_of(splits.test)
    np.testing.assert_array_equal(y, [int(splits.test[i][1]) for i in range(len(y))])
    some = data.Subset(splits.test, [5, 3, 9])
    np.testing.assert_array_equal(targets_of(some), y[[5, 3, 9]])

    class Plain(data.Dataset):
        def __getitem__(self, i):
            return None, i % 2

        def __len__(self):
            return 4

    np.testing.assert_array_equal(targets_of(Plain()), [0, 1, 0, 1])
