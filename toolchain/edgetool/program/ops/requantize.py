"""Int8 to int8 with another scale and zero point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from edgetool.program.lookup import only_input, refuse_type
from edgetool.program.operator import Array, Clamp, KernelCall, Operator, Step
from edgetool.program.rescale import rescale, rescale_call
from edgetool.program.tensor import Tensor


@dataclass(frozen=True)
class Requantize(Operator):
    """x under the output's scale and zero point, saturated. In place: yes.

    Source: LiteRT quantize.cc, the factor in float64; reference/requantize.h.
    """

    kind: ClassVar[str] = "requantize"

    def execute(self, step: Step) -> Sequence[Array]:
        """x rescaled, rounded twice as LiteRT does."""
        x, out = step.tensor(0), step.output
        bounds = Clamp().integer_bounds(out)
        return (rescale(step.value(0), x, out, _factor(x, out), bounds),)

    def kernel(
        self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> KernelCall | None:
        """requantize_s8."""
        x, out = only_input(inputs), outputs[0]
        if x.dtype != out.dtype or x.dtype not in ("int8", "int16"):
            raise refuse_type(self.kind, x if x.dtype != "int8" else out)
        return rescale_call(x, out, _factor(x, out), Clamp().integer_bounds(out))


def _factor(x: Tensor, out: Tensor) -> float:
    return float(x.scale) / float(out.scale)


OPERATOR = Requantize
ONNX: dict[str, object] = {}  # lowering.py makes it where parameters change
