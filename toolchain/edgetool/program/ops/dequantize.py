"""Integers with a scale and zero point to float32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgetool.program.lookup import elementwise_call, only_input, refuse_type
from edgetool.program.operator import Array, KernelCall, Operator, Step, integer_kernel
from edgetool.program.overlap import elementwise_leads
from edgetool.program.tensor import Tensor


@dataclass(frozen=True)
class Dequantize(Operator):
    """(x - zero point) * scale in float32, rounded once. Source: LiteRT reference/dequantize.h."""

    kind: ClassVar[str] = "dequantize"

    def execute(self, step: Step) -> Sequence[Array]:
        """The real values."""
        x = step.tensor(0)
        centred = (step.value(0).astype(np.int64) - x.zero_point).astype(np.float32)
        return (centred * np.float32(x.scale),)

    def kernel(
        self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> KernelCall | None:
        """dequantize_s8."""
        x = only_input(inputs)
        if x.dtype not in ("int8", "int16"):
            raise refuse_type(self.kind, x)
        call = elementwise_call(
            integer_kernel(self.kind, x),
            outputs[0],
            {"scale": float(x.scale), "zero_point": x.zero_point},
        )
        return elementwise_leads(call, inputs, outputs[0])


OPERATOR = Dequantize
ONNX: dict[str, object] = {}  # DequantizeLinear changes bindings: lowering.py
