"""What add, sub and mul share: broadcasting, fixed-point parameters, kernel calls.

Source of the integer arithmetic: LiteRT add.cc, sub.cc, mul.cc and reference/integer_ops.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from edgetool.program.arithmetic import (
    Int64Array,
    clamp,
    multiply_double_rounding,
    quantize_multiplier,
)
from edgetool.program.layouts import Layout, identity
from edgetool.program.operator import Argument, Array, Clamp, KernelCall, Step, integer_kernel
from edgetool.program.overlap import elementwise_leads
from edgetool.program.strides import LOOPS, broadcast_strides, merge_axes, pad_left
from edgetool.program.tensor import Tensor

if TYPE_CHECKING:
    from edgetool.program.operator import Operator
    from edgetool.program.site import Site

HEADROOM_BITS = {"int8": 20, "int16": 15}  # by which LiteRT shifts operands left to add them
FLOAT_MAX = float(np.finfo(np.float32).max)

Parameters = Mapping[str, int | float | tuple[int, ...]]


def float_bounds(interval: Clamp) -> tuple[float, float]:
    """The clamp in float32; "no bound" is the largest finite number, as in LiteRT."""
    low, high = np.float32(interval.minimum), np.float32(interval.maximum)
    return max(float(low), -FLOAT_MAX), min(float(high), FLOAT_MAX)


def clamp_float(values: Array, interval: Clamp) -> Array:
    """values limited to the clamp, float32; NaN stays NaN."""
    low, high = float_bounds(interval)
    return np.clip(values, np.float32(low), np.float32(high)).astype(np.float32)


def broadcast_loops(a: Tensor, b: Tensor, out: Tensor) -> dict[str, tuple[int, ...]]:
    """dims, a_strides and b_strides of the kernels' four loops, in elements."""
    walks = [broadcast_strides(tensor.shape, out.shape) for tensor in (a, b)]
    dims, (a_strides, b_strides) = merge_axes(out.shape, *walks)
    what = f"broadcasting {list(a.shape)} with {list(b.shape)}"
    return {
        "dims": pad_left(dims, LOOPS, 1, what),
        "a_strides": pad_left(a_strides, LOOPS, 0, what),
        "b_strides": pad_left(b_strides, LOOPS, 0, what),
    }


def binary_call(
    function: str, a: Tensor, b: Tensor, out: Tensor, parameters: Parameters
) -> KernelCall:
    """function(parameters, a, b, out) with the broadcasting loops before the parameters."""
    arguments = (
        Argument("parameters"),
        Argument("input", 0),
        Argument("input", 1),
        Argument("output", 0),
    )
    call = KernelCall(function, arguments, {**broadcast_loops(a, b, out), **parameters})
    return elementwise_leads(call, (a, b), out)


def required(tensors: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
    """The tensors, all of them there."""
    return tuple(tensor for tensor in tensors if tensor is not None)


def add_parameters(a: Tensor, b: Tensor, out: Tensor, interval: Clamp) -> dict[str, int]:
    """Fixed-point parameters of an integer addition, named as in add_s8_params."""
    twice_max = 2.0 * max(float(a.scale), float(b.scale))
    a_multiplier, a_shift = quantize_multiplier(float(a.scale) / twice_max)
    b_multiplier, b_shift = quantize_multiplier(float(b.scale) / twice_max)
    out_factor = twice_max / ((1 << HEADROOM_BITS[out.dtype]) * float(out.scale))
    out_multiplier, out_shift = quantize_multiplier(out_factor)
    low, high = interval.integer_bounds(out)
    return {
        "a_zero_point": a.zero_point,
        "a_multiplier": a_multiplier,
        "a_shift": a_shift,
        "b_zero_point": b.zero_point,
        "b_multiplier": b_multiplier,
        "b_shift": b_shift,
        "out_zero_point": out.zero_point,
        "out_multiplier": out_multiplier,
        "out_shift": out_shift,
        "low": low,
        "high": high,
    }


def execute_add(step: Step, interval: Clamp, sign: int) -> Array:
    """a + sign * b in the output's type, clamped."""
    if step.output.dtype == "float32":
        return clamp_float(step.value(0) + np.float32(sign) * step.value(1), interval)
    p = add_parameters(step.tensor(0), step.tensor(1), step.output, interval)
    a = _rescaled(step.value(0), p["a_zero_point"], p["a_multiplier"], p["a_shift"])
    b = _rescaled(step.value(1), p["b_zero_point"], p["b_multiplier"], p["b_shift"])
    total = multiply_double_rounding(a + sign * b, p["out_multiplier"], p["out_shift"])
    return clamp(total + p["out_zero_point"], (p["low"], p["high"]), step.output.dtype)


def _rescaled(values: Array, zero_point: int, multiplier: int, shift: int) -> Int64Array:
    shifted = (values.astype(np.int64) - zero_point) << HEADROOM_BITS[str(values.dtype)]
    return multiply_double_rounding(shifted, multiplier, shift)


def add_call(
    inputs: Sequence[Tensor | None], outputs: Sequence[Tensor], interval: Clamp, sign: int
) -> KernelCall:
    """The call of add_s8, add_s16 or add_f32 that computes a + sign * b."""
    (a, b), out = required(inputs), outputs[0]
    if out.dtype == "float32":
        low, high = float_bounds(interval)
        return binary_call("add_f32", a, b, out, {"b_sign": float(sign), "low": low, "high": high})
    numbers = add_parameters(a, b, out, interval)
    return binary_call(integer_kernel("add", out), a, b, out, {"b_sign": sign, **numbers})


def lower_binary(site: Site, operator: Operator) -> None:
    """Emit an elementwise operation of two inputs of the same rank after broadcasting.

    The order of axes is that of the first activation that has the output's rank; operands of
    lower rank get axes of size 1 in front, as ONNX broadcasts.
    """
    rank = len(site.output_shape())
    layout = _output_layout(site, rank)
    operands = [_operand(site, index, rank, layout) for index in (0, 1)]
    site.emit(operator, operands, layout)


def _output_layout(site: Site, rank: int) -> Layout:
    candidates = [index for index in (0, 1) if not site.is_constant(index)]
    full = [index for index in candidates if len(site.shape(index)) == rank]
    return site.layout(full[0]) if full else identity(rank)


def _operand(site: Site, index: int, rank: int, layout: Layout) -> Tensor:
    """The input in layout; of lower rank: in ONNX's order, aligned right, then laid out."""
    shape = site.shape(index)
    if len(shape) == rank:
        return site.input(index, layout)
    aligned = (1,) * (rank - len(shape)) + tuple(shape)
    moved = tuple(aligned[axis] for axis in layout)
    tensor = site.input(index, identity(len(shape)))
    units = [axis for axis in layout if aligned[axis] != 1]
    if units != sorted(units):
        raise site.unsupported(
            f"broadcasts {list(shape)} over {rank} axes stored in another order",
            "give both operands the same rank in the model",
        )
    return site.reshaped(tensor, moved)
