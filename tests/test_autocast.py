"""autocast against PyTorch's, function by function: dtypes, values to bfloat16's rounding, gradients, nesting, compilation."""

import threading
import warnings

import numpy as np
import pytest
import torch

import talweg as tw

torch.set_num_threads(1)
SIZES = {"v": (6,), "w": (4,), "m": (4, 6), "n": (6, 5), "o": (4, 5), "k": (5, 6), "b": (2, 4, 6), "c": (2, 6, 5), "s": (2, 4, 5),
         "x1": (2, 4, 8), "x2": (2, 4, 6, 6), "x3": (1, 2, 4, 4, 4), "k1": (3, 4, 3), "k2": (3, 4, 3, 3), "k3": (3, 2, 3, 3, 3),
         "t1": (4, 3, 3), "t2": (4, 3, 3, 3), "t3": (2, 3, 3, 3, 3), "q": (2, 2, 4, 6), "p": (4,), "one": (1,), "sq": (4, 4)}


class Inputs:
    """Named operands in one dtype, the same numbers for both; those asked for by a capital are float32 always."""

    def __init__(self, T, dtype):
        self.T, self.dtype = T, dtype
        self.F = T.nn.functional

    def __getattr__(self, name):
        values = np.random.default_rng(sum(map(ord, name.lower()))).uniform(0.05, 0.95, SIZES[name.lower()]).astype(np.float32)
        x = self.T.tensor(values)
        return x if name.isupper() else x.to(getattr(self.T, self.dtype))

    def classes(self):
        return self.T.tensor([0, 1, 2, 1])


