"""What is in a model, layer by layer, and what a target would say to it, before any build."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir

from edgetool import pipeline
from edgetool.errors import UnsupportedOperatorError
from edgetool.figures import Figure
from edgetool.graph import Graph, constant_array, dtype_of, node_label, static_shape
from edgetool.graph.cost import live_values, node_macs
from edgetool.importers import load_model
from edgetool.packs import Target, find_target
from edgetool.passes import PassContext
from edgetool.program.lowering import lower, supported_onnx
from edgetool.program.memory_plan import shareable_bytes
from edgetool.program.program import Program
from edgetool.program.tensor import FEW_BITS, Tensor


@dataclass(frozen=True)
class Layer:
    """One layer.   weight_bytes, live_bytes: constants it reads; activations live while it runs.

    live_bytes: at least; on a microcontroller an output that can be written over an input that
    is read for the last time counts only as far as it is larger.
    macs, live_bytes: None where they are not known.
    unsupported: why the target cannot run it, None when it can.
    """

    name: str
    operator: str
    output_shape: tuple[int, ...]
    macs: int | None
    parameters: int
    weight_bytes: int
    live_bytes: int | None
    unsupported: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Figures as {value, unit, kind}."""
        content: dict[str, Any] = {
            "name": self.name,
            "operator": self.operator,
            "output_shape": list(self.output_shape),
            "parameters": Figure(self.parameters, "1", "computed").to_json(),
            "weight_bytes": Figure(self.weight_bytes, "B", "computed").to_json(),
        }
        if self.macs is not None:
            content["macs"] = Figure(self.macs, "1", "computed").to_json()
        if self.live_bytes is not None:
            content["live_bytes"] = Figure(self.live_bytes, "B", "computed").to_json()
        if self.unsupported:
            content["unsupported"] = self.unsupported
        return content


@dataclass(frozen=True)
class Inspection:
    """A model as it would be compiled.

    precision: what the sizes hold for.   figures: parameters, weight_bytes and, where every layer
    tells them, macs and peak_live_bytes.   problems: what stops it on the target.
    notes: the passes'.
    """

    model: str
    precision: str
    inputs: Mapping[str, Any]
    layers: tuple[Layer, ...]
    figures: Mapping[str, Figure]
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def inspect_model(
    path: Path, target_name: str | None, shapes: Mapping[str, tuple[int, ...]]
) -> Inspection:
    """Load a model, run the float passes and look at every layer.

    A float model for a target whose default is int8 is sized as int8: weights and activations
    take a byte, biases four.
    Raises: ModelFormatError and ModelError as load_model and the passes do.
    """
    target = find_target(target_name) if target_name else None
    source = load_model(path)
    graph, reports = pipeline.run_pipeline(source, PassContext(shapes=shapes), (pipeline.FLOAT,))
    notes = tuple(f"{r.name}: {note}" for r in reports for note in r.notes)
    precision = _precision(graph, target)
    unsupported = _unsupported(graph, target)
    try:
        layers = _program_layers(lower(graph, path.stem), precision, target)
    except UnsupportedOperatorError as error:
        unsupported = unsupported or {"": error.message}
        layers = _graph_layers(graph, unsupported, precision)
    figures = _figures(layers)
    problems = tuple(unsupported.values()) if target is not None else ()
    problems += _fit_problems(layers, figures, target)
    inputs = {v.name or "": list(static_shape(v) or ()) for v in graph.graph.inputs}
    return Inspection(path.name, precision, inputs, layers, figures, problems, notes)


def _precision(graph: Graph, target: Target | None) -> str:
    own = graph.integer_precision()
    if own is not None:
        return own
    return target.default_precision if target is not None else "float32"


def _unsupported(graph: Graph, target: Target | None) -> dict[str, str]:
    """Layers whose operator the target cannot run, by name."""
    if target is None or target.family != "microcontroller":
        return {}
    known = supported_onnx()
    return {
        node.name or node_label(node): f"layer {node_label(node)}: no C kernel for {node.op_type}"
        for node in graph.graph
        if node.op_type not in known
    }


def _program_layers(program: Program, precision: str, target: Target | None) -> tuple[Layer, ...]:
    live = _live_bytes(program, precision)
    if target is not None and target.family == "microcontroller":
        shared = _shared_bytes(program, precision)
        live = {name: count - shared.get(name, 0) for name, count in live.items()}
    layers = []
    for operation in program.operations:
        constants = [t for t in program.input_tensors(operation) if t is not None and t.is_constant]
        weight_bytes = sum(_constant_bytes(t, precision) for t in constants)
        output = program.output_tensors(operation)[0]
        layers.append(
            Layer(
                operation.name,
                operation.operator.kind,
                output.shape,
                program.macs(operation),
                sum(t.elements for t in constants),
                weight_bytes,
                live[operation.name],
            )
        )
    return tuple(layers)


