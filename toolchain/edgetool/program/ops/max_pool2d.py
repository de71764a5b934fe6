"""Maximum over windows of height and width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgetool.program.elementwise import clamp_float, float_bounds
from edgetool.program.layouts import channels_last
from edgetool.program.lookup import only_input
from edgetool.program.operator import Array, Clamp, KernelCall, Operator, Step, integer_kernel
from edgetool.program.pooling import (
    border,
    pool_call,
    pool_geometry,
    pool_parameters,
    pooled_input,
    pooled_shape,
    window_views,
)
from edgetool.program.tensor import Tensor

if TYPE_CHECKING:
    from edgetool.program.site import Site


@dataclass(frozen=True)
class MaxPool2D(Operator):
    """x (1, H, W, C) → (1, OH, OW, C). window, stride: (height, width).

    padding: (top, left, bottom, right), smaller than the window; it never wins.
    Scale and zero point are the input's.
    """

    kind: ClassVar[str] = "max_pool2d"
    window: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    clamp: Clamp = field(default_factory=Clamp)

    def execute(self, step: Step) -> Sequence[Array]:
        """The largest element of each window, clamped."""
        x, out = step.value(0), step.output
        lowest = -np.inf if out.dtype == "float32" else np.iinfo(out.dtype).min
        padded = np.pad(x, border(self.padding, x.ndim - 3), constant_values=lowest)
        views = window_views(padded, self.window, self.stride, out.shape)
        best = next(views).copy()
        for view in views:
            np.maximum(best, view, out=best)
        if out.dtype == "float32":
            return (clamp_float(best, self.clamp),)
        return (np.clip(best, *self._bounds(out)).astype(out.dtype),)

    def kernel(
        self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> KernelCall | None:
        """max_pool2d_s8 or max_pool2d_f32."""
        x, out = only_input(inputs), outputs[0]
        geometry = pool_parameters(x, out, self.window, self.stride, self.padding)
        if out.dtype == "float32":
            low, high = float_bounds(self.clamp)
            numbers = {**geometry, "low": low, "high": high}
            return pool_call("max_pool2d_f32", x, out, self.stride, self.padding, numbers)
        first, last = self._bounds(out)
        numbers = {**geometry, "low": first, "high": last}
        function = integer_kernel(self.kind, out)
        return pool_call(function, x, out, self.stride, self.padding, numbers)

    def _bounds(self, out: Tensor) -> tuple[int, int]:
        """Integer clamp; an integer tensor without parameters has no real clamp."""
        if out.quantization is None:
            info = np.iinfo(out.dtype)
            return int(info.min), int(info.max)
        return self.clamp.integer_bounds(out)


def lower(site: Site) -> None:
    """ONNX MaxPool and GlobalMaxPool over one or two axes; integers stay integers."""
    if len([value for value in site.node.outputs if value.uses()]) > 1:
        raise site.unsupported("the indices of the maxima are used")
    window, stride, padding = pool_geometry(site)
    operator = MaxPool2D(window, stride, padding)
    layout = channels_last(len(site.shape(0)))
    x = pooled_input(site, site.raw_input(0, layout))
    site.emit_moved(operator, [x], [layout], pooled_shape(site))


OPERATOR = MaxPool2D
ONNX = {"MaxPool": lower, "GlobalMaxPool": lower}