CASES = {
    "matmul": lambda i: i.T.matmul(i.m, i.n),
    "matmul of mixed dtypes": lambda i: i.T.matmul(i.m, i.N),
    "@": lambda i: i.m @ i.n,
    "matrix @ vector": lambda i: i.m @ i.v,
    "vector @ vector": lambda i: i.v @ i.v,
    "mm": lambda i: i.T.mm(i.m, i.n),
    "mv": lambda i: i.T.mv(i.m, i.v),
    "dot": lambda i: i.T.dot(i.v, i.v),
    "outer": lambda i: i.T.outer(i.v, i.w),
    "bmm": lambda i: i.T.bmm(i.b, i.c),
    "addmm": lambda i: i.T.addmm(i.o, i.m, i.n, beta=0.5, alpha=2),
    "addmv": lambda i: i.T.addmv(i.w, i.m, i.v),
    "addr": lambda i: i.T.addr(i.m, i.w, i.v),
    "baddbmm": lambda i: i.T.baddbmm(i.s, i.b, i.c),
    "addbmm": lambda i: i.T.addbmm(i.o, i.b, i.c),
    "einsum with a sum": lambda i: i.T.einsum("ij,jk->ik", i.m, i.n),
    "einsum of one": lambda i: i.T.einsum("ij->ji", i.m),
    "einsum without a sum": lambda i: i.T.einsum("i,j->ij", i.w, i.v),
    "linear": lambda i: i.F.linear(i.m, i.k, i.o[0]),
    "linear, float32 weights": lambda i: i.F.linear(i.m, i.K, i.O[0]),
    "bilinear": lambda i: i.F.bilinear(i.m, i.o, i.T.stack([i.n, i.n])),
    "conv1d": lambda i: i.F.conv1d(i.x1, i.k1),
    "conv2d": lambda i: i.F.conv2d(i.x2, i.k2, i.w[:3]),
    "conv2d, same": lambda i: i.F.conv2d(i.x2, i.k2, padding="same"),
    "conv3d": lambda i: i.F.conv3d(i.x3, i.k3),
    "conv_transpose1d": lambda i: i.F.conv_transpose1d(i.x1, i.t1),
    "conv_transpose2d": lambda i: i.F.conv_transpose2d(i.x2, i.t2, i.w[:3], stride=2),
    "conv_transpose3d": lambda i: i.F.conv_transpose3d(i.x3, i.t3),
    "interpolate": lambda i: i.F.interpolate(i.x2, scale_factor=2, mode="bilinear"),
    "grid_sample": lambda i: i.F.grid_sample(i.x2, i.T.zeros(2, 3, 3, 2), align_corners=False),
    "multi_margin_loss": lambda i: i.F.multi_margin_loss(i.m, i.classes()),
    "max_unpool1d": lambda i: i.F.max_unpool1d(i.x1[:, :, :4], i.T.tensor([[[0, 2, 4, 7]] * 4] * 2), 2),
    "fold": lambda i: i.F.fold(i.F.unfold(i.x2, 2), (6, 6), 2),
    "prelu": lambda i: i.F.prelu(i.m - 0.5, i.one),
    "attention": lambda i: i.F.scaled_dot_product_attention(i.q, i.q, i.q),
    "attention, causal": lambda i: i.F.scaled_dot_product_attention(i.q, i.q, i.q, is_causal=True),
    "attention, mask": lambda i: i.F.scaled_dot_product_attention(i.q, i.q, i.q, attn_mask=i.sq),
    "avg_pool2d": lambda i: i.F.avg_pool2d(i.x2, 2),
    "avg_pool3d": lambda i: i.F.avg_pool3d(i.x3, 2),
    "max_pool2d": lambda i: i.F.max_pool2d(i.x2, 2),
    "max_pool3d": lambda i: i.F.max_pool3d(i.x3, 2),
    "max_pool3d, indices": lambda i: i.F.max_pool3d(i.x3, 2, return_indices=True)[0],
    "adaptive_avg_pool2d": lambda i: i.F.adaptive_avg_pool2d(i.x2, 2),
    "adaptive_avg_pool3d": lambda i: i.F.adaptive_avg_pool3d(i.x3, 2),
    "adaptive_max_pool2d": lambda i: i.F.adaptive_max_pool2d(i.x2, 2),
    "adaptive_max_pool3d": lambda i: i.F.adaptive_max_pool3d(i.x3, 2),
    "binary_cross_entropy": lambda i: i.F.binary_cross_entropy(i.m, i.m),
    "binary_cross_entropy_with_logits": lambda i: i.F.binary_cross_entropy_with_logits(i.m, i.m),
    "cross_entropy": lambda i: i.F.cross_entropy(i.m, i.classes()),
    "cross_entropy, probabilities": lambda i: i.F.cross_entropy(i.m, i.m),
    "nll_loss": lambda i: i.F.nll_loss(i.m.log(), i.classes()),
    "mse_loss": lambda i: i.F.mse_loss(i.m, i.m * 0.5),
    "l1_loss": lambda i: i.F.l1_loss(i.m, i.m * 0.5),
    "huber_loss": lambda i: i.F.huber_loss(i.m, i.m * 0.5),
    "smooth_l1_loss": lambda i: i.F.smooth_l1_loss(i.m, i.m * 0.5),
    "kl_div": lambda i: i.F.kl_div(i.m.log(), i.m, reduction="sum"),
    "gaussian_nll_loss": lambda i: i.F.gaussian_nll_loss(i.m, i.m * 0.5, i.m),
    "poisson_nll_loss": lambda i: i.F.poisson_nll_loss(i.m, i.m),
    "hinge_embedding_loss": lambda i: i.F.hinge_embedding_loss(i.m, i.m.round() * 2 - 1),
    "margin_ranking_loss": lambda i: i.F.margin_ranking_loss(i.v, i.v * 0.5, i.v.round() * 2 - 1),
    "soft_margin_loss": lambda i: i.F.soft_margin_loss(i.v, i.v.round() * 2 - 1),
    "cosine_embedding_loss": lambda i: i.F.cosine_embedding_loss(i.m, i.m + 0.1, i.T.ones(4)),
    "triplet_margin_loss": lambda i: i.F.triplet_margin_loss(i.m, i.m * 0.5, i.m + 0.5),
    "cosine_similarity": lambda i: i.F.cosine_similarity(i.m, i.m * 0.5 + 0.1),
    "pairwise_distance": lambda i: i.F.pairwise_distance(i.m, i.m * 0.5),
    "normalize": lambda i: i.F.normalize(i.m),
    "layer_norm": lambda i: i.F.layer_norm(i.m, (6,), i.v, i.v),
    "layer_norm, float32 weights": lambda i: i.F.layer_norm(i.m, (6,), i.V, i.V),
    "rms_norm": lambda i: i.F.rms_norm(i.m, (6,), i.v),
    "rms_norm, float32 weights": lambda i: i.F.rms_norm(i.m, (6,), i.V),
    "group_norm": lambda i: i.F.group_norm(i.x1, 2, i.w, i.w),
    "group_norm, float32 weights": lambda i: i.F.group_norm(i.x1, 2, i.W, i.W),
    "batch_norm": lambda i: i.F.batch_norm(i.x2, i.T.zeros(4), i.T.ones(4), i.W, i.W, True),
    "batch_norm, evaluation": lambda i: i.F.batch_norm(i.x2, i.T.zeros(4), i.T.ones(4), i.W, i.W),
    "instance_norm": lambda i: i.F.instance_norm(i.x1),
    "local_response_norm": lambda i: i.F.local_response_norm(i.x1, 2),
    "softmax": lambda i: i.F.softmax(i.m, -1),
    "log_softmax": lambda i: i.F.log_softmax(i.m, -1),
    "logsumexp": lambda i: i.m.logsumexp(-1),
    "gelu": lambda i: i.F.gelu(i.m - 0.5),
    "silu": lambda i: i.F.silu(i.m - 0.5),
    "softplus": lambda i: i.F.softplus(i.m),
    "exp": lambda i: i.m.exp(),
    "log": lambda i: i.m.log(),
    "embedding": lambda i: i.F.embedding(i.classes(), i.m),
    "sum": lambda i: i.m.sum(0),
    "mean": lambda i: i.m.mean(),
    "var": lambda i: i.m.var(),
    "prod": lambda i: i.m.prod(1),
    "cumsum": lambda i: i.m.cumsum(1),
    "norm": lambda i: i.m.norm(),
    "pad": lambda i: i.F.pad(i.x1, (1, 1)),
    "pad, reflected": lambda i: i.F.pad(i.x1, (1, 1), mode="reflect"),
    "pad, replicated": lambda i: i.F.pad(i.x2, (1, 1, 1, 1), mode="replicate"),
    "pad, circular": lambda i: i.F.pad(i.x1, (1, 1), mode="circular"),
    "cat": lambda i: i.T.cat([i.m, i.M]),
    "stack": lambda i: i.T.stack([i.M, i.m]),
    "hstack": lambda i: i.T.hstack([i.m, i.M]),
    "index_copy": lambda i: i.m.index_copy(0, i.T.tensor([1]), i.M[:1]),
    "index_copy into float32": lambda i: i.M.index_copy(0, i.T.tensor([1]), i.m[:1]),
    "index_add": lambda i: i.m.index_add(0, i.T.tensor([1]), i.m[:1]),
    "where": lambda i: i.T.where(i.M > 0.5, i.M, i.m),
    "addcmul": lambda i: i.T.addcmul(i.m, i.m, i.M),
    "pow": lambda i: i.m**2.5,
    "a residual sum": lambda i: i.M + i.m,
    "addmm_ keeps the dtype": lambda i: i.o.clone().addmm_(i.m, i.n),
}


