"""The logistic function, 1 / (1 + exp(-x))."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from edgetool.program.fixed_output import SIGMOID_OUTPUT, emit_with_output
from edgetool.program.lookup import elementwise_call, look_up, lookup_call, only_input, tabulate
from edgetool.program.operator import Array, KernelCall, Operator, Step
from edgetool.program.tensor import Tensor

if TYPE_CHECKING:
    from edgetool.program.site import Site


@dataclass(frozen=True)
class Sigmoid(Operator):
    """1 / (1 + exp(-x)); int8 output has scale 1/256, zero point -128. In place: yes.

    Source: LiteRT activations.cc: a table of float32 results (SigmoidPrepare).
    """

    kind: ClassVar[str] = "sigmoid"

    def execute(self, step: Step) -> Sequence[Array]:
        """The logistic function of x."""
        if step.output.dtype == "float32":
            return (logistic(step.value(0)),)
        return (look_up(tabulate(logistic, step.tensor(0), step.output), step.value(0)),)

    def kernel(
        self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> KernelCall | None:
        """lookup_s8 or sigmoid_f32."""
        x, out = only_input(inputs), outputs[0]
        if out.dtype == "float32":
            return elementwise_call("sigmoid_f32", out)
        return lookup_call(tabulate(logistic, x, out), out)


def logistic(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The logistic function in float32 steps; exp correctly rounded."""
    with np.errstate(over="ignore"):
        exponential = np.exp(-x.astype(np.float64)).astype(np.float32)
        return np.asarray(np.float32(1) / (np.float32(1) + exponential), np.float32)


def lower(site: Site) -> None:
    """ONNX Sigmoid."""
    layout = site.layout(0)
    emit_with_output(site, Sigmoid(), site.input(0, layout), layout, SIGMOID_OUTPUT)


OPERATOR = Sigmoid
ONNX = {"Sigmoid": lower}
