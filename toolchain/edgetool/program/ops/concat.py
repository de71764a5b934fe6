"""Tensors joined along one axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgetool.program.copying import row_bytes
from edgetool.program.elementwise import required
from edgetool.program.operator import Argument, Array, KernelCall, Operator, Step
from edgetool.program.tensor import Tensor

if TYPE_CHECKING:
    from edgetool.program.site import Site


@dataclass(frozen=True)
class Concat(Operator):
    """n inputs one after the other along axis; integers share the output's scale and zero point.

    Constants may be among the inputs.
    """

    kind: ClassVar[str] = "concat"
    axis: int = 0

    def execute(self, step: Step) -> Sequence[Array]:
        """The joined tensor."""
        samples = next(
            value.shape[0]
            for value, tensor in zip(step.values, step.inputs, strict=True)
            if value is not None and tensor is not None and not tensor.is_constant
        )
        parts = [self._part(step, index, samples) for index in range(len(step.values))]
        return (np.concatenate(parts, axis=self.axis + 1),)

    def kernel(
        self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> KernelCall | None:
        """concat_rows; its inputs are a variable argument list."""
        outer = int(np.prod(outputs[0].shape[: self.axis]))
        arguments = (
            Argument("parameters"),
            Argument("constant", name="row_bytes"),
            Argument("output", 0),
            *(Argument("input", index) for index in range(len(inputs))),
        )
        return KernelCall(
            "concat_rows",
            arguments,
            {"outer": outer, "inputs": len(inputs)},
            {"row_bytes": row_bytes(required(inputs), self.axis)},
        )

    @staticmethod
    def _part(step: Step, index: int, samples: int) -> Array:
        value = step.value(index)
        if not step.tensor(index).is_constant:
            return value
        return np.broadcast_to(value, (samples, *value.shape))


def lower(site: Site) -> None:
    """ONNX Concat. Integer inputs with other parameters than the output are requantized first."""
    rank = len(site.output_shape())
    layout = site.layout(_first_activation(site))
    axis = layout.index(int(site.attribute("axis", 0)) % rank)
    parts = [site.input(index, layout) for index in range(site.input_count)]
    if site.quantized:
        parts = [site.rescaled(part, site.output_quantization) for part in parts]
    site.emit(Concat(axis), parts, layout)


def _first_activation(site: Site) -> int:
    return next(index for index in range(site.input_count) if not site.is_constant(index))


OPERATOR = Concat
ONNX = {"Concat": lower}