def name(dtype):
    return str(dtype).rpartition(".")[2]


def numbers(x):
    return x.detach().double().numpy()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("case", CASES)
def test_dtypes_and_values_are_pytorchs(case, dtype):
    results = []
    for T in (tw, torch):
        with T.autocast("cpu", dtype=T.bfloat16):
            results.append(CASES[case](Inputs(T, dtype)))
    ours, theirs = results
    assert name(ours.dtype) == name(theirs.dtype)
    scale = max(float(np.abs(numbers(theirs)).max()), 1e-3)
    np.testing.assert_allclose(numbers(ours), numbers(theirs), rtol=2**-6, atol=2**-7 * scale)


@pytest.mark.parametrize("case", ["linear, float32 weights", "conv2d", "layer_norm, float32 weights", "batch_norm", "attention"])
def test_outside_nothing_changes(case):
    with tw.autocast("cpu", enabled=False):
        inside = CASES[case](Inputs(tw, "float32"))
    assert inside.dtype is tw.float32
    np.testing.assert_array_equal(numbers(inside), numbers(CASES[case](Inputs(tw, "float32"))))


# --- gradients
def network(T):
    layers = [T.nn.Conv2d(3, 8, 3, padding=1), T.nn.BatchNorm2d(8), T.nn.ReLU(), T.nn.Flatten(), T.nn.Linear(8 * 36, 16),
              T.nn.LayerNorm(16), T.nn.GELU(), T.nn.Linear(16, 4)]
    return T.nn.Sequential(*layers)


