"""Published parameter counts, and what models without a published checkpoint must satisfy."""

import numpy as np
import pytest
import torch
from references import reference

import talweg as tw
from talweg import nn
from talweg.models import BERT, CLIP, GPT, GPT2, Transformer, ViT, Whisper, clip, gpt2, whisper
from talweg.models.flows import NICE, RealNVP
from talweg.models.graph_networks import GATConv, GCNConv, GraphNetwork, SAGEConv
from talweg.models.quantize import Int8Linear, quantize_linear
from talweg.models.recurrent import RecurrentClassifier, RecurrentLM, detached
from talweg.nn import functional as F
from talweg.nn import init

torch.set_num_threads(1)

COUNTS = [
    (lambda: GPT2(), 124_439_808), (lambda: GPT2(**gpt2.SIZES["gpt2-medium"]), 354_823_168),
    (lambda: GPT2(**gpt2.SIZES["gpt2-large"]), 774_030_080), (lambda: GPT2(**gpt2.SIZES["gpt2-xl"]), 1_557_611_200),
    (lambda: GPT(), 116_534_784), (lambda: BERT(), 109_482_240), (lambda: BERT(28996), 108_310_272),
    (lambda: BERT(head="masked"), 109_514_298), (lambda: BERT(head="pretraining"), 110_106_428),
    (lambda: ViT(), 86_567_656), (lambda: ViT(patch=32), 88_224_232), (lambda: ViT(384), 86_859_496),
    (lambda: ViT(width=1024, layers=24, heads=16), 304_326_632), (lambda: ViT(width=192, heads=3), 5_717_416),
    (lambda: ViT(width=384, heads=6), 22_050_664), (lambda: ViT(classes=0, pooler=True), 86_389_248),
    (lambda: Whisper(), 37_760_640), (lambda: Whisper(vocabulary=51864), 37_760_640 - 384),
    (lambda: Whisper(**whisper.SIZES["base"]), 72_593_920), (lambda: Whisper(**whisper.SIZES["small"]), 241_734_912),
    (lambda: CLIP(**clip.SIZES["ViT-B/32"]), 151_277_313), (lambda: CLIP(**clip.SIZES["ViT-B/16"]), 149_620_737),
    (lambda: CLIP(**clip.SIZES["ViT-L/14"]), 427_616_513), (lambda: CLIP(**clip.SIZES["RN50"]), 102_007_137),
    (lambda: Transformer(58101).encoder.blocks, 6 * 3_152_384),
    # Marian's file counts the two tables of sinusoids, which are computed here.
    (lambda: Transformer(58101), 74_410_496 - 2 * 512 * 512),
]


@pytest.mark.parametrize(("make", "count"), COUNTS, ids=[str(count) for _, count in COUNTS])
def test_parameter_counts_are_the_published_ones(make, count):
    with init.skipped():
        assert sum(p.numel() for p in make().parameters()) == count


def test_openai_counts_whispers_sinusoids_as_a_buffer():
    with init.skipped():
        assert sum(p.numel() for p in Whisper().parameters() if p.requires_grad) == 37_184_640


def trains(model, loss_of, lr=0.02, steps=12):
    optimizer = tw.optim.Adam(model.parameters(), lr=lr)

    @tw.compile
    def step():
        optimizer.zero_grad()
        loss = loss_of(model)
        loss.backward()
        optimizer.step()
        return loss

    losses = [step().item() for _ in range(steps)]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


def array(*shape, seed=0):
    return tw.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("both", [False, True])
