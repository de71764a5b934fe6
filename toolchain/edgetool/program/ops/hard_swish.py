"""x * min(max(x + 3, 0), 6) / 6."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgetool.errors import UnsupportedOperatorError
from edgetool.program.arithmetic import (
    Int64Array,
    divide_by_power_of_two,
    quantize_multiplier,
)
from edgetool.program.lookup import (
    INT8_CODES,
    ByteTable,
    elementwise_call,
    look_up,
    lookup_call,
    only_input,
)
from edgetool.program.operator import Array, KernelCall, Operator, Step
from edgetool.program.tensor import Tensor

if TYPE_CHECKING:
    from edgetool.program.site import Site

INPUT_BITS = 7  # LiteRT shifts the input left by this much before its int16 arithmetic


@dataclass(frozen=True)
class HardSwish(Operator):
    """x * min(max(x + 3, 0), 6) / 6. In place: yes.

    Source: LiteRT activations.cc HardSwishPrepare, reference/hard_swish.h (int16 arithmetic).
    """

    kind: ClassVar[str] = "hard_swish"

    def execute(self, step: Step) -> Sequence[Array]:
        """The hard swish of x."""
        x = step.value(0)
        if step.output.dtype == "float32":
            gate = np.clip(x + np.float32(3), np.float32(0), np.float32(6))
            return ((x * gate / np.float32(6)).astype(np.float32),)
        return (look_up(_table(step.tensor(0), step.output), x),)

    def kernel(
        self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> KernelCall | None:
        """lookup_s8 or hard_swish_f32."""
        x, out = only_input(inputs), outputs[0]
        if out.dtype == "float32":
            return elementwise_call("hard_swish_f32", out)
        return lookup_call(_table(x, out), out)


def _table(x: Tensor, out: Tensor) -> ByteTable:
    """The result for each int8 code of x."""
    fine_scale = np.float32(1 / 128) * x.scale
    out_multiplier, out_exponent = _int16_multiplier(fine_scale / out.scale)
    gate_scale = np.float32(3) / np.float32(32768)
    gate_multiplier, gate_exponent = _int16_multiplier(fine_scale / gate_scale)
    if out_exponent > 0:
        raise UnsupportedOperatorError(
            f"tensor '{out.name}': hard swish to a scale over 128 times finer than its input's",
            hints=("calibrate with data that reach the range of this layer",),
        )
    fine = (INT8_CODES - x.zero_point) << INPUT_BITS
    value = _saturate(_multiply_rounding(fine, out_multiplier))
    gate = (_gate(fine, gate_multiplier, gate_exponent) + (1 << 15)) >> 1
    product = value * gate
    truncated = np.sign(product) * (np.abs(product) >> 15)
    codes = divide_by_power_of_two(truncated, -out_exponent) + out.zero_point
    return np.clip(codes, -128, 127).astype(np.int8)


def _gate(fine: Int64Array, multiplier: int, exponent: int) -> Int64Array:
    """fine on the scale where 3.0 is 32768, saturated to int16."""
    shifted = _saturate(fine << (exponent - 1)) if exponent > 0 else fine
    gate = _multiply_rounding(shifted, multiplier)
    if exponent > 0:
        return _saturate(gate << 1)
    return divide_by_power_of_two(gate, -exponent)


def _int16_multiplier(factor: np.float32) -> tuple[int, int]:
    """(multiplier, exponent) with 15 fraction bits. Source: DownScaleInt32ToInt16Multiplier."""
    multiplier, exponent = quantize_multiplier(float(factor))
    return min((multiplier + (1 << 15)) >> 16, 32767), exponent


def _multiply_rounding(values: Int64Array, multiplier: int) -> Int64Array:
    """round(values * multiplier / 2**15), halves upwards: SaturatingRoundingDoublingHighMul."""
    return (values * multiplier + (1 << 14)) >> 15


def _saturate(values: Int64Array) -> Int64Array:
    return np.clip(values, -32768, 32767)


def lower(site: Site) -> None:
    """ONNX HardSwish."""
    layout = site.layout(0)
    site.emit(HardSwish(), [site.input(0, layout)], layout)


OPERATOR = HardSwish
ONNX = {"HardSwish": lower}
