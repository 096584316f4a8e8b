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


def absent(module: str, reason: str, functions: str = "", classes: str = "") -> type:
    """A module, as a class, whose functions and classes import and refuse."""
    names = {n: staticmethod(refused(f"{module}.{n}", reason)) for n in functions.split()}
    kinds = {n: refused_class(f"{module}.{n}", reason) for n in classes.split()}
    return type(module.rpartition(".")[2], (), {**names, **kinds, "__doc__": f"{module}: {reason}."})


onnx = absent("torch.onnx", "models are not exported to ONNX by this build", "export dynamo_export", "ExportOptions")
onnx.is_in_onnx_export = staticmethod(lambda: False)  # type: ignore[attr-defined]
onnx.register_custom_op_symbolic = staticmethod(lambda *args, **kwargs: None)  # type: ignore[attr-defined]
onnx_symbols = absent("torch.onnx.symbolic_helper", "models are not exported to ONNX by this build")
onnx_symbols.parse_args = staticmethod(lambda *kinds: lambda fn: fn)  # type: ignore[attr-defined]
fx = absent("torch.fx", "there is no symbolic tracing of Python here; talweg.compile records what a function does",
             "symbolic_trace wrap replace_pattern", "Graph GraphModule Interpreter Node Proxy Tracer")
fx.wrap = staticmethod(lambda fn: fn)  # type: ignore[attr-defined]
fx_experimental = absent("torch.fx.experimental", "there is no symbolic tracing of Python here", "get_proxy_mode make_fx")
fx_experimental.get_proxy_mode = staticmethod(lambda: None)  # type: ignore[attr-defined]
for _name in ("guard_or_false", "guard_or_true", "guard_size_oblivious", "statically_known_true"):
    setattr(fx_experimental, _name, staticmethod(bool))
profiler = absent("torch.profiler", "use talweg.profile and talweg.explain", "record_function schedule "
                   "tensorboard_trace_handler", "profile ProfilerActivity")
quantization = absent("torch.ao.quantization", "this build has no quantised layers", "convert fuse_modules fuse_modules_qat "
                      "get_default_qat_qconfig get_default_qconfig prepare prepare_qat quantize_dynamic",
                      "DeQuantStub QConfig QuantStub")
ao = absent("torch.ao", "this build has no quantised layers")
nested = absent("torch.nested", "tensors have one size a dimension here; pad them, and mask", "as_nested_tensor nested_tensor "
                "nested_tensor_from_jagged to_padded_tensor narrow")
attention_bias = absent("torch.nn.attention.bias", "give scaled_dot_product_attention a mask, or is_causal=True",
                        "causal_lower_right causal_upper_left", "CausalBias CausalVariant")
subclasses = absent("torch._subclasses", "shapes are known without values here, by recording", "",
                    "FakeTensor FakeTensorMode")
subclasses.is_fake = staticmethod(lambda x: False)  # type: ignore[attr-defined]
export = absent("torch.export", "programs are not exported by this build", "export load register_dataclass save",
                "Dim ExportedProgram")
overrides = absent("torch.overrides", "functions cannot be replaced for a class of tensors here", "", "TorchFunctionMode")
for _name in ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic"):
    setattr(overrides, _name, staticmethod(lambda *args: False))
