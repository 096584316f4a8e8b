"""Modules of PyTorch that are imported more often than used. Each is a class: its names import, and refuse when used."""

from __future__ import annotations

from .refusing import refused, refused_class


def _device(name: str) -> type:
    return type(name, (), {
        "is_available": staticmethod(lambda: False), "is_built": staticmethod(lambda: False),
        "device_count": staticmethod(lambda: 0), "manual_seed": staticmethod(lambda seed: None),
        "manual_seed_all": staticmethod(lambda seed: None), "empty_cache": staticmethod(lambda: None),
        "synchronize": staticmethod(refused(f"torch.{name}.synchronize", "this build of Talweg computes on 'cpu' only")),
        "__doc__": f"torch.{name}: there is no such device here.",
    })


mps, xpu = _device("mps"), _device("xpu")


def _absent(module: str, reason: str, functions: str = "", classes: str = "") -> type:
    names = {n: staticmethod(refused(f"{module}.{n}", reason)) for n in functions.split()}
    kinds = {n: refused_class(f"{module}.{n}", reason) for n in classes.split()}
    return type(module.rpartition(".")[2], (), {**names, **kinds, "__doc__": f"{module}: {reason}."})


onnx = _absent("torch.onnx", "models are not exported to ONNX by this build", "export dynamo_export", "ExportOptions")
onnx.is_in_onnx_export = staticmethod(lambda: False)  # type: ignore[attr-defined]
fx = _absent("torch.fx", "there is no symbolic tracing of Python here; talweg.compile records what a function does",
             "symbolic_trace wrap replace_pattern", "Graph GraphModule Interpreter Node Proxy Tracer")
fx.wrap = staticmethod(lambda fn: fn)  # type: ignore[attr-defined]
profiler = _absent("torch.profiler", "use talweg.profile and talweg.explain", "record_function schedule "
                   "tensorboard_trace_handler", "profile ProfilerActivity")
quantization = _absent("torch.quantization", "this build has no quantised layers", "quantize_dynamic prepare convert",
                       "QuantStub DeQuantStub")
library = _absent("torch.library", "operators of one's own are autograd.Function subclasses here",
                  "custom_op register_fake register_autograd define impl", "Library")
tensorboard = _absent("torch.utils.tensorboard", "event files are not written by this build", "", "SummaryWriter")
