"""Which nodes of a float graph become integer layers, and what each takes and gives.

A layer is a node, with the Relu or Clip that follows it when runtimes fuse the two. Layers
that compute get parameters of their own for their output; layers that only move or choose
elements keep those of their input.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgetool.graph import (
    Graph,
    attribute,
    constant_array,
    dtype_of,
    node_label,
    only_consumer,
    static_shape,
)

# Activation inputs of these are input 0; weights are input 1, a bias is input 2.
WEIGHTED = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
# Two operands, either may be constant.
BINARY = frozenset({"Add", "Sub", "Mul"})
UNARY = frozenset(
    {"Relu", "Clip", "LeakyRelu", "HardSwish", "HardSigmoid", "Sigmoid", "Tanh", "Softmax"}
    | {"GlobalAveragePool", "ReduceMean"}
)
# What has an int8 form only: a table over 256 codes, or arithmetic of its own.
WITHOUT_INT16 = frozenset({"LeakyRelu", "HardSwish", "HardSigmoid", "Sigmoid", "Tanh", "Resize"})
# Output and input share scale and zero point. LiteRT's average pool is one of them (8-bit
# specification: AVERAGE_POOL_2D); over the whole input it becomes a mean, which is not.
SAME_SCALE = frozenset(
    {"Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Slice", "Split"}
    | {"MaxPool", "GlobalMaxPool", "AveragePool", "Pad", "Resize", "Concat"}
)
# Operators whose LiteRT, ONNX Runtime and TensorRT forms take a fused Relu or Clip.
FUSING = WEIGHTED | BINARY
CLAMPS = frozenset(("Relu", "Clip"))


@dataclass(frozen=True, eq=False)
class Layer:
    """A node that becomes an integer operator.

    clamp: the activation fused into it, None without.   data: indices of its activation inputs.
    constants: indices of constant inputs that are quantized like activations.
    """

    node: ir.Node
    clamp: ir.Node | None
    data: tuple[int, ...]
    constants: tuple[int, ...] = ()

    @property
    def outputs(self) -> tuple[ir.Value, ...]:
        """The values that leave the layer."""
        return tuple((self.clamp or self.node).outputs)

    @property
    def inputs(self) -> tuple[ir.Value, ...]:
        """The activations that enter it."""
        found = (self.node.inputs[index] for index in self.data)
        return tuple(value for value in found if value is not None)

    @property
    def keeps_scale(self) -> bool:
        """Whether it only moves or chooses elements, or averages them as LiteRT's pool does."""
        return self.node.op_type in SAME_SCALE and not averages_everything(self.node)


@dataclass(frozen=True, eq=False)
class Selection:
    """layers: in the graph's order.   stay_float: (node, reason) of operators left alone."""

    layers: tuple[Layer, ...]
    stay_float: tuple[tuple[ir.Node, str], ...]


def select_layers(graph: Graph, bits: int = 8) -> Selection:
    """Decide for every node that handles float32 data. bits: of the activations, 8 or 16."""
    layers: list[Layer] = []
    floats: list[tuple[ir.Node, str]] = []
    fused: set[ir.Node] = set()
    for node in graph.graph:
        if node in fused or not handles_data(node):
            continue
        reason = reason_to_stay_float(node)
        if bits == 16 and node.op_type in WITHOUT_INT16:
            reason = "no int16 form"
        if reason is not None:
            floats.append((node, reason))
            continue
        layer = make_layer(node)
        layers.append(layer)
        if layer.clamp is not None:
            fused.add(layer.clamp)
    return _without_lonely_moves(layers, floats)


def handles_data(node: ir.Node) -> bool:
    """Whether a node reads or writes float data that is not constant."""
    if node.op_type == "Constant":
        return False
    reads = any(is_data(value) for value in node.inputs)
    return reads or any(_is_float(value) for value in node.outputs)


def is_data(value: ir.Value | None) -> bool:
    """Whether the value is a float activation."""
    return value is not None and constant_array(value) is None and _is_float(value)


def _is_float(value: ir.Value) -> bool:
    return dtype_of(value) in ("float32", "float16", "float64", "bfloat16")


def make_layer(node: ir.Node) -> Layer:
    """The layer of a node that can be quantized."""
    operands = range(1) if node.op_type in WEIGHTED | UNARY else range(len(node.inputs))
    if node.op_type in SAME_SCALE and node.op_type != "Concat":
        operands = range(1)
    data = tuple(i for i in operands if is_data(node.inputs[i]))
    constants = tuple(i for i in operands if i not in data)
    return Layer(node, fused_clamp(node), data, constants)


def fused_clamp(node: ir.Node) -> ir.Node | None:
    """The Relu or Clip that is the only reader of a node that runtimes fuse it into."""
    if node.op_type not in FUSING:
        return None
    follower = only_consumer(node.outputs[0])
    if follower is None or follower.op_type not in CLAMPS:
        return None
    return follower if _clip_reason(follower) is None else None


def averages_everything(node: ir.Node) -> bool:
    """Whether an AveragePool has one window, the whole input: then it is a mean."""
    if node.op_type != "AveragePool" or any(attribute(node, "pads", ())):
        return False
    source = node.inputs[0]
    shape = None if source is None else static_shape(source)
    return shape is not None and tuple(attribute(node, "kernel_shape", ())) == shape[2:]


# --- reasons to stay float ------------------------------------------------------------------