def step_of(T, low=True, seed=0):
    """Loss and gradients of one step of a small network, the same weights for both."""
    generator = np.random.default_rng(seed)
    model = network(T)
    with T.no_grad():
        for p in model.parameters():
            p.copy_(T.tensor(generator.uniform(-0.3, 0.3, tuple(p.shape)).astype(np.float32)))
    x = T.tensor(generator.standard_normal((8, 3, 6, 6)).astype(np.float32))
    with T.autocast("cpu", T.bfloat16, low):
        loss = T.nn.functional.cross_entropy(model(x), T.tensor(generator.integers(0, 4, 8)))
    loss.backward()
    return model, loss


def test_gradients_of_float32_parameters_are_float32_and_as_near_as_pytorchs():
    (ours, loss), (theirs, their_loss), (exact, _) = step_of(tw), step_of(torch), step_of(tw, low=False)
    assert loss.dtype is tw.float32
    assert loss.item() == pytest.approx(their_loss.item(), rel=0.02)
    for p, q, e in zip(ours.parameters(), theirs.parameters(), exact.parameters()):
        assert p.dtype is p.grad.dtype is tw.float32
        a, b, c = numbers(p.grad), numbers(q.grad), numbers(e.grad)
        assert np.linalg.norm(a - c) <= 1.5 * np.linalg.norm(b - c) + 0.01 * np.linalg.norm(c) + 1e-4


def test_a_shared_weight_collects_its_gradient_in_float32():
    w = tw.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    with tw.autocast("cpu"):
        out = (w @ w).float().sum() + (w @ w.detach()).float().sum()
    out.backward()
    assert w.grad.dtype is tw.float32
    expected = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    ((expected @ expected).sum() + (expected @ expected.detach()).sum()).backward()
    np.testing.assert_allclose(w.grad.numpy(), expected.grad.numpy(), rtol=2**-7)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell", "MultiheadAttention"])
def test_recurrent_and_attention_layers(kind, dtype):
    results = []
    for T in (tw, torch):
        layer = T.nn.MultiheadAttention(4, 2) if kind == "MultiheadAttention" else getattr(T.nn, kind)(4, 3)
        with T.no_grad():
            for i, p in enumerate(layer.parameters()):
                p.copy_(T.tensor(np.random.default_rng(i).uniform(-0.5, 0.5, tuple(p.shape)).astype(np.float32)))
        shape = (2, 4) if kind.endswith("Cell") else (5, 2, 4)
        x = T.tensor(np.random.default_rng(9).standard_normal(shape).astype(np.float32)).to(getattr(T, dtype))
        with T.autocast("cpu", T.bfloat16):
            out = layer(x, x, x) if kind == "MultiheadAttention" else layer(x)
        out = out[0] if isinstance(out, tuple) else out
        out.float().square().sum().backward()
        results.append((out, next(layer.parameters()).grad))
    for ours, theirs in zip(*results):
        assert name(ours.dtype) == name(theirs.dtype)
        np.testing.assert_allclose(numbers(ours), numbers(theirs), rtol=0.05, atol=0.02 * np.abs(numbers(theirs)).max())


# --- the blocks themselves
def test_blocks_nest_and_are_put_back_after_an_error():
    x = tw.ones(2, 2)
    with tw.autocast("cpu", dtype=tw.float16):
        assert (x @ x).dtype is tw.float16
        assert tw.get_autocast_dtype("cpu") is tw.float16
        with tw.autocast("cpu", enabled=False):
            assert (x @ x).dtype is tw.float32
            assert not tw.is_autocast_enabled("cpu")
        with pytest.raises(RuntimeError, match="matmul"), tw.autocast("cpu", dtype=tw.bfloat16):
            tw.matmul(x, tw.ones(3, 3))
        assert (x @ x).dtype is tw.float16
    assert (x @ x).dtype is tw.float32
    assert not tw.is_autocast_enabled()


def test_a_failing_function_leaves_autocast_on():
    with tw.autocast("cpu"):
        with pytest.raises(RuntimeError, match="matmul"):
            tw.ones(2, 3) @ tw.ones(2, 3)
        assert (tw.ones(2, 2) @ tw.ones(2, 2)).dtype is tw.bfloat16


