"""The text of the elementary functions, and what LLVM makes of a loop over each: vectors, and no calls."""

import itertools
import re

import llvmlite.binding as llvm
import pytest

from bench.vector_loop import assembly_for, calls, vector_loop
from talweg.backends.cpu.llvm.elementary import BINARY, RANDOM, REAL, UNARY, definition, definitions, requires

EVERY = [(name, type) for name in (*UNARY, *BINARY) for type in REAL]


@pytest.mark.parametrize(("name", "type"), [*EVERY, *RANDOM])
def test_the_loop_is_vectorised_without_calls(name, type):
    compiled = vector_loop(name, type)
    assert compiled.vector_loops(), compiled.assembly
    assert not calls(compiled.assembly)
    features = llvm.get_host_cpu_features()
    widest = 512 if features.get("avx512f") else 256 if features.get("avx2") else 128
    assert compiled.widest_register() == widest
    assert "gather" not in compiled.assembly


@pytest.mark.parametrize(("triple", "cpu", "packed"), [
    ("x86_64-unknown-linux-gnu", "haswell", r"vfmadd\w+p[sd]\s.*%ymm"),
    ("aarch64-unknown-linux-gnu", "neoverse-n1", r"fmla\s+v\d+\.(4s|2d)|fmla\.(4s|2d)"),
])
@pytest.mark.parametrize(("name", "type"), [("exp", "float"), ("log", "double"), ("sin", "float"), ("tan", "double"),
                                            ("erf", "float"), ("pow", "double"), ("fmod", "float")])
def test_other_processors_get_vectors_too(triple, cpu, packed, name, type):
    """AVX2 and NEON, compiled but not run: no conversion or shift in the text that they would do by library call."""
    assembly = assembly_for(triple, cpu, name, type)
    assert re.search(packed, assembly)
    assert not calls(assembly)


def test_text_is_one_function_with_its_requirements():
    for name, type in [*EVERY, *RANDOM]:
        text = definition(name, type)
        assert text.count("define internal") == 1
        assert "alwaysinline nounwind memory(none)" in text
        assert set(re.findall(r"call \w+ @(tw_\w+)", text)) == {f"tw_{n}_{t}" for n, t in requires(name, type)}
        assert not re.search(r"\b(fast|nnan|ninf|nsz|arcp|contract|afn|reassoc)\b", text)
        assert not re.search(r"\b(br|phi|load|store|fptosi|fptoui)\b", text)


def test_a_module_has_each_definition_once_in_a_fixed_order():
    wanted = [("asinh", "float"), ("atanh", "float"), ("log1p", "float"), ("remainder", "double")]
    texts = {definitions(order) for order in itertools.permutations(wanted)}
    assert len(texts) == 1
    text = texts.pop()
    assert re.findall(r"define internal \w+ @(\w+)", text) == [
        "tw_asinh_float", "tw_atanh_float", "tw_fmod_double", "tw_log1p_float", "tw_remainder_double"]
    llvm.parse_assembly(definitions([*EVERY, *RANDOM])).verify()
    assert definitions([]) == ""


@pytest.mark.parametrize(("name", "type"), [("gamma", "float"), ("exp", "half"), ("exp", "i32"), ("uniform", "i32"), ("", "")])
def test_unknown_functions_are_named(name, type):
    for ask in (definition, requires):
        with pytest.raises(KeyError, match=re.escape(f"there is no @tw_{name}")):
            ask(name, type)
