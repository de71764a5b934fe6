"""Many layers in one program: one build, many cases."""

from __future__ import annotations

from hypothesis import strategies as st
from mac_cases import (
    convolutions,
    depthwise_convolutions,
    fully_connected_layers,
    transposed_convolutions,
)
from narrow_weights import with_narrow_weights

from edgetool.program.program import Operation, Program
from edgetool.program.tensor import Tensor

INT8_LAYERS = st.one_of(
    convolutions("int8"),
    depthwise_convolutions("int8"),
    fully_connected_layers("int8"),
    transposed_convolutions("int8", free=True),
    convolutions("int8").map(with_narrow_weights),
    depthwise_convolutions("int8").map(with_narrow_weights),
    fully_connected_layers("int8").map(with_narrow_weights),
)


def side_by_side(programs: list[Program]) -> Program:
    """One program of all their operations, each with inputs and outputs of its own."""
    tensors: dict[str, Tensor] = {}
    steps, inputs, outputs = [], [], []
    for index, program in enumerate(programs):
        names = {name: f"{name}{index}" for name in program.tensors} | {"": ""}
        tensors |= {names[t.name]: t.with_name(names[t.name]) for t in program.tensors.values()}
        for step in program.operations:
            read, written = (tuple(names[n] for n in ns) for ns in (step.inputs, step.outputs))
            steps.append(Operation(f"{step.name}{index}", step.operator, read, written))
        inputs += [names[name] for name in program.inputs]
        outputs += [names[name] for name in program.outputs]
    ports = (tuple(inputs), tuple(outputs))
    return Program("side_by_side", tensors, tuple(steps), *ports, *ports)
