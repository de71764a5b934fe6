"""onnxruntime sessions of a float graph that give chosen values, or only their extremes.

Fetching every activation costs as much as computing it: each is written, and often reordered,
for the fetch alone. Where extremes are all that is wanted they are therefore reduced inside the
graph, in compiled code, while the values are still in the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir
import onnxruntime

from edgetool.errors import ModelError
from edgetool.graph import Graph, attribute, constant_array, static_shape

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Extremes:
    """Bounds of the values over one sample, in their order; float64 (values,).

    minimum: 0 where the operator that makes the value lets nothing below 0 through.
    finite: False where a value may hold NaN, whose bounds may be anything, or is very large.
    """

    minimum: npt.NDArray[np.float64]
    maximum: npt.NDArray[np.float64]
    finite: bool


class ValueSession:
    """Runs the graph, optimised, and gives the named values.

    graph: or a model whose outputs are left out.
    Raises: ModelError when onnxruntime cannot load or run the graph.
    """

    def __init__(self, graph: Graph | onnx.ModelProto, names: Sequence[str]) -> None:
        self.names = list(names)
        proto = without_outputs(graph) if isinstance(graph, Graph) else graph
        for name in names:
            _add_output(proto, name)
        self._session = _open(proto.SerializeToString())

    def run(self, feeds: Arrays) -> dict[str, npt.NDArray[Any]]:
        """Values by name.   feeds: complete inputs, batch included."""
        return dict(zip(self.names, _run(self._session, self.names, feeds), strict=True))


class ExtremesSession:
    """Runs the graph, optimised, and gives extremes of the values.

    Raises: ModelError when onnxruntime cannot load or run the graph.
    """

    def __init__(self, graph: Graph, values: Sequence[ir.Value]) -> None:
        content, reductions = _giving_extremes(graph, values)
        self._outputs = [name for names in reductions.values() for name in names if name]
        self._present = {k: np.array([n != "" for n in names]) for k, names in reductions.items()}
        self._session = _open(content)

    def run(self, feeds: Arrays) -> Extremes:
        """Extremes of the values.   feeds: complete inputs, batch included."""
        found = _run(self._session, self._outputs, feeds)
        bounds = {}
        for kind, present in self._present.items():
            arrays = [array.reshape(-1) for array in found[: int(present.sum())]]
            found = found[len(arrays) :]
            bounds[kind] = np.zeros(len(present))
            if arrays:
                bounds[kind][present] = _REDUCE[kind](arrays)
        finite = all(bool(np.isfinite(bound).all()) for bound in bounds.values())
        return Extremes(bounds["Min"], bounds["Max"], finite)


def _reduced(function: np.ufunc) -> Callable[[list[npt.NDArray[Any]]], npt.NDArray[Any]]:
    """The function over each array, in one call for all."""

    def reduce(arrays: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        starts = np.cumsum([0, *(array.size for array in arrays[:-1])])
        return np.asarray(function.reduceat(np.concatenate(arrays), starts))

    return reduce


_REDUCE = {"Min": _reduced(np.minimum), "Max": _reduced(np.maximum), "Mean": _reduced(np.add)}


@dataclass(frozen=True, eq=False)
class ChannelStatistics:
    """Of a value's channels (axis 1), float64 (channels,).

    largest: the mean over samples of the largest magnitude.   mean_square: over all elements.
    """

    largest: npt.NDArray[np.float64]
    mean_square: npt.NDArray[np.float64]


def channel_statistics(
    graph: Graph, values: Sequence[ir.Value], samples: Arrays
) -> list[ChannelStatistics]:
    """Statistics of the values, graph inputs among them, over the samples."""
    names = [str(value.name) for value in values]
    computed = sorted(set(names) - set(samples))
    session = ValueSession(graph, computed) if computed else None
    count = min(len(array) for array in samples.values())
    total: dict[str, npt.NDArray[np.float64]] = {}
    for sample in range(count):
        found = {name: array[sample : sample + 1] for name, array in samples.items()}
        found |= session.run(found) if session is not None else {}
        for name in set(names):
            rows = np.moveaxis(found[name], 1, 0).reshape(found[name].shape[1], -1)
            moments = (np.abs(rows).max(axis=1), np.square(rows).mean(axis=1))
            total[name] = total.get(name, 0.0) + np.array(moments, np.float64) / count
    return [ChannelStatistics(*total[name]) for name in names]


def _giving_extremes(
    graph: Graph, values: Sequence[ir.Value]
) -> tuple[bytes, dict[str, list[str]]]:
    """The model, and by kind of reduction its outputs in the order of values, "" where none is."""
    proto = without_outputs(graph)
    taken = {name for node in proto.graph.node for name in node.output}
    reductions: dict[str, list[str]] = {kind: [] for kind in _REDUCE}
    for value in values:
        operators = _operators(value)
        for kind, outputs in reductions.items():
            outputs.append(_reduce(proto, value, operators[kind], taken))
    return proto.SerializeToString(), reductions


def _operators(value: ir.Value) -> dict[str, str]:
    """The operators that reduce a value, by kind; "" for what needs no computing."""
    shape = static_shape(value)
    # Pools read the blocked layout of convolutions in place; reductions need it undone.
    pools = shape is not None and len(shape) in (3, 4)
    found = {"Min": "ReduceMin", "Max": "GlobalMaxPool" if pools else "ReduceMax"}
    found["Mean"] = "GlobalAveragePool" if pools else "ReduceMean"
    if _is_clamped_at_zero(value):
        found["Min"] = ""
        if any(_shows_all(use.node) for use in value.uses()):
            found["Mean"] = ""
    return found


def _reduce(proto: onnx.ModelProto, value: ir.Value, operator: str, taken: set[str]) -> str:
    """Add the reduction of a value; gives its output's name."""
    if not operator:
        return ""
    name = _unique(f"{value.name}_{operator}", taken)
    proto.graph.node.append(onnx.helper.make_node(operator, [str(value.name)], [name]))
    _add_output(proto, name)
    return name


