"""Spell QLinearConv and its kin as QuantizeLinear, DequantizeLinear and the float operator.

Parameters stay what they are, to the bit. Operators of onnxruntime's own domain
(com.microsoft) are included: its quantization tool writes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx_ir as ir

from edgetool.errors import UnsupportedOperatorError
from edgetool.graph import Graph, attribute, constant_array, make_constant, node_label
from edgetool.graph.edit import insert_node, remove_unused, replace_node
from edgetool.passes.contract import PassContext, PassResult, unchanged

_MICROSOFT = "com.microsoft"


def run(graph: Graph, context: PassContext) -> PassResult:
    """Each quantized operator becomes DQ → operator → Q with its own scales and zero points."""
    notes = []
    for node in list(graph.graph):
        rule = _RULES.get((node.domain, node.op_type))
        if rule is not None:
            notes.append(f"{node_label(node)} is written with Q and DQ")
            rule(graph.graph, node)
    if not notes:
        return unchanged(graph)
    remove_unused(graph.graph)
    return PassResult(graph, True, tuple(notes))


def _dequantize(node: ir.Node, index: int, axis: int = 0) -> ir.Value:
    """The node's inputs index, index + 1, index + 2 (data, scale, zero point) as one real value."""
    inputs = [_input(node, index + offset) for offset in range(3)]
    scale = constant_array(inputs[1])
    per_channel = scale is not None and scale.size > 1
    form = {"axis": axis} if per_channel else {}
    name = inputs[0].name if inputs[0] is not None else node.name
    return insert_node(node, "DequantizeLinear", inputs, form, name=f"{name}_dequantized")


def _input(node: ir.Node, index: int) -> ir.Value | None:
    return node.inputs[index] if index < len(node.inputs) else None


def _finish(
    node: ir.Node,
    op_type: str,
    inputs: list[ir.Value],
    output_at: int,
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """The float operator, and a QuantizeLinear with inputs output_at, output_at + 1 instead of
    the node."""
    name = node.name or op_type
    result = insert_node(node, op_type, inputs, attributes, name=f"{name}_real")
    producer = result.producer()
    scale, zero = _input(node, output_at), _input(node, output_at + 1)
    parameters = [scale] if zero is None else [scale, zero]
    quantize = replace_node(node, "QuantizeLinear", [result, *parameters])
    if producer is not None:
        # The layer keeps its name; the QuantizeLinear behind it is called after it.
        producer.name, quantize.name = name, f"{name}_quantized"


def _conv(graph: ir.Graph, node: ir.Node) -> None:
    inputs = [_dequantize(node, 0), _dequantize(node, 3)]
    if _input(node, 8) is not None:
        inputs.append(_bias(graph, node, 8, 1, 4))
    kept = {name: found.value for name, found in node.attributes.items()}
    _finish(node, "Conv", inputs, 6, kept)


def _gemm(graph: ir.Graph, node: ir.Node) -> None:
    inputs = [_dequantize(node, 0), _dequantize(node, 3, 0 if attribute(node, "transB") else 1)]
    if _input(node, 6) is not None:
        inputs.append(_bias(graph, node, 6, 1, 4))
    kept = {name: found.value for name, found in node.attributes.items()}
    _finish(node, "Gemm", inputs, 7, kept)


def _bias(graph: ir.Graph, node: ir.Node, index: int, source_at: int, weights_at: int) -> ir.Value:
    """An int32 bias counts in units of input scale times weight scale."""
    source = constant_array(_input(node, source_at))
    weights = constant_array(_input(node, weights_at))
    if source is None or weights is None:
        raise UnsupportedOperatorError(f"{node_label(node)} has a scale that is not constant")
    scale = (weights.astype(np.float32) * source.astype(np.float32).reshape(-1)[0]).astype(
        np.float32
    )
    name = f"{node.name or node.op_type}_bias"
    inputs = [
        _input(node, index),
        make_constant(graph, f"{name}_scale", scale),
        make_constant(graph, f"{name}_zero_point", np.zeros(scale.shape, np.int32)),
    ]
    form = {"axis": 0} if scale.size > 1 else {}
    return insert_node(node, "DequantizeLinear", inputs, form, name=name)


def _matmul(graph: ir.Graph, node: ir.Node) -> None:
    _finish(node, "MatMul", [_dequantize(node, 0), _dequantize(node, 3, 1)], 6)


def _binary(op_type: str) -> Callable[[ir.Graph, ir.Node], None]:
    def rule(graph: ir.Graph, node: ir.Node) -> None:
        _finish(node, op_type, [_dequantize(node, 0), _dequantize(node, 3)], 6)

    return rule


def _unary(op_type: str, *names: str) -> Callable[[ir.Graph, ir.Node], None]:
    """names: attributes of the float operator."""

    def rule(graph: ir.Graph, node: ir.Node) -> None:
        kept = {n: attribute(node, n) for n in names if attribute(node, n) is not None}
        _finish(node, op_type, [_dequantize(node, 0)], 3, kept)

    return rule


def _pool(op_type: str, *names: str) -> Callable[[ir.Graph, ir.Node], None]:
    plain = _unary(op_type, *names)

    def rule(graph: ir.Graph, node: ir.Node) -> None:
        if attribute(node, "channels_last", 0):
            raise UnsupportedOperatorError(f"{node_label(node)} has its channels last")
        plain(graph, node)

    return rule


def _concat(graph: ir.Graph, node: ir.Node) -> None:
    """Inputs: output scale and zero point, then data, scale and zero point of each part."""
    parts = [_dequantize(node, index) for index in range(2, len(node.inputs), 3)]
    _finish(node, "Concat", parts, 0, {"axis": attribute(node, "axis")})


def _default_domain(graph: ir.Graph, node: ir.Node) -> None:
    """com.microsoft's Q and DQ mean what ONNX's do for the types that ONNX has."""
    kept = {"axis": attribute(node, "axis")} if attribute(node, "axis") is not None else {}
    replace_node(node, node.op_type, list(node.inputs), kept)


_POOLING = ("kernel_shape", "strides", "pads", "ceil_mode", "count_include_pad", "auto_pad")
_RULES: dict[tuple[str, str], Callable[[ir.Graph, ir.Node], None]] = {
    ("", "QLinearConv"): _conv,
    ("", "QLinearMatMul"): _matmul,
    (_MICROSOFT, "QGemm"): _gemm,
    (_MICROSOFT, "QLinearAdd"): _binary("Add"),
    (_MICROSOFT, "QLinearMul"): _binary("Mul"),
    (_MICROSOFT, "QLinearSigmoid"): _unary("Sigmoid"),
    (_MICROSOFT, "QLinearLeakyRelu"): _unary("LeakyRelu", "alpha"),
    (_MICROSOFT, "QLinearSoftmax"): _unary("Softmax", "axis"),
    (_MICROSOFT, "QLinearAveragePool"): _pool("AveragePool", *_POOLING),
    (_MICROSOFT, "QLinearGlobalAveragePool"): _pool("GlobalAveragePool"),
    (_MICROSOFT, "QLinearConcat"): _concat,
    (_MICROSOFT, "QuantizeLinear"): _default_domain,
    (_MICROSOFT, "DequantizeLinear"): _default_domain,
}
