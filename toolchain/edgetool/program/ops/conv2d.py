"""2-D convolution. ONNX Conv with one or two spatial axes lowers here, or to depthwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

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
from edgetool.program.ops.depthwise_conv2d import DepthwiseConv2D
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

if TYPE_CHECKING:
    from edgetool.program.site import Site


@dataclass(frozen=True)
class Conv2D(Operator):
    """Inputs: x (1, H, W, C), weights (O, kh, kw, C/groups), bias (O,) or absent.

    Output: (1, OH, OW, O). padding: top, left, bottom, right. Output channel o reads the input
    channels of group o // (O / groups).
    """

    kind: ClassVar[str] = "conv2d"
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: Padding = (0, 0, 0, 0)
    groups: int = 1
    clamp: Clamp = field(default_factory=Clamp)

    def execute(self, step: Step) -> Sequence[Array]:
        """Patches times weights, in chunks of samples."""
        layer = Layer.of(step.inputs, step.output)
        is_float = require_types(self.kind, layer) == "float32"
        run = self._floats if is_float else self._integers
        x = step.value(0)[:, 0]
        columns = int(np.prod(layer.weights.shape[1:])) * self.groups + 4 * layer.channels
        per_sample = 8 * columns * layer.output.elements // layer.channels
        parts = [run(x[chunk], layer) for chunk in sample_chunks(len(x), per_sample)]
        return (np.concatenate(parts).reshape(len(x), *layer.output.shape),)

    def kernel(
        self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> KernelCall | None:
        """conv2d_s8 or conv2d_f32."""
        layer = Layer.of(inputs, outputs[0])
        shape = image_parameters(layer.x.shape, layer.output.shape, layer.weights.shape[1:3])
        parameters = {
            **shape,
            "stride_height": self.stride[0],
            "stride_width": self.stride[1],
            "dilation_height": self.dilation[0],
            "dilation_width": self.dilation[1],
            "pad_top": self.padding[0],
            "pad_left": self.padding[1],
            "groups": self.groups,
        }
        if require_types(self.kind, layer) == "float32":
            call = layer_call("conv2d_f32", layer, parameters, self.clamp)
            return with_lead(call, self._lead(layer, itemsize=4))
        parameters["in_zero_point"] = layer.x.zero_point
        found = requantization(layer, self.clamp)
        call = layer_call(integer_kernel(self.kind, layer.x), layer, parameters, found)
        if layer.is_packed:  # its kernel goes over the whole input for each channel
            return call
        return with_lead(call, self._lead(layer, 2 if layer.x.dtype == "int16" else 1))

    def macs(self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]) -> int:
        """Every tap of every output, also where it reads padding."""
        layer = Layer.of(inputs, outputs[0])
        return layer.weights.elements * layer.output.elements // layer.channels

    def _lead(self, layer: Layer, itemsize: int) -> int:
        """Of a kernel that makes pixel by pixel, channel by channel."""
        shapes = layer.x.shape, layer.output.shape
        return window_lead(*shapes, self.stride, self.padding[:2], 1, itemsize)

    def _integers(self, x: Array, layer: Layer) -> Array:
        found = requantization(layer, self.clamp)
        padded = pad_image(x, self.padding, layer.x.zero_point)
        sums = [exact_products(rows, weights) for rows, weights in self._groups(padded, layer)]
        return found.apply(np.concatenate(sums, axis=1))

    def _floats(self, x: Array, layer: Layer) -> Array:
        padded = pad_image(x, self.padding, 0.0)
        sums = [rows @ weights.T for rows, weights in self._groups(padded, layer)]
        return finish_floats(np.concatenate(sums, axis=1), layer, self.clamp)

    def _groups(self, x: Array, layer: Layer) -> list[tuple[Array, Array]]:
        """(patches (rows, K), weights (O/groups, K)) of each group."""
        weights = layer.weight_data
        kernel = (weights.shape[1], weights.shape[2])
        windows = patches(x, kernel, self.stride, self.dilation)
        length = int(np.prod(weights.shape[1:]))
        return [
            (part.reshape(-1, length), some.reshape(-1, length))
            for part, some in zip(
                np.split(windows, self.groups, axis=-1),
                np.split(weights, self.groups, axis=0),
                strict=True,
            )
        ]


def lower(site: Site) -> None:
    """ONNX Conv: depthwise where each group has one channel, else with groups."""
    found = ConvolutionSite(site)
    groups = int(site.attribute("group", 1))
    channels = site.shape(0)[1]
    depthwise = groups == channels and groups > 1
    x = found.image()
    weights = found.weights((1, 2, 3, 0) if depthwise else (0, 2, 3, 1))
    bias = found.bias(x, weights)
    stride, dilation, padding = found.strides(), found.dilations(), found.padding()
    operator: Operator
    if depthwise:
        operator = DepthwiseConv2D(stride, dilation, padding, site.clamp)
    else:
        operator = Conv2D(stride, dilation, padding, groups, site.clamp)
    found.emit(operator, (x, weights, bias))


OPERATOR = Conv2D
ONNX = {"Conv": lower}
