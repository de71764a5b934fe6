"""The same bytes under another shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from edgetool.program.operator import Array, KernelCall, Operator, Step
from edgetool.program.tensor import Tensor


@dataclass(frozen=True)
class Reshape(Operator):
    """x with the output's shape. A view: costs nothing, shares its input's memory."""

    kind: ClassVar[str] = "reshape"

    def execute(self, step: Step) -> Sequence[Array]:
        """x reshaped."""
        x = step.value(0)
        return (x.reshape(x.shape[0], *step.output.shape),)

    def kernel(
        self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> KernelCall | None:
        """None: nothing runs."""
        return None

    @property
    def is_view(self) -> bool:
        """True."""
        return True


OPERATOR = Reshape
ONNX: dict[str, object] = {}  # Reshape, Flatten, Squeeze, Unsqueeze change bindings: lowering.py
