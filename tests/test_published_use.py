"""Published weights used by command: what torchvision, timm, transformers and open_clip say of the same pictures.

Each checkpoint is made here, small and random, in the layout its publisher writes.
"""

import json

import numpy as np
import pytest
import torch
import torch_twins
from click.testing import CliRunner
from parity import shake
from PIL import Image
from references import reference
from safetensors.torch import save_file

import talweg as tw
from talweg.cli.main import main
from talweg.data.text import CLIPTokenizer
from talweg.data.text.byte_level import byte_characters
from talweg.io import read_checkpoint
from talweg.models import DDPMUNet, PSPNet
from talweg.recipes.align import RECIPE as ALIGN
from talweg.recipes.align_settings import Options
from talweg.recipes.classify import RECIPE as CLASSIFY
from talweg.recipes.published import Weights, family_of, named_weights, weights_of

torch.set_num_threads(1)
LABELS = ["a photo of a cat", "a photo of a dog", "a cat"]


def called(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def facts(*words):
    done = called(*words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def fault(*words):
    """The line that a call which cannot be ends with."""
    done = called(*words)
    assert done.exit_code not in (0, None), done.output
    assert "Traceback" not in done.output
    assert "internal error" not in done.output
    return done.output.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """Smooth colours, wider than high, as a PNG, so that all libraries read the same pixels."""
    path = tmp_path_factory.mktemp("photos") / "photo.png"
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (7, 9, 3), dtype=np.uint8))
    coarse.resize((90, 70), Image.Resampling.BICUBIC).save(path)
    return path


def assert_told(found, names, logits):
    """The probabilities are the softmax of these logits, the most probable class first."""
    wanted = torch.softmax(torch.as_tensor(logits).double().flatten(), 0).numpy()
    assert set(found["probabilities"]) == set(names)
    np.testing.assert_allclose([found["probabilities"][name] for name in names], wanted, atol=1e-4)
    assert found["class"] == names[int(wanted.argmax())]
    assert list(found["probabilities"].values()) == sorted(found["probabilities"].values(), reverse=True)
    assert found["probability"] == pytest.approx(wanted.max(), abs=1e-4)


def wide_awake(theirs, last):
    """With a last layer that tells pictures apart: random networks otherwise say the same of everything."""
    with torch.no_grad():
        last.weight.copy_(torch.randn(last.weight.shape, generator=torch.Generator().manual_seed(1)))
    return shake(theirs)


# Classification


def transformers_resnet(folder, labels=("tabby", "crane", "spoon", "crane", "lamp", "jay", "bus")):
    transformers = reference("transformers")
    names = dict(enumerate(labels))
    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[32, 64, 128, 256], depths=[1, 1, 1, 1], id2label=names,
                                       label2id={name: i for i, name in names.items()})
    torch.manual_seed(0)
    theirs = transformers.ResNetForImageClassification(config)
    theirs = wide_awake(theirs, theirs.classifier[1])
    theirs.save_pretrained(folder)
    processor = transformers.CLIPImageProcessorPil(size={"shortest_edge": 40}, crop_size={"height": 32, "width": 32}, resample=3)
    processor.save_pretrained(folder)
    return theirs, processor


def test_a_folder_of_transformers_says_what_transformers_says(tmp_path, photo):
    theirs, processor = transformers_resnet(tmp_path / "resnet")
    with torch.no_grad():
        logits = theirs(**processor(Image.open(photo), return_tensors="pt")).logits
    names = ["tabby", "crane (1)", "spoon", "crane (3)", "lamp", "jay", "bus"]  # as ImageNet has two cranes
    for given in (["--model", "resnet50", "--weights", tmp_path / "resnet"], [tmp_path / "resnet"]):
        told = facts("predict", *given, photo)
        assert_told(told, names, logits)
    lines = called("predict", "--weights", tmp_path / "resnet", photo).output.splitlines()
    assert len(lines) == 1 + 5
    assert lines[0] == f"{photo}: {told['class']} ({100 * told['probability']:.2f} %)"
    for line, (name, probability) in zip(lines[1:], list(told["probabilities"].items())):
        assert name in line
        assert f"{100 * probability:.2f} %" in line


