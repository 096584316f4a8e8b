"""Which module of ours answers for which module of PyTorch. Where several are named, the first that has a name wins."""

from __future__ import annotations

HERE = "talweg.alias.stand_ins"

TABLE: dict[str, tuple[str, ...]] = {
    "torch": (f"{HERE}.top", "talweg", f"{HERE}.foreach", f"{HERE}.dtypes"),
    "torch.types": (f"{HERE}.types",),
    "torch._C": (f"{HERE}.internal",),
    "torch.version": (f"{HERE}.version",),
    "torch.torch_version": (f"{HERE}.version",),
    "torch.random": ("talweg", f"{HERE}.top", "talweg.tensor.generator"),
    "torch.serialization": ("talweg",),
    "torch.compiler": (f"{HERE}.compiler",),
    "torch.multiprocessing": (f"{HERE}.multiprocessing", "multiprocessing"),
    "torch.hub": (f"{HERE}.hub",),
    "torch.testing": (f"{HERE}.testing",),
    # differentiation
    "torch.autograd": ("talweg.autograd",),
    "torch.autograd.function": ("talweg.autograd",),
    "torch.autograd.variable": ("talweg.autograd",),
    "torch.autograd.functional": ("talweg.autograd.functional",),
    "torch.autograd.forward_ad": ("talweg.autograd.forward_ad",),
    "torch.autograd.graph": ("talweg.autograd.graph",),
    "torch.autograd.gradcheck": ("talweg.autograd",),
    "torch.autograd.anomaly_mode": ("talweg.autograd",),
    "torch.func": ("talweg.func",),
    # mathematics
    "torch.linalg": ("talweg.linalg",),
    "torch.fft": ("talweg.fft",),
    "torch.special": ("talweg.special",),
    "torch.signal": ("talweg.signal",),
    "torch.sparse": (f"{HERE}.sparse",),
    "torch.masked": ("talweg.masked",),
    # layers
    "torch.nn": ("talweg.nn", f"{HERE}.parallel"),
    "torch.nn.functional": ("talweg.nn.functional", f"{HERE}.functional"),
    "torch.nn.init": ("talweg.nn.init", f"{HERE}.init"),
    "torch.nn.parameter": ("talweg.nn",),
    "torch.nn.common_types": (f"{HERE}.common_types",),
    "torch.nn.attention": (f"{HERE}.attention",),
    "torch.nn.attention.flex_attention": (f"{HERE}.flex_attention",),
    "torch.nn.attention.bias": (f"{HERE}.absent.attention_bias",),
    "torch.nn.parallel": (f"{HERE}.parallel",),
    "torch.nn.parallel.distributed": (f"{HERE}.parallel",),
    "torch.nn.utils": ("talweg.nn.utils",),
    "torch.nn.utils.clip_grad": ("talweg.nn.utils.clip_grad",),
    "torch.nn.utils.convert_parameters": ("talweg.nn.utils.convert_parameters",),
    "torch.nn.utils.fusion": ("talweg.nn.utils.fusion",),
    "torch.nn.utils.parametrizations": ("talweg.nn.utils.parametrizations",),
    "torch.nn.utils.parametrize": ("talweg.nn.utils.parametrize",),
    "torch.nn.utils.rnn": ("talweg.nn.utils.rnn",),
    "torch.nn.utils.spectral_norm": ("talweg.nn.utils.spectral_norm",),
    "torch.nn.utils.stateless": ("talweg.nn.utils.stateless",),
    "torch.nn.utils.weight_norm": ("talweg.nn.utils.weight_norm",),
    "torch.nn.modules": ("talweg.nn",),
    # optimisation
    "torch.optim": ("talweg.optim",),
    "torch.optim.lr_scheduler": ("talweg.optim.lr_scheduler",),
    "torch.optim.optimizer": ("talweg.optim.optimizer", "talweg.optim"),
    "torch.optim.swa_utils": ("talweg.optim.swa_utils",),
    # data, precision, tools
    "torch.utils": (f"{HERE}.utils",),
    "torch.utils.data": ("talweg.data", f"{HERE}.data"),
    "torch.utils.data.dataset": ("talweg.data", f"{HERE}.data"),
    "torch.utils.data.dataloader": ("talweg.data", "talweg.data.collate"),
    "torch.utils.data.sampler": ("talweg.data",),
    "torch.utils.data._utils": ("talweg.data",),
    "torch.utils.data._utils.collate": ("talweg.data.collate",),
    "torch.utils.data.distributed": (f"{HERE}.data",),
    "torch.utils.checkpoint": ("talweg.utils.checkpoint", f"{HERE}.checkpoint"),
    "torch.utils._foreach_utils": (f"{HERE}.foreach",),
    "torch.utils._pytree": (f"{HERE}.pytree",),
    "torch.utils.dlpack": (f"{HERE}.dlpack",),
    "torch.utils.hooks": ("talweg.nn.hooks",),
    "torch.utils.model_zoo": (f"{HERE}.hub",),
    "torch.utils.tensorboard": ("talweg.io.summary_writer",),
    "torch.utils.tensorboard.writer": ("talweg.io.summary_writer",),
    "torch.amp": ("talweg.amp",),
    "torch.amp.autocast_mode": ("talweg.amp",),
    "torch.amp.grad_scaler": ("talweg.amp",),
    # devices and settings
    "torch.cpu": ("talweg.cpu",),
    "torch.cpu.amp": ("talweg.cpu.amp",),
    "torch.cuda": (f"{HERE}.cuda",),
    "torch.cuda.amp": (f"{HERE}.cuda_amp",),
    "torch.mps": (f"{HERE}.absent.mps",),
    "torch.xpu": (f"{HERE}.absent.xpu",),
    "torch.accelerator": (f"{HERE}.accelerator",),
    "torch.backends": (f"{HERE}.backends",),
    "torch.backends.cpu": (f"{HERE}.backends.cpu",),
    "torch.backends.cudnn": (f"{HERE}.backends.cudnn",),
    "torch.backends.cuda": (f"{HERE}.backends.cuda",),
    "torch.backends.mkl": (f"{HERE}.backends.mkl",),
    "torch.backends.mkldnn": (f"{HERE}.backends.mkldnn",),
    "torch.backends.mps": (f"{HERE}.backends.mps",),
    "torch.backends.openmp": (f"{HERE}.backends.openmp",),
    # rooms that are there to be asked, and say no
    "torch.jit": (f"{HERE}.jit",),
    "torch.jit.annotations": (f"{HERE}.annotations",),
    "torch.distributed": (f"{HERE}.distributed",),
    "torch.onnx": (f"{HERE}.absent.onnx",),
    "torch.onnx.symbolic_helper": (f"{HERE}.absent.onnx_symbols",),
    **{f"torch.onnx.symbolic_opset{n}": (f"{HERE}.absent.onnx_symbols",) for n in range(9, 21)},
    "torch.overrides": (f"{HERE}.absent.overrides",),
    **{f"torch.fx.{name}": (f"{HERE}.absent.fx",) for name in ("graph", "graph_module", "node", "proxy")},
    **{f"torch.fx.experimental{name}": (f"{HERE}.absent.fx_experimental",) for name in ("", ".symbolic_shapes",
                                                                                     ".proxy_tensor")},
    "torch.nested": (f"{HERE}.absent.nested",),
    "torch.export": (f"{HERE}.absent.export",),
    "torch.fx": (f"{HERE}.absent.fx",),
    "torch.profiler": (f"{HERE}.absent.profiler",),
    "torch.quantization": (f"{HERE}.absent.quantization",),
    "torch.ao": (f"{HERE}.absent.ao",),
    "torch.ao.quantization": (f"{HERE}.absent.quantization",),
    "torch.ao.nn": (f"{HERE}.absent.ao",),
    "torch.distributions": ("talweg.distributions",),
    "torch.library": (f"{HERE}.library",),
    "torch.ops": (f"{HERE}.ops",),
    "torch._dynamo": (f"{HERE}.dynamo", f"{HERE}.compiler"),
    "torch._dynamo.utils": (f"{HERE}.dynamo",),
    "torch._dynamo._trace_wrapped_higher_order_op": (f"{HERE}.dynamo",),
    "torch._dynamo.eval_frame": (f"{HERE}.dynamo",),
    "torch._subclasses": (f"{HERE}.absent.subclasses",),
    "torch._subclasses.fake_tensor": (f"{HERE}.absent.subclasses",),
    "torch._higher_order_ops": (f"{HERE}.higher_order",),
    "torch._higher_order_ops.associative_scan": (f"{HERE}.higher_order",),
    "torch._custom_ops": (f"{HERE}.library",),
}

