"""What scripts ask PyTorch for beside tensors and layers: answered truly, or refused with a sentence."""
