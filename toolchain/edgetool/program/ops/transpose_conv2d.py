"""Transposed 2-D convolution (ONNX ConvTranspose): each input adds a scaled kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from edgetool.program.accumulators import (
    Layer,
    exact_products,
    finish_floats,
    layer_call,
    requantization,
    require_types,
)
from edgetool.program.convolution_site import ConvolutionSite
from edgetool.program.operator import Array, Clamp, KernelCall, Operator, Step, integer_kernel
from edgetool.program.overlap import ordered_lead, with_lead
from edgetool.program.tensor import Tensor
from edgetool.program.windows import Padding, Pair, image_parameters, sample_chunks

if TYPE_CHECKING:
    from edgetool.program.site import Site


@dataclass(frozen=True)
class TransposeConv2D(Operator):
    """Inputs: x (1, H, W, C), weights (O, kh, kw, C), bias (O,) or absent.

    Output: (1, OH, OW, O). Output pixel y receives input pixel i through tap
    y + top - i * stride. padding: rows and columns cut off the full result of size
    (H - 1) * stride + kernel; negative at bottom and right adds some that hold only the bias.
    """

    kind: ClassVar[str] = "transpose_conv2d"
    stride: Pair = (1, 1)
    padding: Padding = (0, 0, 0, 0)
    clamp: Clamp = field(default_factory=Clamp)

    def execute(self, step: Step) -> Sequence[Array]:
        """Scatter: one tap of the kernel at a time, in chunks of samples."""
        layer = Layer.of(step.inputs, step.output)
        is_float = require_types(self.kind, layer) == "float32"
        run = self._floats if is_float else self._integers
        x = step.value(0)[:, 0]
        per_sample = 48 * layer.output.elements + 16 * layer.x.elements
        parts = [run(x[chunk], layer) for chunk in sample_chunks(len(x), per_sample)]
        return (np.concatenate(parts).reshape(len(x), *layer.output.shape),)

    def kernel(
        self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> KernelCall | None:
        """transpose_conv2d_s8 or transpose_conv2d_f32."""
        layer = Layer.of(inputs, outputs[0])
        shape = image_parameters(layer.x.shape, layer.output.shape, layer.weights.shape[1:3])
        parameters = {
            **shape,
            "stride_height": self.stride[0],
            "stride_width": self.stride[1],
            "pad_top": self.padding[0],
            "pad_left": self.padding[1],
        }
        if require_types(self.kind, layer) == "float32":
            call = layer_call("transpose_conv2d_f32", layer, parameters, self.clamp)
            return with_lead(call, self._lead(layer, itemsize=4))
        parameters["in_zero_point"] = layer.x.zero_point
        found = requantization(layer, self.clamp, fold=False)
        call = layer_call(integer_kernel(self.kind, layer.x), layer, parameters, found)
        return with_lead(call, self._lead(layer, 2 if layer.x.dtype == "int16" else 1))

    def macs(self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]) -> int:
        """Every tap of every input, also where its result is cut off."""
        layer = Layer.of(inputs, outputs[0])
        return layer.weights.elements * layer.x.elements // layer.x.shape[-1]

    def _lead(self, layer: Layer, itemsize: int) -> int:
        """Of a kernel that makes pixel by pixel, channel by channel."""
        rows, columns = (
            np.maximum(0, -(-(np.arange(size) + pad - kernel + 1) // stride))
            for size, pad, kernel, stride in zip(
                layer.output.shape[1:3],
                self.padding[:2],
                layer.weights.shape[1:3],
                self.stride,
                strict=True,
            )
        )
        first_read = (rows[:, None] * layer.x.shape[2] + columns).ravel() * layer.x.shape[3]
        return ordered_lead(first_read * itemsize, layer.output.shape[3] * itemsize, 1)

    def _integers(self, x: Array, layer: Layer) -> Array:
        found = requantization(layer, self.clamp, fold=False)
        zero_sums = layer.x.zero_point * layer.weight_data.astype(np.int64).sum(axis=-1)

        def tap(row: int, column: int) -> Array:
            weights = layer.weight_data[:, row, column]
            sums = exact_products(x.reshape(-1, x.shape[-1]), weights) - zero_sums[:, row, column]
            return np.reshape(sums, (*x.shape[:3], -1))

        sums = self._scatter(x.shape, layer, tap, np.int64)
        return found.apply(sums)

    def _floats(self, x: Array, layer: Layer) -> Array:
        def tap(row: int, column: int) -> Array:
            return np.asarray(x @ layer.weight_data[:, row, column].T)

        return finish_floats(self._scatter(x.shape, layer, tap, np.float32), layer, self.clamp)

    def _scatter(self, x_shape: Sequence[int], layer: Layer, tap: Any, dtype: Any) -> Array:
        """Sums (samples, OH, OW, O); tap(row, column) gives (samples, H, W, O)."""
        samples, height, width, _ = x_shape
        channels, kernel_height, kernel_width, _ = layer.weights.shape
        top, left = self.padding[:2]
        rows = max((height - 1) * self.stride[0] + kernel_height, top + layer.output.shape[1])
        columns = max((width - 1) * self.stride[1] + kernel_width, left + layer.output.shape[2])
        full = np.zeros((samples, rows, columns, channels), dtype)
        for row in range(kernel_height):
            for column in range(kernel_width):
                reached = full[:, row :: self.stride[0], column :: self.stride[1]]
                reached[:, :height, :width] += tap(row, column)
        end_row, end_column = top + layer.output.shape[1], left + layer.output.shape[2]
        cut: Array = full[:, top:end_row, left:end_column]
        return cut


def lower(site: Site) -> None:
    """ONNX ConvTranspose without groups and dilation."""
    found = ConvolutionSite(site)
    if int(site.attribute("group", 1)) != 1:
        raise site.unsupported("a transposed convolution with groups")
    if found.dilations() != (1, 1):
        raise site.unsupported("a transposed convolution with dilation")
    x = found.image()
    weights = found.weights((1, 2, 3, 0))
    bias = found.bias(x, weights)
    operator = TransposeConv2D(found.strides(), found.transposed_padding(), site.clamp)
    found.emit(operator, (x, weights, bias))


OPERATOR = TransposeConv2D
ONNX = {"ConvTranspose": lower}
