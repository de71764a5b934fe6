"""Graphs from ONNX's text form, and questions that tests of passes ask of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir

from edgetool.graph import Graph, ModelSource
from edgetool.graph.check import find_problems
from edgetool.graph.execute import Executor
from edgetool.graph.shapes import infer_shapes

Array = npt.NDArray[Any]


def graph_of(
    model: str | onnx.ModelProto, constants: dict[str, Array] | None = None, *, opset: int = 17
) -> Graph:
    """A Graph from a model or from a graph in ONNX's text form; constants by name."""
    if isinstance(model, str):
        header = f'<ir_version: 8, opset_import: ["" : {opset}, "com.example" : 1]>\n'
        model = onnx.parser.parse_model(header + model)
        model.graph.initializer.extend(
            onnx.numpy_helper.from_array(array, name) for name, array in (constants or {}).items()
        )
    for index, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type.lower()}_{index}"
    graph = Graph(ir.serde.deserialize_model(model), ModelSource("test.onnx", "onnx", "0" * 64))
    infer_shapes(graph.model)
    return graph


def operators(graph: Graph) -> list[str]:
    """The operators in order."""
    return [node.op_type for node in graph.graph]


def samples(graph: Graph, seed: int = 0, count: int = 3) -> list[dict[str, Array]]:
    """Random inputs of the graph's own types and shapes."""
    rng = np.random.default_rng(seed)
    return [{str(v.name): _random(rng, v) for v in graph.graph.inputs} for _ in range(count)]


def _random(rng: np.random.Generator, value: ir.Value) -> Array:
    shape = tuple(int(dim) for dim in value.shape or ())  # type: ignore[arg-type]
    kind: Any = value.dtype.numpy() if value.dtype is not None else np.dtype(np.float32)
    if kind.kind in "iu":
        info = np.iinfo(kind)
        return rng.integers(info.min, info.max, shape, dtype=kind, endpoint=True)
    return rng.standard_normal(shape).astype(kind)


def largest_difference(before: Graph, after: Graph, seed: int = 0) -> float:
    """The largest difference of any output, relative to the output's largest value."""
    first, second = Executor(before), Executor(after)
    worst = 0.0
    for feeds in samples(before, seed):
        a, b = first.run(feeds), second.run(feeds)
        assert list(a) == list(b)
        for name, wanted in a.items():
            error = np.abs(b[name].astype(np.float64) - wanted.astype(np.float64)).max(initial=0)
            worst = max(worst, float(error) / max(1e-6, float(np.abs(wanted).max(initial=0))))
    return worst


def assert_legal(graph: Graph) -> None:
    """Every rule of the pipeline's legality check holds."""
    assert find_problems(graph) == []
