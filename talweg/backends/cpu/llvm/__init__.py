"""LLVM: kernels as text of its intermediate representation."""
