"""The kinds of lines a program is made of: each function draws one line onto a drawing (or nothing, if none fits)."""

from __future__ import annotations

import math

from .drawing import Drawing, Value


def _table(text: str) -> list[str]:
    return [entry.strip() for entry in text.split(";")]


SMOOTH = _table("""
{x}.tanh(); {x}.sigmoid(); {x}.sin(); {x}.cos(); {x}.clamp(max=3.0).exp(); (-{x}.abs()).exp();
({x}.abs() + 0.5).log(); {x}.abs().log1p(); ({x}.square() + 1).rsqrt(); ({x}.abs() + 0.25).sqrt(); {x}.erf();
{x}.atan(); {x}.asinh(); {x}.tanh().expm1(); F.softplus({x}); F.gelu({x}); F.gelu({x}, approximate='tanh');
F.silu({x}); F.elu({x}); F.mish({x}); F.leaky_relu({x}); 1 / (1 + {x} * {x}); {x} * 0.37; 1.5 - {x}; {x} / 3;
{x}.square(); {x} ** 3; {x} ** 2; ({x}.abs() + 0.1) ** 0.5; 2.0 ** {x}.tanh(); F.hardswish({x}); F.selu({x});
F.logsigmoid({x}); ({x}.tanh() * 0.9).atanh(); {x}.sinh().asinh(); ({x}.abs() + 1).log2(); F.hardsigmoid({x});
F.tanhshrink({x}); F.softsign({x}); ({x}.tanh() * 0.9).acos(); {x}.clamp(-2, 2).cosh(); {x}.exp2().clamp(max=9.0);
{x}.erfc(); {x} + 1; {x}.nan_to_num(); {x}.lerp({x}.tanh(), 0.3)
""")
KEEPING = _table("""
{x}.neg(); {x}.abs(); {x}.relu(); {x}.clone(); {x}.clamp(-1, 1); {x}.clamp(min=0.25); {x}.detach(); F.hardtanh({x});
F.relu6({x}); F.hardshrink({x}); F.threshold({x}, 0.1, 2.0)
""")
STEPS = _table("""
{x}.sign(); {x}.floor(); {x}.ceil(); {x}.round(); {x}.trunc(); {x}.isnan(); {x}.isfinite(); {x}.isinf(); {x} > 0;
{x} <= 0.5; {x} == 0; ({x} != 1).to(DOUBLE); {x}.logical_not(); {x}.to(T.int64); {x}.to(T.int32); {x}.to(T.bool);
{x}.to(T.int8); {x}.int() % 3; {x}.floor().remainder(3.0); {x}.trunc().fmod(2.0); ({x} * 2).floor_divide(1.5)
""")
INTEGER = _table("""
{x} + 1; {x} * 3; -{x}; {x}.abs(); {x} & 3; {x}.bitwise_or(4); {x} ^ 5; ~{x}; {x} // 2; {x} % 3; {x} << 1; {x} >> 1;
{x}.sign(); {x}.clamp(0, 3); {x} > 1; {x} == 2; {x}.to(SINGLE); {x}.to(DOUBLE); {x}.to(HALF); {x}.to(T.uint8);
{x}.to(T.int64); {x}.to(T.int32); {x}.to(T.int16); {x}.to(T.bool); {x}.square(); {x}.relu(); {x}.to(T.int8);
{x} % -3; {x} // -2; {x}.logical_not(); {x} * 100
""")
BOOL = _table("""
~{x}; {x}.to(SINGLE); {x}.to(DOUBLE); {x}.to(HALF); {x}.long(); {x}.to(T.uint8); {x}.logical_not(); {x} * 2;
{x} + 1.5
""")


def pointwise(d: Drawing) -> None:
    x = d.some()
    d.emit(d.rng.choice(SMOOTH).format(x=x.name), x)


def keeping(d: Drawing) -> None:
    x = d.some()
    text = d.rng.choice(KEEPING).format(x=x.name)
    d.emit(text, x, exact=True, view="detach" in text)


def steps(d: Drawing) -> None:
    x = d.some(exact=True)
    d.emit(d.rng.choice(STEPS).format(x=x.name), x, exact=True)


def integer(d: Drawing) -> None:
    x = d.some("ib")
    table = INTEGER if x.kind == "i" else BOOL
    d.emit(d.rng.choice(table).format(x=x.name), x, exact=True)


