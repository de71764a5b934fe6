"""Mean over windows of height and width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgetool.program.arithmetic import clamp
from edgetool.program.elementwise import clamp_float, float_bounds
from edgetool.program.layouts import channels_last
from edgetool.program.lookup import only_input
from edgetool.program.operator import Array, Clamp, KernelCall, Operator, Step, integer_kernel
from edgetool.program.ops.mean import Mean
from edgetool.program.ops.pad import Pad
from edgetool.program.ops.requantize import Requantize
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
class AveragePool2D(Operator):
    """x (1, H, W, C) → (1, OH, OW, C). window, stride: (height, width).

    padding: (top, left, bottom, right), smaller than the window, never counted.
    Scale and zero point are the input's. Source: LiteRT reference/integer_ops/pooling.h: the
    sum of codes over their count, halves away from zero.
    """

    kind: ClassVar[str] = "average_pool2d"
    window: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    clamp: Clamp = field(default_factory=Clamp)

    def execute(self, step: Step) -> Sequence[Array]:
        """The mean of each window, clamped."""
        x, out = step.value(0), step.output
        is_float = out.dtype == "float32"
        total = self._sums(x.astype(np.float32 if is_float else np.int64), out)
        count = self._sums(np.ones((*x.shape[-3:-1], 1), total.dtype), out)
        if is_float:
            return (clamp_float(total / count, self.clamp),)
        magnitude = (np.abs(total) + count // 2) // count
        return (clamp(np.sign(total) * magnitude, self.clamp.integer_bounds(out), out.dtype),)

    def kernel(
        self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> KernelCall | None:
        """average_pool2d_s8 or average_pool2d_f32."""
        x, out = only_input(inputs), outputs[0]
        geometry = pool_parameters(x, out, self.window, self.stride, self.padding)
        if out.dtype == "float32":
            low, high = float_bounds(self.clamp)
            numbers = {**geometry, "low": low, "high": high}
            return pool_call("average_pool2d_f32", x, out, self.stride, self.padding, numbers)
        first, last = self.clamp.integer_bounds(out)
        numbers = {**geometry, "low": first, "high": last}
        function = integer_kernel(self.kind, out)
        return pool_call(function, x, out, self.stride, self.padding, numbers)

    def _sums(self, x: Array, out: Tensor) -> Array:
        padded = np.pad(x, border(self.padding, x.ndim - 3))
        views = window_views(padded, self.window, self.stride, out.shape)
        total = next(views).copy()
        for view in views:
            total += view
        return total


def lower(site: Site) -> None:
    """ONNX AveragePool and GlobalAveragePool over one or two axes.

    LiteRT's average pool keeps scale and zero point. Where the output has others, a global pool
    becomes a mean, which rescales, and another pool is followed by a requantization.
    """
    window, stride, padding = pool_geometry(site)
    operator = AveragePool2D(window, stride, padding, site.clamp)
    layout = channels_last(len(site.shape(0)))
    x = pooled_input(site, site.input(0, layout))
    if site.attribute("count_include_pad", 0) and any(padding):
        x, operator = _with_counted_border(site, x, operator)
    shape = pooled_shape(site)
    if not site.quantized or site.output_quantization.same_as(x.quantization):
        site.emit(operator, [x], layout, shape)
    elif window == x.shape[1:3] and not any(padding) and site.clamp.is_none:
        site.emit(Mean((1, 2), keepdims=True), [x], layout, shape)
    else:
        builder, name = site.lowering.builder, f"{site.node.outputs[0].name}_average"
        pooled = builder.activation(name, shape, x.dtype, x.quantization)
        builder.operation(f"{name}_pool", operator, [x], [pooled])
        site.emit(Requantize(), [pooled], layout, shape)


def _with_counted_border(
    site: Site, x: Tensor, operator: AveragePool2D
) -> tuple[Tensor, AveragePool2D]:
    """x with a border of zeros that counts, and the pool without padding."""
    if site.attribute("ceil_mode", 0):
        raise site.unsupported("count_include_pad together with ceil_mode")
    top, left, bottom, right = operator.padding
    height, width = x.shape[1] + top + bottom, x.shape[2] + left + right
    builder, name = site.lowering.builder, f"{x.name}_padded"
    padded = builder.activation(name, (1, height, width, x.shape[3]), x.dtype, x.quantization)
    pad = Pad((0, top, left, 0), (0, bottom, right, 0))
    builder.operation(f"{name}_pad", pad, [x], [padded])
    return padded, replace(operator, padding=(0, 0, 0, 0))


OPERATOR = AveragePool2D
ONNX = {"AveragePool": lower, "GlobalAveragePool": lower}
