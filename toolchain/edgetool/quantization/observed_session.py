"""onnxruntime sessions of a float graph that give chosen values, their extremes, or a part.

Fetching every activation costs as much as computing it: each is written, and often reordered,
for the fetch alone. Extremes are therefore reduced inside the graph, in compiled code, while the
values are still in the cache, and of a large activation only a grid of elements leaves it.
"""

from __future__ import annotations

import math
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

# Of an activation with more elements in a sample than this, histograms need not see all.
ENOUGH = 1 << 13
LONGEST_STRIDE = 15
_LARGE = 1 << 10  # elements of a constant that is not copied into the model


@dataclass(frozen=True)
class Observed:
    """What one sample shows of the values, in their order; bounds float64 (values,).

    minimum: 0 where the operator that makes the value lets nothing below 0 through.
    finite: False where a value may hold NaN, whose bounds may be anything, or is very large.
    elements: by the value's name all elements, or of a large one some; where not asked for, of
    small ones only.
    """

    minimum: npt.NDArray[np.float64]
    maximum: npt.NDArray[np.float64]
    finite: bool
    elements: Arrays


class ValueSession:
    """Runs the graph, optimised, and gives the named values.

    graph: or a model whose outputs are left out.
    Raises: ModelError when onnxruntime cannot load or run the graph.
    """

    def __init__(self, graph: Graph | onnx.ModelProto, names: Sequence[str]) -> None:
        self.names = list(names)
        if isinstance(graph, Graph):
            self._session = _open(_giving_values(_without_contents(graph), names), graph)
        else:
            self._session = _open(_giving_values(graph, names))

    def run(self, feeds: Arrays) -> dict[str, npt.NDArray[Any]]:
        """Values by name.   feeds: complete inputs, batch included."""
        return dict(zip(self.names, _run(self._session, self.names, feeds), strict=True))


