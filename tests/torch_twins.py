"""Networks without a reference on PyPI, written a second time in plain torch, as their papers tell them.

Each takes a dictionary of our tensors by our names, as torch tensors, and the inputs.
"""

import torch
from torch.nn import functional as F


def lenet5(w, x):
    x = F.max_pool2d(F.relu(F.conv2d(x, w["features.0.weight"], w["features.0.bias"], padding=2)), 2)
    x = F.max_pool2d(F.relu(F.conv2d(x, w["features.3.weight"], w["features.3.bias"])), 2).flatten(1)
    for i in (0, 2):
        x = F.relu(F.linear(x, w[f"classifier.{i}.weight"], w[f"classifier.{i}.bias"]))
    return F.linear(x, w["classifier.4.weight"], w["classifier.4.bias"])


# C3 of the paper's table I, one row a map of S2, one column a map of C3.
TABLE = ["X...XXX..XXXX.XX", "XX...XXX..XXXX.X", "XXX...XXX..X.XXX", ".XXX..XXXX..X.XX", "..XXX..XXXX.XX.X", "...XXX..XXXX.XXX"]


def lenet5_of_1998(w, x, pictures):
    def squash(a):
        return 1.7159 * torch.tanh(2 / 3 * a)

    def subsample(a, name):
        total = F.avg_pool2d(a, 2) * 4
        return squash(total * (w[f"{name}.weight"] / 4)[:, None, None] + w[f"{name}.bias"][:, None, None])

    x = subsample(squash(F.conv2d(x, w["c1.weight"], w["c1.bias"])), "s2")
    kernels = iter(w["c3.weight"])
    maps = []
    for out in range(16):
        total = w["c3.bias"][out]
        for source in range(6):
            if TABLE[source][out] == "X":
                total = total + F.conv2d(x[:, source:source + 1], next(kernels)[None, None])
        maps.append(total)
    x = subsample(squash(torch.cat(maps, 1)), "s4")
    x = squash(F.conv2d(x, w["c5.weight"], w["c5.bias"])).flatten(1)
    x = squash(F.linear(x, w["f6.weight"], w["f6.bias"]))
    return -torch.stack([((x - picture) ** 2).sum(1) for picture in pictures], dim=1)


def dqn(w, x):
    for i, stride in ((0, 4), (2, 2), (4, 1)):
        x = F.relu(F.conv2d(x, w[f"network.{i}.weight"], w[f"network.{i}.bias"], stride=stride))
    x = F.relu(F.linear(x.flatten(1), w["network.7.weight"], w["network.7.bias"]))
    return F.linear(x, w["network.9.weight"], w["network.9.bias"])


def unet(w, x, levels, padding):
    def double(a, name):
        for i in (0, 2):
            a = F.relu(F.conv2d(a, w[f"{name}.{i}.weight"], w[f"{name}.{i}.bias"], padding=padding))
        return a

    kept = [double(x, "down.0")]
    for i in range(1, levels + 1):
        kept.append(double(F.max_pool2d(kept[-1], 2), f"down.{i}"))
    x = kept.pop()
    for i in range(levels):
        x = F.conv_transpose2d(x, w[f"up.{i}.weight"], w[f"up.{i}.bias"], stride=2)
        copy = kept.pop()
        edge = (copy.shape[2] - x.shape[2]) // 2, (copy.shape[3] - x.shape[3]) // 2
        copy = copy[:, :, edge[0]:edge[0] + x.shape[2], edge[1]:edge[1] + x.shape[3]]
        x = double(torch.cat([copy, x], 1), f"merge.{i}")
    return F.conv2d(x, w["last.weight"], w["last.bias"])


def dcgan_generator(w, z):
    x = z[:, :, None, None]
    count = sum(name.endswith("weight") and value.dim() == 4 for name, value in w.items())
    for i in range(count):
        step = (2, 1) if i else (1, 0)
        x = F.conv_transpose2d(x, w[f"main.{3 * i}.weight"], stride=step[0], padding=step[1])
        if i < count - 1:
            at = f"main.{3 * i + 1}"
            x = F.relu(F.batch_norm(x, None, None, w[f"{at}.weight"], w[f"{at}.bias"], training=True))
    return torch.tanh(x)


def denoiser(w, x):
    def conv(a, name, **how):
        return F.conv2d(a, w[f"{name}.weight"], w[f"{name}.bias"], **how)

    def twice(a, name):
        return F.relu(conv(F.relu(conv(a, f"{name}.0", padding=1)), f"{name}.2", padding=1))

    def up(a, name):
        return F.conv_transpose2d(a, w[f"{name}.weight"], w[f"{name}.bias"], stride=2, padding=1)

    full = twice(x, "first")
    half = twice(F.relu(conv(full, "down1", stride=2, padding=1)), "middle1")
    quarter = twice(F.relu(conv(half, "down2", stride=2, padding=1)), "middle2")
    y = F.relu(up(F.relu(up(quarter, "up2") + half), "up1") + full)
    return x + conv(y, "last", padding=1)


def pspnet(w, x, counts):
    """hszhao/semseg's model, in evaluation mode, under its own names."""
    def conv_norm(a, conv, norm, **how):
        a = F.conv2d(a, w[f"{conv}.weight"], **how)
        stats = [w[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(a, *stats)

    def block(a, name, stride, dilation):
        y = F.relu(conv_norm(a, f"{name}.conv1", f"{name}.bn1"))
        y = F.relu(conv_norm(y, f"{name}.conv2", f"{name}.bn2", stride=stride, padding=dilation, dilation=dilation))
        y = conv_norm(y, f"{name}.conv3", f"{name}.bn3")
        if f"{name}.downsample.0.weight" in w:
            a = conv_norm(a, f"{name}.downsample.0", f"{name}.downsample.1", stride=stride)
        return F.relu(y + a)

    def enlarged(a, size):
        return F.interpolate(a, size=size, mode="bilinear", align_corners=True)

    def head(a, name):
        a = F.relu(conv_norm(a, f"{name}.0", f"{name}.1", padding=1))
        return enlarged(F.conv2d(a, w[f"{name}.4.weight"], w[f"{name}.4.bias"]), size)

    size = x.shape[2:]
    x = F.relu(conv_norm(x, "layer0.0", "layer0.1", stride=2, padding=1))
    x = F.relu(conv_norm(x, "layer0.3", "layer0.4", padding=1))
    third = x = F.max_pool2d(F.relu(conv_norm(x, "layer0.6", "layer0.7", padding=1)), 3, 2, 1)
    for stage, (count, stride, dilation) in enumerate(zip(counts, (1, 2, 1, 1), (1, 1, 2, 4)), start=1):
        for i in range(count):
            x = block(x, f"layer{stage}.{i}", stride if i == 0 else 1, dilation)
        third = x if stage <= 3 else third
    pooled = [
        enlarged(F.relu(conv_norm(F.adaptive_avg_pool2d(x, side), f"ppm.features.{i}.1", f"ppm.features.{i}.2")), x.shape[2:])
        for i, side in enumerate((1, 2, 3, 6))
    ]
    return head(torch.cat([x, *pooled], 1), "cls"), head(third, "aux")
