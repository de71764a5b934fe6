"""Store weights as INT4 in blocks, or INT8, and compute in float: DequantizeLinear of opset 21.

Nothing is calibrated and activations stay float32. ONNX Runtime makes MatMulNBits of such a
DequantizeLinear with MatMul or Gemm, and folds it in front of Conv when it loads the model.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgetool.graph import Graph, attribute, constant_array, dtype_of, make_constant, node_label
from edgetool.graph.edit import insert_node, remove_unused, set_input
from edgetool.graph.opset import raise_opset
from edgetool.passes.contract import PassContext, PassResult, unchanged
from edgetool.quantization.narrow_weights import search_scales
from edgetool.quantization.parameters import INT4_MAX
from edgetool.quantization.rounding import (
    quantize_weights,
    require_finite_weights,
    weight_scales,
)

INT4_OPSET = 21
BLOCK = 16
"""Weights that share a scale; MatMulNBits takes powers of two from 16."""

FloatArray = npt.NDArray[np.floating]


def run(graph: Graph, context: PassContext) -> PassResult:
    """Give the weights of Conv, Gemm and MatMul 4 or 8 bits, where they are float constants.

    Raises: QuantizationError naming a tensor with weights that are not finite; ModelError where
    the opset cannot be raised to 21.
    """
    if graph.is_quantized() or not _layers(graph):
        return unchanged(graph)
    graph = raise_opset(graph, INT4_OPSET)
    layers = _layers(graph)
    for node in layers:
        _quantize(graph.graph, node)
    remove_unused(graph.graph)
    others = [node_label(n) for n in graph.graph if n.op_type == "ConvTranspose"]
    kept = (f"{', '.join(others)}: weights stay float32",) if others else ()
    narrow = sum(_has_int4(node) for node in layers)
    done = (
        f"weights of {narrow} layers to int4 in blocks of {BLOCK},"
        f" of {len(layers) - narrow} to int8; activations float32"
    )
    return PassResult(graph, True, (done, *kept))


def quantize_blocks(
    weights: FloatArray, axis: int, size: int
) -> tuple[npt.NDArray[ml_dtypes.int4], npt.NDArray[np.float32]]:
    """Integers within ±7, and the scale of each block of `size` along axis, the last one short.

    Scales are those of least squared error (`search_scales`). A block of zeros gets a usable one.
    """
    moved = np.moveaxis(weights, axis, -1)
    count = -(-moved.shape[-1] // size)
    padded = np.zeros((*moved.shape[:-1], count * size), np.float32)
    padded[..., : moved.shape[-1]] = moved
    rows = padded.reshape(-1, size)
    largest = weight_scales(rows, 0) * np.float32(127 / INT4_MAX)
    scale = search_scales(rows, largest, 0)
    codes = np.clip(np.rint(rows / scale[:, None]), -INT4_MAX, INT4_MAX)
    codes = codes.reshape(padded.shape)[..., : moved.shape[-1]]
    scales = scale.reshape(*moved.shape[:-1], count)
    integers = np.ascontiguousarray(np.moveaxis(codes, -1, axis)).astype(ml_dtypes.int4)
    return integers, np.ascontiguousarray(np.moveaxis(scales, -1, axis))


def _layers(graph: Graph) -> list[ir.Node]:
    return [
        node
        for node in graph.graph
        if node.op_type in ("Conv", "Gemm", "MatMul") and _weights(node) is not None
    ]


def _has_int4(node: ir.Node) -> bool:
    maker = None if node.inputs[1] is None else node.inputs[1].producer()
    stored = None if maker is None else maker.inputs[0]
    return stored is not None and dtype_of(stored) == "int4"


def _weights(node: ir.Node) -> FloatArray | None:
    found = constant_array(node.inputs[1])
    enough = found is not None and found.dtype == np.float32 and found.ndim >= 2
    return found if enough else None


def _has_blocks(node: ir.Node, weights: FloatArray) -> bool:
    """Whether the inputs of a layer fill a block. Depthwise kernels, and what a first layer has,
    are few numbers that everything depends on: they take 8 bits."""
    return node.op_type != "Conv" or weights.shape[1] >= BLOCK


def _quantize(graph: ir.Graph, node: ir.Node) -> None:
    value, weights = node.inputs[1], _weights(node)
    if value is None or weights is None:
        raise ValueError(f"layer {node.name} has no constant weights")
    name = str(value.name)
    require_finite_weights(name, weights, None, layer=str(node.name))
    if node.op_type == "Gemm" and attribute(node, "transB", 0):
        weights = np.ascontiguousarray(weights.T)  # inputs first, as MatMulNBits reads them
        node.attributes.pop("transB")
    integers, scale, form = _rounded(node, name, weights)
    inputs = [
        make_constant(graph, f"{name}_quantized", integers),
        make_constant(graph, f"{name}_scale", scale),
    ]
    output = insert_node(node, "DequantizeLinear", inputs, form, name=f"{name}_dequantized")
    output.dtype, output.shape = ir.DataType.FLOAT, ir.Shape(weights.shape)
    set_input(node, 1, output)


def _rounded(
    node: ir.Node, name: str, weights: FloatArray
) -> tuple[npt.NDArray[Any], npt.NDArray[np.float32], dict[str, int]]:
    """(integers, scales, attributes of DequantizeLinear)."""
    if not _has_blocks(node, weights):
        found = quantize_weights(name, weights, 0)
        return found.values, found.scale, {"axis": 0}
    axis = 1 if node.op_type == "Conv" else weights.ndim - 2
    return *quantize_blocks(weights, axis, BLOCK), {"axis": axis, "block_size": BLOCK}
