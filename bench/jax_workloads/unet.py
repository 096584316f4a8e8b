"""The diffusion U-Net in JAX: images (B, H, W, 3)."""

import jax
import jax.numpy as jnp

from bench.workloads.unet import GROUPS, plan


def normed(L, name, x):
    return jax.nn.silu(L.group_norm(name, x, GROUPS))


def residual(L, name, x, time):
    y = L.conv(f"{name}.conv1", normed(L, f"{name}.norm1", x), 1, 1)
    y = y + L.linear(f"{name}.time", jax.nn.silu(time))[:, None, None, :]
    y = L.conv(f"{name}.conv2", normed(L, f"{name}.norm2", y), 1, 1)
    if f"{name}.shortcut.weight" in L.parameters:
        x = L.conv(f"{name}.shortcut", x)
    return x + y


def attention(L, name, x):
    B, H, W, C = x.shape
    qkv = L.conv(f"{name}.qkv", L.group_norm(f"{name}.norm", x, GROUPS))
    q, k, v = (y.reshape(B, H * W, 1, C) for y in jnp.split(qkv, 3, 3))
    return x + L.conv(f"{name}.out", L.attention(q, k, v).reshape(B, H, W, C))


def block(L, name, x, time):
    x = residual(L, f"{name}.residual", x, time)
    return attention(L, f"{name}.attention", x) if f"{name}.attention.qkv.weight" in L.parameters else x


def forward(L, s, x, t):
    time = L.linear("time2", jax.nn.silu(L.linear("time1", _sinusoids(t, s.channels))))
    down, up, _ = plan(s)
    x = L.conv("start", x, 1, 1)
    skips = [x]
    for i, (kind, *_) in enumerate(down):
        x = block(L, f"down.{i}", x, time) if kind == "block" else L.conv(f"down.{i}", x, 2, 1)
        skips.append(x)
    x = block(L, "middle2", block(L, "middle1", x, time), time)
    for i, (kind, *_) in enumerate(up):
        if kind == "block":
            x = block(L, f"up.{i}", jnp.concatenate([x, skips.pop()], 3), time)
        else:
            x = L.conv(f"up.{i}.1", x.repeat(2, 1).repeat(2, 2), 1, 1)
    return L.conv("end", normed(L, "norm", x), 1, 1)


def _sinusoids(t, width):
    frequencies = jnp.exp(jnp.arange(width // 2) * (-jnp.log(10_000.0) / (width // 2)))
    angles = t[:, None] * frequencies
    return jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], 1)


def loss(L, s, noisy, t, noise):
    return ((forward(L, s, noisy, t).astype(jnp.float32) - noise) ** 2).mean()
