"""A tensor cut along one axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgetool.program.copying import row_bytes
from edgetool.program.operator import Argument, Array, KernelCall, Operator, Step
from edgetool.program.tensor import Tensor

if TYPE_CHECKING:
    from edgetool.program.site import Site


@dataclass(frozen=True)
class Split(Operator):
    """n outputs; output i holds sizes[i] elements along axis."""

    kind: ClassVar[str] = "split"
    axis: int = 0
    sizes: tuple[int, ...] = ()

    def execute(self, step: Step) -> Sequence[Array]:
        """The pieces in order."""
        cuts = np.cumsum(self.sizes)[:-1]
        return tuple(np.split(step.value(0), cuts, axis=self.axis + 1))

    def kernel(
        self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> KernelCall | None:
        """split_rows; its outputs are a variable argument list."""
        outer = int(np.prod(outputs[0].shape[: self.axis]))
        arguments = (
            Argument("parameters"),
            Argument("constant", name="row_bytes"),
            Argument("input", 0),
            *(Argument("output", index) for index in range(len(outputs))),
        )
        return KernelCall(
            "split_rows",
            arguments,
            {"outer": outer, "outputs": len(outputs)},
            {"row_bytes": row_bytes(outputs, self.axis)},
        )


def lower(site: Site) -> None:
    """ONNX Split; the sizes come from the inferred output shapes."""
    layout, rank = site.layout(0), len(site.shape(0))
    axis = int(site.attribute("axis", 0)) % rank
    count = len(site.node.outputs)
    sizes = tuple(site.output_shape(index)[axis] for index in range(count))
    operator = Split(layout.index(axis), sizes)
    site.emit_moved(operator, [site.raw_input(0, layout)], [layout] * count)


OPERATOR = Split
ONNX = {"Split": lower}
