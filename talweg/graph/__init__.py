"""The recorded computation: nodes, operations with their gradients, the reverse pass."""
