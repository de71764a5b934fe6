"""Remove nodes that pass their input on unchanged, and join reshapes that follow each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from edgetool.graph import Graph, attribute, constant_array, dtype_of, make_constant, static_shape
from edgetool.graph.edit import bypass, nodes_of, remove_unused, replace_node
from edgetool.passes.contract import PassContext, PassResult, unchanged

_RESHAPES = ("Reshape", "Flatten", "Squeeze", "Unsqueeze")
_NON_NEGATIVE = ("Relu", "Sigmoid", "HardSigmoid", "Softmax")


def run(graph: Graph, context: PassContext) -> PassResult:
    """Repeat until nothing is left to remove; names of what stays do not change."""
    removed: dict[str, int] = {}
    while True:
        found = [n.op_type for n in nodes_of(graph.graph) if n.graph is not None and _remove(n)]
        found += ["Reshape"] * _join_reshapes(graph.graph)
        if not found:
            break
        for name in found:
            removed[name] = removed.get(name, 0) + 1
        remove_unused(graph.graph)
    if not removed:
        return unchanged(graph)
    listed = ", ".join(f"{count} {name}" for name, count in sorted(removed.items()))
    return PassResult(graph, True, (f"removed {listed}",))


def _remove(node: ir.Node) -> bool:
    source = node.inputs[0] if node.inputs else None
    if source is None or any(value.uses() for value in node.outputs[1:]):
        return False
    if node.op_type == "QuantizeLinear":
        origin = _requantized_origin(node, source)
        return origin is not None and bypass(node, origin)
    rule = _RULES.get(node.op_type)
    return rule is not None and rule(node, source) and bypass(node, source)


def _always(node: ir.Node, source: ir.Value) -> bool:
    return True


def _is_alone(node: ir.Node, source: ir.Value) -> bool:
    return len(node.inputs) == 1


def _keeps_shape(node: ir.Node, source: ir.Value) -> bool:
    shape = static_shape(source)
    return shape is not None and shape == static_shape(node.outputs[0])


def _dropout(node: ir.Node, source: ir.Value) -> bool:
    if len(node.inputs) < 3 or node.inputs[2] is None:
        return True
    training = constant_array(node.inputs[2])
    return training is not None and not training.any()


def _cast(node: ir.Node, source: ir.Value) -> bool:
    found = dtype_of(source)
    return found is not None and found == dtype_of(node.outputs[0])


def _transpose(node: ir.Node, source: ir.Value) -> bool:
    perm = attribute(node, "perm")
    return perm is not None and tuple(perm) == tuple(range(len(perm)))


def _pad(node: ir.Node, source: ir.Value) -> bool:
    pads = constant_array(_input(node, 1))
    return pads is not None and not pads.any()


def _slice(node: ir.Node, source: ir.Value) -> bool:
    steps = _input(node, 4)
    found = constant_array(steps)
    forward = steps is None or (found is not None and bool((found > 0).all()))
    return forward and _keeps_shape(node, source)


def _resize(node: ir.Node, source: ir.Value) -> bool:
    form = attribute(node, "coordinate_transformation_mode", "half_pixel")
    return form != "tf_crop_and_resize" and _keeps_shape(node, source)


def _pool(node: ir.Node, source: ir.Value) -> bool:
    single = all(size == 1 for size in attribute(node, "kernel_shape", (0,)))
    return single and _keeps_shape(node, source)


def _relu(node: ir.Node, source: ir.Value) -> bool:
    before = source.producer()
    if before is None or before.domain != "":
        return False
    return before.op_type in _NON_NEGATIVE or (before.op_type == "Clip" and _bounds(before)[0] >= 0)


def _clip(node: ir.Node, source: ir.Value) -> bool:
    low, high = _bounds(node)
    before = source.producer()
    if (low, high) == (-np.inf, np.inf) or before is None or before.op_type != "Clip":
        return (low, high) == (-np.inf, np.inf)
    inner = _bounds(before)
    return inner[0] >= low and inner[1] <= high


def _add(node: ir.Node, source: ir.Value) -> bool:
    return _keeps_shape(node, source) and _is_float_constant(_input(node, 1), 0.0)


def _mul(node: ir.Node, source: ir.Value) -> bool:
    return _keeps_shape(node, source) and _is_float_constant(_input(node, 1), 1.0)


def _requantized_origin(node: ir.Node, source: ir.Value) -> ir.Value | None:
    """What a QuantizeLinear gives back when it follows a DequantizeLinear of equal parameters.

    Constants are left to fold_constants.
    """
    before = source.producer()
    if before is None or before.op_type != "DequantizeLinear":
        return None
    same = [_same_constant(_input(node, i), _input(before, i)) for i in (1, 2)]
    origin = before.inputs[0]
    if not all(same) or origin is None or constant_array(origin) is not None:
        return None
    return origin if dtype_of(origin) == dtype_of(node.outputs[0]) else None


def _same_constant(one: ir.Value | None, other: ir.Value | None) -> bool:
    a, b = constant_array(one), constant_array(other)
    return a is not None and b is not None and a.dtype == b.dtype and np.array_equal(a, b)


def _is_float_constant(value: ir.Value | None, wanted: float) -> bool:
    found = constant_array(value)
    return found is not None and found.dtype.kind == "f" and bool((found == wanted).all())


def _bounds(clip: ir.Node) -> tuple[float, float]:
    """Bounds of a Clip; where one is not constant, the interval says nothing about either side."""
    found: list[float] = []
    for index, absent in ((1, -np.inf), (2, np.inf)):
        value = _input(clip, index)
        array = constant_array(value)
        if value is not None and array is None:
            return (np.nan, np.nan)
        found.append(float(absent) if array is None else float(array.reshape(-1)[0]))
    return (found[0], found[1])


def _input(node: ir.Node, index: int) -> ir.Value | None:
    return node.inputs[index] if index < len(node.inputs) else None


def _join_reshapes(graph: ir.Graph) -> int:
    """Let a reshape read through an earlier one, or a Transpose that only moves ones."""
    joined = 0
    for node in nodes_of(graph, _RESHAPES):
        source = node.inputs[0]
        before = None if source is None else source.producer()
        shape = static_shape(node.outputs[0])
        if before is None or before.domain != "" or shape is None:
            continue
        if before.op_type in _RESHAPES or _only_moves_ones(before):
            target = make_constant(graph, f"{node.name}_shape", np.array(shape, np.int64))
            replace_node(node, "Reshape", [before.inputs[0], target])
            joined += 1
    return joined


def _only_moves_ones(node: ir.Node) -> bool:
    source = node.inputs[0] if node.op_type == "Transpose" else None
    shape = None if source is None else static_shape(source)
    if shape is None:
        return False
    perm = attribute(node, "perm", tuple(reversed(range(len(shape)))))
    moved = [axis for axis in perm if shape[axis] != 1]
    return moved == sorted(moved)


_Rule = Callable[[ir.Node, ir.Value], bool]
_RULES: dict[str, _Rule] = {
    "Identity": _always,
    "Dropout": _dropout,
    "Cast": _cast,
    "Transpose": _transpose,
    "Pad": _pad,
    "Slice": _slice,
    "Resize": _resize,
    "MaxPool": _pool,
    "AveragePool": _pool,
    "Relu": _relu,
    "Clip": _clip,
    "Add": _add,
    "Sub": _add,
    "Mul": _mul,
    "Div": _mul,
    **dict.fromkeys(("Concat", "Sum", "Max", "Min", "Mean"), _is_alone),
    **dict.fromkeys((*_RESHAPES, "Expand", "Tile"), _keeps_shape),
}
