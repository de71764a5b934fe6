"""The inputs and outputs of an artifact, told from its Program or its graph."""

from __future__ import annotations

from collections.abc import Mapping

import onnx_ir as ir

from edgetool.artifact import Artifact, Port
from edgetool.data import InputSpec
from edgetool.errors import ModelError
from edgetool.graph import Graph, constant_array, dtype_of, static_shape
from edgetool.passes.fix_shapes import fixed_input_shape, refuse_unknown_names
from edgetool.program.layouts import inverse
from edgetool.program.program import Program
from edgetool.program.tensor import Tensor


def ports_of_program(program: Program, graph: Graph) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """(inputs, outputs) of an artifact that has a Program."""
    values = {value.name: value for value in (*graph.graph.inputs, *graph.graph.outputs)}

    def port(name: str, source: str) -> Port:
        return _port(program.tensors[name], source, dtype_of(values[source]) or "float32")

    inputs = tuple(map(port, program.inputs, program.input_names))
    outputs = tuple(map(port, program.outputs, program.output_names))
    return inputs, outputs


def ports_of_graph(graph: Graph) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """(inputs, outputs) of an artifact that is only a graph: the graph's own."""
    inputs = tuple(_value_port(value) for value in graph.graph.inputs)
    return inputs, tuple(_value_port(value) for value in graph.graph.outputs)


def port_specs(graph: Graph, shapes: Mapping[str, tuple[int, ...]]) -> list[InputSpec]:
    """What data for the graph must look like, its shapes fixed as shapes says.

    Raises: ModelError for a dimension that is not known or a shape that does not fit it;
    UsageError for a shape of an input that is not there.
    """
    refuse_unknown_names(graph.graph, shapes)
    values = [value for value in graph.graph.inputs if value.const_value is None]
    return [_spec(value, shapes) for value in values]


def _port(tensor: Tensor, source: str, source_dtype: str) -> Port:
    layout = tensor.layout or tuple(range(len(tensor.shape)))
    quantized = tensor.quantization is not None
    return Port(
        name=source,
        shape=tensor.shape,
        dtype=tensor.dtype,
        source_shape=tuple(tensor.shape[axis] for axis in inverse(layout)),
        source_dtype=source_dtype,
        layout=layout,
        scale=float(tensor.scale) if quantized else None,
        zero_point=tensor.zero_point if quantized else None,
    )


def _value_port(value: ir.Value) -> Port:
    shape = _shape(value)
    dtype = dtype_of(value) or "float32"
    return Port(value.name or "", shape, dtype, shape, dtype, tuple(range(len(shape))))


def _spec(value: ir.Value, shapes: Mapping[str, tuple[int, ...]]) -> InputSpec:
    scale, zero_point = _integer_parameters(value)
    dtype = dtype_of(value) or "float32"
    if dtype == "uint8" and zero_point is not None:  # normalize_qdq makes int8 of it
        dtype, zero_point = "int8", zero_point - 128
    shape = fixed_input_shape(value, shapes.get(value.name or ""))
    return InputSpec(value.name or "", shape, dtype, scale, zero_point)


def _integer_parameters(value: ir.Value) -> tuple[float | None, int | None]:
    """Scale and zero point of the DequantizeLinear that reads an integer input."""
    for use in value.uses():
        if use.node.op_type in ("Transpose", "Reshape"):
            return _integer_parameters(use.node.outputs[0])
        if use.node.op_type == "DequantizeLinear":
            scale = constant_array(use.node.inputs[1])
            zero = constant_array(use.node.inputs[2]) if len(use.node.inputs) > 2 else None
            if scale is not None:
                zero_point = 0 if zero is None else int(zero.reshape(-1)[0])
                return float(scale.reshape(-1)[0]), zero_point
    return None, None


def _shape(value: ir.Value) -> tuple[int, ...]:
    shape = static_shape(value)
    if shape is None:
        raise ModelError(f"the shape of '{value.name}' is not known after shape inference")
    return shape


def specs_of_artifact(artifact: Artifact) -> list[InputSpec]:
    """What data for an artifact must look like: the source model's layout and type."""
    return [
        InputSpec(
            port.name,
            port.source_shape,
            port.source_dtype,
            port.scale if port.source_dtype != "float32" else None,
            port.zero_point if port.source_dtype != "float32" else None,
        )
        for port in artifact.manifest.inputs
    ]