def narrow(model, layers, classes=7):
    first, second, last = layers
    model.classifier[first] = torch.nn.Linear(model.classifier[first].in_features, 16)
    model.classifier[second] = torch.nn.Linear(16, 16)
    model.classifier[last] = torch.nn.Linear(16, classes)
    return model


TORCHVISION = {
    "resnet50": lambda tv: tv.ResNet(tv.resnet.Bottleneck, [1, 1, 1, 1], num_classes=7),
    "resnet18": lambda tv: tv.resnet18(num_classes=7),
    "vgg11": lambda tv: narrow(tv.vgg11(), (0, 3, 6)),
    "alexnet": lambda tv: narrow(tv.alexnet(), (1, 4, 6)),
    "vit_b_32": lambda tv: tv.VisionTransformer(64, 32, 2, 2, 128, 64, num_classes=7),
}


def torchvision_file(model, path):
    tv = reference("torchvision", "models")
    torch.manual_seed(0)
    theirs = TORCHVISION[model](tv)
    theirs = wide_awake(theirs, [m for m in theirs.modules() if isinstance(m, torch.nn.Linear)][-1])
    torch.save(theirs.state_dict(), path)
    return theirs


@pytest.mark.parametrize("model", TORCHVISION)
def test_a_file_of_torchvision_says_what_torchvision_says(model, tmp_path, photo):
    theirs = torchvision_file(model, tmp_path / "weights.pth")
    presets = reference("torchvision", "transforms", "_presets")
    side = 64 if model.startswith("vit") else 224
    prepared = presets.ImageClassification(crop_size=side, resize_size=256, antialias=True)(Image.open(photo))
    with torch.no_grad():
        logits = theirs(prepared[None])
    told = facts("predict", "--model", model, "--weights", tmp_path / "weights.pth", photo)
    assert_told(told, [str(i) for i in range(7)], logits)


def test_a_folder_of_timm_says_its_own_names(tmp_path, photo):
    """timm's config.json has the preparation under pretrained_cfg, and short names with words for them."""
    theirs = torchvision_file("resnet18", tmp_path / "unused.pth")  # of which timm's ResNet has the names
    folder = tmp_path / "timm"
    folder.mkdir()
    save_file({n: v.contiguous() for n, v in theirs.state_dict().items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({
        "architecture": "resnet18", "num_classes": 7, "label_names": [f"n{i}" for i in range(7)],
        "label_descriptions": {f"n{i}": f"thing {i}" for i in range(6)},
        "pretrained_cfg": {"input_size": [3, 64, 64], "crop_pct": 0.5, "interpolation": "bicubic", "mean": [0.5] * 3,
                           "std": [0.5] * 3}}))
    small = Image.open(photo).resize((int(128 * 90 / 70), 128), Image.Resampling.BICUBIC)
    pixels = np.asarray(small, np.float32)[32:96, 50:114] / 127.5 - 1
    with torch.no_grad():
        logits = theirs(torch.from_numpy(pixels.transpose(2, 0, 1)[None].copy()))
    names = [*(f"thing {i}" for i in range(6)), "n6"]
    assert_told(facts("predict", folder, photo), names, logits)


def test_many_pictures_and_those_that_are_none(tmp_path, photo):
    torchvision_file("resnet50", tmp_path / "weights.pth")
    (tmp_path / "pictures").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "pictures" / name).write_bytes(photo.read_bytes())
    (tmp_path / "pictures" / "c.png").write_bytes(b"no picture")
    done = called("predict", "--model", "resnet50", "--weights", tmp_path / "weights.pth", tmp_path / "pictures", "--json")
    assert done.exit_code == 1
    answers = json.loads(done.stdout)["answers"]
    assert [("error" in a) for a in answers] == [False, False, True]
    first, second = (list(answer["probabilities"].values()) for answer in answers[:2])
    np.testing.assert_allclose(first, second, rtol=1e-4)  # the second time the graph is compiled