def test_recurrent_classifiers_read_the_last_state_and_train(kind, both):
    model = RecurrentClassifier(5, 6, 3, kind=kind, layers=2, both_ways=both)
    x, y = array(4, 7, 5), tw.tensor([0, 1, 2, 1])
    out, _ = model.recurrence(x)
    ends = out[:, -1] if not both else tw.cat([out[:, -1, :6], out[:, 0, 6:]], 1)
    np.testing.assert_allclose(model(x).detach().numpy(), model.head(ends).detach().numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(model(x.unsqueeze(1)).detach().numpy(), model(x).detach().numpy())
    trains(model, lambda m: F.cross_entropy(m(x), y))


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_a_text_in_pieces_is_the_text_and_gradients_end_at_the_border(kind):
    model = RecurrentLM(9, 4, 6, kind=kind)
    tokens = tw.tensor([[1, 2, 3, 4, 5, 6]])
    whole, _ = model(tokens)
    first, state = model(tokens[:, :3])
    rest, _ = model(tokens[:, 3:], detached(state))
    np.testing.assert_allclose(tw.cat([first, rest], 1).detach().numpy(), whole.detach().numpy(), rtol=1e-5, atol=1e-6)
    rest.sum().backward()
    touched = model.tokens.weight.grad.abs().sum(1).numpy() > 0
    assert touched.tolist() == [False, False, False, False, True, True, True, False, False]


@pytest.mark.parametrize("make", [NICE, RealNVP])
def test_flows_invert_and_their_determinant_is_the_jacobians(make):
    tw.manual_seed(0)
    flow = make(5, 4, [12])
    for parameter in flow.parameters():
        init.normal_(parameter, std=0.4)
    x = array(6, 5)
    z, change = flow(x)
    np.testing.assert_allclose(flow.inverse(z).detach().numpy(), x.numpy(), atol=1e-5)
    for row in range(2):
        point = x[row : row + 1].clone().requires_grad_()
        out, _ = flow(point)
        rows = [tw.autograd.grad(out[0, i], point, retain_graph=True)[0].numpy()[0] for i in range(5)]
        np.testing.assert_allclose(np.linalg.slogdet(np.stack(rows))[1], change.flatten()[row if change.dim() else 0].item(),
                                   rtol=1e-4, atol=1e-5)
    assert flow.sample(3).shape == (3, 5)
    assert np.isfinite(flow.sample(500).numpy()).all()
    trains(make(5, 4, [12]), lambda m: -m.log_density(x).mean(), lr=0.01)


def test_nices_noise_is_logistic():
    flow = NICE(2, 2, [4])
    grid = np.linspace(-40, 40, 4001, dtype=np.float32)
    pairs = tw.from_numpy(np.stack([grid, np.zeros_like(grid)], 1))
    density = np.exp(flow.noise_log_density(pairs).numpy().astype(np.float64)) * 4  # 1/4 at 0 in the other place
    np.testing.assert_allclose(density.sum() * (grid[1] - grid[0]), 1, rtol=1e-3)


EDGES = np.array([[0, 1, 1, 2, 2, 3, 0, 3], [1, 0, 2, 1, 3, 2, 3, 0]])


def test_graph_convolutions_are_their_matrices():
    x = array(5, 4)
    edges = tw.from_numpy(EDGES)
    A = np.zeros((5, 5))
    A[EDGES[1], EDGES[0]] = 1
    gcn, sage = GCNConv(4, 3), SAGEConv(4, 3)
    loops = A + np.eye(5)
    d = loops.sum(1) ** -0.5
    expected = (d[:, None] * loops * d) @ x.numpy() @ gcn.linear.weight.detach().numpy().T
    np.testing.assert_allclose(gcn(x, edges).detach().numpy(), expected, rtol=1e-4, atol=1e-5)
    mean = A / np.maximum(A.sum(1, keepdims=True), 1)
    near = mean @ x.numpy() @ sage.near.weight.detach().numpy().T + sage.near.bias.detach().numpy()
    np.testing.assert_allclose(sage(x, edges).detach().numpy(), near + sage.own(x).detach().numpy(), rtol=1e-4, atol=1e-5)
    gat = GATConv(4, 3)
    y = x.numpy() @ gat.linear.weight.detach().numpy().T
    e = (y @ gat.receiver.detach().numpy()[0])[:, None] + (y @ gat.sender.detach().numpy()[0])[None]
    powers = np.where(loops > 0, np.exp(np.where(e > 0, e, 0.2 * e)), 0)
    np.testing.assert_allclose(gat(x, edges).detach().numpy(), powers / powers.sum(1, keepdims=True) @ y, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["gcn", "gat", "sage"])
def test_graph_networks_follow_permutations_take_batches_and_train(kind):
    tw.manual_seed(0)
    model = GraphNetwork(4, 8, 3, kind=kind)
    x, edges = array(5, 4), tw.from_numpy(EDGES)
    order = np.array([3, 0, 4, 1, 2])  # node i becomes order[i]
    moved = np.empty((5, 4), np.float32)
    moved[order] = x.numpy()
    found = model(tw.from_numpy(moved), tw.from_numpy(order[EDGES])).detach().numpy()
    np.testing.assert_allclose(found[order], model(x, edges).detach().numpy(), rtol=1e-4, atol=1e-5)
    two = model(tw.cat([x, x * 2]), tw.cat([edges, edges + 5], 1), tw.tensor([0] * 5 + [1] * 5), 2)
    alone = [model(v, edges, tw.zeros(5, dtype=tw.int64), 1) for v in (x, x * 2)]
    np.testing.assert_allclose(two.detach().numpy(), tw.cat(alone).detach().numpy(), rtol=1e-4, atol=1e-5)
    trains(model, lambda m: F.cross_entropy(m(x, edges), tw.tensor([0, 1, 2, 0, 1])))


def test_8_bits_keep_gpt2s_logits():
    tw.manual_seed(0)
    model = GPT2(97, 32, 64, 3, 4)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            init.normal_(parameter, std=0.2)
    tokens = tw.tensor([list(range(1, 30))])
    with tw.no_grad():
        before = model(tokens).numpy().ravel()
        weight = model.blocks[0].mlp.up.weight.detach().numpy()
        quantize_linear(model)
        after = model(tokens).numpy().ravel()
    layer = model.blocks[0].mlp.up
    assert isinstance(layer, Int8Linear)
    assert layer.weight.dtype == tw.int8
    error = np.abs(layer.weight.numpy() * layer.scale.numpy()[:, None] - weight)
    assert (error <= layer.scale.numpy()[:, None] * 0.501).all()
    assert before @ after / np.linalg.norm(before) / np.linalg.norm(after) >= 0.999
    with pytest.raises(ValueError, match="no linear layer"):
        quantize_linear(nn.ReLU())


def test_vits_positions_are_interpolated_as_timm_does():
    model = ViT(32, 8, 12, 1, 3, classes=4)
    table = model.positions.detach().numpy().copy()
    grid = torch.from_numpy(table[:, 1:]).reshape(1, 4, 4, 12).permute(0, 3, 1, 2)
    for side in (48, 24):
        expected = torch.nn.functional.interpolate(grid, size=(side // 8, side // 8), mode="bicubic", antialias=True)
        fresh = ViT(32, 8, 12, 1, 3, classes=4)
        fresh.load_state_dict(model.state_dict())
        found = fresh.at_resolution(side).positions.detach().numpy()
        np.testing.assert_allclose(found[0, 0], table[0, 0])
        np.testing.assert_allclose(found[0, 1:], expected.permute(0, 2, 3, 1).reshape(-1, 12).numpy(), atol=1e-5)
        assert fresh(array(2, 3, side, side)).shape == (2, 4)


def test_vits_positions_at_384_are_timms():
    layers = reference("timm", "layers")
    table = array(1, 1 + 14 * 14, 16)
    model = ViT(224, 16, 16, 1, 2, classes=2)
    model.positions.data = table
    wanted = layers.resample_abs_pos_embed(torch.from_numpy(table.numpy()), new_size=[24, 24], num_prefix_tokens=1)
    np.testing.assert_allclose(model.at_resolution(384).positions.detach().numpy(), wanted.numpy(), atol=1e-5)


@pytest.mark.parametrize("wrong", [
    lambda: ViT(30, 16), lambda: ViT(32, 8, 12, 1, 3)(array(1, 3, 16, 16)), lambda: ViT(32, 8, 12, 1, 3).at_resolution(30),
    lambda: GPT2(10, 8, 10, 1, 3), lambda: GPT2(0), lambda: BERT(head="x"), lambda: Transformer(positions="x"),
    lambda: CLIP(image_encoder={"kind": "x"}), lambda: RecurrentClassifier(3, 4, 2, kind="x"),
    lambda: RecurrentClassifier(3, 4, 2)(array(2, 5, 4)), lambda: NICE(1), lambda: RealNVP(4, 2, [3])(array(2, 5)),
    lambda: SAGEConv(3, 4, "max"), lambda: GraphNetwork(3, 4, 2, kind="x"),
    lambda: GraphNetwork(3, 4, 2)(array(2, 3), array(3, 2)),
    lambda: Whisper(24, 1, 4, vocabulary=9, mels=4, audio_context=5)(array(1, 4, 9), tw.tensor([[1]])),
])
def test_unfit_settings_and_inputs_are_refused(wrong):
    with init.skipped(), pytest.raises(ValueError):
        wrong()
