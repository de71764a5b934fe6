"""A graph in the words of an older operator set, down to 13, by a table of known forms.

Source: the version history in ONNX's Changelog.md.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnx_ir as ir

from edgetool.errors import UnsupportedOperatorError
from edgetool.graph import (
    Graph,
    attribute,
    constant_array,
    dtype_of,
    make_constant,
    node_label,
    static_shape,
)
from edgetool.graph.edit import insert_node, nodes_of, remove_unused, replace_node, set_input
from edgetool.graph.shapes import infer_shapes

OLDEST = 13


def lower_opset(graph: Graph, opset: int) -> list[str]:
    """Rewrite in place for opset.

    Raises: UnsupportedOperatorError naming the operator and node that opset cannot say.
    """
    if opset < OLDEST:
        raise UnsupportedOperatorError(f"ONNX opset {opset} cannot be written, only {OLDEST} or up")
    before = graph.opset
    for node in nodes_of(graph.graph):
        rule = _RULES.get(node.op_type)
        if rule is not None and _since(node, before) > _since(node, opset):
            rule(graph.graph, node)
    graph.graph.opset_imports[""] = opset
    remove_unused(graph.graph)
    for node in nodes_of(graph.graph):
        _require_form(node, before, opset)
    infer_shapes(graph.model)
    return [f"opset {before} was rewritten as {opset}"]


def _since(node: ir.Node, opset: int) -> int:
    """The opset in which the operator got its form of opset; 0 when it was not there yet."""
    if not onnx.defs.has(node.op_type, opset, ""):
        return 0
    return int(onnx.defs.get_schema(node.op_type, opset, "").since_version)


def _require_form(node: ir.Node, before: int, opset: int) -> None:
    if _since(node, opset) == 0:
        raise _refusal(node, opset, "it is newer")
    if _since(node, before) == _since(node, opset):
        return
    if node.op_type not in _RULES and node.op_type not in _SAME:
        raise _refusal(node, opset, "its older form is not known here")
    schema = onnx.defs.get_schema(node.op_type, opset, "")
    for name in node.attributes:
        if name not in schema.attributes:
            raise _refusal(node, opset, f"its attribute '{name}' is newer")
    if len(node.inputs) > schema.max_input:
        raise _refusal(node, opset, f"it had {schema.max_input} inputs at most")


def _refusal(node: ir.Node, opset: int, reason: str) -> UnsupportedOperatorError:
    return UnsupportedOperatorError(
        f"{node_label(node)} cannot be written in ONNX opset {opset}: {reason}",
        hints=["a target with a newer runtime", "another operator in the model"],
    )


def _axes_to_attribute(graph: ir.Graph, node: ir.Node) -> None:
    if len(node.inputs) > 1:
        axes = constant_array(node.inputs[1])
        empty = axes is None or axes.size == 0
        if node.inputs[1] is not None and axes is None:
            return
        if empty and attribute(node, "noop_with_empty_axes", 0):
            replace_node(node, "Identity", [node.inputs[0]])
            return
        node.resize_inputs(1)
        if axes is not None and axes.size:
            node.attributes["axes"] = ir.AttrInt64s("axes", [int(a) for a in axes.reshape(-1)])
    node.attributes.pop("noop_with_empty_axes", None)


def _split(graph: ir.Graph, node: ir.Node) -> None:
    if node.attributes.pop("num_outputs", None) is None:
        return
    axis = int(attribute(node, "axis", 0))
    shapes = [static_shape(value) or () for value in node.outputs]
    sizes = np.array([shape[axis] for shape in shapes], np.int64)
    set_input(node, 1, make_constant(graph, f"{node.name}_sizes", sizes))


def _pad(graph: ir.Graph, node: ir.Node) -> None:
    """Pads for the listed axes only (18) become pads for all."""
    if len(node.inputs) < 4 or node.inputs[3] is None:
        node.resize_inputs(min(len(node.inputs), 3))
        return
    pads, axes = constant_array(node.inputs[1]), constant_array(node.inputs[3])
    rank = len(static_shape(node.outputs[0]) or ())
    if pads is None or axes is None:
        return
    full = np.zeros((2, rank), np.int64)
    full[:, axes.reshape(-1) % rank] = pads.reshape(2, -1)
    set_input(node, 1, make_constant(graph, f"{node.name}_pads", full.reshape(-1)))
    node.resize_inputs(3)


def _hardswish(graph: ir.Graph, node: ir.Node) -> None:
    source = node.inputs[0]
    form = {"alpha": 1 / 6, "beta": 0.5}
    gate = insert_node(node, "HardSigmoid", [source], form, name=f"{node.name}_gate", like=source)
    replace_node(node, "Mul", [source, gate])


def _mish(graph: ir.Graph, node: ir.Node) -> None:
    source = node.inputs[0]
    soft = insert_node(node, "Softplus", [source], name=f"{node.name}_softplus", like=source)
    gate = insert_node(node, "Tanh", [soft], name=f"{node.name}_gate", like=source)
    replace_node(node, "Mul", [source, gate])


def _gelu(graph: ir.Graph, node: ir.Node) -> None:
    """x * (1 + erf(x / sqrt(2))) / 2; the tanh form is left, and refused."""
    source = node.inputs[0]
    if attribute(node, "approximate", "none") != "none" or source is None:
        return
    kind = np.float16 if dtype_of(source) == "float16" else np.float32
    numbers = {"factor": 0.5**0.5, "one": 1.0, "half": 0.5}
    constants = {
        name: make_constant(graph, f"{node.name}_{name}", np.array(number, kind))
        for name, number in numbers.items()
    }
    value: ir.Value = source
    for op_type, name in (("Mul", "factor"), ("Erf", ""), ("Add", "one"), ("Mul", "half")):
        inputs = [value, constants[name]] if name else [value]
        wanted = f"{node.name}_{name or 'erf'}"
        value = insert_node(node, op_type, inputs, name=wanted, like=source)
    replace_node(node, "Mul", [source, value])


def _reshape(graph: ir.Graph, node: ir.Node) -> None:
    """allowzero only matters for a zero in the shape, which makes an empty tensor."""
    shape = static_shape(node.outputs[0])
    if shape is not None and 0 not in shape:
        node.attributes.pop("allowzero", None)
    _drop_default(node, "allowzero", 0)


def _batchnorm(graph: ir.Graph, node: ir.Node) -> None:
    _drop_default(node, "training_mode", 0)


def _cast(graph: ir.Graph, node: ir.Node) -> None:
    _drop_default(node, "saturate", 1)
    _drop_default(node, "round_mode", "up")


def _quantizer(graph: ir.Graph, node: ir.Node) -> None:
    _drop_default(node, "block_size", 0)
    _drop_default(node, "saturate", 1)
    _drop_default(node, "precision", 0)
    data = node.inputs[0] if node.op_type == "DequantizeLinear" else node.outputs[0]
    kind = None if data is None else data.dtype
    if node.op_type == "QuantizeLinear" and attribute(node, "output_dtype", kind) == kind:
        node.attributes.pop("output_dtype", None)
        if len(node.inputs) < 3 and kind is not None:
            zero = np.zeros(static_shape(node.inputs[1]) or (), kind.numpy())  # type: ignore[arg-type]
            set_input(node, 2, make_constant(graph, f"{node.name}_zero_point", zero))
    _drop_default(node, "output_dtype", 0)
    plain = (ir.DataType.INT8, ir.DataType.UINT8, ir.DataType.INT32)
    if kind not in plain:
        raise _refusal(node, OLDEST, f"it quantizes to {kind}")


def _average_pool(graph: ir.Graph, node: ir.Node) -> None:
    if all(step == 1 for step in attribute(node, "dilations", ())):
        node.attributes.pop("dilations", None)


def _resize(graph: ir.Graph, node: ir.Node) -> None:
    _drop_default(node, "antialias", 0)
    _drop_default(node, "keep_aspect_ratio_policy", "stretch")
    axes = attribute(node, "axes")
    rank = len(static_shape(node.outputs[0]) or ())
    if attribute(node, "coordinate_transformation_mode") == "half_pixel_symmetric":
        raise _refusal(node, OLDEST, "half_pixel_symmetric is newer")
    if axes is None:
        return
    if tuple(axis % rank for axis in axes) == tuple(range(rank)):
        node.attributes.pop("axes")
        return
    for index, neutral in ((2, 1.0), (3, None)):
        value = node.inputs[index] if index < len(node.inputs) else None
        found = constant_array(value)
        if found is None or found.size == 0:
            continue
        source = static_shape(node.inputs[0]) if node.inputs[0] is not None else None
        full = np.array(source, np.int64) if neutral is None else np.ones(rank, np.float32)
        full[[axis % rank for axis in axes]] = found
        set_input(node, index, make_constant(graph, f"{node.name}_full", full))
        node.attributes.pop("axes", None)


def _drop_default(node: ir.Node, name: str, default: int | str) -> None:
    if name in node.attributes and attribute(node, name) == default:
        node.attributes.pop(name)


_REDUCTIONS = ("Mean", "Max", "Min", "Prod", "L1", "L2", "LogSum", "LogSumExp", "SumSquare")
_RULES: dict[str, Callable[[ir.Graph, ir.Node], None]] = {
    **{f"Reduce{name}": _axes_to_attribute for name in _REDUCTIONS},
    "Split": _split,
    "Pad": _pad,
    "HardSwish": _hardswish,
    "Mish": _mish,
    "Gelu": _gelu,
    "Reshape": _reshape,
    "BatchNormalization": _batchnorm,
    "Cast": _cast,
    "QuantizeLinear": _quantizer,
    "DequantizeLinear": _quantizer,
    "AveragePool": _average_pool,
    "Resize": _resize,
}
# Operators whose newer versions only take more element types (or attributes, checked above).
_SAME = frozenset(
    [
        *("Abs", "Add", "And", "ArgMax", "ArgMin", "Ceil", "Clip", "Concat", "Constant"),
        *("ConstantOfShape", "Conv", "ConvTranspose", "CumSum", "DepthToSpace", "Div", "Dropout"),
        *("Elu", "Equal", "Erf", "Exp", "Expand", "Flatten", "Floor", "Gather", "Gemm"),
        *("GlobalAveragePool", "GlobalMaxPool", "Greater", "GreaterOrEqual", "HardSigmoid"),
        *("Identity", "InstanceNormalization", "LRN", "LeakyRelu", "Less", "LessOrEqual", "Log"),
        *("LogSoftmax", "MatMul", "Max", "MaxPool", "Min", "Mul", "Neg", "Not", "Or", "PRelu"),
        *("Pow", "ReduceSum", "Relu", "Round", "Selu", "Shape", "Sigmoid", "Sign", "Size"),
        *("Slice", "Softmax", "Softplus", "Softsign", "SpaceToDepth", "Sqrt", "Squeeze", "Sub"),
        *("Sum", "Tanh", "ThresholdedRelu", "Tile", "TopK", "Transpose", "Unsqueeze", "Where"),
    ]
)