def test_a_transformers_vit_and_its_body_alone(tmp_path, photo):
    transformers = reference("transformers")
    config = transformers.ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, image_size=32, patch_size=8,
        id2label={0: "left", 1: "right", 2: "middle"}, label2id={"left": 0, "right": 1, "middle": 2})
    torch.manual_seed(0)
    theirs = transformers.ViTForImageClassification(config)
    theirs = wide_awake(theirs, theirs.classifier)
    theirs.save_pretrained(tmp_path / "vit")
    processor = transformers.ViTImageProcessorPil(size={"height": 32, "width": 32})
    assert "how pictures are prepared" in fault("predict", tmp_path / "vit", photo)
    processor.save_pretrained(tmp_path / "vit")
    with torch.no_grad():
        logits = theirs(**processor(Image.open(photo), return_tensors="pt")).logits
    assert_told(facts("predict", tmp_path / "vit", photo), ["left", "right", "middle"], logits)
    theirs.vit.save_pretrained(tmp_path / "body")
    processor.save_pretrained(tmp_path / "body")
    assert "no layer that tells classes" in fault("predict", tmp_path / "body", photo)


# CLIP


def words_of_clip():
    """A vocabulary as OpenAI's is made: bytes, bytes that end a word, what merges make, two special tokens."""
    merges = [("c", "a"), ("ca", "t</w>"), ("d", "o"), ("do", "g</w>"), ("p", "h"), ("o", "f</w>")]
    alphabet = sorted(byte_characters())
    tokens = [*alphabet, *(c + "</w>" for c in alphabet), *(a + b for a, b in merges), "<|startoftext|>", "<|endoftext|>"]
    return {token: i for i, token in enumerate(tokens)}, merges


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A small random CLIP with its processor, written by transformers."""
    transformers = reference("transformers")
    folder = tmp_path_factory.mktemp("published") / "clip"
    vocabulary, merges = words_of_clip()
    tokenizer = transformers.CLIPTokenizer(vocab=vocabulary, merges=merges)
    images = transformers.CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    processor = transformers.CLIPProcessor(image_processor=images, tokenizer=tokenizer)
    shared = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    end = len(vocabulary) - 1
    config = transformers.CLIPConfig(
        text_config={**shared, "vocab_size": len(vocabulary), "max_position_embeddings": 77, "eos_token_id": end,
                     "bos_token_id": end - 1, "pad_token_id": end},
        vision_config={**shared, "image_size": 32, "patch_size": 8}, projection_dim=16)
    torch.manual_seed(3)
    theirs = transformers.CLIPModel(config).eval()
    with torch.no_grad():
        for name, value in theirs.named_parameters():
            if name.endswith("weight") and value.ndim == 2:
                value.mul_(3)
    theirs.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder, theirs, processor


def their_probabilities(theirs, processor, photo, texts):
    with torch.no_grad():
        inputs = processor(text=texts, images=Image.open(photo), return_tensors="pt", padding=True)
        return theirs(**inputs).logits_per_image.softmax(-1)[0].numpy()


def test_clip_tells_pictures_by_words_as_transformers_does(clip, photo):
    folder, theirs, processor = clip
    wanted = their_probabilities(theirs, processor, photo, LABELS)
    assert np.ptp(wanted) > 0.05  # or anything would pass
    for given in (["--model", "clip", "--weights", folder], ["--model", "clip_vit_b_32", "--weights", folder], [folder]):
        found = facts("predict", *given, photo, "--labels", ", ".join(LABELS))
        np.testing.assert_allclose([found["probabilities"][label] for label in LABELS], wanted, atol=1e-4)
        assert found["label"] == LABELS[int(wanted.argmax())]


def test_wordings_are_averaged(clip, photo):
    folder, theirs, processor = clip
    templates, labels = ["a photo of a {}", "a {}"], ["cat", "dog", "cactus"]
    with torch.no_grad():
        def encoded(texts):
            ids = processor(text=texts, return_tensors="pt", padding=True)
            return torch.nn.functional.normalize(theirs.get_text_features(**ids).pooler_output, dim=-1)

        means = torch.stack([encoded([t.replace("{}", label) for t in templates]).mean(0) for label in labels])
        pixels = processor(images=Image.open(photo), return_tensors="pt")
        image = torch.nn.functional.normalize(theirs.get_image_features(**pixels).pooler_output, dim=-1)
        scores = theirs.logit_scale.exp() * image @ torch.nn.functional.normalize(means, dim=-1).T
    [found] = ALIGN.predict(folder, [str(photo)], Options(labels=labels, templates=templates))
    np.testing.assert_allclose([found.facts["probabilities"][label] for label in labels], scores.softmax(-1)[0], atol=1e-4)


def test_openais_own_layout_is_told_as_open_clip_tells_it(tmp_path, photo):
    open_clip = reference("open_clip")
    transforms = reference("torchvision", "transforms")
    vocabulary, merges = words_of_clip()
    torch.manual_seed(3)
    theirs = open_clip.model.CLIP(16, {"layers": 1, "width": 64, "patch_size": 16, "image_size": 32},
                                  {"context_length": 77, "vocab_size": len(vocabulary), "width": 64, "heads": 1, "layers": 1},
                                  quick_gelu=True).eval()
    torch.save(theirs.state_dict(), tmp_path / "ViT-tiny.pt")
    given = ["predict", "--model", "clip", "--weights", tmp_path / "ViT-tiny.pt", photo, "--labels", ",".join(LABELS)]
    assert "has no tokenizer" in fault(*given)
    (tmp_path / "bpe_simple_vocab_16e6.txt").write_text("#version\n" + "\n".join(f"{a} {b}" for a, b in merges), encoding="utf-8")
    ids = torch.zeros(len(LABELS), 77, dtype=torch.long)
    ids[:] = torch.from_numpy(CLIPTokenizer(vocabulary, merges).batch(LABELS))
    prepare = transforms.Compose([
        transforms.Resize(32, transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(32), transforms.ToTensor(),
        transforms.Normalize((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))])
    with torch.no_grad():
        image = theirs.encode_image(prepare(Image.open(photo))[None], normalize=True)
        texts = theirs.encode_text(ids, normalize=True)
        wanted = (theirs.logit_scale.exp() * image @ texts.T).softmax(-1)[0].numpy()
    found = facts(*given)
    np.testing.assert_allclose([found["probabilities"][label] for label in LABELS], wanted, atol=1e-4)


def test_a_folder_of_open_clip_says_its_heads_activation_and_colours(tmp_path, photo):
    open_clip = reference("open_clip")
    transforms = reference("torchvision", "transforms")
    vocabulary, merges = words_of_clip()
    image = {"layers": 2, "width": 64, "patch_size": 16, "image_size": 32, "head_width": 32}
    text = {"context_length": 77, "vocab_size": len(vocabulary), "width": 64, "heads": 4, "layers": 2}
    torch.manual_seed(3)
    theirs = open_clip.model.CLIP(16, image, text).eval()
    with torch.no_grad():
        for value in theirs.parameters():
            value.mul_(3 if value.ndim == 2 else 1)
        theirs.logit_scale.fill_(3)
    save_file({n: v.contiguous() for n, v in theirs.state_dict().items()}, tmp_path / "open_clip_model.safetensors")
    tokenizer = CLIPTokenizer(vocabulary, merges)
    tokenizer.save(tmp_path)
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
    (tmp_path / "added_tokens.json").unlink()
    config = {"model_cfg": {"embed_dim": 16, "vision_cfg": image, "text_cfg": text},
              "preprocess_cfg": {"mean": [0.3] * 3, "std": [0.2] * 3, "interpolation": "bicubic", "resize_mode": "shortest"}}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    prepare = transforms.Compose([
        transforms.Resize(32, transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(32), transforms.ToTensor(),
        transforms.Normalize([0.3] * 3, [0.2] * 3)])
    with torch.no_grad():
        vector = theirs.encode_image(prepare(Image.open(photo))[None], normalize=True)
        words = theirs.encode_text(torch.from_numpy(tokenizer.batch(LABELS)), normalize=True)
        wanted = (theirs.logit_scale.exp() * vector @ words.T).softmax(-1)[0].numpy()
    found = facts("predict", tmp_path, photo, "--labels", ",".join(LABELS))
    np.testing.assert_allclose([found["probabilities"][label] for label in LABELS], wanted, atol=1e-4)
    for change, told in (({"preprocess_cfg": {"resize_mode": "squash"}}, "resize_mode"),
                         ({"model_cfg": {"text_cfg": {"hf_model_name": "roberta"}}}, "another library")):
        (tmp_path / "open_clip_config.json").write_text(json.dumps(config | change))
        assert told in fault("predict", tmp_path, photo, "--labels", "cat")


def test_clip_needs_labels_and_files_that_belong_together(clip, photo, tmp_path):
    folder, theirs, _ = clip
    assert "needs --labels" in fault("predict", folder, photo)
    assert "once, in the label's place" in fault("predict", folder, photo, "--labels", "cat", "--templates", "a photo")
    theirs.save_pretrained(tmp_path / "bare")
    assert "has no tokenizer" in fault("predict", tmp_path / "bare", photo, "--labels", "cat")
    (tmp_path / "bare" / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    assert "how pictures are prepared" in fault("predict", tmp_path / "bare", photo, "--labels", "cat")
    (tmp_path / "bare" / "processor_config.json").write_text('{"image_processor": [1]}')
    assert "must be an object" in fault("predict", tmp_path / "bare", photo, "--labels", "cat")


# Segmentation


def test_pixels_by_torchvisions_weights(tmp_path, photo):
    """FCN's classes are those of torchvision's logits, enlarged to the picture, which is prepared as the weights' folder says."""
    models = reference("torchvision", "models")
    torch.manual_seed(0)
    theirs = models.segmentation.fcn_resnet50(weights=None, weights_backbone=None, num_classes=5, aux_loss=False)
    shake(theirs)
    torch.save(theirs.state_dict(), tmp_path / "fcn.pth")
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({
        "size": {"shortest_edge": 35}, "do_center_crop": False, "image_mean": [0.4] * 3, "image_std": [0.2] * 3}))
    small = np.asarray(Image.open(photo).resize((45, 35), Image.Resampling.BILINEAR), np.float32).transpose(2, 0, 1)
    with torch.no_grad():
        prepared = torch.from_numpy((small / 255 - 0.4) / 0.2)[None]
        mask = torch.nn.functional.interpolate(theirs(prepared)["out"], size=(70, 90), mode="bilinear").argmax(1).numpy()
    out = tmp_path / "mask.png"
    found = facts("predict", "--model", "fcn_resnet50", "--weights", tmp_path / "fcn.pth", photo, "--draw", "mask", "--out", out)
    assert found["shares"] == pytest.approx({str(c): (mask == c).mean() for c in np.unique(mask)}, abs=0.002)
    assert np.mean(np.asarray(Image.open(out)) == mask[0]) > 0.998


