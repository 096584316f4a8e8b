"""Multi-head attention and the transformer's layers against PyTorch's, from the same state_dict."""

import copy

import numpy as np
import pytest
import torch

import talweg as tw
from talweg import nn

torch.set_num_threads(1)
T, S, N, E, HEADS = 4, 5, 2, 6, 3
CAUSAL = np.triu(np.ones((T, T), bool), 1)
PADDED = np.array([[False] * 5, [False, False, False, True, True]])


def drawn(*shape, seed=0):
    return np.random.default_rng(seed + sum(shape)).standard_normal(shape)


def pair(name, *args, **settings):
    theirs = getattr(torch.nn, name)(*args, **settings).double()
    ours = getattr(nn, name)(*args, **settings).double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    with torch.no_grad():
        for p in theirs.parameters():
            p.add_(torch.tensor(0.1 * drawn(*p.shape)))
    ours.load_state_dict({k: tw.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    return ours, theirs


def outcome(library, module, inputs, settings):
    """Results and gradients for the inputs (the same one where it is given twice) and the parameters."""
    leaves = {id(x): library.tensor(x).requires_grad_() for x in inputs}
    masks = {k: library.tensor(v) if isinstance(v, np.ndarray) else v for k, v in settings.items()}
    results = module(*[leaves[id(x)] for x in inputs], **masks)
    results = [r for r in (results if isinstance(results, tuple) else (results,)) if r is not None]
    total = sum((r * library.tensor(np.cos(np.arange(r.detach().numpy().size)).reshape(tuple(r.shape)))).sum() for r in results)
    total.backward()
    found = [r.detach().numpy() for r in results]
    return found + [p.grad.numpy() for p in [*leaves.values(), *module.parameters()]]


def compare(ours, theirs, inputs, settings=None):
    a, b = outcome(tw, ours, inputs, settings or {}), outcome(torch, theirs, inputs, settings or {})
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, 1e-8, 1e-9)


Q, K, V = drawn(T, N, E), drawn(S, N, E, seed=1), drawn(S, N, E, seed=2)


@pytest.mark.parametrize(("settings", "inputs", "masks"), [
    ({}, (Q, Q, Q), {}),
    ({}, (Q, K, V), {"need_weights": False}),
    ({"bias": False}, (Q, K, K), {"average_attn_weights": False}),
    ({"batch_first": True}, (drawn(N, T, E), drawn(N, S, E), drawn(N, S, E, seed=3)), {"key_padding_mask": PADDED}),
    ({"batch_first": True}, (drawn(N, T, E),) * 3, {"attn_mask": CAUSAL, "is_causal": True}),
    ({"kdim": 3, "vdim": 4}, (Q, drawn(S, N, 3), drawn(S, N, 4)), {}),
    ({"add_bias_kv": True, "add_zero_attn": True}, (Q, K, V), {"key_padding_mask": PADDED}),
    ({"add_bias_kv": True}, (Q, Q, Q), {"attn_mask": CAUSAL, "need_weights": False}),
    ({}, (Q, K, V), {"attn_mask": drawn(T, S)}),
    ({}, (Q, K, V), {"attn_mask": drawn(N * HEADS, T, S), "need_weights": False}),
    ({}, (drawn(T, E), drawn(S, E), drawn(S, E, seed=4)), {}),
    ({}, (drawn(T, E), drawn(S, E), drawn(S, E, seed=4)), {"key_padding_mask": PADDED[1]}),
], ids=str)
def test_multi_head_attention_is_pytorchs(settings, inputs, masks):
    ours, theirs = pair("MultiheadAttention", E, HEADS, **settings)
    compare(ours, theirs, inputs, masks)
    assert repr(ours) == repr(theirs)


def test_attention_drops_weights_in_training_only():
    layer = nn.MultiheadAttention(E, HEADS, dropout=1.0).double()
    x = tw.tensor(Q)
    assert not layer(x, x, x)[1].detach().numpy().any()
    assert layer.eval()(x, x, x)[1].detach().numpy().any()


LAYER = {"dim_feedforward": 7, "dropout": 0.0}


@pytest.mark.parametrize("settings", [
    {}, {"norm_first": True, "activation": "gelu"}, {"bias": False, "layer_norm_eps": 0.1}, {"batch_first": True},
], ids=str)
def test_encoder_and_decoder_layers(settings):
    ours, theirs = pair("TransformerEncoderLayer", E, HEADS, **LAYER, **settings)
    source = drawn(N, S, E) if settings.get("batch_first") else K
    compare(ours, theirs, (source,), {"src_key_padding_mask": PADDED})
    assert repr(ours) == repr(theirs)
    ours, theirs = pair("TransformerDecoderLayer", E, HEADS, **LAYER, **settings)
    target = drawn(N, T, E) if settings.get("batch_first") else Q
    compare(ours, theirs, (target, source), {"tgt_mask": CAUSAL, "memory_key_padding_mask": PADDED, "tgt_is_causal": True})
    assert repr(ours) == repr(theirs)


def test_stacks_are_copies_of_their_layer():
    for library, tensor in ((nn, tw.tensor), (torch.nn, torch.tensor)):
        layer = library.TransformerEncoderLayer(E, HEADS, **LAYER).double()
        stack = library.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        once = layer(layer(tensor(K)))
        np.testing.assert_allclose(stack(tensor(K)).detach().numpy(), once.detach().numpy(), 1e-9)
    assert list(nn.TransformerDecoder(nn.TransformerDecoderLayer(E, HEADS, 7), 2).state_dict()) == list(
        torch.nn.TransformerDecoder(torch.nn.TransformerDecoderLayer(E, HEADS, 7), 2).state_dict())


def test_the_whole_transformer():
    ours, theirs = pair("Transformer", E, HEADS, 2, 1, **LAYER)
    assert repr(ours) == repr(theirs)
    mask = nn.Transformer.generate_square_subsequent_mask(T, dtype=tw.float64)
    np.testing.assert_array_equal(mask.numpy(), torch.nn.Transformer.generate_square_subsequent_mask(T).numpy())
    settings = {"tgt_mask": mask.numpy(), "tgt_is_causal": True}
    compare(ours, theirs, (K, Q), settings)
    compare(ours, theirs, (drawn(S, E), drawn(T, E)), settings)
    copied = copy.deepcopy(ours)
    a, b = (model(tw.tensor(K), tw.tensor(Q)).detach().numpy() for model in (copied, ours))
    np.testing.assert_array_equal(a, b)


def test_no_position_sees_a_later_one():
    layer = nn.TransformerEncoderLayer(E, HEADS, **LAYER).double()
    mask = nn.Transformer.generate_square_subsequent_mask(T, dtype=tw.float64)
    changed = Q.copy()
    changed[-1] += 1
    before, after = (layer(tw.tensor(x), src_mask=mask).detach().numpy() for x in (Q, changed))
    np.testing.assert_array_equal(before[:-1], after[:-1])
    assert np.abs(before[-1] - after[-1]).max() > 1e-3


@pytest.mark.parametrize("make", [
    lambda m: m.MultiheadAttention(0, 1), lambda m: m.MultiheadAttention(4, 0), lambda m: m.MultiheadAttention(5, 2),
    lambda m: m.TransformerEncoderLayer(4, 2, activation="sine"),
])
def test_settings_that_are_refused(make):
    with pytest.raises((ValueError, AssertionError, RuntimeError)) as theirs:
        make(torch.nn)
    with pytest.raises(type(theirs.value)):
        make(nn)


@pytest.mark.parametrize(("shapes", "masks"), [
    (((4, 2, 5), (4, 2, 5), (4, 2, 5)), {}),
    (((4, 2, 6), (4, 6), (4, 6)), {}),
    (((4, 2, 6), (4, 2, 6), (3, 2, 6)), {}),
    (((4, 2, 6),) * 3, {"attn_mask": np.zeros((3, 3))}),
    (((4, 2, 6),) * 3, {"key_padding_mask": np.zeros((4, 2), bool)}),
    (((4, 2, 6),) * 3, {"is_causal": True}),
    (((6,),) * 3, {}),
])
def test_inputs_that_do_not_fit(shapes, masks):
    def attend(library):
        given = [library.tensor(np.zeros(s)) for s in shapes]
        settings = {k: library.tensor(v) if isinstance(v, np.ndarray) else v for k, v in masks.items()}
        library.nn.MultiheadAttention(6, 2).double()(*given, **settings)

    with pytest.raises((RuntimeError, AssertionError)) as theirs:
        attend(torch)
    with pytest.raises(type(theirs.value)):
        attend(tw)


def test_a_transformer_refuses_batches_and_widths_that_differ():
    model = nn.Transformer(4, 2, 1, 1, 8)
    for src, tgt in (((3, 2, 4), (3, 1, 4)), ((3, 2, 5), (3, 2, 5))):
        with pytest.raises(RuntimeError, match="equal"):
            model(tw.zeros(*src), tw.zeros(*tgt))
