"""Depthwise 2-D convolution: every output channel reads one input channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from edgetool.program.accumulators import (
    Layer,
    finish_floats,
    layer_call,
    requantization,
    require_types,
)
from edgetool.program.operator import Array, Clamp, KernelCall, Operator, Step, integer_kernel
from edgetool.program.overlap import window_lead, with_lead
from edgetool.program.tensor import Tensor
from edgetool.program.windows import (
    Padding,
    Pair,
    image_parameters,
    pad_image,
    patches,
    sample_chunks,
)

CHANNEL_AXIS = 3


@dataclass(frozen=True)
class DepthwiseConv2D(Operator):
    """Inputs: x (1, H, W, C), weights (1, kh, kw, C*m), bias (C*m,) or absent.

    Output: (1, OH, OW, C*m); output channel c*m + j reads input channel c.
    padding: top, left, bottom, right.
    """

    kind: ClassVar[str] = "depthwise_conv2d"
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: Padding = (0, 0, 0, 0)
    clamp: Clamp = field(default_factory=Clamp)

    def execute(self, step: Step) -> Sequence[Array]:
        """One tap of the kernel at a time, in chunks of samples."""
        layer = Layer.of(step.inputs, step.output, CHANNEL_AXIS)
        is_float = require_types(self.kind, layer) == "float32"
        run = self._floats if is_float else self._integers
        x = step.value(0)[:, 0]
        per_sample = 40 * layer.output.elements + 8 * layer.x.elements
        parts = [run(x[chunk], layer) for chunk in sample_chunks(len(x), per_sample)]
        return (np.concatenate(parts).reshape(len(x), *layer.output.shape),)

    def kernel(
        self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> KernelCall | None:
        """depthwise_conv2d_s8 or depthwise_conv2d_f32."""
        layer = Layer.of(inputs, outputs[0], CHANNEL_AXIS)
        shape = image_parameters(layer.x.shape, layer.output.shape, layer.weights.shape[1:3])
        parameters = {
            **shape,
            "stride_height": self.stride[0],
            "stride_width": self.stride[1],
            "dilation_height": self.dilation[0],
            "dilation_width": self.dilation[1],
            "pad_top": self.padding[0],
            "pad_left": self.padding[1],
        }
        if require_types(self.kind, layer) == "float32":
            call = layer_call("depthwise_conv2d_f32", layer, parameters, self.clamp)
            return with_lead(call, self._lead(layer, itemsize=4))
        parameters["in_zero_point"] = layer.x.zero_point
        found = requantization(layer, self.clamp)
        call = layer_call(integer_kernel(self.kind, layer.x), layer, parameters, found)
        return with_lead(call, self._lead(layer, 2 if layer.x.dtype == "int16" else 1))

    def macs(self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]) -> int:
        """Every tap of every output, also where it reads padding."""
        layer = Layer.of(inputs, outputs[0], CHANNEL_AXIS)
        return layer.weights.elements * layer.output.elements // layer.channels

    def _lead(self, layer: Layer, itemsize: int) -> int:
        """Of a kernel that makes pixel by pixel, channel by channel."""
        shapes = layer.x.shape, layer.output.shape
        return window_lead(*shapes, self.stride, self.padding[:2], 1, itemsize)

    def _integers(self, x: Array, layer: Layer) -> Array:
        found = requantization(layer, self.clamp)
        padded = pad_image(x, self.padding, layer.x.zero_point)
        sums = self._sum_taps(padded, layer, np.int64 if x.dtype == np.int16 else np.int32)
        return found.apply(sums.astype(np.int64))

    def _floats(self, x: Array, layer: Layer) -> Array:
        padded = pad_image(x, self.padding, 0.0)
        return finish_floats(self._sum_taps(padded, layer, np.float32), layer, self.clamp)

    def _sum_taps(self, x: Array, layer: Layer, dtype: Any) -> Array:
        weights = layer.weight_data[0].astype(dtype)
        height, width, channels = weights.shape
        windows = patches(x, (height, width), self.stride, self.dilation)
        sums = np.zeros((*windows.shape[:3], channels), dtype)
        for row in range(height):
            for column in range(width):
                taps = windows[:, :, :, row, column].astype(dtype)
                if taps.shape[-1] != channels:
                    taps = np.repeat(taps, channels // taps.shape[-1], axis=-1)
                sums += taps * weights[row, column]
        return sums


OPERATOR = DepthwiseConv2D
ONNX: dict[str, Any] = {}
