"""Datasets, samplers, the loader, the digits and image files, against PyTorch and by their properties."""

import sys
import threading
import time
import zlib
from collections import Counter, namedtuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import talweg
from talweg import data
from talweg.data.order import permutation, uniform
from talweg.data.splits import stratified

torch.set_num_threads(1)
Point = namedtuple("Point", "x y")


def seeded(seed):
    generator = talweg.Generator()
    generator.manual_seed(seed)
    return generator


class Squares(data.Dataset):
    """Plain numbers, and one index that fails on request."""

    def __init__(self, size, broken=None, slow=0.0):
        self.size = size
        self.broken = broken
        self.slow = slow

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        if index == self.broken:
            raise KeyError(f"no square {index}")
        time.sleep(self.slow * (index % 3))
        return index, float(index) ** 2


class Stream(data.IterableDataset):
    def __init__(self, size):
        self.size = size

    def __iter__(self):
        return iter(range(self.size))


def values(loader):
    return [batch[0].tolist() for batch in loader]


def same(ours, theirs):
    """Equal in structure, dtype and value."""
    if isinstance(theirs, torch.Tensor):
        assert str(ours.dtype).removeprefix("talweg.") == str(theirs.dtype).removeprefix("torch.")
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    elif isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for key in theirs:
            same(ours[key], theirs[key])
    elif isinstance(theirs, str):
        assert ours == theirs
    else:
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs):
            same(a, b)


# Datasets


def test_tensor_dataset_gives_rows_and_batches_of_them():
    x = np.arange(24.0).reshape(6, 4)
    dataset = data.TensorDataset(talweg.tensor(x), talweg.arange(6))
    row, label = dataset[4]
    assert row.tolist() == x[4].tolist()
    assert label.item() == 4
    rows, labels = dataset.batch([5, 0, 5])
    assert rows.tolist() == x[[5, 0, 5]].tolist()
    assert labels.tolist() == [5, 0, 5]


@pytest.mark.parametrize("shapes", [[], [()], [(3, 2), (4,)]])
def test_tensor_dataset_refuses_unequal_or_missing_first_dimensions(shapes):
    with pytest.raises(ValueError, match="TensorDataset"):
        data.TensorDataset(*[talweg.zeros(*s) if s else talweg.tensor(1.0) for s in shapes])


def test_concatenation_and_subsets_count_as_lists_do():
    parts = [Squares(3), Squares(1), Squares(5)]
    joined = parts[0] + parts[1]
    whole = data.ConcatDataset(parts)
    expected = [p[i] for p in parts for i in range(len(p))]
    assert [whole[i] for i in range(len(whole))] == expected
    assert whole[-1] == expected[-1]
    assert len(joined) == 4
    assert [data.Subset(whole, [8, 0])[i] for i in range(2)] == [expected[8], expected[0]]
    for index in (9, -10):
        with pytest.raises(IndexError, match="out of range"):
            whole[index]
    with pytest.raises(ValueError, match="at least one"):
        data.ConcatDataset([])
    with pytest.raises(TypeError, match="IterableDataset"):
        data.ConcatDataset([Stream(3)])


@pytest.mark.filterwarnings("ignore:Length of split")
@given(st.integers(1, 60), st.lists(st.integers(0, 16), max_size=4), st.integers(0, 2**40))
@settings(deadline=None, max_examples=40)
def test_random_split_is_disjoint_complete_and_sized_as_in_pytorch(size, parts, seed):
    fractions = [n / 64 for n in [*parts, 64 - sum(parts)]]
    ours = data.random_split(Squares(size), fractions, seeded(seed))
    theirs = torch.utils.data.random_split(range(size), fractions)
    assert [len(part) for part in ours] == [len(part) for part in theirs]
    assert sorted(i for part in ours for i in part.indices) == list(range(size))


@pytest.mark.parametrize("lengths", [[3, 3], [11, -1], [0.5, 0.6], [1.5, -0.5], []])
def test_random_split_refuses_lengths_that_do_not_fit(lengths):
    with pytest.raises(ValueError, match="random_split"):
        data.random_split(Squares(10), lengths)


