"""Random int8 networks whose first layers can run in strips of rows."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from edgetool.program.operator import Clamp, Operator
from edgetool.program.ops.add import Add
from edgetool.program.ops.average_pool2d import AveragePool2D
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.ops.depthwise_conv2d import DepthwiseConv2D
from edgetool.program.ops.leaky_relu import LeakyRelu
from edgetool.program.ops.max_pool2d import MaxPool2D
from edgetool.program.ops.mean import Mean
from edgetool.program.program import Operation, Program
from edgetool.program.tensor import Quantization, Tensor
from edgetool.program.windows import Padding, Pair, extent

RELU = Clamp(0.0, math.inf)
KINDS = ("conv2d", "conv2d", "depthwise", "depthwise", "max", "average", "add", "leaky")


class _Network:
    """A program that grows at its end. images: what later layers may read, newest last."""

    def __init__(self, shape: tuple[int, ...], seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.tensors: dict[str, Tensor] = {}
        self.steps: list[Operation] = []
        self.images = [self.activation("image", shape)]

    def activation(self, name: str, shape: tuple[int, ...], like: Tensor | None = None) -> Tensor:
        scale, zero_point = float(self.rng.uniform(0.02, 0.08)), int(self.rng.integers(-128, 128))
        fresh = Quantization.per_tensor(scale, zero_point)
        tensor = Tensor(name, shape, "int8", like.quantization if like else fresh)
        self.tensors[name] = tensor
        return tensor

    def constant(self, name: str, data: np.ndarray, scale: float) -> Tensor:  # type: ignore[type-arg]
        quantization = Quantization.per_tensor(scale, 0)
        self.tensors[name] = Tensor(name, data.shape, str(data.dtype), quantization, data)
        return self.tensors[name]

    def layer(
        self, operator: Operator, inputs: list[Tensor], shape: tuple[int, ...], like: bool = False
    ) -> Tensor:
        name = f"t{len(self.steps)}"
        output = self.activation(name, shape, inputs[0] if like else None)
        names = tuple(tensor.name for tensor in inputs)
        self.steps.append(Operation(f"{operator.kind}_{name}", operator, names, (name,)))
        self.images.append(output)
        return output

    def weighted(self, x: Tensor, shape: tuple[int, ...], channels: int) -> list[Tensor]:
        name = f"w{len(self.steps)}"
        weights = self.constant(name, self.rng.integers(-127, 128, shape).astype(np.int8), 0.01)
        bias = self.rng.integers(-3000, 3000, channels).astype(np.int32)
        return [x, weights, self.constant(f"{name}_bias", bias, 0.01 * float(x.scale))]


@st.composite
def strip_networks(draw: DrawFn) -> Program:
    """Two to six layers on an image, some of them additions of earlier ones, and a mean."""
    height, width = draw(st.integers(6, 20)), draw(st.integers(1, 7))
    net = _Network((1, height, width, draw(st.sampled_from([1, 3, 4]))), draw(st.integers(0, 999)))
    for _ in range(draw(st.integers(2, 6))):
        _add_layer(draw, net)
    last = net.images[-1]
    net.layer(Mean((1, 2), keepdims=False), [last], (1, last.shape[3]))
    ports = (("image",), (net.images[-1].name,))
    return Program("strips", net.tensors, tuple(net.steps), *ports, *ports)


def _add_layer(draw: DrawFn, net: _Network) -> None:
    x, kind = net.images[-1], draw(st.sampled_from(KINDS))
    others = [t for t in net.images[1:] if t.shape == x.shape]
    if kind == "add" and others:
        net.layer(Add(RELU), [x, draw(st.sampled_from(others))], x.shape)
    elif kind == "leaky":
        net.layer(LeakyRelu(0.2), [x], x.shape)
    else:
        _add_window(draw, net, x, kind)


def _add_window(draw: DrawFn, net: _Network, x: Tensor, kind: str) -> None:
    kernel = (draw(st.integers(1, min(3, x.shape[1]))), draw(st.integers(1, min(3, x.shape[2]))))
    stride = (draw(st.sampled_from([1, 1, 1, 2])), draw(st.sampled_from([1, 1, 2])))
    dilation = (draw(st.sampled_from([1, 1, 2])) if kind in ("conv2d", "depthwise") else 1, 1)
    covered = extent(kernel, dilation)
    sides = [draw(st.integers(0, min(size - 1, 2))) for size in (*kernel, *kernel)]
    padding: Padding = (sides[0], sides[1], sides[2], sides[3])
    around = (padding[0] + padding[2], padding[1] + padding[3])
    if any(n + a < c for n, a, c in zip(x.shape[1:3], around, covered, strict=True)):
        return
    out = tuple(
        (n + a - c) // s + 1
        for n, a, c, s in zip(x.shape[1:3], around, covered, stride, strict=True)
    )
    _emit(net, x, kind, (kernel, stride, dilation, padding), (out[0], out[1]), draw)


def _emit(
    net: _Network,
    x: Tensor,
    kind: str,
    window: tuple[Pair, Pair, Pair, Padding],
    out: Pair,
    draw: DrawFn,
) -> None:
    kernel, stride, dilation, padding = window
    channels = x.shape[3]
    if kind == "depthwise":
        operands = net.weighted(x, (1, *kernel, channels), channels)
        operator: Operator = DepthwiseConv2D(stride, dilation, padding, RELU)
    elif kind == "max":
        operands, operator = [x], MaxPool2D(kernel, stride, padding)
    elif kind == "average":
        operands, operator = [x], AveragePool2D(kernel, stride, padding)
    else:
        given, channels = channels, draw(st.sampled_from([1, 4, 6, 8]))
        operands = net.weighted(x, (channels, *kernel, given), channels)
        operator = Conv2D(stride, dilation, padding, 1, RELU)
    net.layer(operator, operands, (1, *out, channels), like=kind in ("max", "average"))
