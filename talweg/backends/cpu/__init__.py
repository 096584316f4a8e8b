"""oneDNN (matrix products, convolutions, pooling) on the CPU."""