def test_unwritten_methods_say_what_to_write():
    with pytest.raises(NotImplementedError, match="__getitem__"):
        data.Dataset()[0]
    with pytest.raises(NotImplementedError, match="__iter__"):
        iter(data.IterableDataset())
    with pytest.raises(TypeError, match="stream"):
        Stream(3)[0]


# Orders and samplers


def test_the_order_is_a_permutation_that_is_the_same_everywhere():
    order = permutation(1000, 7, "shuffle")
    assert sorted(order.tolist()) == list(range(1000))
    # Pinned: an order that changes with a version of NumPy would change every published run.
    assert zlib.crc32(order.astype("<i8").tobytes()) == 0x1c64002b
    assert not np.array_equal(order, permutation(1000, 8, "shuffle"))
    assert not np.array_equal(order, permutation(1000, 7, "shuffle", epoch=1))
    assert not np.array_equal(order, permutation(1000, 7, "split"))


def test_every_place_is_equally_likely():
    places = np.array([permutation(5, seed, "shuffle") for seed in range(4000)])
    for column in places.T:
        counts = np.bincount(column, minlength=5)
        assert ((counts - 800) ** 2 / 800).sum() < 23.5  # chi-square, 4 degrees of freedom, p = 1e-4
    draws = uniform(10_000, 3, "replacement")
    assert 0 < draws.min() < draws.max() < 1
    assert abs(draws.mean() - 0.5) < 0.015


def test_random_sampler_depends_on_seed_and_epoch_only():
    first = data.RandomSampler(range(50), generator=seeded(3))
    epochs = [list(first) for _ in range(3)]
    again = data.RandomSampler(range(50), generator=seeded(3))
    again.set_epoch(2)
    assert list(again) == epochs[2]
    assert epochs[0] != epochs[1] != epochs[2]
    assert all(sorted(e) == list(range(50)) for e in epochs)


def test_reseeding_the_generator_starts_again_and_the_global_seed_counts_without_one():
    generator = seeded(3)
    sampler = data.RandomSampler(range(50), generator=generator)
    first = list(sampler)
    generator.manual_seed(4)
    other = list(sampler)
    generator.manual_seed(3)
    assert list(sampler) == first != other

    def two_epochs():
        talweg.manual_seed(11)
        unseeded = data.RandomSampler(range(50))
        return list(unseeded), list(unseeded)

    once = two_epochs()
    assert once == two_epochs()
    assert once[0] != once[1]


def test_more_samples_than_there_are_come_as_whole_orders():
    drawn = list(data.RandomSampler(range(4), num_samples=10, generator=seeded(0)))
    assert len(drawn) == 10
    assert sorted(drawn[:4]) == sorted(drawn[4:8]) == [0, 1, 2, 3]
    repeated = list(data.RandomSampler(range(4), replacement=True, num_samples=4000, generator=seeded(0)))
    assert set(repeated) == {0, 1, 2, 3}
    assert max(abs(n - 1000) for n in Counter(repeated).values()) < 120


def test_weighted_sampler_follows_its_weights():
    weights = [0.0, 1.0, 3.0]
    with_replacement = list(data.WeightedRandomSampler(weights, 4000, generator=seeded(1)))
    counts = np.bincount(with_replacement, minlength=3)
    assert counts[0] == 0
    assert abs(counts[2] / 4000 - 0.75) < 0.03
    first = Counter(
        next(iter(data.WeightedRandomSampler([1.0, 3.0], 2, replacement=False, generator=seeded(s))))
        for s in range(1000)
    )
    assert abs(first[1] / 1000 - 0.75) < 0.05