# Where PyTorch keeps each layer's class; here they are all found in talweg.nn or beside it in a file of its own.
_MODULES = {
    "activation": ("talweg.nn.activation",), "adaptive": (), "batchnorm": ("talweg.nn.batchnorm",), "channelshuffle": (),
    "container": ("talweg.nn.container",), "conv": ("talweg.nn.conv",), "distance": (), "dropout": ("talweg.nn.dropout",),
    "flatten": (), "fold": (), "instancenorm": ("talweg.nn.instancenorm",), "lazy": ("talweg.nn.lazy",),
    "linear": ("talweg.nn.linear", f"{HERE}.linear"), "loss": ("talweg.nn.loss",), "module": ("talweg.nn.module",),
    "normalization": ("talweg.nn.normalization",), "padding": ("talweg.nn.padding",), "pixelshuffle": (),
    "pooling": ("talweg.nn.pooling",), "rnn": ("talweg.nn.rnn",), "sparse": ("talweg.nn.sparse",),
    "transformer": (f"{HERE}.transformer",),
    "upsampling": (), "utils": (f"{HERE}.tuples",),
}
TABLE |= {f"torch.nn.modules.{name}": (*files, "talweg.nn") for name, files in _MODULES.items()}

# torch.distributions.normal and its kin
_DISTRIBUTIONS = """bernoulli beta binomial categorical cauchy chi2 constraints dirichlet distribution exponential gamma
geometric gumbel half_normal independent kl laplace log_normal mixture_same_family multinomial multivariate_normal
negative_binomial normal one_hot_categorical poisson relaxed_bernoulli relaxed_categorical studentT transformed_distribution
transforms uniform utils""".split()
_THEIR_FILES = {"constraints", "kl", "transforms", "utils"}
TABLE |= {f"torch.distributions.{name}": (f"talweg.distributions.{name}",) if name in _THEIR_FILES else
          ("talweg.distributions", "talweg.distributions.relaxed") for name in _DISTRIBUTIONS}

# Where PyTorch keeps what several processes need
_SEVERAL = {
    "device_mesh": "device_mesh", "nn": "nn", "nn.functional": "nn", "_functional_collectives": "functional_collectives",
    "tensor": "tensor", "_tensor": "tensor", "tensor.parallel": "tensor_parallel", "tensor.placement_types": "tensor",
    "fsdp": "fsdp", "fsdp.fully_sharded_data_parallel": "fsdp", "fsdp.wrap": "fsdp_wrap", "optim": "optim",
    "elastic": "elastic", "elastic.multiprocessing": "elastic", "elastic.multiprocessing.errors": "elastic_errors",
}
TABLE |= {f"torch.distributed.{name}": (f"{HERE}.several.{kind}",) for name, kind in _SEVERAL.items()}

# torch.optim.adam and its kin
_OPTIMIZERS = "adadelta adagrad adam adamax adamw asgd lbfgs nadam radam rmsprop rprop sgd".split()
TABLE |= {f"torch.optim.{name}": ("talweg.optim",) for name in _OPTIMIZERS}