def binary(d: Drawing) -> None:
    x = d.some()
    y = d.partner(x)
    if d.rng.random() < 0.5:
        x, y = y, x
    text = d.rng.choice([
        "{x} + {y}", "{x} - {y}", "{x} * {y}", "{x} * {y}", "{x} / ({y}.abs() + 0.5)", "T.maximum({x}, {y})",
        "T.minimum({x}, {y})", "T.atan2({x}, {y}.abs() + 0.5)", "({x}.abs() + 0.1) ** {y}.tanh()",
        "{x} - {y} * 0.5", "T.lerp({x}, {y}, 0.25)", "T.addcmul({x}, {x}, {y}, value=0.3)", "{x} + {y} + {x}",
        "T.addcdiv({x}, {y}, {y}.abs() + 1)",
    ]).format(x=x.name, y=y.name)
    d.emit(text, x, y, exact=text.startswith(("T.max", "T.min")))


def mixed(d: Drawing) -> None:
    """Two dtypes: promotion."""
    x, y = d.some("fib", exact=True), d.some("fib", exact=True)
    d.emit(d.rng.choice(["{x} + {y}", "{x} * {y}", "T.maximum({x}, {y})"]).format(x=x.name, y=y.name), x, y,
           exact=x.kind != "f" and y.kind != "f")


def compare(d: Drawing) -> None:
    x = d.some("fib", exact=True)
    y = d.partner(x, exact=True)
    sign = d.rng.choice(("<", "<=", ">", ">=", "==", "!="))
    d.emit(f"{x.name} {sign} {y.name}", x, y, exact=True)


def logic(d: Drawing) -> None:
    x = d.some("b")
    y = d.partner(x)
    d.emit(d.rng.choice(["{x} & {y}", "{x} | {y}", "{x} ^ {y}", "T.logical_and({x}, {y})", "T.logical_xor({x}, {y})"])
           .format(x=x.name, y=y.name), x, y, exact=True)


def integers(d: Drawing) -> None:
    x = d.some("i")
    y = d.partner(x)
    d.emit(d.rng.choice(["{x} + {y}", "{x} - {y}", "{x} * {y}", "{x} & {y}", "T.maximum({x}, {y})", "T.minimum({x}, {y})",
                         "{x} // ({y}.abs() % 5 + 1)", "{x} % ({y}.abs() % 4 + 1)", "{x} << ({y} & 3)", "{x} >> ({y} & 1)"])
           .format(x=x.name, y=y.name), x, y, exact=True)


def where(d: Drawing) -> None:
    c = d.some("b")
    x = d.some()
    y = d.partner(x)
    d.emit(d.rng.choice(["T.where({c}, {x}, {y})", "{x}.masked_fill({c}, 0.5)", "T.where({c}, {x}, 0.0)", "{x} * {c}"])
           .format(c=c.name, x=x.name, y=y.name), c, x, y, exact=True)


def cast(d: Drawing) -> None:
    x = d.some("fib")
    to = d.rng.choice(("SINGLE", "SINGLE", "DOUBLE", "HALF"))
    d.emit(f"{x.name}.to({to})", x, exact=x.kind != "f" and to != "HALF")


def dims_of(d: Drawing, x: Value) -> tuple[str, list[int]]:
    rank = len(x.shape)
    dims = sorted(d.rng.sample(range(rank), d.rng.randint(1, rank)))
    keep = d.rng.random() < 0.5
    return f"{tuple(n - rank * (d.rng.random() < 0.3) for n in dims)}, keepdim={keep}", dims


def reduction(d: Drawing) -> None:
    x = d.some(least=0)
    dims = dims_of(d, x)[0] if x.shape else "None, keepdim=False"
    one = f"{d.rng.randrange(len(x.shape))}, keepdim={d.rng.random() < 0.5}" if x.shape else "0"
    d.emit(d.rng.choice([
        "{x}.sum({dims})", "{x}.sum({dims})", "{x}.mean({dims})", "({x} * {x}).sum({dims})", "{x}.tanh().sum({dims})",
        "{x}.amax({dims})", "{x}.amin({dims})", "{x}.var({dims}, correction=0)", "({x}.var({dims}, correction=0) + 0.1).sqrt()",
        "{x}.logsumexp({dims})", "{x}.tanh().prod({one})", "{x}.max({one})[0]", "{x}.norm()",
        "{x}.sum()", "{x}.mean()", "{x} - {x}.mean({dims})" if "True" in dims else "{x}.sum()",
        "{x} / ({x}.abs().sum({dims}) + 1)" if "True" in dims else "{x}.mean()",
        "{x} - {x}.amax({dims})" if "True" in dims else "{x}.max()",
    ]).format(x=x.name, dims=dims, one=one), x)