def test_pixels_by_the_authors_pspnet(tmp_path, photo):
    """The file of hszhao/semseg, whose names of a parallel training begin with `module.`, and its network as PyTorch has it."""
    tw.manual_seed(0)
    model = PSPNet(50, classes=4)
    for name, value in model.state_dict().items():
        if name.endswith("running_var"):
            value.copy_(tw.rand(*value.shape) + 0.5)
        elif name.endswith(("running_mean", "bias")):
            value.copy_(0.1 * tw.randn(*value.shape))
    model.save_pretrained(tmp_path / "own")
    published = {name: torch.from_numpy(array.copy()) for name, array in read_checkpoint(tmp_path / "own").tensors.items()}
    torch.save({"state_dict": {f"module.{name}": value for name, value in published.items()}}, tmp_path / "psp.pth")
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({
        "size": {"height": 41, "width": 57}, "do_center_crop": False, "image_mean": [0.4] * 3, "image_std": [0.2] * 3}))
    small = np.asarray(Image.open(photo).resize((57, 41), Image.Resampling.BILINEAR), np.float32).transpose(2, 0, 1)
    with torch.no_grad():
        logits, _ = torch_twins.pspnet(published, torch.from_numpy((small / 255 - 0.4) / 0.2)[None], (3, 4, 6, 3))
        mask = torch.nn.functional.interpolate(logits, size=(70, 90), mode="bilinear").argmax(1).numpy()
    assert len(np.unique(mask)) > 1
    out = tmp_path / "mask.png"
    found = facts("predict", "--model", "pspnet50", "--weights", tmp_path / "psp.pth", photo, "--draw", "mask", "--out", out)
    assert found["shares"] == pytest.approx({str(c): (mask == c).mean() for c in np.unique(mask)}, abs=0.002)
    assert np.mean(np.asarray(Image.open(out)) == mask[0]) > 0.998


