"""A GPT as nanoGPT has it (Radford et al. 2019; L 5.3): pre-norm, GELU, tied embeddings, no dropout."""

from __future__ import annotations

from .training import Optimizer

OPTIMIZER = Optimizer("AdamW", {"lr": 1e-3, "betas": (0.9, 0.95), "weight_decay": 0.1})
INPUTS = 1


def transformer_block(T, width: int, heads: int, causal: bool):
    """x + attention(norm(x)), then x + mlp(norm(x))."""
    nn, F = T.nn, T.nn.functional

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1 = nn.LayerNorm(width)
            self.qkv = nn.Linear(width, 3 * width)
            self.out = nn.Linear(width, width)
            self.norm2 = nn.LayerNorm(width)
            self.up = nn.Linear(width, 4 * width)
            self.down = nn.Linear(4 * width, width)

        def attention(self, x):
            B, L, C = x.shape
            q, k, v = [y.reshape(B, L, heads, C // heads).transpose(1, 2) for y in self.qkv(x).split(C, 2)]  # (B, H, L, D)
            y = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
            return self.out(y.transpose(1, 2).reshape(B, L, C))

        def forward(self, x):
            x = x + self.attention(self.norm1(x))
            return x + self.down(F.gelu(self.up(self.norm2(x))))

    return Block()


def model(T, s):
    nn = T.nn

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(s.vocabulary, s.width)
            self.position_embedding = nn.Embedding(s.context, s.width)
            self.blocks = nn.ModuleList([transformer_block(T, s.width, s.heads, causal=True) for _ in range(s.layers)])
            self.norm = nn.LayerNorm(s.width)
            self.head = nn.Linear(s.width, s.vocabulary, bias=False)
            self.head.weight = self.embedding.weight

        def forward(self, tokens):
            x = self.embedding(tokens) + self.position_embedding(T.arange(tokens.shape[1]))  # (B, L, C)
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x))  # (B, L, vocabulary)

    return GPT()


def batch(rng, s):
    text = rng.integers(0, s.vocabulary, (s.batch, s.context + 1))
    return text[:, :-1].copy(), text[:, 1:].copy()


def loss(T, model, tokens, following):
    logits = model(tokens)
    return T.nn.functional.cross_entropy(logits.flatten(0, 1), following.flatten())