def exact_reduction(d: Drawing) -> None:
    x = d.some("fib", exact=True, least=1)
    dims, dim = dims_of(d, x)[0], d.rng.randrange(len(x.shape))
    choices = ["{x}.amax({dims})", "{x}.amin({dims})", "{x}.argmax({dim})", "{x}.argmin({dim})", "{x}.max({dim})[1]",
               "{x}.any({dim})", "{x}.all({dim}, keepdim=True)", "{x}.count_nonzero({dim})", "{x}.argsort({dim})",
               "{x}.sort({dim}, descending=True)[0]", "{x}.topk(min(2, {x}.shape[{dim}]), {dim})[0]"]
    if x.kind != "f":
        choices += ["{x}.sum({dims})", "{x}.cumsum({dim})", "{x}.sum()", "{x}.prod({dim})"]
    d.emit(d.rng.choice(choices).format(x=x.name, dims=dims, dim=dim), x, exact=True)


def scan(d: Drawing) -> None:
    x = d.some(least=1)
    dim = d.rng.randrange(len(x.shape))
    d.emit(d.rng.choice(["{x}.cumsum({dim})", "{x}.tanh().cumprod({dim})", "{x}.cumsum({dim}).flip({dim})"])
           .format(x=x.name, dim=dim), x)


def _part(d: Drawing, size: int) -> str:
    """A slice of a dimension."""
    if size == 0 or d.rng.random() < 0.3:
        return ":"
    if d.rng.random() < 0.15:
        return str(d.rng.randrange(-size, size))
    start = d.rng.randrange(size)
    stop = d.rng.randint(start + (d.rng.random() < 0.95), size)
    step = d.rng.choice((1, 1, 1, 2, 3))
    return f"{start}:{stop}:{step}" if step > 1 else f"{start}:{stop}"


def slices(d: Drawing, x: Value) -> str:
    return ", ".join(_part(d, n) for n in x.shape) if x.shape else "..."


def _factors(d: Drawing, count: int) -> list[int]:
    """A shape of that many elements."""
    shape = []
    while count > 1 and len(shape) < 3:
        divisors = [n for n in range(1, min(count, 130) + 1) if count % n == 0]
        n = d.rng.choice(divisors)
        shape.append(n)
        count //= n
    shape.append(count)
    d.rng.shuffle(shape)
    return shape


def movement(d: Drawing) -> None:
    x = d.some("fffib")
    rank, name = len(x.shape), x.name
    order = d.rng.sample(range(rank), rank)
    at = d.rng.randrange(rank) if rank else 0
    views = [f"{name}.permute({order})", f"{name}.unsqueeze({at})", f"{name}[{slices(d, x)}]", f"{name}.squeeze()"]
    copies = [f"{name}.reshape({_factors(d, math.prod(x.shape))})", f"{name}.flatten()", f"{name}.contiguous()"]
    if rank:
        n = max(x.shape[at], 1)
        views += [f"{name}.transpose(0, -1)", f"{name}[{slices(d, x)}]", f"{name}.expand(2, {', '.join(['-1'] * rank)})",
                  f"{name}.unfold({at}, {min(3, n)}, {d.rng.choice((1, 2, 3))})", f"{name}.select({at}, {d.rng.randrange(n)})"]
        flips = sorted(d.rng.sample(range(rank), d.rng.randint(1, rank)))
        copies += [f"{name}.flip({flips})", f"{name}.flip({flips})", f"{name}.roll({d.rng.randint(-3, 3)}, {at})",
                   f"{name}.repeat({', '.join(['2'] + ['1'] * (rank - 1))})",
                   f"F.pad({name}, ({d.rng.randint(-1, 2)}, {d.rng.randint(0, 2)}))",
                   f"F.pad({name}, ({d.rng.randint(0, 2)}, {d.rng.randint(0, 2)}), value=1.5)",
                   f"{name}.narrow({at}, 0, 1)"]
        views += [f"{name}.chunk(2, {at})[0]", f"{name}.unbind({at})[-1]", f"{name}.movedim({at}, 0)"]
    if rank >= 2:
        views += [f"{name}.diagonal({d.rng.randint(-1, 1)}, {order[0]}, {order[1]})", f"{name}.flatten(0, 1)"]
        copies += [f"{name}.tril({d.rng.randint(-1, 1)})", f"{name}.triu({d.rng.randint(-1, 1)})",
                   f"F.pad({name}, ({d.rng.randint(-1, 2)}, 1, {d.rng.randint(0, 2)}, {d.rng.randint(-1, 1)}))"]
    if d.rng.random() < 0.6:
        d.emit(d.rng.choice(views), x, exact=True, view=True)
    else:
        d.emit(d.rng.choice(copies), x, exact=True, view=True)