def _is_clamped_at_zero(value: ir.Value) -> bool:
    """Whether a Relu, or a Clip from 0 or above, makes the value."""
    node = value.producer()
    if node is None or node.op_type not in ("Relu", "Clip"):
        return False
    bound = constant_array(node.inputs[1]) if len(node.inputs) > 1 else None
    return node.op_type == "Relu" or (bound is not None and float(bound.min()) >= 0)


def _shows_all(reader: ir.Node) -> bool:
    """Whether any NaN of its input is in its output too, which is then watched in its turn.

    A convolution whose stride is larger than its kernel passes over elements.
    """
    if reader.op_type in ("Gemm", "MatMul", "Add", "GlobalAveragePool"):
        return True
    strides = attribute(reader, "strides", ())
    kernel = attribute(reader, "kernel_shape", ())
    covers = len(kernel) > 0 and all(k >= s for k, s in zip(kernel, strides, strict=False))
    return reader.op_type == "Conv" and covers


def _unique(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def without_outputs(graph: Graph) -> onnx.ModelProto:
    """The model in ONNX's own form, its outputs left out."""
    proto: onnx.ModelProto = ir.serde.to_proto(graph.model)
    del proto.graph.output[:]
    return proto


def _add_output(proto: onnx.ModelProto, name: str) -> None:
    proto.graph.output.add().name = name
    proto.graph.output[-1].type.tensor_type.elem_type = ir.DataType.FLOAT


def _open(content: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # callers run samples side by side
    options.log_severity_level = 3
    # A memory pattern is planned as if all outputs lived at once on top of the workspace.
    options.enable_mem_pattern = False
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions share no base but Exception
        raise _cannot_run(error) from error


def _run(
    session: onnxruntime.InferenceSession, names: Sequence[str], feeds: Arrays
) -> list[npt.NDArray[Any]]:
    wanted = {value.name for value in session.get_inputs()}
    contiguous = {k: np.ascontiguousarray(v) for k, v in feeds.items() if k in wanted}
    try:
        return list(session.run(list(names), contiguous))
    except Exception as error:  # see above
        raise _cannot_run(error) from error


def _cannot_run(error: Exception) -> ModelError:
    return ModelError(
        "onnxruntime cannot run the float model on the calibration data",
        details=(str(error).strip().splitlines()[0],),
        hints=("check that the samples have the model's input shape and type",),
    )
