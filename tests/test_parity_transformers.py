"""Small random checkpoints that the transformers library writes, read here: the same outputs and gradients, and back."""

import json
import os

import numpy as np
import pytest
import torch

os.environ.setdefault("HF_HUB_OFFLINE", "1")
transformers = pytest.importorskip("transformers")

import talweg as tw  # noqa: E402
from talweg.models import BERT, CLIP, GPT, GPT2, Transformer, ViT, Whisper  # noqa: E402

torch.set_num_threads(1)
RNG = np.random.default_rng(0)


def ids(high, *shape, low=3):
    return RNG.integers(low, high, shape)


def floats(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def gpt2():
    config = transformers.GPT2Config(vocab_size=61, n_positions=17, n_embd=24, n_layer=2, n_head=3, resid_pdrop=0,
                                     embd_pdrop=0, attn_pdrop=0, bos_token_id=0, eos_token_id=0)
    x = ids(61, 2, 9)
    return GPT2, transformers.GPT2LMHeadModel(config), {"input_ids": x}, (x,), lambda out: out.logits


def gpt():
    config = transformers.OpenAIGPTConfig(vocab_size=61, n_positions=17, n_embd=24, n_layer=2, n_head=3, resid_pdrop=0,
                                          embd_pdrop=0, attn_pdrop=0)
    x = ids(61, 2, 9)
    return GPT, transformers.OpenAIGPTLMHeadModel(config), {"input_ids": x}, (x,), lambda out: out.logits


def bert(kind, read):
    def make():
        config = transformers.BertConfig(
            vocab_size=61, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40,
            max_position_embeddings=20, hidden_dropout_prob=0, attention_probs_dropout_prob=0, num_labels=4)
        x, segments = ids(61, 2, 9), ids(2, 2, 9, low=0)
        mask = np.ones((2, 9), dtype=np.int64)
        mask[1, 6:] = 0
        named = {"input_ids": x, "token_type_ids": segments, "attention_mask": mask}
        return BERT, getattr(transformers, kind)(config), named, (x, segments, mask), read

    return make


def vit(kind, read):
    def make():
        config = transformers.ViTConfig(
            hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40, image_size=32, patch_size=8,
            hidden_dropout_prob=0, attention_probs_dropout_prob=0, num_labels=7)
        x = floats(2, 3, 32, 32)
        return ViT, getattr(transformers, kind)(config), {"pixel_values": x}, (x,), read

    return make


def whisper():
    config = transformers.WhisperConfig(
        vocab_size=61, num_mel_bins=8, d_model=24, encoder_layers=2, decoder_layers=3, encoder_attention_heads=3,
        decoder_attention_heads=3, encoder_ffn_dim=40, decoder_ffn_dim=40, max_source_positions=10, max_target_positions=12,
        dropout=0, attention_dropout=0, activation_dropout=0, pad_token_id=0, bos_token_id=0, eos_token_id=0,
        decoder_start_token_id=1, suppress_tokens=None, begin_suppress_tokens=None)
    mel, x = floats(2, 8, 20), ids(61, 2, 5)
    model = transformers.WhisperForConditionalGeneration(config)
    return Whisper, model, {"input_features": mel, "decoder_input_ids": x}, (mel, x), lambda out: out.logits


def marian():
    config = transformers.MarianConfig(
        vocab_size=61, d_model=24, encoder_layers=2, decoder_layers=3, encoder_attention_heads=3, decoder_attention_heads=3,
        encoder_ffn_dim=40, decoder_ffn_dim=40, max_position_embeddings=20, dropout=0, attention_dropout=0,
        activation_dropout=0, activation_function="swish", scale_embedding=True, pad_token_id=60, eos_token_id=0,
        decoder_start_token_id=60, forced_eos_token_id=0)
    source, target = ids(60, 2, 7), ids(60, 2, 5)
    source[1, 5:] = 60
    named = {"input_ids": source, "attention_mask": (source != 60).astype(np.int64), "decoder_input_ids": target}
    return Transformer, transformers.MarianMTModel(config), named, (source, target), lambda out: out.logits


def clip():
    text = {"vocab_size": 61, "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 3,
            "max_position_embeddings": 12, "eos_token_id": 2, "bos_token_id": 1, "pad_token_id": 0}
    image = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "image_size": 32,
             "patch_size": 8}
    model = transformers.CLIPModel(transformers.CLIPConfig(text_config=text, vision_config=image, projection_dim=16))
    pixels, x = floats(2, 3, 32, 32), ids(60, 3, 9)
    x[:, 7] = 60
    return CLIP, model, {"pixel_values": pixels, "input_ids": x}, (pixels, x), lambda out: out.logits_per_image


MODELS = {
    "gpt2": gpt2, "gpt": gpt,
    "bert": bert("BertModel", lambda out: out.last_hidden_state),
    "bert-masked": bert("BertForMaskedLM", lambda out: out.logits),
    "bert-pretraining": bert("BertForPreTraining", lambda out: out.prediction_logits),
    "bert-classes": bert("BertForSequenceClassification", lambda out: out.logits),
    "vit": vit("ViTForImageClassification", lambda out: out.logits),
    "vit-body": vit("ViTModel", lambda out: out.pooler_output),
    "whisper": whisper, "marian": marian, "clip": clip,
}