def joining(d: Drawing) -> None:
    x = d.some("ffib")
    same = [v for v in d.values if v.shape == x.shape and v.tensor.dtype is x.tensor.dtype]
    others = [d.rng.choice(same) for _ in range(d.rng.randint(0, 2))]
    dim = d.rng.randrange(len(x.shape)) if x.shape else 0
    names = [x.name, *(v.name for v in others)]
    if x.shape and d.rng.random() < 0.6:
        near = [v for v in d.values if v.tensor.dtype is x.tensor.dtype and len(v.shape) == len(x.shape)
                and all(a == b for i, (a, b) in enumerate(zip(v.shape, x.shape)) if i != dim)]
        others = [d.rng.choice(near) for _ in range(d.rng.randint(0, 3))]
        names = [x.name, *(v.name for v in others)]
        d.rng.shuffle(names)
        d.emit(f"T.cat([{', '.join(names)}], {dim})", x, *others, exact=True)
    else:
        d.emit(f"T.stack([{', '.join(names)}], {dim})", x, *others, exact=True)


def in_place(d: Drawing) -> None:
    """A write to a value of our own, or through a view of it."""
    made = [v for v in d.values if v.name.startswith("v") and v.kind == "f" and 0 not in v.shape]
    if not made:
        return
    x = d.rng.choice(made[-8:])
    y = d.partner(x)
    part = slices(d, x)
    n = d.rng.choice(["0.5", f"{y.name}", f"{y.name}.sum()", f"{y.name}.mean().tanh()"])
    text = d.rng.choice([
        f"{x.name}.mul_(0.7)", f"{x.name}.add_({y.name})", f"{x.name}[{part}] = {n}", f"{x.name}[{part}] = {n}",
        f"{x.name}[{part}] += 0.25", f"{x.name}[{part}].mul_(0.5)", f"{x.name}.tanh_()", f"{x.name}.copy_({y.name})",
        f"{x.name}.clamp_(-1, 1)", f"{x.name}.fill_(0.25)", f"{x.name}.zero_()", f"{x.name}.transpose(0, -1)[0].mul_(2)",
        f"{x.name}.flatten()[::2].add_(1)", f"{x.name}.masked_fill_({x.name} > 0.3, 0.1)" if x.exact else f"{x.name}.neg_()",
    ])
    kept = any(word in text for word in ("copy_", "clamp_", "fill_", "zero_", "neg_")) and "mean" not in text
    d.write(text, x, y, exact=kept)


def index_input(d: Drawing, shape, size: int) -> Value:
    return d.new_input(shape, "int64", low=-size if d.rng.random() < 0.3 else 0, high=size, index=True)


def plain_index(d: Drawing, shape, size: int) -> Value:
    """Indices that may not be negative."""
    return d.new_input(shape, "int64", low=0, high=size, index=True)


