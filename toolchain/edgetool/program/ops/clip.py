"""Clamping that is not fused into another operator: Relu, Relu6, Clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from edgetool.program.elementwise import clamp_float, float_bounds
from edgetool.program.lookup import elementwise_call, only_input
from edgetool.program.operator import Array, Clamp, KernelCall, Operator, Step
from edgetool.program.ops.reshape import Reshape
from edgetool.program.rescale import rescale, rescale_call
from edgetool.program.tensor import Tensor

if TYPE_CHECKING:
    from edgetool.program.site import Site


@dataclass(frozen=True)
class Clip(Operator):
    """x limited to an interval, under the output's scale and zero point. In place: yes.

    Source: LiteRT activations.cc QuantizedReluX: the factor is a float32 quotient, unlike
    requantize's. A clamp that limits nothing makes it LiteRT's QUANTIZE, and it computes so.
    """

    kind: ClassVar[str] = "clip"
    clamp: Clamp = field(default_factory=Clamp)

    def execute(self, step: Step) -> Sequence[Array]:
        """The clamped and rescaled x."""
        x, out = step.tensor(0), step.output
        if out.dtype == "float32":
            return (clamp_float(step.value(0), self.clamp),)
        bounds = self.clamp.integer_bounds(out)
        return (rescale(step.value(0), x, out, self._factor(x, out), bounds),)

    def kernel(
        self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> KernelCall | None:
        """requantize_s8 with bounds, or clip_f32."""
        x, out = only_input(inputs), outputs[0]
        if out.dtype == "float32":
            low, high = float_bounds(self.clamp)
            return elementwise_call("clip_f32", out, {"low": low, "high": high})
        bounds = self.clamp.integer_bounds(out)
        return rescale_call(x, out, self._factor(x, out), bounds)

    def _factor(self, x: Tensor, out: Tensor) -> float:
        if self.clamp.integer_bounds(out) == Clamp().integer_bounds(out):
            return float(x.scale) / float(out.scale)
        return float(x.scale / out.scale)


def lower(site: Site) -> None:
    """ONNX Relu or Clip that stands alone."""
    if not site.lowering.has_constant_bounds(site.node):
        raise site.unsupported("its bounds are computed by the model, constants expected")
    clip = Clip(site.lowering.clamp_of(site.node))
    layout = site.layout(0)
    if clip.clamp.is_none and not site.quantized:
        site.emit_moved(Reshape(), [site.raw_input(0, layout)], [layout])
    else:
        site.emit(clip, [site.input(0, layout)], layout)


OPERATOR = Clip
ONNX = {"Relu": lower, "Clip": lower}