# Detection


def suppressed(boxes, scores, overlap):
    """torchvision.ops.nms, which is compiled code that a source folder has not: the places that are kept, by falling score."""
    kept, left = [], scores.argsort(descending=True)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        corners = torch.minimum(boxes[best, 2:], boxes[left, 2:]) - torch.maximum(boxes[best, :2], boxes[left, :2])
        shared = corners.clamp(min=0).prod(1)
        left = left[shared / (areas[best] + areas[left] - shared) <= overlap]
    return torch.stack(kept) if kept else torch.zeros(0, dtype=torch.long)


def test_boxes_by_torchvisions_weights(tmp_path, photo, monkeypatch):
    """Boxes, classes and scores of torchvision's whole detector, which prepares the picture, decodes and suppresses too."""
    models = reference("torchvision", "models")
    torch.manual_seed(0)
    theirs = shake(models.detection.ssd300_vgg16(weights=None, weights_backbone=None, num_classes=5))
    with torch.no_grad():
        for name, value in theirs.named_parameters():
            if name.startswith("head.classification") and name.endswith("bias"):
                value.view(-1, 5)[:, 0] += 2  # mostly background
    theirs.score_thresh = 0.985
    monkeypatch.setattr(reference("torchvision", "ops", "boxes"), "nms", suppressed)
    torch.save(theirs.state_dict(), tmp_path / "ssd.pth")
    square = tmp_path / "square.png"
    Image.open(photo).resize((300, 300), Image.Resampling.BICUBIC).save(square)  # which needs no more resizing
    pixels = torch.from_numpy(np.asarray(Image.open(square), np.float32).transpose(2, 0, 1).copy() / 255)
    with torch.no_grad():
        [told] = theirs([pixels])
    inside = (told["boxes"][:, 2:] > told["boxes"][:, :2]).all(1)  # some lie outside the picture, and nothing of them is left
    wanted = {name: value[inside] for name, value in told.items()}
    found = facts("predict", "--model", "ssd300", "--weights", tmp_path / "ssd.pth", square, "--score", "0.985",
                  "--out", tmp_path / "boxes.png")["detections"]
    assert 5 < len(found) == len(wanted["scores"]) < 100
    np.testing.assert_allclose([f["score"] for f in found], wanted["scores"], atol=1e-4)
    assert [f["class"] for f in found] == [str(int(k)) for k in wanted["labels"]]
    np.testing.assert_allclose([f["box"] for f in found], wanted["boxes"], atol=0.1)
    assert Image.open(tmp_path / "boxes.png").size[0] >= 300