@pytest.mark.parametrize(
    "make",
    [
        lambda: data.WeightedRandomSampler([1, -1], 2),
        lambda: data.WeightedRandomSampler([0, 0], 2),
        lambda: data.WeightedRandomSampler([1, float("nan")], 2),
        lambda: data.WeightedRandomSampler([[1, 2]], 2),
        lambda: data.WeightedRandomSampler([1, 0], 2, replacement=False),
        lambda: data.WeightedRandomSampler([1, 1], 0),
        lambda: data.RandomSampler(range(3), num_samples=-1),
        lambda: data.BatchSampler(range(3), 0, False),
        lambda: data.BatchSampler(range(3), True, False),
    ],
)
def test_samplers_refuse_bad_numbers(make):
    with pytest.raises(ValueError):
        make()


@given(st.integers(0, 40), st.integers(1, 12), st.booleans())
def test_batch_sampler_cuts_as_pytorch_does(size, batch_size, drop_last):
    ours = data.BatchSampler(data.SequentialSampler(range(size)), batch_size, drop_last)
    theirs = torch.utils.data.BatchSampler(range(size), batch_size, drop_last)
    assert list(ours) == list(theirs)
    assert len(ours) == len(theirs)


# Collating


def samples_for(library):
    t = library.tensor
    return [
        [1, 2, 3],
        [True, False],
        [0.5, 1.5],
        ["a", "b"],
        [t([1.0, 2.0]), t([3.0, 4.0])],
        [np.arange(3, dtype=np.int32), np.ones(3, dtype=np.int32)],
        [np.float32(1), np.float32(2)],
        [(1, "a", t([1.0])), (2, "b", t([2.0]))],
        [[1, 2], [3, 4]],
        [{"x": 1, "y": {"z": t([1])}}, {"x": 2, "y": {"z": t([2])}}],
        [Point(1, [2.0]), Point(3, [4.0])],
    ]


@pytest.mark.parametrize("which", range(11))
def test_default_collate_agrees_with_pytorch(which):
    ours = data.default_collate(samples_for(talweg)[which])
    theirs = torch.utils.data.default_collate(samples_for(torch)[which])
    assert type(ours).__name__ == type(theirs).__name__
    same(ours, theirs)


@pytest.mark.parametrize(
    ("batch", "error", "match"),
    [
        ([], RuntimeError, "no samples"),
        ([object()], TypeError, "collate_fn"),
        ([np.array(["a"])], TypeError, "dtype"),
        ([np.zeros(2), np.zeros(3)], RuntimeError, "equal size"),
        ([(1, 2), (1,)], RuntimeError, "equal size"),
        ([{"a": 1}, {"b": 1}], RuntimeError, "keys"),
    ],
)
def test_default_collate_says_why_samples_do_not_join(batch, error, match):
    with pytest.raises(error, match=match):
        data.default_collate(batch)


# The loader


@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.parametrize("shuffle", [False, True])
def test_batches_do_not_depend_on_workers(workers, shuffle):
    def epochs(count):
        loader = data.DataLoader(
            Squares(37, slow=0.001), 5, shuffle=shuffle, num_workers=count, generator=seeded(2)
        )
        assert len(loader) == 8
        return [values(loader) for _ in range(2)]

    assert epochs(workers) == epochs(0)


def test_the_fast_way_of_tensor_datasets_gives_what_collating_gives():
    dataset = data.TensorDataset(talweg.arange(20).reshape(10, 2), talweg.arange(10))
    subset = data.Subset(dataset, [9, 3, 4, 0, 7])
    for source in (dataset, subset):
        fast = list(data.DataLoader(source, 3))
        slow = list(data.DataLoader(source, 3, collate_fn=data.default_collate))
        assert len(fast) == len(slow)
        for a, b in zip(fast, slow):
            assert [t.tolist() for t in a] == [t.tolist() for t in b]


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_come_with_their_values(workers):
    loader = data.DataLoader(data.TensorDataset(talweg.arange(12.0), talweg.arange(12)), 4, num_workers=workers)
    assert all(x.node.value is not None for batch in loader for x in batch)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_exception_keeps_its_type_and_names_its_sample(workers):
    loader = data.DataLoader(Squares(20, broken=13), 4, num_workers=workers)
    seen = []
    with pytest.raises(KeyError, match="no square 13") as caught:
        seen.extend(loader)
    assert len(seen) == 3
    assert any("sample 13" in note and "batch 3" in note for note in caught.value.__notes__)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stream_comes_once_and_in_order(workers):
    loader = data.DataLoader(Stream(10), 4, num_workers=workers)
    assert [b.tolist() for b in loader] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    dropped = data.DataLoader(Stream(10), 4, num_workers=workers, drop_last=True)
    assert [b.tolist() for b in dropped] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert list(data.DataLoader(Stream(3), None, num_workers=workers)) == [0, 1, 2]
    with pytest.raises(TypeError):
        len(loader)


