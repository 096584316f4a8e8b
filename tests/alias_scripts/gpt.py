"""A small GPT and its training script, in the style such files have: configuration in a dataclass, causal attention in
one product, tied embeddings, weight decay by parameter group, a cosine schedule, checkpoints, generation."""

import argparse
import inspect
import json
import math
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
from torch.nn import functional as F


@dataclass
class Config:
    context: int = 16
    vocabulary: int = 29
    layers: int = 2
    heads: int = 2
    width: int = 32
    dropout: float = 0.0
    bias: bool = False


class Norm(nn.Module):
    def __init__(self, width, bias):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width)) if bias else None

    def forward(self, x):
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, 1e-5)


class Attention(nn.Module):
    def __init__(self, config, fused):
        super().__init__()
        assert config.width % config.heads == 0
        self.c_attn = nn.Linear(config.width, 3 * config.width, bias=config.bias)
        self.c_proj = nn.Linear(config.width, config.width, bias=config.bias)
        self.heads, self.width, self.dropout = config.heads, config.width, config.dropout
        self.fused = fused and hasattr(torch.nn.functional, "scaled_dot_product_attention")
        mask = torch.tril(torch.ones(config.context, config.context))
        self.register_buffer("mask", mask.view(1, 1, config.context, config.context), persistent=False)

    def forward(self, x):
        B, T, C = x.size()
        q, k, v = self.c_attn(x).split(self.width, dim=2)
        q, k, v = (t.view(B, T, self.heads, C // self.heads).transpose(1, 2) for t in (q, k, v))
        if self.fused:
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=None, dropout_p=0.0, is_causal=True)
        else:
            scores = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
            scores = scores.masked_fill(self.mask[:, :, :T, :T] == 0, float("-inf"))
            y = F.softmax(scores, dim=-1) @ v
        return self.c_proj(y.transpose(1, 2).contiguous().view(B, T, C))


class Block(nn.Module):
    def __init__(self, config, fused):
        super().__init__()
        self.ln_1, self.ln_2 = Norm(config.width, config.bias), Norm(config.width, config.bias)
        self.attn = Attention(config, fused)
        self.mlp = nn.Sequential(nn.Linear(config.width, 4 * config.width), nn.GELU(),
                                 nn.Linear(4 * config.width, config.width), nn.Dropout(config.dropout))

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.transformer = nn.ModuleDict(dict(  # noqa: C408
            wte=nn.Embedding(config.vocabulary, config.width), wpe=nn.Embedding(config.context, config.width),
            drop=nn.Dropout(config.dropout), h=nn.ModuleList([Block(config, i % 2 == 0) for i in range(config.layers)]),
            ln_f=Norm(config.width, config.bias)))
        self.lm_head = nn.Linear(config.width, config.vocabulary, bias=False)
        self.transformer.wte.weight = self.lm_head.weight
        self.apply(self._init)
        for name, p in self.named_parameters():
            if name.endswith("c_proj.weight"):
                torch.nn.init.normal_(p, mean=0.0, std=0.02 / math.sqrt(2 * config.layers))

    def _init(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            torch.nn.init.normal_(module.weight, mean=0.0, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            torch.nn.init.zeros_(module.bias)

    def forward(self, ids, targets=None):
        T = ids.size(1)
        positions = torch.arange(0, T, dtype=torch.long, device=ids.device)
        x = self.transformer.drop(self.transformer.wte(ids) + self.transformer.wpe(positions))
        for block in self.transformer.h:
            x = block(x)
        x = self.transformer.ln_f(x)
        if targets is None:
            return self.lm_head(x[:, [-1], :]), None
        logits = self.lm_head(x)
        return logits, F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=-1)

    def configure(self, decay, lr):
        found = {n: p for n, p in self.named_parameters() if p.requires_grad}
        groups = [{"params": [p for p in found.values() if p.dim() >= 2], "weight_decay": decay},
                  {"params": [p for p in found.values() if p.dim() < 2], "weight_decay": 0.0}]
        extra = {"fused": False} if "fused" in inspect.signature(torch.optim.AdamW).parameters else {}
        return torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.95), **extra)

    @torch.no_grad()
    def generate(self, ids, count, top_k=None):
        for _ in range(count):
            logits, _ = self(ids[:, -self.config.context:])
            logits = logits[:, -1, :]
            if top_k is not None:
                v, _ = torch.topk(logits, min(top_k, logits.size(-1)))
                logits[logits < v[:, [-1]]] = -float("Inf")
            ids = torch.cat((ids, torch.multinomial(F.softmax(logits, dim=-1), num_samples=1)), dim=1)
        return ids


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    torch.manual_seed(1337)
    torch.set_num_threads(1)
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    device = "cuda" if torch.cuda.is_available() else "cpu"
    context = nullcontext() if device == "cpu" else torch.amp.autocast(device_type=device, dtype=torch.float16)
    model = GPT(Config()).to(device)
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.from_numpy(rng.standard_normal(tuple(p.shape)).astype(np.float32) * 0.1))
    optimizer = model.configure(0.1, 1e-2)
    called = torch.compile(model) if options.compile else model
    losses = []
    for step in range(options.steps):
        for group in optimizer.param_groups:
            group["lr"] = 1e-2 * 0.5 * (1.0 + math.cos(math.pi * step / 100))
        data = torch.from_numpy(rng.integers(0, 29, (4, 17)))
        with context:
            _, loss = called(data[:, :-1].contiguous(), data[:, 1:].contiguous())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
    model.eval()
    drawn = model.generate(torch.zeros((1, 1), dtype=torch.long, device=device), 20, top_k=5)[0].tolist()
    assert len(drawn) == 21
    assert all(0 <= i < 29 for i in drawn)
    print(json.dumps({"losses": losses, "parameters": sum(p.numel() for p in model.parameters())}))


if __name__ == "__main__":
    main()