def test_as_a_decorator_and_by_its_other_names():
    @tw.amp.autocast("cpu", dtype=tw.bfloat16)
    def product(x):
        """Its words."""
        return x @ x

    assert product(tw.ones(2, 2)).dtype is tw.bfloat16
    assert product.__doc__ == "Its words."
    with tw.cpu.amp.autocast(True, tw.float16):
        assert (tw.ones(2, 2) @ tw.ones(2, 2)).dtype is tw.float16
    with tw.cpu.amp.autocast(False):
        assert (tw.ones(2, 2) @ tw.ones(2, 2)).dtype is tw.float32


def test_one_thread_does_not_see_anothers():
    found = []
    with tw.autocast("cpu"):
        thread = threading.Thread(target=lambda: found.append((tw.ones(2, 2) @ tw.ones(2, 2)).dtype))
        thread.start()
        thread.join()
    assert found == [tw.float32]


def test_doubles_and_integers_are_left_alone():
    with tw.autocast("cpu"):
        assert (tw.ones(2, 2, dtype=tw.float64) @ tw.ones(2, 2, dtype=tw.float64)).dtype is tw.float64
        assert tw.nn.functional.mse_loss(tw.ones(2, dtype=tw.float64), tw.zeros(2, dtype=tw.float64)).dtype is tw.float64
        assert (tw.ones(2, 2, dtype=tw.int64) @ tw.ones(2, 2, dtype=tw.int64)).dtype is tw.int64


def test_bad_arguments():
    for T in (tw, torch):
        with pytest.raises(ValueError, match="device_type"):
            T.autocast(3)
        with pytest.raises(RuntimeError):
            T.autocast("abacus")
        with pytest.warns(UserWarning, match="not supported"):
            block = T.autocast("cpu", dtype=T.float32)
        with block:
            assert (T.ones(2, 2) @ T.ones(2, 2)).dtype is T.float32
    with pytest.raises(TypeError, match="dtype"):
        tw.autocast("cpu", dtype="bfloat16")
    with pytest.raises(TypeError, match="generator"):
        tw.autocast("cpu")(lambda: (yield))


def test_another_device_leaves_the_cpu_as_it_is():
    with pytest.warns(UserWarning, match="cuda"):
        block = tw.autocast("cuda")
    with tw.autocast("cpu"), block:
        assert (tw.ones(2, 2) @ tw.ones(2, 2)).dtype is tw.bfloat16
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tw.autocast("cuda", enabled=False)


# --- compiled
def test_a_compiled_function_is_another_one_under_autocast():
    @tw.compile
    def product(x, y):
        return x @ y

    x, y = tw.randn(4, 4), tw.randn(4, 4)
    for _ in range(4):
        assert product(x, y).dtype is tw.float32
        with tw.autocast("cpu"):
            assert product(x, y).dtype is tw.bfloat16


def test_a_training_step_trains_as_recorded():
    def losses(compiled):
        model = step_of(tw)[0]
        model.zero_grad()
        optimizer = tw.optim.AdamW(model.parameters(), lr=1e-2)

        def step(x, y):
            optimizer.zero_grad()
            with tw.autocast("cpu", dtype=tw.bfloat16):
                loss = tw.nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        run = tw.compile(step) if compiled else step
        generator = np.random.default_rng(3)
        x = tw.tensor(generator.standard_normal((8, 3, 6, 6)).astype(np.float32))
        y = tw.tensor(generator.integers(0, 4, 8))
        return [run(x, y).item() for _ in range(6)], model

    (compiled, model), (recorded, _) = losses(True), losses(False)
    np.testing.assert_allclose(compiled, recorded, rtol=0.03, atol=0.01)
    assert compiled[-1] < 0.9 * compiled[0]
    assert all(p.dtype is tw.float32 for p in model.parameters())


def test_dropout_drops_the_same_elements_in_every_precision():
    """So that a step under autocast is the float32 step, to rounding."""
    masks = []
    for dtype in (tw.float32, tw.bfloat16, tw.float16):
        tw.manual_seed(5)
        x = tw.ones(40, 50, dtype=dtype)
        masks.append([(tw.nn.functional.dropout(x, 0.3) != 0).tolist() for _ in range(2)])
    assert masks[0] == masks[1] == masks[2]
    assert masks[0][0] != masks[0][1]
