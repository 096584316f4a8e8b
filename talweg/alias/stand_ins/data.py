"""What torch.utils.data holds for training in several processes."""

from .refusing import refused_class

DistributedSampler = refused_class("torch.utils.data.distributed.DistributedSampler", "this build trains in one process")
