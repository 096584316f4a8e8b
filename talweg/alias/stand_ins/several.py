"""Rooms of torch.distributed for several processes: their names import, for annotations and isinstance, and refuse when used."""

from __future__ import annotations

from .absent import absent

_reason = "this build trains in one process"
device_mesh = absent("torch.distributed.device_mesh", _reason, "init_device_mesh", "DeviceMesh")
nn = absent("torch.distributed.nn", _reason, "all_gather all_reduce all_to_all broadcast gather reduce reduce_scatter "
            "scatter")
functional_collectives = absent("torch.distributed._functional_collectives", _reason, "all_gather_tensor all_reduce "
                                "reduce_scatter_tensor")
tensor = absent("torch.distributed.tensor", _reason, "distribute_module distribute_tensor ones zeros empty",
                "DTensor Partial Placement Replicate Shard")
tensor_parallel = absent("torch.distributed.tensor.parallel", _reason, "parallelize_module",
                         "ColwiseParallel ParallelStyle PrepareModuleInput PrepareModuleOutput RowwiseParallel "
                         "SequenceParallel")
fsdp = absent("torch.distributed.fsdp", _reason, "fully_shard", "BackwardPrefetch CPUOffload CPUOffloadPolicy FSDPModule "
              "FullStateDictConfig FullyShardedDataParallel MixedPrecision MixedPrecisionPolicy OffloadPolicy "
              "ShardedStateDictConfig ShardingStrategy StateDictType")
fsdp_wrap = absent("torch.distributed.fsdp.wrap", _reason, "enable_wrap size_based_auto_wrap_policy "
                   "transformer_auto_wrap_policy wrap")
optim = absent("torch.distributed.optim", _reason, "", "DistributedOptimizer ZeroRedundancyOptimizer")
elastic = absent("torch.distributed.elastic", _reason)
elastic_errors = absent("torch.distributed.elastic.multiprocessing.errors", _reason, "", "ChildFailedError")
elastic_errors.record = staticmethod(lambda fn, handler=None: fn)  # type: ignore[attr-defined]
