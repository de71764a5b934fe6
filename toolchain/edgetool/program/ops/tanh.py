"""The hyperbolic tangent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from edgetool.program.fixed_output import TANH_OUTPUT, emit_with_output
from edgetool.program.lookup import elementwise_call, look_up, lookup_call, only_input, tabulate
from edgetool.program.operator import Array, KernelCall, Operator, Step
from edgetool.program.tensor import Tensor

if TYPE_CHECKING:
    from edgetool.program.site import Site


@dataclass(frozen=True)
class Tanh(Operator):
    """tanh(x); int8 output has scale 1/128, zero point 0. In place: yes.

    Source: LiteRT activations.cc: a table of float32 results (TanhPrepare). LiteRT takes tanhf
    of the machine's C library; here it is the correctly rounded value.
    """

    kind: ClassVar[str] = "tanh"

    def execute(self, step: Step) -> Sequence[Array]:
        """tanh of x."""
        if step.output.dtype == "float32":
            return (hyperbolic_tangent(step.value(0)),)
        table = tabulate(hyperbolic_tangent, step.tensor(0), step.output)
        return (look_up(table, step.value(0)),)

    def kernel(
        self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> KernelCall | None:
        """lookup_s8 or tanh_f32."""
        x, out = only_input(inputs), outputs[0]
        if out.dtype == "float32":
            return elementwise_call("tanh_f32", out)
        return lookup_call(tabulate(hyperbolic_tangent, x, out), out)


def hyperbolic_tangent(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """tanh, correctly rounded to float32."""
    return np.tanh(x.astype(np.float64)).astype(np.float32)


def lower(site: Site) -> None:
    """ONNX Tanh."""
    layout = site.layout(0)
    emit_with_output(site, Tanh(), site.input(0, layout), layout, TANH_OUTPUT)


OPERATOR = Tanh
ONNX = {"Tanh": lower}