def test_a_failing_stream_reaches_the_reader_from_its_thread():
    class Failing(data.IterableDataset):
        def __iter__(self):
            yield 1
            raise OSError("the disk is gone")

    loader = iter(data.DataLoader(Failing(), 1, num_workers=1))
    assert next(loader).tolist() == [1]
    with pytest.raises(OSError, match="the disk is gone"):
        next(loader)


def test_fetching_ahead_is_bounded_and_ends_with_the_reader():
    fetched = []

    class Counting(Squares):
        def __getitem__(self, index):
            fetched.append(index)
            return index

    before = threading.active_count()
    batches = iter(data.DataLoader(Counting(1000), 1, num_workers=2, prefetch_factor=3))
    next(batches)
    time.sleep(0.1)
    assert len(fetched) <= 1 + 2 * 3
    batches.close()
    for _ in range(100):
        if threading.active_count() <= before:
            break
        time.sleep(0.02)
    assert threading.active_count() <= before


def test_workers_know_who_they_are_and_their_start_may_fail():
    started = []

    class Asking(Squares):
        def __getitem__(self, index):
            info = data.get_worker_info()
            return info.id, info.num_workers

    loader = data.DataLoader(Asking(12), 3, num_workers=2, worker_init_fn=started.append)
    seen = [pair for ids, counts in loader for pair in zip(ids.tolist(), counts.tolist())]
    assert set(started) <= {0, 1}
    assert {who for who, _ in seen} == set(started)
    assert {count for _, count in seen} == {2}
    assert data.get_worker_info() is None

    def fail(worker):
        raise RuntimeError(f"worker {worker} cannot start")

    with pytest.raises(RuntimeError, match="cannot start"):
        list(data.DataLoader(Squares(4), num_workers=1, worker_init_fn=fail))


def test_a_batch_that_never_comes_times_out():
    class Stuck(Squares):
        def __getitem__(self, index):
            time.sleep(0.5)

    with pytest.raises(RuntimeError, match="timeout"):
        next(iter(data.DataLoader(Stuck(2), num_workers=1, timeout=0.05)))


def test_computing_samples_in_threads_while_training_changes_nothing():
    class Computed(Squares):
        def __getitem__(self, index):
            x = talweg.arange(8).float() * index
            return x / ((x * x).sum().sqrt() + 1), index % 2

    def losses(workers):
        talweg.manual_seed(0)
        model = talweg.nn.Linear(8, 2)
        optimizer = talweg.optim.Adam(model.parameters(), lr=1e-2)
        found = []
        for x, y in data.DataLoader(Computed(200), 16, shuffle=True, num_workers=workers, generator=seeded(1)):
            optimizer.zero_grad()
            loss = talweg.nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            found.append(loss.item())
        return found

    assert losses(3) == losses(0)


@pytest.mark.parametrize(
    "arguments",
    [
        {"num_workers": -1},
        {"timeout": -1},
        {"prefetch_factor": 2},
        {"prefetch_factor": 0, "num_workers": 1},
        {"batch_size": 0},
        {"batch_size": None, "drop_last": True},
        {"shuffle": True, "sampler": [0, 1]},
        {"batch_sampler": [[0]], "batch_size": 2},
        {"batch_sampler": [[0]], "drop_last": True},
    ],
)
def test_contradictory_arguments_are_refused(arguments):
    with pytest.raises(ValueError):
        data.DataLoader(Squares(4), **arguments)