class ObservedSession:
    """Runs the graph, optimised, and gives extremes of the values, and elements if asked for.

    Raises: ModelError when onnxruntime cannot load or run the graph.
    """

    def __init__(self, graph: Graph, values: Sequence[ir.Value], with_elements: bool) -> None:
        strides = [_stride(value) for value in values]
        self._names = [str(value.name) for value in values]
        # Fetching a small value costs less than the nodes that would reduce it.
        self._whole = [index for index, stride in enumerate(strides) if stride == 1]
        if not with_elements:
            strides = [1 if stride == 1 else 0 for stride in strides]
        proto, reductions, self._elements = _observing(graph, values, strides)
        self._reduced = [name for names in reductions.values() for name in names if name]
        self._present = {k: np.array([n != "" for n in names]) for k, names in reductions.items()}
        self._session = _open(proto, graph)

    def run(self, feeds: Arrays) -> Observed:
        """What the sample shows.   feeds: complete inputs, batch included."""
        fetched = [name for name in self._elements if name]
        found = _run(self._session, fetched + self._reduced, feeds)
        arrays = iter(found[: len(fetched)])
        named = zip(self._names, self._elements, strict=True)
        elements = {name: next(arrays) for name, output in named if output}
        bounds = self._bounds(found[len(fetched) :])
        for index in self._whole:
            array = elements[self._names[index]]
            bounds["Min"][index], bounds["Max"][index] = array.min(), array.max()
        finite = all(bool(np.isfinite(bound).all()) for bound in bounds.values())
        return Observed(bounds["Min"], bounds["Max"], finite, elements)

    def _bounds(self, found: list[npt.NDArray[Any]]) -> dict[str, npt.NDArray[np.float64]]:
        """By kind of reduction one number a value, 0 where nothing was reduced."""
        bounds = {}
        for kind, present in self._present.items():
            arrays = [array.reshape(-1) for array in found[: int(present.sum())]]
            found = found[len(arrays) :]
            bounds[kind] = np.zeros(len(present))
            if arrays:
                bounds[kind][present] = _REDUCE[kind](arrays)
        return bounds


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
    extreme: the largest magnitude of all.
    """

    largest: npt.NDArray[np.float64]
    mean_square: npt.NDArray[np.float64]
    extreme: npt.NDArray[np.float64]


def channel_statistics(
    graph: Graph, values: Sequence[ir.Value], samples: Arrays
) -> list[ChannelStatistics]:
    """Statistics of the values, graph inputs among them, over the samples."""
    names = [str(value.name) for value in values]
    computed = sorted(set(names) - set(samples))
    session = ValueSession(graph, computed) if computed else None
    count = min(len(array) for array in samples.values())
    total: dict[str, npt.NDArray[np.float64]] = {}
    extremes: dict[str, npt.NDArray[np.float64]] = {}
    for sample in range(count):
        found = {name: array[sample : sample + 1] for name, array in samples.items()}
        found |= session.run(found) if session is not None else {}
        for name in set(names):
            rows = np.moveaxis(found[name], 1, 0).reshape(found[name].shape[1], -1)
            moments = (np.abs(rows).max(axis=1), np.square(rows).mean(axis=1))
            total[name] = total.get(name, 0.0) + np.array(moments, np.float64) / count
            extremes[name] = np.maximum(extremes.get(name, 0.0), moments[0].astype(np.float64))
    return [ChannelStatistics(total[name][0], total[name][1], extremes[name]) for name in names]


def _giving_values(proto: onnx.ModelProto, names: Sequence[str]) -> onnx.ModelProto:
    for name in names:
        _add_output(proto, name)
    return proto


def _observing(
    graph: Graph, values: Sequence[ir.Value], strides: Sequence[int]
) -> tuple[onnx.ModelProto, dict[str, list[str]], list[str]]:
    """The model; by kind of reduction its outputs in the order of values, "" where none is;
    those that give elements, "" where strides say so (0: none, 1: the value itself)."""
    proto = _without_contents(graph)
    taken = {name for node in proto.graph.node for name in node.output}
    elements: list[str] = []
    reductions: dict[str, list[str]] = {kind: [] for kind in _REDUCE}
    for value, stride in zip(values, strides, strict=True):
        elements.append(_pick(proto, value, stride, taken) if stride else "")
        operators = _operators(value)
        for kind, outputs in reductions.items():
            operator = "" if stride == 1 else operators[kind]
            outputs.append(_reduce(proto, value, operator, taken))
    return proto, reductions, elements


def _stride(value: ir.Value) -> int:
    """How far apart elements to look at may lie, so that ENOUGH are left; 1 for all.

    Odd, so that whatever repeats with every second or fourth column is seen whole.
    """
    shape = static_shape(value)
    if shape is None or len(shape) not in (3, 4):
        return 1
    stride = 1
    while math.prod(_picked(shape, stride + 2)) >= ENOUGH and stride + 2 <= LONGEST_STRIDE:
        stride += 2
    return stride


def _picked(shape: Sequence[int], stride: int) -> list[int]:
    return [*shape[:2], *(math.ceil(size / stride) for size in shape[2:])]


def _pick(proto: onnx.ModelProto, value: ir.Value, stride: int, taken: set[str]) -> str:
    """Make every stride-th row and column an output; gives its name.

    A pool over single elements reads the blocked layout of convolutions in place; Slice does not.
    """
    name = str(value.name)
    if stride > 1:
        name = _unique(f"{value.name}_picked", taken)
        rank = len(static_shape(value) or ()) - 2
        node = onnx.helper.make_node("MaxPool", [str(value.name)], [name])
        node.attribute.append(onnx.helper.make_attribute("kernel_shape", [1] * rank))
        node.attribute.append(onnx.helper.make_attribute("strides", [stride] * rank))
        proto.graph.node.append(node)
    _add_output(proto, name)
    return name


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


def _without_contents(graph: Graph) -> onnx.ModelProto:
    """The model without outputs, and without the contents of large constants."""
    bare = graph.clone()
    for name, tensor in _large_constants(graph).items():
        bare.graph.initializers[name].const_value = ir.ExternalTensor(
            "memory",
            0,
            tensor.nbytes,
            tensor.dtype,
            shape=ir.Shape(tensor.shape.numpy()),
            name=name,
        )
    return without_outputs(bare)


def _large_constants(graph: Graph) -> dict[str, ir.TensorProtocol]:
    """What is handed over as it lies in memory: copies of weights would double the peak."""
    found = ((name, value.const_value) for name, value in graph.graph.initializers.items())
    return {
        name: tensor
        for name, tensor in found
        if tensor is not None and tensor.dtype == ir.DataType.FLOAT and tensor.size >= _LARGE
    }


def _prune(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Take away, in place, what no output depends on: onnxruntime would, and then miss it."""
    needed = {output.name for output in proto.graph.output}
    for index in reversed(range(len(proto.graph.node))):
        node = proto.graph.node[index]
        if needed.isdisjoint(node.output):
            del proto.graph.node[index]
        else:
            needed.update(node.input)
    for index in reversed(range(len(proto.graph.initializer))):
        if proto.graph.initializer[index].name not in needed:
            del proto.graph.initializer[index]
    return proto


def _add_output(proto: onnx.ModelProto, name: str) -> None:
    proto.graph.output.add().name = name
    proto.graph.output[-1].type.tensor_type.elem_type = ir.DataType.FLOAT


def _open(proto: onnx.ModelProto, graph: Graph | None = None) -> onnxruntime.InferenceSession:
    """A session; graph: where the contents of constants lie that proto has none of."""
    left = {constant.name for constant in _prune(proto).graph.initializer}
    given = {} if graph is None else _large_constants(graph)
    large = {name: tensor for name, tensor in given.items() if name in left}
    try:
        return _session(proto, large)
    except Exception as error:  # onnxruntime's exceptions share no base but Exception
        if not large:
            raise _cannot_run(error) from error
    # Some optimisations look for a constant's contents where they are said to lie.
    for constant in proto.graph.initializer:
        if constant.name in large:
            constant.CopyFrom(ir.serde.serialize_tensor(large[constant.name]))
    return _open(proto)


def _session(
    proto: onnx.ModelProto, contents: Mapping[str, ir.TensorProtocol]
) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # callers run samples side by side
    options.log_severity_level = 4  # what fails is raised
    # A memory pattern is planned as if all outputs lived at once on top of the workspace.
    options.enable_mem_pattern = False
    # In the graph's order, so that a value is reduced while it is new and then forgotten.
    options.execution_order = onnxruntime.ExecutionOrder.PRIORITY_BASED
    arrays = [np.ascontiguousarray(tensor.numpy()) for tensor in contents.values()]
    if arrays:
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in arrays]
        options.add_external_initializers(list(contents), values)
    content = proto.SerializeToString()
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


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
