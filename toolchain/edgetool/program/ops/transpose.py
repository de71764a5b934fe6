"""Another order of axes in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from edgetool.program.copying import gather_call
from edgetool.program.lookup import only_input
from edgetool.program.operator import Array, KernelCall, Operator, Step
from edgetool.program.strides import row_major
from edgetool.program.tensor import Tensor


@dataclass(frozen=True)
class Transpose(Operator):
    """Output axis i is input axis permutation[i]."""

    kind: ClassVar[str] = "transpose"
    permutation: tuple[int, ...] = ()

    def execute(self, step: Step) -> Sequence[Array]:
        """x transposed."""
        return (step.value(0).transpose(0, *(axis + 1 for axis in self.permutation)),)

    def kernel(
        self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> KernelCall | None:
        """copy_strided."""
        x = only_input(inputs)
        strides = row_major(x.shape)
        permuted = [strides[axis] for axis in self.permutation]
        return gather_call(x, outputs[0].shape, permuted, 0, f"transposing {list(x.shape)}")


OPERATOR = Transpose
ONNX: dict[str, object] = {}  # ONNX Transpose changes bindings: lowering.py