# Making and transcribing


def test_a_pipeline_of_diffusers_makes_pictures_and_strips(tmp_path):
    tw.manual_seed(0)
    folder = tmp_path / "ddpm"
    DDPMUNet(3, [8, 8], [False, False], blocks=1, groups=4).save_pretrained(folder / "unet")
    config = folder / "unet" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"sample_size": 8}))
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text('{"num_train_timesteps": 9, "clip_sample": true}')
    out = tmp_path / "g.png"
    told = facts("generate", "--weights", folder, "--model", "ddpm", "--n", "4", "--trace", "8", "--steps", "7", "--out", out)
    assert (told["trace"], told["count"]) == (8, 32)
    width, height = Image.open(out).size
    assert width / height == pytest.approx(8 / 4, abs=0.02)  # a row a picture, a column a moment
    assert facts("generate", folder / "unet", "--n", 1, "--steps", 1)["shape"] == [3, 8, 8]
    weights = next((folder / "unet").glob("*.safetensors"))
    assert "is a file" in fault("generate", "--weights", weights, "--model", "ddpm")
    assert "got both" in fault("generate", "runs/x", "--weights", folder, "--model", "ddpm")
    assert "did you mean 'generate'" in fault("sample", folder)


# What is asked of what


def test_names_and_families():
    families = {"resnet101": "resnet", "vgg16_bn": "vgg", "vit_l_16": "vit", "clip_rn50": "clip", "gpt2_medium": "gpt2",
                "whisper_tiny": "whisper", "ddpm_unet": "ddpm", "fcn_resnet50": "fcn", "pspnet50": "pspnet", "clip": "clip"}
    assert {name: family_of(name) for name in families} == families
    for name in ("lenet", "resnet_small", "gpt", "ssd"):
        with pytest.raises(ValueError, match="no published weights"):
            family_of(name)
    with pytest.raises(ValueError, match="did you mean 'resnet50'"):
        family_of("resnet5O")
    for name, recipe in {"gpt2": "language", "openai/whisper-tiny": "asr", "openai/clip-vit-base-patch32": "align",
                         "microsoft/resnet-50": "classify", "google/ddpm-cifar10-32": "diffuse"}.items():
        assert weights_of(name).recipe == recipe
    assert weights_of("photo.png") is None
    assert weights_of("runs/lenet-digits") is None
    given = Weights("somewhere", "vgg", "vgg16")
    assert weights_of(given) is given
    assert named_weights("someone/their-net", "vgg16").recipe == "classify"