def indexing(d: Drawing) -> None:
    x = d.some("fffi", least=1)
    dim = d.rng.randrange(len(x.shape))
    size = x.shape[dim]
    if size == 0:
        return
    n = d.rng.choice((1, 2, 5, 17))
    along = tuple(n if i == dim else s for i, s in enumerate(x.shape))
    kind = d.rng.choice(("gather", "select", "take", "advanced", "pair", "take_along", "mask"))
    colons = ":, " * dim
    if kind in ("gather", "take_along"):
        i = plain_index(d, along, size)
        d.emit(f"{x.name}.gather({dim}, {i.name})", x, i, exact=True)
    elif kind == "select":
        i = plain_index(d, (n,), size)
        d.emit(f"{x.name}.index_select({dim}, {i.name})", x, i, exact=True)
    elif kind == "take":
        i = index_input(d, (n, 2), math.prod(x.shape))
        d.emit(f"{x.name}.take({i.name})", x, i, exact=True)
    elif kind == "advanced":
        i = index_input(d, d.rng.choice(((n,), (2, n), ())), size)
        d.emit(f"{x.name}[{colons}{i.name}]", x, i, exact=True, view=True)  # a 0-d index selects
    elif kind == "pair" and len(x.shape) >= 2 and 0 not in x.shape:
        i, j = index_input(d, (n,), x.shape[0]), index_input(d, (n,), x.shape[1])
        d.emit(f"{x.name}[{i.name}, {j.name}]", x, i, j, exact=True)
    elif kind == "mask":
        i = plain_index(d, (n,), size)
        d.emit(f"F.embedding({i.name}, {x.name}.reshape({size}, -1))" if dim == 0 else f"F.one_hot({i.name}, {size})", x, i,
               exact=True)


def scattering(d: Drawing) -> None:
    x = d.some("f", least=1)
    dim = d.rng.randrange(len(x.shape))
    size = x.shape[dim]
    if size == 0:
        return
    n = d.rng.choice((1, 1, 2, 5, size))
    along = tuple(n if i == dim else s for i, s in enumerate(x.shape))
    y = d.new_input(along, x.tensor.dtype.name)
    kind = d.rng.choice(("scatter_add", "index_add", "index_put", "accumulate", "fill", "scatter", "write"))
    colons = ":, " * dim
    if kind == "scatter_add":
        i = plain_index(d, along, size)
        d.emit(f"{x.name}.scatter_add({dim}, {i.name}, {y.name})", x, i, y)
    elif kind == "index_add":
        i = plain_index(d, (n,), size)
        d.emit(f"{x.name}.index_add({dim}, {i.name}, {y.name})", x, i, y)
    elif kind == "scatter":
        i = plain_index(d, along, size)
        d.emit(f"{x.name}.scatter({dim}, {i.name}, 0.25)", x, i, exact=True)
    elif kind == "fill":
        i = plain_index(d, (n,), size)
        d.emit(f"{x.name}.index_fill({dim}, {i.name}, 0.5)", x, i, exact=True)
    elif kind in ("index_put", "accumulate") and dim == 0:
        i = index_input(d, (n,), size)
        value = y.name if kind == "accumulate" else "T.tensor(0.5).to(" + x.name + ".dtype)"
        d.emit(f"{x.name}.index_put(({i.name},), {value}, accumulate={kind == 'accumulate'})", x, i, y, exact=kind == "index_put")
    elif kind == "write":
        made = d.emit(f"{x.name}.clone()", x, exact=True)
        i = index_input(d, (n,), size)
        if made is not None:
            d.write(f"{made.name}[{colons}{i.name}] = 0.75", made, i, exact=True)


def product(d: Drawing) -> None:
    x = d.some(least=1)
    k = x.shape[-1]
    n = d.rng.choice((1, 2, 5, 16, 17, 33))
    dtype = x.tensor.dtype.name
    lead = x.shape[:-2] if len(x.shape) > 2 and d.rng.random() < 0.5 else ()
    lead = tuple(1 if d.rng.random() < 0.3 else s for s in lead)
    kind = d.rng.choice(("plain", "transposed", "self", "vector", "linear", "addmm", "einsum"))
    if kind == "plain":
        w = d.new_input((*lead, k, n), dtype)
        d.emit(f"({x.name} @ {w.name}) / {max(k, 1) ** 0.5:.3f}", x, w)
    elif kind == "transposed":
        w = d.new_input((*lead, n, k), dtype)
        d.emit(f"{x.name} @ {w.name}.transpose(-1, -2)", x, w)
    elif kind == "self" and len(x.shape) >= 2:
        d.emit(f"{x.name} @ {x.name}.transpose(-1, -2)", x)
    elif kind == "vector":
        w = d.new_input((k,), dtype)
        d.emit(f"{x.name} @ {w.name}", x, w)
    elif kind == "einsum" and len(x.shape) == 2:
        w = d.new_input((n, k), dtype)
        d.emit(f"T.einsum('ij,kj->ki', {x.name}, {w.name})", x, w)
    else:
        w, b = d.new_input((n, k), dtype), d.new_input((n,), dtype)
        d.emit(f"F.linear({x.name}, {w.name}, {b.name})", x, w, b)


