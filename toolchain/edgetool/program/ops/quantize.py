"""Float32 to integers with a scale and zero point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgetool.program.lookup import elementwise_call, refuse_type, round_half_away_float
from edgetool.program.operator import Array, KernelCall, Operator, Step, integer_kernel
from edgetool.program.overlap import elementwise_leads
from edgetool.program.tensor import Tensor


@dataclass(frozen=True)
class Quantize(Operator):
    """round(x / scale) + zero point, saturated; halves away from zero, NaN becomes the minimum.

    Source: LiteRT reference/quantize.h AffineQuantize: the quotient is float32.
    """

    kind: ClassVar[str] = "quantize"

    def execute(self, step: Step) -> Sequence[Array]:
        """x as integers of the output's type."""
        out, info = step.output, np.iinfo(step.output.dtype)
        with np.errstate(over="ignore"):
            quotient = step.value(0).astype(np.float32) / np.float32(out.scale)
        rounded = round_half_away_float(np.clip(quotient, -(2.0**24), 2.0**24))
        codes = np.clip(rounded.astype(np.float64) + out.zero_point, info.min, info.max)
        return (np.where(np.isnan(codes), info.min, codes).astype(out.dtype),)

    def kernel(
        self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> KernelCall | None:
        """quantize_s8."""
        out = outputs[0]
        if out.dtype not in ("int8", "int16"):
            raise refuse_type(self.kind, out)
        call = elementwise_call(
            integer_kernel(self.kind, out),
            out,
            {"scale": float(out.scale), "zero_point": out.zero_point},
        )
        return elementwise_leads(call, inputs, outputs[0])


OPERATOR = Quantize
ONNX: dict[str, object] = {}  # QuantizeLinear changes bindings: lowering.py
