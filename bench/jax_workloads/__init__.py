"""The workloads as plain JAX functions: forward(L, s, *inputs) and loss(L, s, *batch), over the layers `L` of
layers.py and the sizes `s`.

Parameters carry PyTorch's names; images are (B, H, W, C) and filters (H, W, in, out), which XLA likes best on a CPU.
"""
