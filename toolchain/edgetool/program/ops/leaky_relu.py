"""x where positive, else alpha * x."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgetool.program.arithmetic import multiply_double_rounding, quantize_multiplier
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


@dataclass(frozen=True)
class LeakyRelu(Operator):
    """x where x ≥ 0, else alpha * x. In place: yes.

    Source: LiteRT activations.cc LeakyReluPrepare (factors in float32), reference/leaky_relu.h.
    """

    kind: ClassVar[str] = "leaky_relu"
    alpha: float = 0.01

    def execute(self, step: Step) -> Sequence[Array]:
        """The leaky ReLU of x."""
        x = step.value(0)
        if step.output.dtype == "float32":
            return (np.where(x > 0, x, x * np.float32(self.alpha)).astype(np.float32),)
        return (look_up(self._table(step.tensor(0), step.output), x),)

    def kernel(
        self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> KernelCall | None:
        """lookup_s8 or leaky_relu_f32."""
        x, out = only_input(inputs), outputs[0]
        if out.dtype == "float32":
            alpha = float(np.float32(self.alpha))
            return elementwise_call("leaky_relu_f32", out, {"alpha": alpha})
        return lookup_call(self._table(x, out), out)

    def _table(self, x: Tensor, out: Tensor) -> ByteTable:
        centred = INT8_CODES - x.zero_point
        identity = quantize_multiplier(float(x.scale / out.scale))
        slope = float(x.scale * np.float32(self.alpha) / out.scale)
        leak = quantize_multiplier(abs(slope))
        below = multiply_double_rounding(centred, *leak) * (-1 if slope < 0 else 1)
        above = multiply_double_rounding(centred, *identity)
        codes = np.where(centred >= 0, above, below) + out.zero_point
        return np.asarray(np.clip(codes, -128, 127), np.int8)


def lower(site: Site) -> None:
    """ONNX LeakyRelu."""
    layout = site.layout(0)
    operator = LeakyRelu(float(site.attribute("alpha", 0.01)))
    site.emit(operator, [site.input(0, layout)], layout)


OPERATOR = LeakyRelu
ONNX = {"LeakyRelu": lower}
