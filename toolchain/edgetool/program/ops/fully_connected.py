"""Fully connected layer. ONNX Gemm, and MatMul with a constant right side, lower here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from edgetool.program.accumulators import (
    REAL,
    Layer,
    exact_products,
    finish_floats,
    layer_call,
    requantization,
    require_types,
    weight_scales,
)
from edgetool.program.layouts import identity
from edgetool.program.operator import Array, Clamp, KernelCall, Operator, Step, integer_kernel
from edgetool.program.overlap import ordered_lead, with_lead
from edgetool.program.tensor import Tensor
from edgetool.program.windows import sample_chunks

if TYPE_CHECKING:
    from edgetool.program.site import Site


@dataclass(frozen=True)
class FullyConnected(Operator):
    """Inputs: x (N, K), weights (O, K), bias (O,) or absent. Output: (N, O).

    Integer sums are scaled in double and rounded once, halves away from zero, unlike those of
    convolutions. Source: LiteRT 2.3's reference kernel, by experiment.
    """

    kind: ClassVar[str] = "fully_connected"
    clamp: Clamp = field(default_factory=Clamp)

    def execute(self, step: Step) -> Sequence[Array]:
        """Rows times weights, in chunks of samples."""
        layer = Layer.of(step.inputs, step.output)
        is_float = require_types(self.kind, layer) == "float32"
        run = self._floats if is_float else self._integers
        x = step.value(0)
        per_sample = 8 * layer.x.elements + 32 * layer.output.elements
        parts = [run(x[chunk], layer) for chunk in sample_chunks(len(x), per_sample)]
        return (np.concatenate(parts).reshape(len(x), *layer.output.shape),)

    def kernel(
        self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> KernelCall | None:
        """fully_connected_s8 or fully_connected_f32."""
        layer = Layer.of(inputs, outputs[0])
        out_size, in_size = layer.weights.shape
        parameters = {
            "rows": layer.x.elements // in_size,
            "in_size": in_size,
            "out_size": out_size,
        }
        if require_types(self.kind, layer) == "float32":
            call = layer_call("fully_connected_f32", layer, parameters, self.clamp)
            return with_lead(call, self._lead(layer, itemsize=4))
        found = requantization(layer, self.clamp, REAL)
        call = layer_call(integer_kernel(self.kind, layer.x), layer, parameters, found)
        if layer.is_packed:  # its kernel goes over the whole input for each channel
            return call
        return with_lead(call, self._lead(layer, 2 if layer.x.dtype == "int16" else 1))

    def macs(self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]) -> int:
        """Rows times inputs times outputs."""
        layer = Layer.of(inputs, outputs[0])
        return layer.weights.elements * layer.output.elements // layer.channels

    @staticmethod
    def _lead(layer: Layer, itemsize: int) -> int:
        """Of a kernel that makes row by row, output by output."""
        out_size, in_size = layer.weights.shape
        rows = np.arange(layer.x.elements // in_size)
        return ordered_lead(rows * in_size * itemsize, out_size * itemsize, 1)

    def _integers(self, x: Array, layer: Layer) -> Array:
        found = requantization(layer, self.clamp, REAL)
        sums = exact_products(x.reshape(-1, layer.weights.shape[1]), layer.weight_data)
        return found.apply(sums)

    def _floats(self, x: Array, layer: Layer) -> Array:
        rows = x.reshape(-1, layer.weights.shape[1])
        return finish_floats(rows @ layer.weight_data.T, layer, self.clamp)


def lower_gemm(site: Site) -> None:
    """ONNX Gemm with constant B and C; alpha and beta only in float."""
    if int(site.attribute("transA", 0)):
        raise site.unsupported("Gemm that transposes its input (transA)")
    x, order = _rows(site)
    weights = site.weights(1, (0, 1) if int(site.attribute("transB", 0)) else (1, 0))
    weights = _scaled(site, _reordered(site, weights, order), "alpha")
    bias = site.bias(2, _bias_scale(site, x, weights))
    if bias is not None:
        bias = _scaled(site, _broadcast(site, bias, weights.shape[0]), "beta")
    site.emit(FullyConnected(site.clamp), (x, weights, bias))


def lower_matmul(site: Site) -> None:
    """ONNX MatMul whose right side is a constant matrix."""
    if not site.is_constant(1):
        raise site.unsupported("a MatMul of two computed operands")
    if len(site.shape(1)) != 2:
        raise site.unsupported(f"a MatMul with a right side of {len(site.shape(1))} dimensions")
    x, order = _rows(site)
    weights = _reordered(site, site.weights(1, (1, 0)), order)
    rows = (math.prod(site.output_shape()[:-1]), weights.shape[0])
    site.emit(FullyConnected(site.clamp), (x, weights, None), shape=rows)


def _rows(site: Site) -> tuple[Tensor, npt.NDArray[np.int64] | None]:
    """The input as (N, K) and the ONNX index of each of its elements, None for all in order."""
    shape = site.shape(0)
    if len(shape) == 2 and shape[0] == 1:
        return site.flat_input(0)
    x = site.input(0, identity(len(shape)))
    return site.reshaped(x, (math.prod(shape[:-1]), shape[-1])), None


def _reordered(site: Site, weights: Tensor, order: npt.NDArray[np.int64] | None) -> Tensor:
    """weights (O, K) with their columns in the order of the input's elements."""
    if order is None or weights.data is None:
        return weights
    return site.add_constant(weights.name, weights.data[:, order], weights.quantization)


def _bias_scale(site: Site, x: Tensor, weights: Tensor) -> npt.NDArray[np.float32]:
    if not site.quantized:
        return np.ones(1, np.float32)
    return np.asarray(x.scale * weight_scales(weights), np.float32)


def _broadcast(site: Site, bias: Tensor, size: int) -> Tensor:
    """bias as (size,); Gemm's C may be a scalar."""
    if bias.shape == (size,) or bias.data is None:
        return bias
    if bias.elements != 1:
        raise site.unsupported(f"Gemm with a C of {bias.elements} elements for {size} outputs")
    return site.add_constant(bias.name, np.repeat(bias.data, size), bias.quantization)


def _scaled(site: Site, tensor: Tensor, name: str) -> Tensor:
    """tensor times the attribute alpha or beta."""
    factor = float(site.attribute(name, 1.0))
    if factor == 1.0 or tensor.data is None:
        return tensor
    if site.quantized:
        raise site.unsupported(f"a quantized Gemm with {name} {factor}", "fold it into the weights")
    data: npt.NDArray[Any] = tensor.data * np.float32(factor)
    return site.add_constant(tensor.name, data)


OPERATOR = FullyConnected
ONNX = {"Gemm": lower_gemm, "MatMul": lower_matmul}
