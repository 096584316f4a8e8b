"""What the coverage page says about names that are absent or differ. Patterns are those of fnmatch, on names with the
namespace; the first that fits counts. A pattern that fits no absent name any more, and a difference of a name that is no
longer there, are errors of this table (tests/test_api_coverage.py)."""

from __future__ import annotations

# (reason, the patterns it is the reason for)
ABSENT: list[tuple[str, str]] = [
    ("Tensors are dense; graphs keep their edges as index tensors and use `index_add` and `scatter_add`",
     """torch.sparse_* torch.*sspaddmm torch.*saddmm torch.hsmm torch.*_sparse_
     torch.*ccol_indices* torch.*crow_indices* torch.*row_indices* torch.*col_indices* torch.*indices_copy torch.*values_copy
     torch.Tensor.*sparse* torch.Tensor.coalesce torch.Tensor.is_coalesced torch.Tensor.dense_dim
     torch.Tensor.indices torch.Tensor.values torch.Tensor.smm torch.Tensor.sspaddmm
     torch.Tensor.to_padded_tensor"""),
    ("There are no quantised tensors; `models/quantize.py` rounds weights to 8 bits and keeps them as integers",
     """torch.quantize* torch.*q_per_channel_* torch.*q_scale torch.*q_zero_point torch.*qscheme torch.q[iu]* torch.quint*
     torch.fake_quantize_* torch.fused_moving_avg_obs_fake_quant torch.choose_qparams_optimized torch.fbgemm_*
     torch.*dequantize torch.empty_quantized torch.*int_repr"""),
    ("Element types are those of NumPy and bfloat16: no 8-bit and smaller floats, no sub-byte numbers, no half complex",
     """torch.bit torch.bits* torch.float4_* torch.float8_* torch.int[1-7] torch.uint[1-7] torch.*chalf
     torch.nn.functional.scaled_mm torch.nn.functional.scaled_grouped_mm torch.nn.functional.grouped_mm
     torch.nn.functional.ScalingType torch.nn.functional.SwizzleType"""),
    ("No TorchScript: functions run as Python and `talweg.compile` compiles what they record",
     """torch.Script* torch.AliasDb torch.*Type torch.Argument* torch.Block torch.CallStack torch.Capsule torch.Code
     torch.CompilationUnit torch.Complete* torch.Concrete* torch.DeepCopyMemoTable torch.Des* torch.ErrorReport
     torch.ExecutionPlan torch.FileCheck torch.FunctionSchema torch.Future torch.Gradient torch.Graph*
     torch.IODescriptor torch.JITException torch.LiteScriptModule torch.LockingLogger torch.ModuleDict torch.BufferDict
     torch.ParameterDict torch.Node torch.NoopLogger torch.OperatorInfo torch.PyTorchFile* torch.Serialization*
     torch.StaticModule torch.TracingState torch.Use torch.Value torch.Type torch.fork torch.wait torch.import_ir_module*
     torch.merge_type_* torch.parse_* torch.unify_type_list torch.Tag torch.DispatchKey* torch.ExcludeDispatchKeyGuard
     torch.AVG torch.SUM torch.AggregationType torch.Benchmark* torch.ThroughputBenchmark torch.JIT*
     torch.nn.functional.BroadcastingList* torch.nn.functional.boolean_dispatch"""),
    ("Shapes are numbers when an operation is recorded: there are no symbolic sizes", "torch.Sym* torch.sym_*"),
    ("Kernels of another vendor's library under their own names; the plain operation calls oneDNN by itself",
     "torch.cudnn_* torch.miopen_* torch.mkldnn_* torch.*to_mkldnn torch.is_vulkan_available"),
    ("One device, the CPU, and one process",
     """torch.Stream torch.Event torch.get_device torch.get_device_module torch.*is_distributed torch.AcceleratorError
     torch.OutOfMemoryError torch.batch_norm_* torch.Tensor.ipu torch.Tensor.xpu torch.Tensor.mtia
     torch.Tensor.is_xla torch.Tensor.record_stream
     torch.*autocast_*_dtype torch.*autocast_*_enabled torch.utils.data.DistributedSampler
     torch.utils.checkpoint.DefaultDeviceType torch.utils.dlpack.DLDeviceType"""),
    ("A tensor is a box around a recorded value: no bytes of it can be seen or shared before it is computed",
     """torch.*Storage torch.Tensor.storage* torch.Tensor.untyped_storage torch.Tensor.set_ torch.Tensor.is_set_to
     torch.Tensor.*share* torch.Tensor.const_data_ptr torch.from_file torch.Tensor.apply_ torch.Tensor.map_
     torch.Tensor.map2_ torch.Tensor.module_load torch.Tensor.dim_order"""),
    ("No `__torch_function__`: subclasses keep their class through `as_subclass` in PyTorch only",
     "torch.DisableTorchFunction* torch.nn.functional.handle_torch_function"),
    ("PyTorch refuses it or marks it as gone (use the name beside it in its documentation)",
     """torch.Tensor.eig torch.Tensor.lstsq torch.Tensor.solve torch.Tensor.symeig torch.Tensor.reinforce
     torch.Tensor.resize torch.Tensor.resize_as torch.Tensor.volatile torch.nn.Container
     torch.autograd.variable"""),
    ("Tensors with a mask of their own are a prototype there; the masked reductions are here", "torch.masked.*"),
    ("Pipelines of data pieces, deprecated there; use `Dataset` and `IterableDataset`",
     """torch.utils.data.*DataPipe torch.utils.data.*datapipe* torch.utils.data.DataChunk torch.utils.data.*_validation*
     torch.utils.data.non_deterministic torch.utils.data.runtime_validation_disabled"""),
    ("The inner parts of activation checkpointing; here it is a part of the graph, without saved states or re-entry",
     "torch.utils.checkpoint.*"),
    ("The engine's own switches: there is one thread of recording and no layout contract",
     """torch.autograd.enforce_grad_layout_policy torch.autograd.set_multithreading_enabled torch.autograd.NestedIOFunction
     torch.Tensor.grad_dtype torch.Tensor.output_nr torch.autocast_*_nesting torch.*autocast_cache*"""),
    ("Names that PyTorch's modules leave lying about: constants of its documentation and imports of its own",
     """torch.nn.functional.TYPE_CHECKING torch.fft.Tensor
     torch.nn.functional.assert_int_or_pair torch.nn.functional.Tensor
     torch.nn.factory_kwargs torch.has_* torch.*thread_safe_generator torch.FatalError torch.nn.LinearCrossEntropyOptions"""),
    ("Internals of vmap and of graph capture",
     "torch.func.debug_unwrap torch.func.functionalize torch.func.rearrange torch.cond"),
    ("What is made under `inference_mode` is an ordinary tensor, so there is nothing to ask",
     "torch.is_inference* torch.Tensor.is_inference"),
    ("The compiler chooses how weights lie", "torch.nn.utils.convert_conv*"),
    ("Takes or gives what has no use here: 64-bit unsigned hashes, a dimension's name, threads that are there already",
     """torch.hash_tensor torch.Tensor.index torch.init_num_threads
     torch.is_deterministic_algorithms_warn_only_enabled"""),
    ("`linalg.eigh` finds all pairs; there is no iteration for a few", "torch.lobpcg"),
    ("Use `nn.functional.hardshrink`", "torch.Tensor.hardshrink"),
]

