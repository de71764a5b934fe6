"""Elementwise addition, a + b, with broadcasting and a fused activation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from edgetool.program.elementwise import add_call, execute_add, lower_binary
from edgetool.program.operator import Array, Clamp, KernelCall, Operator, Step
from edgetool.program.tensor import Tensor

if TYPE_CHECKING:
    from edgetool.program.site import Site


@dataclass(frozen=True)
class Add(Operator):
    """a + b, either may be constant; the output has their broadcast shape.

    In place: the output may be the input that has its shape.
    """

    kind: ClassVar[str] = "add"
    clamp: Clamp = field(default_factory=Clamp)

    def execute(self, step: Step) -> Sequence[Array]:
        """The clamped sum."""
        return (execute_add(step, self.clamp, sign=1),)

    def kernel(
        self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> KernelCall | None:
        """add_s8 or add_f32."""
        return add_call(inputs, outputs, self.clamp, sign=1)


def lower(site: Site) -> None:
    """ONNX Add."""
    lower_binary(site, Add(site.clamp))


OPERATOR = Add
ONNX = {"Add": lower}
