"""Questions that every pass asks of values and nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir


@dataclass(frozen=True)
class IntegerLimits:
    """Of an integer type. numpy.iinfo does not know int4."""

    min: int
    max: int


def integer_limits(dtype: str) -> IntegerLimits:
    """The smallest and the largest number of a type such as "int8", "int4"."""
    if dtype in ("int4", "uint4"):
        return IntegerLimits(-8, 7) if dtype == "int4" else IntegerLimits(0, 15)
    info = np.iinfo(dtype)
    return IntegerLimits(int(info.min), int(info.max))


def static_shape(value: ir.Value) -> tuple[int, ...] | None:
    """The value's shape, or None when the rank or any dimension is unknown."""
    if value.shape is None:
        return None
    dims = tuple(value.shape)
    if not all(isinstance(dim, int) for dim in dims):
        return None
    return tuple(int(dim) for dim in dims)  # type: ignore[arg-type]


def dtype_of(value: ir.Value) -> str | None:
    """NumPy's name of the value's element type ("float32", "int8"), None when unknown."""
    return None if value.dtype is None else str(value.dtype.numpy())


def constant_array(value: ir.Value | None) -> npt.NDArray[Any] | None:
    """The value's contents when they are known before the model runs, else None.

    Known: an initializer that is not also a graph input, or the output of a Constant node.
    """
    if value is None or value.is_graph_input():
        return None
    if value.const_value is not None:
        return np.asarray(value.const_value.numpy())
    producer = value.producer()
    if producer is not None and producer.op_type == "Constant" and producer.domain == "":
        found = producer.attributes.get("value")
        if found is not None:
            return np.asarray(found.as_tensor().numpy())
    return None


def attribute(node: ir.Node, name: str, default: Any = None) -> Any:
    """The attribute's Python value (int, float, str, tuple, tensor), or default when absent."""
    found = node.attributes.get(name)
    return default if found is None else found.value


def only_consumer(value: ir.Value) -> ir.Node | None:
    """The one node that reads the value, None if several do or it is a graph output."""
    uses = list(value.uses())
    if len(uses) != 1 or value.is_graph_output():
        return None
    return uses[0].node


def make_constant(graph: ir.Graph, name: str, array: npt.NDArray[Any]) -> ir.Value:
    """A new initializer of graph; name gets a numeric suffix if it is taken."""
    unique, count = name, 1
    while unique in graph.initializers:
        unique, count = f"{name}_{count}", count + 1
    tensor = ir.tensor(np.asarray(array, order="C"), name=unique)  # keeps a scalar a scalar
    value = ir.Value(
        name=unique,
        shape=ir.Shape(array.shape),
        type=ir.TensorType(tensor.dtype),
        const_value=tensor,
    )
    graph.register_initializer(value)
    return value


def node_label(node: ir.Node) -> str:
    """How messages name a node: its name, else its operator and first output."""
    if node.name:
        return f"{node.name} ({node.op_type})"
    output = node.outputs[0].name if node.outputs else "?"
    return f"{node.op_type} -> {output}"
