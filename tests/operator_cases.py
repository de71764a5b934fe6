"""Hypothesis strategies: random single operations of each kind, int8 or float32.

CASES[kind](dtype) gives OneOperation examples that LiteRT's reference kernels accept. Adding an
operator adds one function here; the LiteRT tests and the C kernel tests then run it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from hypothesis import strategies as st

from edgetool.program.operator import Clamp, Operator
from edgetool.program.ops import operators
from edgetool.program.tensor import Tensor
from one_operation import OneOperation, activation, constant

CLAMPS = [Clamp(), Clamp(0.0, math.inf), Clamp(0.0, 6.0), Clamp(-1.0, 1.0)]
SEEDS = st.integers(0, 2**32 - 1)
ZERO_POINTS = st.integers(-128, 127)


@st.composite
def scales(draw: st.DrawFn, low: float = -9.0, high: float = 1.0) -> float:
    """A float32 scale, log-uniform over powers of two."""
    return float(np.float32(2.0 ** draw(st.floats(low, high))))


def shapes(rank: int, largest: int = 7) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes with batch 1."""
    return st.tuples(st.just(1), *[st.integers(1, largest)] * (rank - 1))


def tensor(
    draw: st.DrawFn, name: str, shape: Sequence[int], dtype: str, like: Tensor | None = None
) -> Tensor:
    """An activation with drawn parameters; like: with a scale within a factor 8 of that one's."""
    if dtype == "float32":
        return activation(name, shape)
    zero_point = 0 if dtype == "int16" else draw(ZERO_POINTS)
    if like is None:
        return activation(name, shape, draw(scales()), zero_point, dtype)
    scale = float(np.float32(float(like.scale) * 2.0 ** draw(st.floats(-3.0, 3.0))))
    return activation(name, shape, scale, zero_point, dtype)


def same_parameters(name: str, shape: Sequence[int], x: Tensor) -> Tensor:
    """An activation with the type and quantization of x."""
    return Tensor(name, tuple(shape), x.dtype, x.quantization)


def make(kind: str, *arguments: object, **fields: object) -> Operator:
    """The operator of this kind."""
    return operators()[kind](*arguments, **fields)


def one(
    draw: st.DrawFn, operator: Operator, inputs: Sequence[Tensor], outputs: Sequence[Tensor]
) -> OneOperation:
    """The operation with a drawn seed."""
    return OneOperation(operator, tuple(inputs), tuple(outputs), draw(SEEDS))


def binary(kind: str) -> Callable[[str], st.SearchStrategy[OneOperation]]:
    """Equal shapes, a scalar, one row of channels, or any axes of size 1; constants too."""

    @st.composite
    def strategy(draw: st.DrawFn, dtype: str) -> OneOperation:
        out_shape = draw(st.integers(1, 4).flatmap(lambda rank: shapes(rank, 6)))
        sides: list[Tensor] = []
        for name in ("a", "b"):
            keep = draw(st.lists(st.booleans(), min_size=len(out_shape), max_size=len(out_shape)))
            full = name == "a" or draw(st.booleans())
            shape = [d if full or k else 1 for d, k in zip(out_shape, keep, strict=True)]
            sides.append(tensor(draw, name, shape, dtype, sides[0] if sides else None))
        if draw(st.booleans()):
            sides[1] = constant(sides[1], draw(SEEDS))
        if draw(st.booleans()):
            sides = [_renamed(sides[1], "a"), _renamed(sides[0], "b")]
        out = tensor(draw, "y", out_shape, dtype, sides[0])
        return one(draw, make(kind, draw(st.sampled_from(CLAMPS))), sides, [out])

    return strategy


def _renamed(x: Tensor, name: str) -> Tensor:
    return Tensor(name, x.shape, x.dtype, x.quantization, x.data)


@st.composite
def concat(draw: st.DrawFn, dtype: str) -> OneOperation:
    shape = list(draw(st.integers(2, 4).flatmap(shapes)))
    axis = draw(st.integers(0 if len(shape) == 1 else 1, len(shape) - 1))
    sizes = draw(st.lists(st.integers(1, 5), min_size=2, max_size=6))
    first = tensor(draw, "x0", [], dtype)
    parts = []
    for index, size in enumerate(sizes):
        shape[axis] = size
        parts.append(same_parameters(f"x{index}", shape, first))
    if draw(st.booleans()):
        parts[-1] = constant(parts[-1], draw(SEEDS))
    shape[axis] = sum(sizes)
    return one(draw, make("concat", axis), parts, [same_parameters("y", shape, first)])


