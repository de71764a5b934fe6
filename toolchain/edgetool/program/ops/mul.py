"""Elementwise multiplication, a * b, with broadcasting and a fused activation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgetool.program.arithmetic import clamp, multiply_double_rounding, quantize_multiplier
from edgetool.program.elementwise import (
    binary_call,
    clamp_float,
    float_bounds,
    lower_binary,
    required,
)
from edgetool.program.operator import Array, Clamp, KernelCall, Operator, Step, integer_kernel
from edgetool.program.tensor import Tensor

if TYPE_CHECKING:
    from edgetool.program.site import Site


@dataclass(frozen=True)
class Mul(Operator):
    """a * b, either may be constant; the output has their broadcast shape.

    In place: the output may be the input that has its shape.
    """

    kind: ClassVar[str] = "mul"
    clamp: Clamp = field(default_factory=Clamp)

    def execute(self, step: Step) -> Sequence[Array]:
        """The clamped product."""
        a, b, out = step.value(0), step.value(1), step.output
        if out.dtype == "float32":
            return (clamp_float(a * b, self.clamp),)
        p = self._parameters(step.tensor(0), step.tensor(1), out)
        left = a.astype(np.int64) - p["a_zero_point"]
        right = b.astype(np.int64) - p["b_zero_point"]
        scaled = multiply_double_rounding(left * right, p["out_multiplier"], p["out_shift"])
        return (clamp(scaled + p["out_zero_point"], (p["low"], p["high"]), out.dtype),)

    def kernel(
        self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> KernelCall | None:
        """mul_s8 or mul_f32."""
        (a, b), out = required(inputs), outputs[0]
        if out.dtype == "float32":
            low, high = float_bounds(self.clamp)
            return binary_call("mul_f32", a, b, out, {"low": low, "high": high})
        return binary_call(integer_kernel(self.kind, out), a, b, out, self._parameters(a, b, out))

    @staticmethod
    def factor(a: Tensor, b: Tensor, out: Tensor) -> float:
        """What products of integers are multiplied by; LiteRT computes it in float32 (mul.cc)."""
        return float(a.scale * b.scale / out.scale)

    def _parameters(self, a: Tensor, b: Tensor, out: Tensor) -> dict[str, int]:
        multiplier, shift = quantize_multiplier(self.factor(a, b, out))
        low, high = self.clamp.integer_bounds(out)
        return {
            "a_zero_point": a.zero_point,
            "b_zero_point": b.zero_point,
            "out_zero_point": out.zero_point,
            "out_multiplier": multiplier,
            "out_shift": shift,
            "low": low,
            "high": high,
        }


def lower(site: Site) -> None:
    """ONNX Mul."""
    lower_binary(site, Mul(site.clamp))


OPERATOR = Mul
ONNX = {"Mul": lower}
