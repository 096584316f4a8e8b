"""One compiled training step at full size, batch 1, fp32: the loss and the gradient's norm of the reference library.

`make models` runs them, each in some GiB of memory and a minute of one core. PSPNet has no library: the interpreter is its
reference.
"""

import math
import os
import shutil

import numpy as np
import pytest
import torch
from compiling import compiling
from model_steps import copied
from parity import load_state, shake
from references import reference

import talweg as tw
from talweg.compile.engine import compile_after
from talweg.models import BERT, CLIP, FCN, GPT2, SSD300, VGG, DDPMUNet, PSPNet, ResNet, ViT, Whisper
from talweg.models.quantize import quantize_linear
from talweg.nn import functional as F
from talweg.nn import init

torch.set_num_threads(1)
pytestmark = pytest.mark.skipif(not os.environ.get("TALWEG_ALL_MODELS"), reason="takes a minute each: make models")


def images(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def ids(high, *shape):
    return np.random.default_rng(1).integers(5, high, shape)


def listed(outputs):
    return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]


def target(shape, i):
    return np.random.default_rng(i).standard_normal(tuple(shape)).astype(np.float32)


def without_dropout(*models):
    for model in models:
        for module in model.modules():
            if type(module).__name__.startswith("Dropout"):
                module.p = 0.0
    return models


def gradient_norm(gradients):
    return math.sqrt(sum(float(np.square(g, dtype=np.float64).sum()) for g in gradients))


def their_step(model, inputs, call):
    """(loss, norm of the gradient), the loss being the squared distance of all outputs from random targets."""
    outputs = listed(call(model, *map(torch.from_numpy, inputs)))
    loss = sum(torch.nn.functional.mse_loss(out, torch.from_numpy(target(out.shape, i))) for i, out in enumerate(outputs))
    loss.backward()
    norm = gradient_norm(p.grad.numpy() for p in model.parameters() if p.grad is not None)
    model.zero_grad(set_to_none=True)
    return loss.item(), norm


def our_step(model, inputs, call):
    """The same of one step with its update, with gradients, an optimizer and all."""
    optimizer = tw.optim.SGD(model.parameters(), lr=1e-6)
    outputs = listed(call(model, *map(tw.from_numpy, inputs)))
    loss = sum(F.mse_loss(out, tw.from_numpy(target(out.shape, i))) for i, out in enumerate(outputs))
    loss.backward()
    optimizer.step()
    return loss.item(), gradient_norm(p.grad.numpy() for p in model.parameters() if p.grad is not None)


def compiled_step(model, inputs, call):
    with compiling() as seen:
        found = our_step(model, inputs, call)
    assert not seen.errors
    assert seen.programs
    return found


def called(model, *inputs):
    return model(*inputs)


# --- name: (their model, ours with its weights, inputs, their call, our call)
def of_torchvision(make, kind, side, their_call=called, our_call=called, **settings):
    def case(folder):
        torch.manual_seed(0)
        theirs = shake(make(reference("torchvision", "models")))
        with init.skipped():
            model = kind(**settings)
        return theirs, load_state(model, theirs), [images(1, 3, side, side)], their_call, our_call

    return case


def vit(tv):
    theirs = tv.vit_b_16(weights=None)
    torch.nn.init.normal_(theirs.heads.head.weight, std=0.05)  # its own first value is 0
    return theirs


def ssd_heads(model, x):
    out = model.head(list(model.backbone(x).values()))
    return out["bbox_regression"], out["cls_logits"]


def fcn_heads(model, x):
    out = model(x)
    return out["out"], out["aux"]


def of_transformers(name, settings, kind, inputs, read, our_call=called):
    """`inputs`: their keyword to its array, in the order of our arguments."""
    def case(folder):
        library = reference("transformers")
        torch.manual_seed(0)
        theirs = getattr(library, name)(settings(library))
        theirs.save_pretrained(folder)
        model = kind.from_pretrained(folder)
        assert model.load_report.complete
        shutil.rmtree(folder)
        names = list(inputs)
        call = lambda model, *given: read(model(**dict(zip(names, given))))
        return theirs, model, list(inputs.values()), call, our_call

    return case


def ddpm(folder):
    """The published settings for CIFAR-10."""
    kinds = ("DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D")
    torch.manual_seed(0)
    theirs = shake(reference("diffusers").UNet2DModel(
        sample_size=32, block_out_channels=(128, 256, 256, 256), layers_per_block=2, down_block_types=kinds,
        up_block_types=[k.replace("Down", "Up") for k in reversed(kinds)], attention_head_dim=None, downsample_padding=0,
        flip_sin_to_cos=False, freq_shift=1, norm_eps=1e-6))
    model = DDPMUNet()
    return theirs, load_state(model, theirs), [images(1, 3, 32, 32), np.array([321])], lambda m, x, t: m(x, t).sample, called


