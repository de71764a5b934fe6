"""Models of opset 7 to 12 in the words of opset 13.

A table of operator forms in Python: onnx.version_converter is C++ that can take the process
down on a hostile model, and it has no adapter for some of these.
Source: the version history in ONNX's Changelog.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir

from edgetool.errors import ModelFormatError
from edgetool.graph import attribute, make_constant, node_label
from edgetool.graph.edit import insert_node, replace_node

BASELINE = 13


def raise_opset(model: ir.Model) -> None:
    """Rewrite the main graph of an older model for opset 13; newer ones stay as they are.

    Raises: ModelFormatError naming an operator whose old form has no counterpart.
    """
    version = int(model.graph.opset_imports.get("", 0))
    if version >= BASELINE:
        return
    for node in list(model.graph):
        rule = _RULES.get(node.op_type) if node.domain == "" else None
        if rule is not None:
            rule(node, version)
    model.graph.opset_imports[""] = BASELINE
    model.ir_version = max(model.ir_version, 7)


def _axes_to_input(node: ir.Node, version: int) -> None:
    _attribute_to_input(node, "axes", 1)


def _split_to_input(node: ir.Node, version: int) -> None:
    _attribute_to_input(node, "split", 1)


def _clip(node: ir.Node, version: int) -> None:
    if version < 11:
        low, high = attribute(node, "min"), attribute(node, "max")
        bounds = [None if bound is None else _constant(node, bound) for bound in (low, high)]
        replace_node(node, "Clip", [node.inputs[0], *bounds])


def _pad(node: ir.Node, version: int) -> None:
    if version < 11:
        pads = _constant(node, attribute(node, "pads"), np.int64)
        value = _constant(node, attribute(node, "value", 0.0))
        mode = attribute(node, "mode", "constant")
        replace_node(node, "Pad", [node.inputs[0], pads, value], {"mode": mode})


def _slice(node: ir.Node, version: int) -> None:
    if version < 10:
        starts, ends = attribute(node, "starts"), attribute(node, "ends")
        axes = attribute(node, "axes", tuple(range(len(starts))))
        bounds = [_constant(node, item, np.int64) for item in (starts, ends, axes)]
        replace_node(node, "Slice", [node.inputs[0], *bounds])


def _dropout(node: ir.Node, version: int) -> None:
    """Inference: the input comes through, whatever the ratio."""
    if len(node.outputs) == 1:
        replace_node(node, "Identity", [node.inputs[0]])
    else:
        node.attributes.clear()


def _softmax(node: ir.Node, version: int) -> None:
    """Before opset 13 everything from the axis on was one dimension, and the axis was 1."""
    axis = int(attribute(node, "axis", 1))
    source = node.inputs[0]
    rank = None if source is None or source.shape is None else source.shape.rank()
    if rank is not None and axis % rank == rank - 1:
        node.attributes["axis"] = ir.AttrInt64("axis", -1)
        return
    shape = insert_node(node, "Shape", [source], name=f"{node.name}_shape")
    flat = insert_node(node, "Flatten", [source], {"axis": axis}, name=f"{node.name}_flat")
    result = insert_node(node, node.op_type, [flat], {"axis": -1}, name=f"{node.name}_rows")
    replace_node(node, "Reshape", [result, shape])


def _upsample(node: ir.Node, version: int) -> None:
    if version < 9:
        scales: ir.Value | None = _constant(node, attribute(node, "scales"))
    else:
        scales = node.inputs[1]
    mode = attribute(node, "mode", "nearest")
    replace_node(node, "Resize", [node.inputs[0], None, scales], _resize_form(mode))


def _resize(node: ir.Node, version: int) -> None:
    if version < 11:
        mode = attribute(node, "mode", "nearest")
        inputs = [node.inputs[0], None, node.inputs[1]]
        replace_node(node, "Resize", inputs, _resize_form(mode))


def _resize_form(mode: str) -> dict[str, str]:
    """Upsample and Resize-10 took pixel i of the output from floor(i / scale)."""
    common = {"mode": mode, "coordinate_transformation_mode": "asymmetric"}
    return {**common, "nearest_mode": "floor"} if mode == "nearest" else common


def _batchnorm(node: ir.Node, version: int) -> None:
    if version < 9 and attribute(node, "spatial", 1) != 1:
        raise ModelFormatError(f"{node_label(node)}: statistics per element (spatial=0)")
    for name in ("spatial", "consumed_inputs", "is_test"):
        node.attributes.pop(name, None)


def _topk(node: ir.Node, version: int) -> None:
    if version < 10:
        raise ModelFormatError(f"{node_label(node)}: the form of opset {version} is not read")


def _attribute_to_input(node: ir.Node, name: str, index: int) -> None:
    found = attribute(node, name)
    if found is None:
        return
    value = _constant(node, found, np.int64)
    node.resize_inputs(index + 1)
    node.replace_input_with(index, value)
    node.attributes.pop(name)


def _constant(node: ir.Node, content: Any, dtype: type = np.float32) -> ir.Value:
    graph = node.graph
    if not isinstance(graph, ir.Graph):
        raise ValueError("the node is in no graph")
    return make_constant(graph, f"{node.name or node.op_type}_constant", np.array(content, dtype))


_RULES: dict[str, Callable[[ir.Node, int], None]] = {
    "Squeeze": _axes_to_input,
    "Unsqueeze": _axes_to_input,
    "ReduceSum": _axes_to_input,
    "Split": _split_to_input,
    "Clip": _clip,
    "Pad": _pad,
    "Slice": _slice,
    "Dropout": _dropout,
    "Softmax": _softmax,
    "LogSoftmax": _softmax,
    "Hardmax": _softmax,
    "Upsample": _upsample,
    "Resize": _resize,
    "BatchNormalization": _batchnorm,
    "TopK": _topk,
}
