"""The Program's boundary: element types of its inputs and outputs, and data going through.

Users give data in the source model's layout and type; a Program takes channels last and, on
microcontrollers, int8. What is recorded in the boundary tensors is enough to convert both ways.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from edgetool.errors import ModelError
from edgetool.program.layouts import inverse
from edgetool.program.operator import Array
from edgetool.program.ops.dequantize import Dequantize
from edgetool.program.ops.quantize import Quantize
from edgetool.program.program import Operation, Program
from edgetool.program.tensor import Tensor


def with_io(program: Program, io: str) -> Program:
    """The program with "int8", "int16" or "float32" inputs and outputs.

    Integers drop the Quantize behind an input and the Dequantize before an output; float32 adds
    them to integer ones. A program that computes in other types is refused.
    """
    changed = _float_io(program)
    if io != "float32":
        changed = _integer_outputs(_integer_inputs(program))
    for name in (*changed.inputs, *changed.outputs):
        if changed.tensors[name].dtype != io:
            raise ModelError(
                f"'{name}' cannot be {io}: the model computes with it in "
                f"{changed.tensors[name].dtype}",
                hints=("--io float32 keeps the model's own types",),
            )
    return changed


def to_program(program: Program, data: Mapping[str, Array]) -> dict[str, Array]:
    """Samples in the source's layout, by source input name, as the Program's inputs.

    data: (samples, *shape without batch). Returns (samples, *tensor.shape) by tensor name.
    Real values meet an int8 input by LiteRT's rounding (halves away from zero), saturating.
    """
    converted = {}
    for name, source in zip(program.inputs, program.input_names, strict=True):
        tensor = program.tensors[name]
        array = np.asarray(data[source])
        layout = tensor.layout or tuple(range(len(tensor.shape)))
        laid_out = array.reshape(len(array), *_source_shape(tensor))
        laid_out = laid_out.transpose(0, *(axis + 1 for axis in layout))
        converted[name] = _convert(laid_out, tensor)
    return converted


def from_program(program: Program, values: Mapping[str, Array]) -> dict[str, Array]:
    """Outputs of the Program as real values in the source's layout, by source output name.

    values: (samples, *tensor.shape) by tensor name. Returns float32 (samples, *source shape
    without a batch dimension of 1).
    """
    converted = {}
    for name, source in zip(program.outputs, program.output_names, strict=True):
        tensor = program.tensors[name]
        real = dequantize(np.asarray(values[name]), tensor)
        layout = tensor.layout or tuple(range(len(tensor.shape)))
        back = real.transpose(0, *(axis + 1 for axis in inverse(layout)))
        converted[source] = back[:, 0] if back.ndim > 2 and back.shape[1] == 1 else back
    return converted


def dequantize(array: Array, tensor: Tensor) -> Array:
    """Integers of tensor as float32; floats as they are."""
    if tensor.quantization is None:
        return array.astype(np.float32)
    shifted = array.astype(np.int32) - tensor.zero_point
    return np.asarray(shifted.astype(np.float32) * tensor.scale, np.float32)


def quantize(array: Array, tensor: Tensor) -> Array:
    """Reals as integers of tensor: halves away from zero, saturating. Source: LiteRT QUANTIZE."""
    ratio = array.astype(np.float32) / tensor.scale
    rounded = np.trunc(ratio + np.copysign(np.float32(0.5), ratio)).astype(np.int64)
    info = np.iinfo(tensor.dtype)
    integers = np.clip(rounded + tensor.zero_point, info.min, info.max)
    return np.asarray(integers, tensor.dtype)


def _source_shape(tensor: Tensor) -> tuple[int, ...]:
    layout = tensor.layout or tuple(range(len(tensor.shape)))
    return tuple(tensor.shape[axis] for axis in inverse(layout))


def _convert(array: Array, tensor: Tensor) -> Array:
    if np.issubdtype(array.dtype, np.integer) and tensor.quantization is not None:
        return np.ascontiguousarray(array.astype(tensor.dtype))
    if tensor.quantization is not None:
        return np.ascontiguousarray(quantize(array, tensor))
    return np.ascontiguousarray(array.astype(tensor.dtype))


def _consumers(program: Program, name: str) -> list[Operation]:
    return [operation for operation in program.operations if name in operation.inputs]


def _integer_inputs(program: Program) -> Program:
    for name in program.inputs:
        users = _consumers(program, name)
        if program.tensors[name].dtype != "float32" or not users or name in program.outputs:
            continue
        if all(isinstance(user.operator, Quantize) for user in users):
            program = _drop_quantize(program, name, users)
    return program


def _drop_quantize(program: Program, name: str, users: list[Operation]) -> Program:
    kept = users[0].outputs[0]
    renamed = {user.outputs[0]: kept for user in users}
    operations = tuple(
        replace(operation, inputs=tuple(renamed.get(i, i) for i in operation.inputs))
        for operation in program.operations
        if operation not in users
    )
    tensors = dict(program.tensors)
    tensors[kept] = replace(tensors[kept], layout=tensors[name].layout)
    for gone in {name, *renamed} - {kept}:
        del tensors[gone]
    return replace(
        program,
        tensors=tensors,
        operations=operations,
        inputs=tuple(kept if i == name else i for i in program.inputs),
        outputs=tuple(renamed.get(o, o) for o in program.outputs),
    )


def _integer_outputs(program: Program) -> Program:
    for name in program.outputs:
        producer = next((op for op in program.operations if name in op.outputs), None)
        if producer is None or not isinstance(producer.operator, Dequantize):
            continue
        source = producer.inputs[0]
        if _consumers(program, name) or source in program.inputs:
            continue
        tensors = {key: tensor for key, tensor in program.tensors.items() if key != name}
        tensors[source] = replace(tensors[source], layout=program.tensors[name].layout)
        program = replace(
            program,
            tensors=tensors,
            operations=tuple(op for op in program.operations if op is not producer),
            outputs=tuple(source if o == name else o for o in program.outputs),
        )
    return program


def _float_io(program: Program) -> Program:
    tensors, operations = dict(program.tensors), list(program.operations)
    inputs, outputs = list(program.inputs), list(program.outputs)
    for index, name in enumerate(program.inputs):
        tensor = tensors[name]
        if tensor.quantization is not None:
            inputs[index] = f"{name}_float"
            tensors[inputs[index]] = _float_twin(tensor, inputs[index])
            step = Operation(f"{name}_quantize", Quantize(), (inputs[index],), (name,))
            operations.insert(0, step)
    for index, name in enumerate(program.outputs):
        tensor = tensors[name]
        if tensor.quantization is not None:
            outputs[index] = f"{name}_float"
            tensors[outputs[index]] = _float_twin(tensor, outputs[index])
            step = Operation(f"{name}_dequantize", Dequantize(), (name,), (outputs[index],))
            operations.append(step)
    return replace(
        program,
        tensors=tensors,
        operations=tuple(operations),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
    )


def _float_twin(tensor: Tensor, name: str) -> Tensor:
    return replace(tensor, name=name, dtype="float32", quantization=None)