def test_streams_and_empty_sets_have_their_own_limits():
    with pytest.raises(ValueError, match="own order"):
        data.DataLoader(Stream(4), shuffle=True)
    with pytest.raises(ValueError, match="empty"):
        data.DataLoader(Squares(0), shuffle=True)
    assert list(data.DataLoader(Squares(0))) == []
    assert values(data.DataLoader(Squares(6), batch_sampler=[[5, 0], [3]])) == [[5, 0], [3]]
    assert values(data.DataLoader(Squares(6), 2, sampler=[])) == []


# The digits


def test_the_split_has_the_stated_sizes_is_disjoint_and_stratified():
    splits = data.load("digits", size=8)
    parts = [splits.train, splits.validation, splits.test]
    assert [len(p) for p in parts] == [1200, 237, 360]
    seen = [{image.tobytes() for image in p.tensors[0].numpy()} for p in parts]
    assert not seen[0] & seen[1]
    assert not seen[0] & seen[2]
    assert not seen[1] & seen[2]
    whole = np.bincount(np.concatenate([p.tensors[1].numpy() for p in parts]))
    for part in parts:
        counts = np.bincount(part.tensors[1].numpy(), minlength=10)
        assert np.abs(counts - whole * len(part) / 1797).max() < 1.5


@pytest.mark.parametrize("size", [8, 28])
def test_digits_are_normalised_by_the_training_split(size):
    splits = data.digits(size)
    train = splits.train.tensors[0].numpy()
    assert train.shape == (1200, 1, size, size)
    assert train.dtype == np.float32
    assert abs(train.mean()) < 1e-5
    assert abs(train.std() - 1) < 1e-5
    raw = train * splits.std + splits.mean
    assert raw.min() >= -1e-5
    assert raw.max() <= 1 + 1e-5
    assert splits.train.tensors[1].dtype == talweg.int64


def test_another_seed_gives_another_split_and_bad_sizes_are_refused():
    assert not np.array_equal(data.digits(8, 0).test.tensors[1].numpy(), data.digits(8, 1).test.tensors[1].numpy())
    for size in (7, 0, 28.0):
        with pytest.raises(ValueError, match="size"):
            data.digits(size)
    with pytest.raises(ValueError, match="did you mean 'digits'"):
        data.load("digit")
    with pytest.raises(ValueError, match="no split"):
        data.digits(8).part("dev")


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install talweg\[data\]"):
        data.digits()


@given(st.lists(st.integers(0, 4), min_size=3, max_size=80), st.data())
@settings(max_examples=60, deadline=None)
def test_stratified_parts_hold_each_classs_share_to_within_one_or_two(labels, draw):
    labels = np.array(labels)
    first = draw.draw(st.integers(1, len(labels) - 1))
    counts = (first, len(labels) - first)
    parts = stratified(labels, counts, permutation(len(labels), 0, "test"))
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(labels)))
    for label in np.unique(labels):
        share = np.count_nonzero(labels == label) * first / len(labels)
        assert abs(np.count_nonzero(labels[parts[0]] == label) - share) <= 1.5
    with pytest.raises(ValueError, match="add up"):
        stratified(labels, (1, 1, len(labels)), np.arange(len(labels)))


# Image files


def drawn_eight(side=64):
    picture = np.zeros((side, side), np.uint8)
    picture[10:50, 20:28] = 255
    picture[10:18, 20:44] = 200
    return picture


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_mode_reads_as_the_same_grey(tmp_path, mode):
    grey = np.where(drawn_eight() > 128, 255, 0).astype(np.uint8)
    path = tmp_path / ("x.jpg" if mode == "CMYK" else "x.png")
    if mode == "I;16":
        Image.fromarray(grey.astype(np.uint16) * 257).save(path)
    else:
        Image.fromarray(grey).convert(mode).save(path)
    found = data.read_grey(path)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, grey / 255, atol=0.12 if mode == "CMYK" else 1e-6)


