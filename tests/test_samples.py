"""Every public function on every sample: PyTorch's values, dtypes, forms and errors."""

import inspect

import pytest
import samples
import torch
from samples import MISUSES, SAMPLES, tensors_of
from samples.check import TOLERANCE, assert_same, assert_same_gradients, by_id

import talweg
import talweg.nn.functional as F
from talweg.tensor import PUBLIC


@by_id(SAMPLES)
def test_value(sample):
    """Value, dtype and shape, for each dtype that PyTorch takes."""
    for dtype in sample.dtypes if sample.has_reals else ("other",):
        try:
            theirs = sample.run(torch, dtype)[0]
        except (RuntimeError, TypeError):
            assert dtype not in ("float64", "other"), "the sample itself is wrong"
            continue
        ours = sample.run(talweg, dtype)[0]
        assert_same(ours, theirs, TOLERANCE[dtype] * sample.loose, dtype)


def method_of(sample) -> str | None:
    """The method of the same name, where the first argument is a tensor."""
    if sample.fn is not None or not sample.args or not isinstance(sample.args[0], samples.table.Spec):
        return None
    if "." in sample.name or sample.name == "where":  # x.where(c, y) is where(c, x, y)
        return None
    return sample.name if callable(getattr(torch.Tensor, sample.name, None)) else None  # real is a property


@by_id([s for s in SAMPLES if method_of(s)])
def test_method(sample):
    """x.f(y) is f(x, y)."""
    name = method_of(sample)
    args, kwargs, _ = sample.arguments(talweg)
    again, _, _ = sample.arguments(talweg)
    function = tensors_of(sample.function(talweg)(*args, **kwargs), talweg)
    method = tensors_of(getattr(again[0], name)(*again[1:], **kwargs), talweg)
    assert_same(method, function, 0.0, "method")


def written(sample, T, grad):
    """(the value after x.f_(), the gradients through it, the type of the error there was)"""
    args, kwargs, leaves = sample.arguments(T, grad=True)
    x = args[0].clone()
    try:
        result = getattr(x, sample.name + "_")(*args[1:], **kwargs)
    except (RuntimeError, TypeError, IndexError) as error:
        return None, None, type(error)
    assert result is x
    through = x.requires_grad and leaves and sample.order
    try:
        return x, grad(x.sum(), leaves, allow_unused=True) if through else None, None
    except RuntimeError as error:  # PyTorch has no derivative of asinh_ and its like
        if T is talweg or "is not implemented" not in str(error):
            raise
        return x, None, None


IN_PLACE = [s for s in SAMPLES if method_of(s) and hasattr(talweg.Tensor, s.name + "_") and hasattr(torch.Tensor, s.name + "_")]


@by_id(IN_PLACE)
def test_in_place(sample):
    """x.f_(y) makes x what f(x, y) is, or is refused where PyTorch refuses it."""
    theirs, their_gradients, their_error = written(sample, torch, torch.autograd.grad)
    ours, our_gradients, our_error = written(sample, talweg, talweg.grad)
    assert (our_error is None) == (their_error is None), f"{our_error} against {their_error}"
    if theirs is None:
        return
    assert_same([ours], [theirs], 1e-9, "in place")
    if their_gradients is not None and "logical" not in sample.name:  # PyTorch lets the gradient of x.logical_not_() pass
        assert_same_gradients(our_gradients, their_gradients)


NOT_SAMPLED = """
Function GradcheckError Generator RemovableHandle Tensor backward default_generator enable_grad evaluate_pending grad
gradcheck gradgradcheck inference_mode initial_seed is_grad_enabled manual_seed no_grad seed set_grad_enabled
autocast compile explain from_dlpack get_autocast_dtype is_autocast_available is_autocast_enabled profile
set_printoptions step_done bernoulli multinomial normal randint randint_like randperm relu_ gumbel_softmax poisson
""".split()


def test_every_public_function_has_a_sample():
    sampled = {s.name.rpartition(".")[2] for s in SAMPLES}
    written = {n for n in PUBLIC if n.endswith("_") and hasattr(talweg.Tensor, n)}  # f_(x) is x.f_(), tested with x.f()
    public = {n for n in {*PUBLIC, *dir(F)} - written if callable(getattr(talweg, n, None) or getattr(F, n, None))}
    assert {n for n in public if not n.startswith("_")} - sampled - set(NOT_SAMPLED) == set()


ROOMS = ("linalg", "fft", "special", "masked", "signal.windows")
NOT_SAMPLED_THERE = {"accept_out", "get_default_dtype"}  # helpers
SAME_WINDOW = {f"signal.windows.{name}_window" for name in ("bartlett", "blackman", "hamming", "hann", "kaiser")}


@pytest.mark.parametrize("room", ROOMS)
def test_every_function_of_a_room_has_a_sample(room):
    """By its full name: special.xlogy is not sampled by xlogy."""
    found = talweg
    for part in room.split("."):
        found = getattr(found, part)
    public = {f"{room}.{n}" for n, f in vars(found).items() if not n.startswith("_") and inspect.isfunction(f)
              and n not in NOT_SAMPLED_THERE}
    assert public - {s.name for s in SAMPLES} - SAME_WINDOW == set()


METHODS_ELSEWHERE = """
backward bernoulli bernoulli_ cauchy_ cdouble cfloat copy_ cuda data_ptr dim element_size exponential_ fill_diagonal_ geometric_
get_device is_contiguous is_pinned item log_normal_ multinomial ndimension nelement new_empty_strided normal_ numpy pin_memory
random_ register_hook register_post_accumulate_grad_hook requires_grad_ resize_ retain_grad size storage_offset stride tolist
uniform_ zero_ share_memory_ untyped_storage as_subclass new to_dense to_sparse
""".split()
"""Methods that read, write or convert a tensor rather than compute another: test_box.py, test_random.py,
test_alias_other_code.py and others."""


def test_every_method_has_a_sample():
    """As the function of its name, as Tensor.name, or as the in-place form of one that has."""
    sampled = {s.name.rpartition(".")[2] for s in SAMPLES}
    methods = {n for n in dir(talweg.Tensor) if not n.startswith("_") and callable(getattr(talweg.Tensor, n))}
    methods = {n for n in methods if hasattr(torch.Tensor, n) and n.rstrip("_") not in sampled}
    assert methods - sampled - set(METHODS_ELSEWHERE) == set()


OUR_TYPES = {torch.linalg.LinAlgError: talweg.linalg.LinAlgError}


@pytest.mark.parametrize("misuse", MISUSES, ids=lambda m: m.id)
def test_misuse_is_refused(misuse):
    """With PyTorch's type of error, at the call itself, in a message that names what is wrong."""
    with pytest.raises(Exception) as theirs:  # noqa: PT011
        misuse.sample.run(torch)
    expected = OUR_TYPES.get(type(theirs.value), type(theirs.value))
    with pytest.raises(expected, match=misuse.match) as ours:
        misuse.sample.run(talweg)
    assert type(ours.value) is expected
