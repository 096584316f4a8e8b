"""The GPT in JAX."""

from .layers import cross_entropy


def forward(L, s, tokens):
    x = L["embedding.weight"][tokens] + L["position_embedding.weight"][: tokens.shape[1]]  # (B, L, C)
    for i in range(s.layers):
        x = L.transformer_block(f"blocks.{i}", x, s.heads, causal=True)
    return L.linear("embedding", L.layer_norm("norm", x))  # tied weights


def loss(L, s, tokens, following):
    return cross_entropy(forward(L, s, tokens), following)