def first(model, *inputs):
    found = model(*inputs)
    return found[0] if isinstance(found, tuple) else found


def first_two(model, *inputs):
    return model(*inputs)[:2]


CASES = {
    "resnet50": of_torchvision(lambda tv: tv.resnet50(weights=None), ResNet.of_depth, 224, depth=50),
    "vgg16": of_torchvision(lambda tv: tv.vgg16(weights=None), VGG, 224, depth=16),
    "vit_b_16": of_torchvision(vit, ViT, 224),
    "ssd300": of_torchvision(lambda tv: tv.detection.ssd300_vgg16(weights=None, weights_backbone=None), SSD300, 300, ssd_heads,
                             classes=91),
    "fcn_resnet50": of_torchvision(
        lambda tv: tv.segmentation.fcn_resnet50(weights=None, weights_backbone=None, num_classes=21, aux_loss=True), FCN, 520,
        fcn_heads, lambda model, x: model.both(x), depth=50, classes=21),
    "gpt2": of_transformers(
        "GPT2LMHeadModel", lambda t: t.GPT2Config(resid_pdrop=0, embd_pdrop=0, attn_pdrop=0), GPT2,
        {"input_ids": ids(50257, 1, 1024)}, lambda out: out.logits, first),
    "bert_base": of_transformers(
        "BertModel", lambda t: t.BertConfig(hidden_dropout_prob=0, attention_probs_dropout_prob=0), BERT,
        {"input_ids": ids(30522, 1, 512)}, lambda out: (out.last_hidden_state, out.pooler_output), first_two),
    "whisper_tiny": of_transformers(
        "WhisperForConditionalGeneration", lambda t: t.WhisperConfig(
            d_model=384, encoder_layers=4, decoder_layers=4, encoder_attention_heads=6, decoder_attention_heads=6,
            encoder_ffn_dim=1536, decoder_ffn_dim=1536), Whisper,
        {"input_features": images(1, 80, 3000), "decoder_input_ids": ids(51000, 1, 224)}, lambda out: out.logits, first),
    "clip_vit_b_32": of_transformers(
        "CLIPModel", lambda t: t.CLIPConfig(), CLIP, {"pixel_values": images(1, 3, 224, 224), "input_ids": ids(49407, 1, 77)},
        lambda out: (out.logits_per_image, out.image_embeds, out.text_embeds),
        lambda model, x, t: (model(x, t)[0], model.encode_images(x), model.encode_texts(t))),
    "ddpm_unet": ddpm,
}


@pytest.mark.parametrize("name", CASES)
def test_a_step_at_full_size_is_the_references(name, tmp_path):
    theirs, model, inputs, their_call, our_call = CASES[name](tmp_path / "published")
    without_dropout(theirs.train(), model.train())
    wanted, wanted_norm = their_step(theirs, inputs, their_call)
    del theirs
    found, norm = compiled_step(copied(model), inputs, our_call)
    print(f"{name}: loss {found:.6f}, reference {wanted:.6f}; gradient {norm:.6f}, reference {wanted_norm:.6f}")
    assert found == pytest.approx(wanted, rel=1e-4)
    assert norm == pytest.approx(wanted_norm, rel=2e-3)


def test_a_step_of_pspnet_at_full_size_is_the_interpreters():
    """With its batch norms at rest: of one image the coarsest pool has one number a channel, which they refuse."""
    tw.manual_seed(0)
    model = PSPNet(50, 21).train()
    without_dropout(model)
    for module in model.modules():
        if isinstance(module, tw.nn.BatchNorm2d):
            module.eval()
    x, call = [images(1, 3, 473, 473)], lambda model, x: model.both(x)
    again = copied(model)
    with compile_after(-1):
        wanted, wanted_norm = our_step(again, x, call)
    del again
    found, norm = compiled_step(copied(model), x, call)
    print(f"pspnet50: loss {found:.6f}, interpreted {wanted:.6f}; gradient {norm:.6f}, interpreted {wanted_norm:.6f}")
    assert found == pytest.approx(wanted, rel=1e-4)
    assert norm == pytest.approx(wanted_norm, rel=2e-3)


def test_row_11_gpt2_in_8_bits_keeps_its_logits():
    """At full size with weights as GPT-2 begins, its head, which is the table of tokens, in floating point."""
    tw.manual_seed(0)
    model = GPT2().eval()
    tokens = tw.from_numpy(ids(50257, 1, 256))
    with tw.no_grad():
        before = model(tokens).numpy().ravel().astype(np.float64)
        after = quantize_linear(model)(tokens).numpy().ravel().astype(np.float64)
    cosine = before @ after / np.linalg.norm(before) / np.linalg.norm(after)
    print(f"gpt2 in 8 bits: cosine of the logits {cosine:.6f}")
    assert 0.999 <= cosine < 1