def reason_to_stay_float(node: ir.Node) -> str | None:
    """Why a node cannot be quantized, None if it can."""
    if node.domain not in ("", "ai.onnx"):
        return f"operator of domain '{node.domain}'"
    if node.op_type not in WEIGHTED | BINARY | UNARY | SAME_SCALE:
        return "no integer form"
    values = [value for value in (*node.inputs, *node.outputs) if value is not None]
    other = next((dtype_of(v) for v in values if _is_float(v) and dtype_of(v) != "float32"), None)
    if other is not None:
        return f"computes in {other}"
    if not any(is_data(value) for value in node.inputs):
        return "all its inputs are constant"
    check = _CHECKS.get(node.op_type)
    return None if check is None else check(node)


def _constant_reason(node: ir.Node, indices: tuple[int, ...], what: str) -> str | None:
    for index in indices:
        value = node.inputs[index] if index < len(node.inputs) else None
        if value is not None and constant_array(value) is None:
            return f"{what} '{value.name}' is computed at run time"
    return None


def _weighted_reason(node: ir.Node) -> str | None:
    if not is_data(node.inputs[0]):
        return "its first input is constant"
    return _constant_reason(node, (1,), "weight") or _constant_reason(node, (2,), "bias")


def _gemm_reason(node: ir.Node) -> str | None:
    if attribute(node, "transA", 0):
        return "its activation is transposed (transA)"
    if attribute(node, "alpha", 1.0) != 1.0 or attribute(node, "beta", 1.0) != 1.0:
        return "its alpha or beta is not 1"
    weights = constant_array(node.inputs[1])
    bias = constant_array(node.inputs[2]) if len(node.inputs) > 2 else None
    if weights is not None and bias is not None:
        channels = weights.shape[0 if attribute(node, "transB", 0) else 1]
        if bias.shape != (channels,):
            return f"its bias has shape {bias.shape}, not ({channels},)"
    return _weighted_reason(node)


def _matmul_reason(node: ir.Node) -> str | None:
    weights = constant_array(node.inputs[1])
    if weights is not None and weights.ndim != 2:
        return f"its weights have {weights.ndim} dimensions"
    return _weighted_reason(node)


def _clip_reason(node: ir.Node) -> str | None:
    return _constant_reason(node, (1, 2), "bound") if node.op_type == "Clip" else None


def _pad_reason(node: ir.Node) -> str | None:
    value = constant_array(node.inputs[2]) if len(node.inputs) > 2 else None
    if value is not None and not np.isfinite(value).all():
        return f"it pads with {value.reshape(-1)[0]}"
    return _constant_reason(node, (2,), "padding value")


def _resize_reason(node: ir.Node) -> str | None:
    mode = attribute(node, "mode", "nearest")
    return None if mode == "nearest" else f"mode '{mode}'"


def _max_pool_reason(node: ir.Node) -> str | None:
    indices = node.outputs[1] if len(node.outputs) > 1 else None
    return None if indices is None or not list(indices.uses()) else "its indices are used"


_CHECKS: dict[str, Callable[[ir.Node], str | None]] = {
    "Conv": _weighted_reason,
    "ConvTranspose": _weighted_reason,
    "Gemm": _gemm_reason,
    "MatMul": _matmul_reason,
    "Clip": _clip_reason,
    "Pad": _pad_reason,
    "Resize": _resize_reason,
    "MaxPool": _max_pool_reason,
}


# --- layers that only move data between float operators ---------------------------------------


def _without_lonely_moves(layers: list[Layer], floats: list[tuple[ir.Node, str]]) -> Selection:
    """Leave chains of moves that only float operators touch in float: rounding would gain nothing.

    A chain that touches any computing layer, or nothing but inputs and outputs, is quantized.
    """
    moves = {layer.node for layer in layers if layer.keeps_scale}
    computing = {n for layer in layers if not layer.keeps_scale for n in (layer.node, layer.clamp)}
    lonely: set[ir.Node] = set()
    seen: set[ir.Node] = set()
    for node in moves:
        if node not in seen:
            chain, touched = _chain_of(node, moves)
            seen |= chain
            if touched and not touched & computing:
                lonely |= chain
    kept = tuple(layer for layer in layers if layer.node not in lonely)
    reason = "only float operators around it"
    dropped = [(layer.node, reason) for layer in layers if layer.node in lonely]
    return Selection(kept, (*floats, *dropped))


def _chain_of(start: ir.Node, moves: set[ir.Node]) -> tuple[set[ir.Node], set[ir.Node]]:
    """(moves connected to start through moves, other nodes that these touch)."""
    chain, touched, waiting = {start}, set[ir.Node](), [start]
    while waiting:
        for neighbour in _neighbours(waiting.pop()):
            if neighbour not in moves:
                touched.add(neighbour)
            elif neighbour not in chain:
                chain.add(neighbour)
                waiting.append(neighbour)
    return chain, touched


def _neighbours(node: ir.Node) -> list[ir.Node]:
    producers = [v.producer() for v in node.inputs if v is not None and is_data(v)]
    consumers = [use.node for value in node.outputs for use in value.uses()]
    return [n for n in (*producers, *consumers) if n is not None]


def describe(selection: Selection) -> tuple[str, ...]:
    """One line for each operator that stays float."""
    return tuple(
        f"{node_label(node)} stays float: {reason}" for node, reason in selection.stay_float
    )