def _live_bytes(program: Program, precision: str) -> dict[str, int]:
    """Bytes of activations alive while each operation runs, inputs and outputs of the model too."""
    last: dict[str, int] = {}
    first = dict.fromkeys(program.inputs, 0)
    for index, operation in enumerate(program.operations):
        for name in operation.inputs:
            last[name] = index
        for name in operation.outputs:
            first[name] = index
            last.setdefault(name, index)
    for name in program.outputs:
        last[name] = len(program.operations) - 1
    live = {}
    for index, operation in enumerate(program.operations):
        alive = [
            t
            for t in program.activations()
            if first.get(t.name, 0) <= index <= last.get(t.name, -1)
        ]
        live[operation.name] = sum(t.elements * _width(t.dtype, (), precision) for t in alive)
    return live


def _constant_bytes(tensor: Tensor, precision: str) -> int:
    """Bytes that a constant will take; elements below a byte share one."""
    if tensor.dtype == "int4" or tensor.dtype in FEW_BITS:
        return tensor.nbytes
    return tensor.elements * _width(tensor.dtype, tensor.shape, precision)


def _shared_bytes(program: Program, precision: str) -> dict[str, int]:
    """What each operation's output can share with inputs that die there, at most, by its name.

    As the general kernels of C do it, but without any distance between them: a core's own
    kernels may need less of it.
    """
    calls = {}
    for operation in program.operations:
        call = program.kernel(operation)
        if call is not None:
            leads = dict.fromkeys(call.lead_bytes, 0)
            calls[operation.name] = replace(call, lead_bytes=leads, lead_multiple=1)
    widths = {
        operation.name: program.output_tensors(operation)[0].dtype
        for operation in program.operations
    }
    return {
        name: count * _width(widths[name], (), precision) // np.dtype(widths[name]).itemsize
        for name, count in shareable_bytes(program, calls).items()
    }


def _width(dtype: str, shape: tuple[int, ...], precision: str) -> int:
    """Bytes an element takes: a float model that will be int8 has one-byte weights."""
    if dtype == "float32" and precision == "int8":
        return 4 if len(shape) == 1 else 1
    if dtype == "float32" and precision == "float16":
        return 2
    return np.dtype(dtype).itemsize


def _graph_layers(
    graph: Graph, unsupported: Mapping[str, str], precision: str
) -> tuple[Layer, ...]:
    layers = []
    for node, live in zip(graph.graph, live_values(graph), strict=True):
        arrays = [constant_array(value) for value in node.inputs]
        constants = [array for array in arrays if array is not None]
        layers.append(
            Layer(
                node.name or node_label(node),
                node.op_type,
                static_shape(node.outputs[0]) or (),
                node_macs(node),
                sum(array.size for array in constants),
                sum(a.size * _width(str(a.dtype), a.shape, precision) for a in constants),
                _value_bytes(live, precision),
                unsupported.get(node.name or node_label(node)),
            )
        )
    return tuple(layers)


def _value_bytes(values: tuple[ir.Value, ...], precision: str) -> int | None:
    """Bytes of all these activations, None when the size of one is not known."""
    total = 0
    for value in values:
        shape, dtype = static_shape(value), dtype_of(value)
        if shape is None or dtype is None:
            return None
        total += math.prod(shape) * _width(dtype, (), precision)
    return total


def _figures(layers: tuple[Layer, ...]) -> dict[str, Figure]:
    figures = {
        "parameters": Figure(sum(layer.parameters for layer in layers), "1", "computed"),
        "weight_bytes": Figure(sum(layer.weight_bytes for layer in layers), "B", "computed"),
    }
    macs = [layer.macs for layer in layers if layer.macs is not None]
    live = [layer.live_bytes for layer in layers if layer.live_bytes is not None]
    if len(macs) == len(layers):
        figures["macs"] = Figure(sum(macs), "1", "computed")
    if live and len(live) == len(layers):
        figures["peak_live_bytes"] = Figure(max(live), "B", "computed")
    return figures


def _fit_problems(
    layers: tuple[Layer, ...], figures: Mapping[str, Figure], target: Target | None
) -> tuple[str, ...]:
    if target is None:
        return ()
    problems = []
    weights = figures["weight_bytes"].value
    if target.flash_bytes is not None and weights > target.flash_bytes:
        largest = max(layers, key=lambda layer: layer.weight_bytes)
        problems.append(
            f"weights alone need {weights:,} bytes of flash, it has {target.flash_bytes:,}; "
            f"largest: layer {largest.name}, {largest.weight_bytes:,} bytes"
        )
    worst = max(layers, key=lambda layer: layer.live_bytes or 0, default=None)
    needed = (worst.live_bytes or 0) if worst is not None else 0
    if worst is not None and target.ram_bytes is not None and needed > target.ram_bytes:
        problems.append(
            f"layer {worst.name} has {needed:,} bytes of activations live at once, "
            f"RAM is {target.ram_bytes:,} bytes"
        )
    return tuple(problems)