@st.composite
def pad(draw: st.DrawFn, dtype: str) -> OneOperation:
    x = tensor(draw, "x", draw(st.integers(1, 4).flatmap(shapes)), dtype)
    widths = st.lists(st.integers(0, 3), min_size=len(x.shape), max_size=len(x.shape))
    before, after = tuple(draw(widths)), tuple(draw(widths))
    value = draw(st.sampled_from([0.0, 1.5, -2.0]))
    shape = [b + d + a for b, d, a in zip(before, x.shape, after, strict=True)]
    return one(draw, make("pad", before, after, value), [x], [same_parameters("y", shape, x)])


def pool(kind: str) -> Callable[[str], st.SearchStrategy[OneOperation]]:
    """Windows with VALID or SAME padding, maxima with any; scale and zero point are kept."""

    @st.composite
    def strategy(draw: st.DrawFn, dtype: str) -> OneOperation:
        x = tensor(draw, "x", draw(shapes(4, 9)), dtype)
        window = tuple(draw(st.integers(1, min(4, dim))) for dim in x.shape[1:3])
        stride = tuple(draw(st.integers(1, 3)) for _ in range(2))
        axes = list(zip(x.shape[1:3], window, stride, strict=True))
        if kind == "max_pool2d" and draw(st.booleans()):
            ends = [(draw(st.integers(0, k - 1)), draw(st.integers(0, k - 1))) for k in window]
            sizes = [d + sum(end) for (d, _, _), end in zip(axes, ends, strict=True)]
            out = [(n - k) // s + 1 for n, (_, k, s) in zip(sizes, axes, strict=True)]
        elif draw(st.booleans()):
            out = [-(-dim // step) for dim, _, step in axes]
            needed = [max((o - 1) * s + k - d, 0) for o, (d, k, s) in zip(out, axes, strict=True)]
            ends = [(total // 2, total - total // 2) for total in needed]
        else:
            out = [(dim - size) // step + 1 for dim, size, step in axes]
            ends = [(0, 0), (0, 0)]
        padding = (ends[0][0], ends[1][0], ends[0][1], ends[1][1])
        operator = make(kind, window, stride, padding, draw(st.sampled_from(CLAMPS)))
        shape = (1, *out, x.shape[3])
        return one(draw, operator, [x], [same_parameters("y", shape, x)])

    return strategy


@st.composite
def mean(draw: st.DrawFn, dtype: str) -> OneOperation:
    x = tensor(draw, "x", draw(st.integers(2, 4).flatmap(lambda rank: shapes(rank, 9))), dtype)
    axes = draw(st.sets(st.integers(1, len(x.shape) - 1), min_size=1))
    keepdims = draw(st.booleans())
    shape = [1 if i in axes else dim for i, dim in enumerate(x.shape) if keepdims or i not in axes]
    same = draw(st.booleans())
    out = same_parameters("y", shape, x) if same else tensor(draw, "y", shape, dtype, x)
    return one(draw, make("mean", tuple(sorted(axes)), keepdims), [x], [out])


def elementwise(
    kind: str, fields: st.SearchStrategy[tuple[object, ...]], fixed: tuple[float, int] | None = None
) -> Callable[[str], st.SearchStrategy[OneOperation]]:
    """One input, same shape; fixed: the int8 output's scale and zero point."""

    @st.composite
    def strategy(draw: st.DrawFn, dtype: str) -> OneOperation:
        x = tensor(draw, "x", draw(st.integers(1, 4).flatmap(shapes)), dtype)
        out = tensor(draw, "y", x.shape, dtype, x)
        if fixed is not None and dtype != "float32":
            out = activation("y", x.shape, *fixed)
        return one(draw, make(kind, *draw(fields)), [x], [out])

    return strategy


@st.composite
def softmax(draw: st.DrawFn, dtype: str) -> OneOperation:
    shape = draw(st.integers(1, 3).flatmap(shapes))
    x = tensor(draw, "x", (*shape, draw(st.integers(1, 40))), dtype)
    parameters = {"float32": (), "int8": (1 / 256, -128), "int16": (1 / 32768, 0)}[dtype]
    out = activation("y", x.shape, *parameters, dtype=dtype)
    beta = draw(st.sampled_from([1.0, 0.5, 2.0]))
    return one(draw, make("softmax", -1, beta), [x], [out])


@st.composite
def reshape(draw: st.DrawFn, dtype: str) -> OneOperation:
    x = tensor(draw, "x", draw(shapes(4)), dtype)
    shape = draw(st.permutations(x.shape))
    return one(draw, make("reshape"), [x], [same_parameters("y", shape, x)])


@st.composite
def transpose(draw: st.DrawFn, dtype: str) -> OneOperation:
    x = tensor(draw, "x", draw(st.integers(2, 4).flatmap(shapes)), dtype)
    permutation = tuple(draw(st.permutations(range(len(x.shape)))))
    shape = [x.shape[axis] for axis in permutation]
    return one(draw, make("transpose", permutation), [x], [same_parameters("y", shape, x)])


@st.composite
def slice_(draw: st.DrawFn, dtype: str) -> OneOperation:
    x = tensor(draw, "x", draw(st.integers(1, 4).flatmap(shapes)), dtype)
    box = []
    for dim in x.shape:
        start = draw(st.integers(0, dim - 1))
        step = draw(st.sampled_from([1, 1, 2, 3, -1, -2]))
        most = len(range(start, dim if step > 0 else -1, step))
        box.append((start, draw(st.integers(1, most)), step))
    starts, sizes, steps = zip(*box, strict=True)
    out = same_parameters("y", sizes, x)
    return one(draw, make("slice", starts, sizes, steps), [x], [out])


@st.composite
def split(draw: st.DrawFn, dtype: str) -> OneOperation:
    shape = list(draw(st.integers(2, 4).flatmap(shapes)))
    axis = draw(st.integers(1, len(shape) - 1))
    sizes = tuple(draw(st.lists(st.integers(1, 5), min_size=2, max_size=5)))
    shape[axis] = sum(sizes)
    x = tensor(draw, "x", shape, dtype)
    outputs = []
    for index, size in enumerate(sizes):
        shape[axis] = size
        outputs.append(same_parameters(f"y{index}", shape, x))
    return one(draw, make("split", axis, sizes), [x], outputs)


@st.composite
def resize_nearest(draw: st.DrawFn, dtype: str) -> OneOperation:
    x = tensor(draw, "x", draw(shapes(4)), dtype)
    size = (draw(st.integers(1, 15)), draw(st.integers(1, 15)))
    align, half = draw(st.sampled_from([(False, False), (True, False), (False, True)]))
    out = same_parameters("y", (1, *size, x.shape[3]), x)
    return one(draw, make("resize_nearest", align, half), [x], [out])


@st.composite
def quantize(draw: st.DrawFn, dtype: str) -> OneOperation:
    x = activation("x", draw(st.integers(1, 4).flatmap(shapes)))
    return one(draw, make("quantize"), [x], [tensor(draw, "y", x.shape, dtype)])


@st.composite
def dequantize(draw: st.DrawFn, dtype: str) -> OneOperation:
    x = tensor(draw, "x", draw(st.integers(1, 4).flatmap(shapes)), dtype)
    return one(draw, make("dequantize"), [x], [activation("y", x.shape)])


@st.composite
def clip(draw: st.DrawFn, dtype: str) -> OneOperation:
    """A float clip that limits nothing is no operation; an integer one is a requantization."""
    allowed = {"float32": CLAMPS[1:], "int16": CLAMPS[:3]}.get(dtype, CLAMPS)
    return draw(elementwise("clip", st.tuples(st.sampled_from(allowed)))(dtype))


NO_FIELDS = st.just(())
CASES: dict[str, Callable[[str], st.SearchStrategy[OneOperation]]] = {
    "add": binary("add"),
    "sub": binary("sub"),
    "mul": binary("mul"),
    "concat": concat,
    "pad": pad,
    "max_pool2d": pool("max_pool2d"),
    "average_pool2d": pool("average_pool2d"),
    "mean": mean,
    "clip": clip,
    "leaky_relu": elementwise("leaky_relu", st.tuples(st.floats(0.0, 1.0, width=32))),
    "hard_swish": elementwise("hard_swish", NO_FIELDS),
    "sigmoid": elementwise("sigmoid", NO_FIELDS, (1 / 256, -128)),
    "tanh": elementwise("tanh", NO_FIELDS, (1 / 128, 0)),
    "softmax": softmax,
    "reshape": reshape,
    "transpose": transpose,
    "slice": slice_,
    "split": split,
    "resize_nearest": resize_nearest,
    "quantize": quantize,
    "dequantize": dequantize,
    "requantize": elementwise("requantize", NO_FIELDS),
}
TYPES: dict[str, tuple[str, ...]] = dict.fromkeys(CASES, ("int8", "float32"))
TYPES |= dict.fromkeys(("quantize", "dequantize", "requantize"), ("int8",))
WIDE = ("add", "sub", "mul", "concat", "pad", "max_pool2d", "average_pool2d", "mean", "clip")
WIDE += (
    "reshape",
    "transpose",
    "slice",
    "split",
    "quantize",
    "dequantize",
    "requantize",
    "softmax",
)
TYPES |= {kind: (*TYPES[kind], "int16") for kind in WIDE}
KIND_AND_TYPE = [(kind, dtype) for kind in CASES for dtype in TYPES[kind]]
