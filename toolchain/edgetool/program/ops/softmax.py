"""exp(beta * x) over its sum along the last axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from edgetool.errors import UnsupportedOperatorError
from edgetool.program.arithmetic import (
    INT32_MAX,
    Int64Array,
    clamp,
    divide_by_power_of_two,
    multiply_high,
    quantize_multiplier,
)
from edgetool.program.fixed_output import SIGMOID_OUTPUT, emit_with_output
from edgetool.program.fixed_point import EXP_FRACTION_BITS, exp_of_negative, reciprocal
from edgetool.program.layouts import Layout, channels_last, identity
from edgetool.program.lookup import only_input
from edgetool.program.operator import Argument, Array, KernelCall, Operator, Step
from edgetool.program.overlap import with_lead
from edgetool.program.tensor import Tensor
from edgetool.program.wide_softmax import OUTPUT as WIDE_OUTPUT
from edgetool.program.wide_softmax import (
    distance_factor,
    exponentials,
    reciprocals,
    wide_softmax,
)

if TYPE_CHECKING:
    from edgetool.program.site import Site

SUM_INTEGER_BITS = 12  # the sum of exponentials is below 2**12
MAX_DEPTH = (1 << SUM_INTEGER_BITS) - 1
TABLES = ("exponentials", "reciprocals")


@dataclass(frozen=True)
class Softmax(Operator):
    """exp(beta * x) / sum(exp(beta * x)) along axis, which is the last one.

    Int8 output has scale 1/256, zero point -128, int16 output 1/32768 and 0. In place: yes.
    Source: LiteRT reference/softmax.h: fixed-point exp of the distance to the row's maximum.
    """

    kind: ClassVar[str] = "softmax"
    axis: int = -1
    beta: float = 1.0

    def execute(self, step: Step) -> Sequence[Array]:
        """The probabilities."""
        x = step.value(0)
        if step.output.dtype == "int16":
            return (wide_softmax(x, step.tensor(0), self.beta),)
        distance = x.max(axis=-1, keepdims=True) - x.astype(
            np.float32 if step.output.dtype == "float32" else np.int64
        )
        if step.output.dtype == "float32":
            return (_float_softmax(-distance * np.float32(self.beta)),)
        table = self.exponentials(step.tensor(0))
        powers = np.append(table, 0)[np.minimum(distance, len(table))].astype(np.int64)
        return (_divide(powers, distance < len(table), step.output),)

    def kernel(
        self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> KernelCall | None:
        """softmax_s8 with a table of exponentials, softmax_s16 with two tables, or softmax_f32."""
        x, out = only_input(inputs), outputs[0]
        depth = x.shape[-1]
        if depth > MAX_DEPTH and out.dtype != "float32":
            raise UnsupportedOperatorError(
                f"tensor '{x.name}': integer softmax over {depth} values, at most {MAX_DEPTH} fit"
            )
        rows = {"rows": x.elements // depth, "depth": depth}
        ends = (Argument("input", 0), Argument("output", 0))
        if out.dtype == "float32":
            parameters = {**rows, "beta": float(self.beta)}
            call = KernelCall("softmax_f32", (Argument("parameters"), *ends), parameters)
            return with_lead(call, 0)
        if out.dtype == "int16":
            multiplier, shift = distance_factor(x, self.beta)
            call = KernelCall(
                "softmax_s16",
                (Argument("parameters"), *map(_constant, TABLES), *ends),
                {**rows, "multiplier": multiplier, "shift": shift},
                dict(zip(TABLES, (exponentials(), reciprocals()), strict=True)),
            )
            return with_lead(call, 0)
        table = self.exponentials(x)
        arguments = (Argument("parameters"), Argument("constant", name="exponentials"), *ends)
        sizes = {**rows, "entries": len(table)}
        call = KernelCall("softmax_s8", arguments, sizes, {"exponentials": table})
        return with_lead(call, 0)

    def exponentials(self, x: Tensor) -> npt.NDArray[np.int32]:
        """exp(-beta * scale * d) as raw fixed point without integer bits, d = 0, 1, …

        Distances beyond the table count as zero: LiteRT's diff_min. At most 256 entries.
        """
        factor = self.beta * float(x.scale) * (1 << EXP_FRACTION_BITS)
        multiplier, shift = quantize_multiplier(min(factor, float(INT32_MAX)))
        if shift < 0:
            raise UnsupportedOperatorError(f"tensor '{x.name}': scale {x.scale} is below softmax's")
        # CalculateInputRadius(5 integer bits, shift, 31 bits): what stays above -32
        farthest = math.floor(((1 << 5) - 1) * (1 << EXP_FRACTION_BITS) / (1 << shift))
        distances = np.arange(min(farthest, 255) + 1, dtype=np.int64)
        raw = multiply_high(-distances << shift, multiplier)
        return exp_of_negative(raw).astype(np.int32)


def _constant(name: str) -> Argument:
    return Argument("constant", name=name)


def _divide(powers: Int64Array, counted: npt.NDArray[np.bool_], out: Tensor) -> Array:
    """powers over their sum as codes of scale 1/256, zero point -128."""
    total = divide_by_power_of_two(powers, SUM_INTEGER_BITS).sum(axis=-1, keepdims=True)
    scale, exponent = reciprocal(total, SUM_INTEGER_BITS)
    codes = divide_by_power_of_two(multiply_high(powers, scale), exponent + 31 - 8) - 128
    return clamp(np.where(counted, codes, -128), (-128, 127), out.dtype)


def _float_softmax(exponents: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    powers = np.exp(exponents)
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True, dtype=np.float32), np.float32)


def lower(site: Site) -> None:
    """ONNX Softmax (opset 13 on: along one axis)."""
    rank = len(site.shape(0))
    axis = int(site.attribute("axis", -1)) % rank
    layout = _layout_ending_in(site, axis, rank)
    x = site.input(0, layout)
    fixed = WIDE_OUTPUT if x.dtype == "int16" else SIGMOID_OUTPUT
    emit_with_output(site, Softmax(-1), x, layout, fixed)


def _layout_ending_in(site: Site, axis: int, rank: int) -> Layout:
    """The layout at hand if it ends in axis, else the nearest that does."""
    for layout in (site.layout(0), identity(rank), channels_last(rank)):
        if layout[-1] == axis:
            return layout
    return (*(other for other in range(rank) if other != axis), axis)


OPERATOR = Softmax
ONNX = {"Softmax": lower}