def test_files_of_another_model_are_refused(tmp_path, photo, clip):
    torchvision_file("resnet18", tmp_path / "weights.pth")
    weights = tmp_path / "weights.pth"
    line = fault("predict", "--model", "resnet50", "--weights", weights, photo)
    assert "are weights of resnet18" in line
    for model in ("vgg16", "vit_b_16", "alexnet", "ssd300", "fcn_resnet50", "pspnet50"):
        line = fault("predict", "--model", model, "--weights", weights, photo)
        assert "do not describe a" in line
        assert str(weights) in line
    assert "holds weights of a clip" in fault("predict", "--model", "resnet50", "--weights", clip[0], photo)
    assert "`talweg generate" in fault("predict", "--model", "gpt2", "--weights", weights, photo)
    state = torch.load(weights)
    del state["layer1.0.bn1.weight"]
    torch.save(state, weights)
    assert "1 missing: layer1.0.bn1.weight" in fault("predict", "--model", "resnet18", "--weights", weights, photo)
    weights.write_bytes(weights.read_bytes()[:1000])
    assert str(weights) in fault("predict", "--model", "resnet18", "--weights", weights, photo)


def test_names_that_do_not_belong_to_the_weights(tmp_path, photo):
    transformers_resnet(tmp_path / "resnet")
    path = tmp_path / "resnet" / "config.json"
    config = json.loads(path.read_text())
    config["id2label"].pop("6")
    path.write_text(json.dumps(config))
    assert "fc.weight is [7, 256], expected [6, 256]" in fault("predict", tmp_path / "resnet", photo)
    config["id2label"]["99"] = "bus"
    path.write_text(json.dumps(config))
    assert "names class 99" in fault("predict", tmp_path / "resnet", photo)
    path.write_text("{broken")
    assert "config.json" in fault("predict", "--model", "resnet50", "--weights", tmp_path / "resnet", photo)
    path.unlink()
    assert "no config.json" in fault("predict", "--model", "resnet50", "--weights", tmp_path / "resnet", photo)
    assert "--model" in fault("predict", "--weights", tmp_path / "resnet", photo)


@pytest.mark.parametrize(("words", "told"), [
    (["--model", "resnet50", "--weights", "nowhere.pth", "x.png"], "there is no such file"),
    (["--model", "resnet50", "--weights", "nowhere", "x.png"], "there is no such file"),
    (["--model", "lenet", "--weights", "w.pth", "x.png"], "no published weights"),
    (["--model", "resnot50", "--weights", "w.pth", "x.png"], "did you mean"),
    (["--model", "resnet50", "x.png"], "--weights"),
    (["--weights", "w.pth", "x.png"], "does not say of which model"),
    (["w.pth", "x.png"], "--model NAME --weights"),
    (["--model", "resnet50", "--weights", "w.pth"], "Missing argument"),
    (["--model", "resnet50", "--weights", "run", "x.png"], "belongs to the run"),
    (["--model", "resnet50", "--weights", "run/model.safetensors", "x.png"], "belongs to the run"),
])
def test_calls_that_cannot_be(words, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.pth").write_bytes(b"no weights")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text("recipe: classify\n")
    (tmp_path / "run" / "model.safetensors").write_bytes(b"")
    assert told in fault("predict", *words)


def test_the_recipe_takes_weights_too(tmp_path, photo):
    torchvision_file("alexnet", tmp_path / "weights.pth")
    [answer] = CLASSIFY.predict(Weights(str(tmp_path / "weights.pth"), "alexnet"), [str(photo)])
    assert sum(answer.facts["probabilities"].values()) == pytest.approx(1)
    with pytest.raises(FileNotFoundError, match=r"none\.png"):
        CLASSIFY.predict(Weights(str(tmp_path / "weights.pth"), "alexnet"), [str(tmp_path / "none.png")])
