"""Join a Transpose with an earlier one, also through element-wise operators in between."""

from __future__ import annotations

import onnx_ir as ir

from edgetool.graph import Graph, attribute, constant_array, only_consumer, static_shape
from edgetool.graph.edit import bypass, nodes_of, remove_unused, replace_node
from edgetool.passes.contract import PassContext, PassResult, unchanged

_ELEMENTWISE = frozenset(
    "Relu Clip LeakyRelu Elu Sigmoid Tanh HardSigmoid HardSwish Softplus Erf Exp Neg Abs Sqrt "  # noqa: SIM905
    "Cast Gelu Mish QuantizeLinear DequantizeLinear".split()
)


def run(graph: Graph, context: PassContext) -> PassResult:
    """One Transpose less for each pair; a pair that undoes itself disappears."""
    joined = sum(_join(node) for node in nodes_of(graph.graph, ("Transpose",)))
    if not joined:
        return unchanged(graph)
    remove_unused(graph.graph)
    return PassResult(graph, True, (f"joined {joined} pairs of Transpose",))


def _join(last: ir.Node) -> bool:
    """Join last with the Transpose that its input comes from, if every step has one reader."""
    chain: list[ir.Node] = []
    value = last.inputs[0]
    while value is not None and only_consumer(value) is not None:
        node = value.producer()
        if node is None or node.domain != "":
            return False
        if node.op_type == "Transpose":
            return _merge(node, chain, last)
        if not _is_elementwise(node):
            return False
        chain.append(node)
        value = node.inputs[0]
    return False


def _merge(first: ir.Node, chain: list[ir.Node], last: ir.Node) -> bool:
    """chain: the nodes in between, the last one first."""
    source, found = first.inputs[0], attribute(first, "perm")
    outer = attribute(last, "perm")
    if source is None or found is None or outer is None:
        return False
    inverse = tuple(found.index(axis) for axis in range(len(found)))
    for node in chain:
        shape = static_shape(node.outputs[0])
        if shape is not None:
            node.outputs[0].shape = ir.Shape(shape[axis] for axis in inverse)
    if chain:
        chain[-1].replace_input_with(0, source)
    end = chain[0].outputs[0] if chain else source
    perm = [found[axis] for axis in outer]
    if perm == list(range(len(perm))) and bypass(last, end):
        return True
    replace_node(last, "Transpose", [end], {"perm": perm})
    return True


def _is_elementwise(node: ir.Node) -> bool:
    """Operators on each element alone, whose parameters are scalars."""
    if node.op_type not in _ELEMENTWISE or len(node.outputs) != 1:
        return False
    parameters = [constant_array(value) for value in node.inputs[1:] if value is not None]
    return all(array is not None and array.size == 1 for array in parameters)