def _image(d: Drawing, rank: int) -> Value | None:
    fits = [v for v in d.values if v.kind == "f" and len(v.shape) == rank + 2 and 0 not in v.shape]
    if fits and d.rng.random() < 0.9:
        return d.rng.choice(fits[-6:])
    space = (d.rng.choice((5, 7, 8, 9, 16, 17)),) * rank if rank > 1 else (d.rng.choice((7, 16, 33, 64)),)
    return d.new_input((d.rng.choice((1, 2, 3)), d.rng.choice((1, 2, 3, 4, 8)), *space))


def convolution(d: Drawing) -> None:
    rank = d.rng.choice((1, 2, 2))
    x = _image(d, rank)
    channels = x.shape[1]
    groups = d.rng.choice([g for g in (1, 1, 2, 4, channels) if channels % g == 0])
    out = groups * d.rng.choice((1, 2, 3))
    kernel = tuple(d.rng.choice([k for k in (1, 2, 3) if k <= s]) for s in x.shape[2:])
    stride, padding = d.rng.choice((1, 1, 2)), d.rng.choice((0, 1, 1))
    dilation = d.rng.choice((1, 1, 2))
    bias = d.rng.random() < 0.5
    dtype = x.tensor.dtype.name
    if d.rng.random() < 0.8:
        w = d.new_input((out, channels // groups, *kernel), dtype)
        b = d.new_input((out,), dtype) if bias else None
        d.emit(f"F.conv{rank}d({x.name}, {w.name}, {b.name if b else None}, {stride}, {padding}, {dilation}, {groups})", x, w)
    else:
        w = d.new_input((channels, out // groups, *kernel), dtype)
        d.emit(f"F.conv_transpose{rank}d({x.name}, {w.name}, None, {stride}, 0, 0, {groups}, {dilation})", x, w)


def pooling(d: Drawing) -> None:
    rank = d.rng.choice((1, 2, 2))
    x = _image(d, rank)
    k = d.rng.choice((1, 2, 2, 3))
    stride, padding = d.rng.choice((k, k, 1, 2)), d.rng.choice((0, 0, 1)) * (k > 1)
    kind = d.rng.choice(("max", "max", "avg", "adaptive_avg", "adaptive_max", "lrn", "up"))
    if kind in ("max", "avg"):
        ceil = d.rng.random() < 0.2
        d.emit(f"F.{kind}_pool{rank}d({x.name}, {k}, {stride}, {padding}, ceil_mode={ceil})", x, exact=kind == "max")
    elif kind == "up":
        d.emit(f"{x.name}.unsqueeze(3).repeat(1, 1, 1, 2{', 1' * (rank - 1)}).flatten(2, 3)", x, exact=True)
    elif kind == "lrn":
        d.emit(f"F.pad({x.name}, {(1, 1) * rank}, mode='replicate')", x, exact=True)
    else:
        d.emit(f"F.{kind}_pool{rank}d({x.name}, 2)", x, exact="max" in kind)


def normalisation(d: Drawing) -> None:
    x = d.some(least=1)
    dtype = x.tensor.dtype.name
    dim = d.rng.randrange(len(x.shape))
    last = x.shape[-1]
    kind = d.rng.choice(("softmax", "softmax", "log_softmax", "layer", "layer", "rms", "batch", "group", "normalize", "glu"))
    if kind in ("softmax", "log_softmax"):
        d.emit(f"F.{kind}({x.name}, {dim})", x)
    elif kind in ("layer", "rms"):
        w = d.new_input((last,), dtype)
        d.emit(f"F.{kind}_norm({x.name}, ({last},), {w.name}, eps=0.01)", x, w)
    elif kind == "batch" and len(x.shape) >= 2:
        w, b = d.new_input((x.shape[1],), dtype), d.new_input((x.shape[1],), dtype)
        d.emit(f"F.batch_norm({x.name}, None, None, {w.name}, {b.name}, True, eps=0.01)", x, w, b)
    elif kind == "group" and len(x.shape) >= 2:
        groups = 2 if x.shape[1] % 2 == 0 and x.shape[1] else 1
        d.emit(f"F.group_norm({x.name}, {groups}, eps=0.01)", x)
    elif kind == "normalize":
        d.emit(f"F.normalize({x.name} + 0.1, dim={dim}, eps=0.1)", x)
    elif kind == "glu":
        d.emit(f"F.glu({x.name}, {dim})", x)


def loss(d: Drawing) -> None:
    x = d.some(least=1)
    how = d.rng.choice(("mean", "sum", "none"))
    if len(x.shape) >= 2 and x.shape[1] and d.rng.random() < 0.6:
        i = plain_index(d, (x.shape[0], *x.shape[2:]), x.shape[1])
        smooth = d.rng.choice(("", ", label_smoothing=0.1"))
        d.emit(f"F.cross_entropy({x.name}, {i.name}, reduction='{how}'{smooth})", x, i)
        return
    y = d.new_input(x.shape, x.tensor.dtype.name)
    d.emit(d.rng.choice([
        "F.mse_loss({x}, {y}, reduction='{how}')", "F.smooth_l1_loss({x}, {y}, reduction='{how}')",
        "F.binary_cross_entropy_with_logits({x}, {y}.sigmoid(), reduction='{how}')",
        "F.kl_div(F.log_softmax({x}, -1), F.softmax({y}, -1), reduction='{how}')", "F.huber_loss({x}, {y}, reduction='{how}')",
        "F.l1_loss({x}, {y}, reduction='{how}')",
    ]).format(x=x.name, y=y.name, how=how), x, y)


def chance(d: Drawing) -> None:
    """Random numbers: masks, noise, dropout."""
    x = d.some()
    shape = list(x.shape)
    kind = d.rng.choice(("mask", "dropout", "noise", "rand"))
    if kind == "mask":
        d.emit(f"{x.name} * (T.rand({shape}) > 0.3)", x, exact=True)
    elif kind == "dropout":
        d.yardstick = False
        d.emit(f"F.dropout({x.name}, 0.3)", x)
    elif kind == "noise":
        d.emit(f"{x.name} + 0.1 * T.randn({shape})", x)
    else:
        d.emit(f"T.rand({shape or [1]})")


def attention(d: Drawing) -> None:
    x = d.some(least=2)
    k, v = d.new_input(x.shape, x.tensor.dtype.name), d.new_input(x.shape, x.tensor.dtype.name)
    causal = d.rng.random() < 0.4
    if not x.shape[-1]:
        return
    d.emit(f"F.scaled_dot_product_attention({x.name}, {k.name}, {v.name}, is_causal={causal})", x, k, v)


def look(d: Drawing) -> None:
    """Somebody reads a value in the middle: the graph is cut there."""
    x = d.some()
    d.note(f"{x.name}.detach().sum().item()")


def positions(d: Drawing) -> None:
    """Numbers the graph makes itself."""
    x = d.some(least=1)
    n = x.shape[-1]
    d.emit(d.rng.choice([f"{x.name} * T.arange({n}).to({x.name}.dtype)", f"{x.name} + T.ones_like({x.name})",
                         f"T.arange({n}).to({x.name}.dtype).tanh()", f"{x.name} * T.full(({n},), 0.3).to({x.name}.dtype)",
                         f"T.eye({min(n, 40)}).to({x.name}.dtype)", f"T.zeros_like({x.name})",
                         f"T.linspace(0, 1, {n}).to({x.name}.dtype)"]), x)


FAMILIES = {
    pointwise: 14, keeping: 5, steps: 5, integer: 4, binary: 14, mixed: 3, compare: 4, logic: 2, integers: 3, where: 5, cast: 3,
    reduction: 12, exact_reduction: 4, scan: 2, movement: 16, joining: 5, in_place: 8, indexing: 5, scattering: 4, product: 6,
    convolution: 4, pooling: 4, normalisation: 6, loss: 3, chance: 3, attention: 1, look: 1, positions: 3,
}


def draw(seed: int) -> Drawing:
    """The program of a seed, in the making: its lines are drawn."""
    d = Drawing(seed, 0)
    d.length = d.rng.randint(10, 40)
    weights = {f: w * d.rng.choice((0.3, 1, 1, 3)) for f, w in FAMILIES.items()}  # every program has its own taste
    for _ in range(3 * d.length):
        if len(d.lines) >= d.length:
            break
        d.rng.choices(list(weights), list(weights.values()))[0](d)
    return d
