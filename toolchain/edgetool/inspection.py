"""What is in a model, layer by layer, and what a target would say to it, before any build."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetool import pipeline
from edgetool.errors import UnsupportedOperatorError
from edgetool.figures import Figure
from edgetool.graph import Graph, constant_array, node_label, static_shape
from edgetool.importers import load_model
from edgetool.packs import Target, find_target
from edgetool.passes import PassContext
from edgetool.program.lowering import lower, supported_onnx
from edgetool.program.program import Program


@dataclass(frozen=True)
class Layer:
    """One layer.   weight_bytes, live_bytes: constants it reads; activations live while it runs.

    unsupported: why the target cannot run it, None when it can.
    """

    name: str
    operator: str
    output_shape: tuple[int, ...]
    macs: int
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
            "macs": Figure(self.macs, "1", "computed").to_json(),
            "parameters": Figure(self.parameters, "1", "computed").to_json(),
            "weight_bytes": Figure(self.weight_bytes, "B", "computed").to_json(),
        }
        if self.live_bytes is not None:
            content["live_bytes"] = Figure(self.live_bytes, "B", "computed").to_json()
        if self.unsupported:
            content["unsupported"] = self.unsupported
        return content


@dataclass(frozen=True)
class Inspection:
    """A model as it would be compiled.

    precision: what the sizes hold for.   figures: macs, parameters, weight_bytes and, where the
    model lowers, peak_ram_bytes.   problems: what stops it on the target.   notes: the passes'.
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
    program = None
    try:
        program = lower(graph, path.stem)
        layers = _program_layers(program, precision)
    except UnsupportedOperatorError as error:
        unsupported = unsupported or {"": error.message}
        layers = _graph_layers(graph, unsupported)
    figures = _figures(layers, program is not None)
    problems = tuple(unsupported.values()) if target is not None else ()
    problems += _fit_problems(figures, target)
    inputs = {v.name or "": list(static_shape(v) or ()) for v in graph.graph.inputs}
    return Inspection(path.name, precision, inputs, layers, figures, problems, notes)


def _precision(graph: Graph, target: Target | None) -> str:
    if graph.is_quantized():
        return "int8"
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


def _program_layers(program: Program, precision: str) -> tuple[Layer, ...]:
    live = _live_bytes(program, precision)
    layers = []
    for operation in program.operations:
        constants = [t for t in program.input_tensors(operation) if t is not None and t.is_constant]
        weight_bytes = sum(t.elements * _width(t.dtype, t.shape, precision) for t in constants)
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


def _width(dtype: str, shape: tuple[int, ...], precision: str) -> int:
    """Bytes an element takes: a float model that will be int8 has one-byte weights."""
    if dtype == "float32" and precision == "int8":
        return 4 if len(shape) == 1 else 1
    if dtype == "float32" and precision == "float16":
        return 2
    return {"int8": 1, "int16": 2, "float32": 4, "int32": 4, "int64": 8, "bool": 1}[dtype]


def _graph_layers(graph: Graph, unsupported: Mapping[str, str]) -> tuple[Layer, ...]:
    layers = []
    for node in graph.graph:
        arrays = [constant_array(value) for value in node.inputs]
        constants = [array for array in arrays if array is not None]
        layers.append(
            Layer(
                node.name or node_label(node),
                node.op_type,
                static_shape(node.outputs[0]) or (),
                0,
                sum(array.size for array in constants),
                sum(array.nbytes for array in constants),
                None,
                unsupported.get(node.name or node_label(node)),
            )
        )
    return tuple(layers)


def _figures(layers: tuple[Layer, ...], lowered: bool) -> dict[str, Figure]:
    figures = {
        "parameters": Figure(sum(layer.parameters for layer in layers), "1", "computed"),
        "weight_bytes": Figure(sum(layer.weight_bytes for layer in layers), "B", "computed"),
    }
    if lowered:
        peak = max((layer.live_bytes or 0 for layer in layers), default=0)
        figures["macs"] = Figure(sum(layer.macs for layer in layers), "1", "computed")
        figures["peak_live_bytes"] = Figure(peak, "B", "computed")
    return figures


def _fit_problems(figures: Mapping[str, Figure], target: Target | None) -> tuple[str, ...]:
    if target is None:
        return ()
    problems = []
    for figure, limit, what in (
        ("weight_bytes", target.flash_bytes, "of flash for weights alone"),
        ("peak_live_bytes", target.ram_bytes, "of RAM for activations"),
    ):
        needed = figures.get(figure)
        if limit is not None and needed is not None and needed.value > limit:
            problems.append(f"needs {needed.value:,.0f} bytes {what}, has {limit:,}")
    return tuple(problems)