UNDOCUMENTED = "Not documented by PyTorch: what its layers call; use `nn.functional`"

# How a name that is here differs from PyTorch's, where the signature does not tell.
DIFFERS: dict[str, str] = {
    "torch.uint16": "a name to compare with; no tensor has it",
    "torch.uint32": "a name to compare with; no tensor has it",
    "torch.uint64": "a name to compare with; no tensor has it",
    "torch.complex32": "a name to compare with; no tensor has it",
    "torch.float8_e4m3fn": "a name to compare with; no tensor has it",
    "torch.float8_e5m2": "a name to compare with; no tensor has it",
    "torch.sparse_coo_tensor": "a dense tensor that knows its places; operations on it give ordinary tensors",
    "torch.Tensor.to_sparse": "the tensor itself, dense, with the places of its elements other than 0",
    "torch.Tensor.as_subclass": "results of operations on a subclass are plain tensors: there is no `__torch_function__`",
    "torch.optim.SparseAdam": "gradients are dense: a row counts as touched if its gradient is not all 0",
    "torch.optim.Muon": "products and sums in bfloat16 are rounded one by one, where PyTorch rounds a product with its sum "
                        "once: after 20 steps some elements differ by a thousandth",
    "torch.nn.SyncBatchNorm": "one process: as `BatchNorm`",
    "torch.matrix_exp": "of a batch in float32 PyTorch's values are off by up to 0.3 %; ours have full precision",
    "torch.linalg.matrix_exp": "of a batch in float32 PyTorch's values are off by up to 0.3 %; ours have full precision",
    "torch.Tensor.matrix_exp": "of a batch in float32 PyTorch's values are off by up to 0.3 %; ours have full precision",
    "torch.as_strided_scatter": "the gradient of `input` is 0 where `src` was written; PyTorch's is 0 everywhere else",
    "torch.layer_norm": "over one element the gradient of `input` is 0; PyTorch's is rounding noise",
    "torch.nn.functional.layer_norm": "over one element the gradient of `input` is 0; PyTorch's is rounding noise",
    "torch.nn.LayerNorm": "over one element the gradient of `input` is 0; PyTorch's is rounding noise",
    "torch.from_numpy": "copies, unless nobody can write to the array: what is recorded may be computed later and must not "
                        "change under it",
    "torch.Tensor.numpy": "copies, for the same reason",
    "torch.frombuffer": "copies",
    "torch.asarray": "always copies data that is not a tensor",
    "torch.as_tensor": "copies arrays",
    "torch.Tensor.data_ptr": "a number that is the same for tensors of one storage; nothing lies there",
    "torch.Tensor.contiguous": "results of operations are contiguous already, where PyTorch keeps their operands' layout",
    "torch.Tensor.expand": "a part of the expanded view cannot be written to",
    "torch.view_as_real": "a copy, where PyTorch shares memory",
    "torch.view_as_complex": "a copy, where PyTorch shares memory",
    "torch.conj": "a value of its own, where PyTorch marks a view",
    "torch.Tensor.conj": "a value of its own, where PyTorch marks a view",
    "torch.use_deterministic_algorithms": "kept only: two runs of a program give the same bits anyway",
    "torch.set_deterministic_debug_mode": "kept only: two runs of a program give the same bits anyway",
    "torch.set_float32_matmul_precision": "kept only: products of float32 are computed in float32",
    "torch.set_num_interop_threads": "kept only: operations run one after another",
    "torch.set_flush_denormal": "answers False: small numbers are left as they are",
    "torch.set_default_device": "raises for every device but the CPU",
    "torch.manual_seed": "the numbers drawn are another stream (Philox by element); they depend on no thread count",
    "torch.Generator": "its state is 16 bytes: seed and number of the call",
    "torch.get_rng_state": "16 bytes: seed and number of the call",
    "torch.random.get_rng_state": "16 bytes: seed and number of the call",
    "torch.compile": "compiles what a call records; the choices of backend and mode have no effect",
    "torch.save": "of tensors and plain containers; nothing is pickled that a restricted reader could not read",
    "torch.load": "reads with a reader that executes nothing, whatever `weights_only` says",
    "torch.utils.checkpoint.checkpoint": "`context_fn`, `determinism_check`, `debug` and `early_stop` have no effect; the "
                                         "activations are computed again by the same graph and nothing runs twice",
    "torch.utils.data.DataLoader": "workers are threads, never processes; `pin_memory`, `persistent_workers`, `in_order` and "
                                   "`multiprocessing_context` have no effect",
    "torch.nn.functional.interpolate": "an infinity or nan in a row reaches the whole row of the result",
    "torch.nn.Upsample": "an infinity or nan in a row reaches the whole row of the result",
    "torch.Tensor.is_cuda": "always False",
    "torch.nn.utils.skip_init": "first values are recorded, and never computed where others are loaded before they are read",
    "torch.distributions.Distribution": "under `talweg.compile` parameters and values are checked in the first call only",
}

# Pairs of defaults that mean one thing (PyTorch's text and ours).
ALIKE = {("layout", "None"),
         ("()", "None"), ("None", "()"), ("strided", "None"), ("None", "'ij'"), ("None", "0.0"), ("None", "1.0"),
         ("True", "None"),
         ("None", "False"), ("Generator", "None"), ("noop_context_fn", "None"), ("'valid'", "0.0"), ("None", "-1.0")}
# Parameters of PyTorch's kernels on other devices, and of its own bookkeeping, which no caller passes.
UNASKED = {"out_dtype", "cudnn_enabled", "cudnn_enable", "_stacklevel", "names", "implicit", "orig_func", "grad_variables",
           "pickle_module"}