def test_transparency_is_white_paper(tmp_path):
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[1, 1, 3] = 255
    Image.fromarray(pixels).save(tmp_path / "x.png")
    found = data.read_grey(tmp_path / "x.png")
    assert found[1, 1] == 0
    assert found.sum() == 15


def test_the_cameras_rotation_is_undone(tmp_path):
    image = Image.fromarray(drawn_eight())
    exif = Image.Exif()
    exif[0x0112] = 6  # stored on its side: turn 90 degrees clockwise to see it upright
    image.rotate(90, expand=True).save(tmp_path / "x.png", exif=exif)
    np.testing.assert_allclose(data.read_grey(tmp_path / "x.png"), drawn_eight() / 255, atol=1e-6)


def test_dark_on_light_becomes_light_on_dark_and_light_stays():
    ink = drawn_eight().astype(np.float32) / 255
    np.testing.assert_allclose(data.light_on_dark(ink), ink, atol=1e-6)
    np.testing.assert_allclose(data.light_on_dark(1 - ink), ink, atol=1e-6)
    np.testing.assert_allclose(data.light_on_dark(0.9 - 0.5 * ink), ink, atol=1e-6)
    with pytest.raises(ValueError, match="even grey"):
        data.light_on_dark(np.full((9, 9), 0.7, np.float32))


def test_where_the_drawing_lies_on_the_page_does_not_matter():
    ink = drawn_eight().astype(np.float32) / 255
    page = np.zeros((300, 200), np.float32)
    page[30:94, 100:164] = ink
    np.testing.assert_allclose(data.fitted(page, 28, 8), data.fitted(ink, 28, 8), atol=1e-6)
    found = data.fitted(page, 28, 8)
    assert found.shape == (28, 28)
    assert found.min() >= 0
    assert found.max() <= 1


def test_a_test_image_written_to_a_file_comes_back_as_it_was(tmp_path):
    splits = data.digits(28)
    pixels = splits.test.tensors[0].numpy()[0, 0] * splits.std + splits.mean
    Image.fromarray(np.round(255 * pixels).astype(np.uint8)).save(tmp_path / "x.png")
    found = data.fitted(data.light_on_dark(data.read_grey(tmp_path / "x.png")), 28, 8)
    np.testing.assert_allclose(found, (pixels - pixels.min()) / np.ptp(pixels), atol=0.01)


def huge_png(path):
    def chunk(kind, body):
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    header = (50_000).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def test_malformed_files_give_one_clear_error(tmp_path):
    whole = tmp_path / "whole.png"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    Image.fromarray(noise).save(whole)
    content = whole.read_bytes()
    cases = {
        "cut.png": content[: len(content) // 2],
        "empty.png": b"",
        "text.png": b"not an image at all",
        "header.png": content[:20],
    }
    for name, damaged in cases.items():
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(ValueError, match=name):
            data.read_grey(tmp_path / name)
    huge_png(tmp_path / "bomb.png")
    with pytest.raises(ValueError, match=r"bomb\.png.*too (many|large)"):
        data.read_grey(tmp_path / "bomb.png")
    Image.fromarray(noise).save(tmp_path / "x.gif")
    with pytest.raises(ValueError, match="PNG or JPEG"):
        data.read_grey(tmp_path / "x.gif")
    with pytest.raises(FileNotFoundError, match="no such file"):
        data.read_grey(tmp_path / "nothing.png")
    with pytest.raises(IsADirectoryError, match="folder"):
        data.read_grey(tmp_path)


@given(st.integers(0, 10_000), st.integers(0, 255))
@settings(max_examples=60, deadline=None)
def test_no_damaged_byte_escapes_as_another_error(tmp_path_factory, place, value):
    folder = tmp_path_factory.mktemp("damaged")
    for suffix in ("png", "jpg"):
        path = folder / f"x.{suffix}"
        Image.fromarray(drawn_eight()).save(path)
        content = bytearray(path.read_bytes())
        content[place % len(content)] = value
        path.write_bytes(content)
        try:
            found = data.read_grey(path)
        except ValueError:
            continue
        assert np.isfinite(found).all()
