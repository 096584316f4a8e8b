"""The table of samples through the compiler: values, gradients to second order and errors are the interpreter's."""

import os
import random

import numpy as np
import pytest
from compiling import compiling
from samples import MISUSES, SAMPLES
from samples.check import by_id
from samples.table import dtype_name, value

import talweg

EVERY = bool(os.environ.get("TALWEG_ALL_SAMPLES"))
MOST = 1
"""Samples of one name in a short run. All of them, in all dtypes: `make fuzz`."""
RELATIVE = {"float64": 2e-13, "float32": 4e-6, "bfloat16": 2.0**-7}
BEYOND = {"sin-4", "cos-4", "tan-4"}  # float64 beyond 2^44 is nan in kernels: docs/architecture.md
EXACT = set("""
Tensor.to Tensor.type Tensor.int Tensor.long Tensor.bool cat stack flip roll permute transpose reshape gather index_select
take sort argsort topk argmax argmin amax amin max min eq ne lt le gt ge where masked_fill tril triu floor ceil round trunc
sign abs neg rand_like F.pad F.max_pool1d F.max_pool2d F.max_pool3d F.one_hot F.embedding
""".split())


def chosen(samples: list, most: int) -> list:
    """Of each name a few, the same every time."""
    if EVERY:
        return samples
    by_name: dict[str, list] = {}
    for sample in samples:
        by_name.setdefault(sample.name, []).append(sample)
    return [s for name, group in by_name.items() for s in random.Random(name).sample(group, min(most, len(group)))]


def results_of(sample, dtype: str, order: int) -> list:
    """The sample's results, then its gradients to the given order, evaluated together."""
    talweg.manual_seed(3)
    results, leaves = sample.run(talweg, dtype, grad=True)
    found = [y for y in results if isinstance(y, talweg.Tensor)]
    ends = [y for y in found if y.requires_grad]
    for _ in range(order if leaves else 0):
        if not ends:
            break
        given = talweg.grad([y.sum() for y in ends], leaves, create_graph=True, allow_unused=True)
        found += [g for g in given if g is not None]
        ends = [g for g in given if g is not None and g.requires_grad]
    talweg.evaluate_pending()
    return [y.detach() for y in found]


def outcome(sample, dtype: str, order: int):
    try:
        return results_of(sample, dtype, order), None
    except Exception as error:
        return None, error.with_traceback(None)


def compare(sample, dtype: str, order: int) -> None:
    with np.errstate(all="ignore"):
        plain, refused = outcome(sample, dtype, order)
        with compiling() as seen:
            fast, raised = outcome(sample, dtype, order)
    assert type(raised) is type(refused), f"compiled: {raised!r}, interpreted: {refused!r}"
    if refused is not None:
        return
    assert not seen.errors, f"the compiler refused: {seen.errors[0]!r}"
    for i, (a, b) in enumerate(zip(fast, plain, strict=True)):
        what = f"{dtype}, result {i}"
        assert dtype_name(a) == dtype_name(b), what
        u, v = value(a), value(b)
        assert u.shape == v.shape, what
        if v.dtype.kind in "fc" and (sample.name not in EXACT or i > 0):
            close = RELATIVE.get(dtype_name(b), 0) * sample.loose
            np.testing.assert_allclose(u, v, close, close, err_msg=what)
        else:
            np.testing.assert_array_equal(u, v, err_msg=what)


@by_id(chosen([s for s in SAMPLES if s.id not in BEYOND], MOST))
def test_compiled(sample):
    """One dtype and order in a short run, chosen by the sample's name; all of them under `make fuzz`."""
    dtypes = sample.dtypes if sample.has_reals else ("float64",)
    dtypes = dtypes if EVERY else [random.Random(sample.id).choice(dtypes)]
    for dtype in dtypes:
        compare(sample, dtype, sample.order if dtype == "float64" else min(sample.order, 1))


@pytest.mark.parametrize("misuse", MISUSES if EVERY else MISUSES[::6], ids=lambda m: m.id)
def test_misuse(misuse):
    """What is refused is refused with the compiler on, too."""
    with compiling(), pytest.raises(Exception, match=misuse.match):
        misuse.sample.run(talweg)


@pytest.mark.parametrize("function", [np.sin, np.cos, np.tan])
def test_the_known_limit(function):
    """float64 below 2^44 is right; the day this holds beyond, BEYOND can go."""
    x = np.array([1e3, 1.0e9, 2.0**43 + 0.5])
    with compiling():
        y = getattr(talweg, function.__name__)(talweg.tensor(x)).numpy()
    np.testing.assert_allclose(y, function(x), 1e-12, 1e-12)