def unlike_the_start(model):
    """Weights so large that a wrong activation, order or epsilon is seen."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad and parameter.dim() > 0:
                noise = torch.randn(parameter.shape, generator=generator)
                parameter.copy_(noise * (0.25 if parameter.dim() > 1 else 0.3) + (parameter if parameter.dim() == 1 else 0))
    return model.eval()


def first(out):
    return out[0] if isinstance(out, tuple) else out


@pytest.fixture(scope="module", params=MODELS)
def case(request, tmp_path_factory):
    ours, theirs, named, positional, read = MODELS[request.param]()
    unlike_the_start(theirs)
    folder = tmp_path_factory.mktemp(request.param)
    theirs.save_pretrained(folder)
    model = ours.from_pretrained(folder)
    return model, theirs, named, positional, read, folder


def outputs(case):
    model, theirs, named, positional, read, _ = case
    expected = read(theirs(**{name: torch.from_numpy(value) for name, value in named.items()}))
    found = first(model(*map(tw.from_numpy, positional)))
    return expected, found


def test_outputs_and_gradients_are_theirs(case):
    model, theirs = case[:2]
    assert model.load_report.complete
    expected, found = outputs(case)
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=1e-4, atol=1e-4)
    weights = floats(*expected.shape)
    (expected * torch.from_numpy(weights)).sum().backward()
    (found * tw.from_numpy(weights)).sum().backward()
    layout = next(known for known in model.layouts if known.name == model.load_report.layout)
    zero = {name: np.zeros(p.shape, np.float32) for name, p in model.named_parameters()}
    grads = {name: zero[name] if p.grad is None else p.grad.numpy() for name, p in model.named_parameters()}
    # Under their published names, so that transposed and packed weights are compared as they lie there.
    ours = sum(float(np.abs(g).sum()) for g in layout.written(grads).values())
    total = sum(float(p.grad.abs().sum()) for p in theirs.parameters() if p.grad is not None)
    np.testing.assert_allclose(ours, total, rtol=1e-3)
    norms = sorted(float(p.grad.norm()) for p in theirs.parameters() if p.grad is not None and p.grad.norm() > 1e-4)
    mine = sorted(float(np.linalg.norm(g)) for g in layout.written(grads).values() if np.linalg.norm(g) > 1e-4)
    np.testing.assert_allclose(mine, norms, rtol=1e-3)


def test_what_we_write_they_read(case, tmp_path):
    model, theirs, named, _, read, _ = case
    model.save_pretrained(tmp_path)
    again, report = type(theirs).from_pretrained(tmp_path, output_loading_info=True)
    assert not report["unexpected_keys"]
    assert not report["missing_keys"], report["missing_keys"]
    inputs = {name: torch.from_numpy(value) for name, value in named.items()}
    with torch.no_grad():
        torch.testing.assert_close(read(again.eval()(**inputs)), read(theirs(**inputs)), rtol=1e-5, atol=1e-5)


def test_what_we_write_we_read(case, tmp_path):
    model, positional = case[0], case[3]
    model.save_pretrained(tmp_path)
    again = type(model).from_pretrained(tmp_path)
    with tw.no_grad():
        a, b = (first(m(*map(tw.from_numpy, positional))).numpy() for m in (model, again))
    np.testing.assert_array_equal(a, b)


def test_a_training_step_compiled_is_theirs_and_the_recorded_one(case):
    model, theirs, named, positional, read, folder = case
    inputs = [tw.from_numpy(value) for value in positional]
    with torch.no_grad():
        wanted = (read(theirs(**{name: torch.from_numpy(value) for name, value in named.items()})) ** 2).mean().item()
    losses = []
    for compiled, half in ((False, False), (True, False), (True, True)):
        learner = type(model).from_pretrained(folder).train()
        optimizer = tw.optim.AdamW(learner.parameters(), lr=1e-3)

        def step(*given, learner=learner, optimizer=optimizer, half=half):
            optimizer.zero_grad()
            with tw.autocast("cpu", dtype=tw.bfloat16, enabled=half):
                loss = (first(learner(*given)).float() ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        run = tw.compile(step) if compiled else step
        losses.append([run(*inputs).item() for _ in range(4)])
        assert all(np.isfinite(p.grad.numpy()).all() for p in learner.parameters() if p.grad is not None)
    assert losses[1][0] == pytest.approx(wanted, rel=1e-4)
    assert losses[2][0] == pytest.approx(wanted, rel=2e-2)
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
    assert losses[0][-1] < losses[0][0]


def test_a_damaged_checkpoint_is_named(case, tmp_path):
    model, folder = case[0], case[5]
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    with pytest.raises(ValueError, match="do not describe"):
        type(model).from_pretrained(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-100])
    with pytest.raises(ValueError, match="cut short"):
        type(model).from_pretrained(tmp_path)
