"""The graphs that samples record: well formed, covering every operation, and the same on every backend."""

from samples import SAMPLES
from samples.check import TOLERANCE, assert_same, by_id

import talweg
from talweg.backends import registry
from talweg.graph import ops
from talweg.graph.node import Op, expand_composite
from talweg.graph.text import ancestors
from talweg.graph.verify import verify


@by_id([s for s in SAMPLES if s.has_reals])
def test_backends_agree(sample, monkeypatch):
    """What the CPU library claims is what the reference computes: values and gradients, float32 and bfloat16."""
    for dtype in ("float32", "bfloat16"):
        try:
            fast = computed(sample, dtype)
        except (RuntimeError, TypeError):
            continue
        with monkeypatch.context() as patch:
            patch.setattr(registry, "CLAIMED", {})
            plain = computed(sample, dtype)
        assert_same(fast, plain, TOLERANCE[dtype] * sample.loose, dtype)


def computed(sample, dtype: str) -> list:
    results, leaves = sample.run(talweg, dtype, grad=True)
    outputs = [y for y in results if isinstance(y, talweg.Tensor) and y.requires_grad]
    found = [y for y in results if isinstance(y, talweg.Tensor)]
    if outputs and leaves:
        seeds = [talweg.ones_like(y) for y in outputs]
        found += [g for g in talweg.grad(outputs, leaves, seeds, allow_unused=True) if g is not None]
    for x in found:
        x.detach().numpy()
    return found


def recorded(sample) -> list:
    """The nodes of a sample's results and of their gradients to second order, before anything is evaluated."""
    results, leaves = sample.run(talweg, grad=True)
    found = [y for y in results if isinstance(y, talweg.Tensor)]
    outputs = [y for y in found if y.requires_grad]
    for _ in range(sample.order if leaves else 0):
        if not outputs:
            break
        given = talweg.grad([y.sum() for y in outputs], leaves, create_graph=True, allow_unused=True)
        outputs = [g for g in given if g is not None and g.requires_grad]
        found += [g for g in given if g is not None]
    return [x.node for x in found]


def operations(roots) -> set:
    """The operations in a graph, those inside composites too."""
    seen = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        stack.extend(node.inputs)
        if node.op.kind == "composite":
            stack.append(expand_composite(node))
    return {node.op for node in seen}


@by_id(SAMPLES)
def test_graph_is_well_formed(sample):
    """Every node, with its gradients and decompositions, has the shape and dtype that its operation's rule gives."""
    roots = recorded(sample)
    verify(roots)
    verify([expand_composite(n) for n in ancestors(roots) if n.op.kind == "composite"])


def test_every_operation_is_reached():
    reached = set()
    for sample in SAMPLES:
        reached |= operations(recorded(sample))
    x = talweg.ones(2, requires_grad=True)
    y = x * 1
    y.data.add_(1)  # substitute
    z = x * 1
    z.fill_(0)  # overwrite
    reached |= operations([y.node, z.node, talweg.randn(2).node, y.detach().node])
    elsewhere = {ops.assemble, ops.after}  # the compiler's own, and checkpointing's
    every = {op for op in vars(ops).values() if isinstance(op, Op)} - elsewhere
    assert every - reached == set()
