"""Layers whose output lies over one of their inputs, as close as their kernels say they may.

`closely` puts every layer of a program between copies, so that its inputs and its output are in
the arena, and plans them at the smallest distance that the planner could choose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from edgetool.program.memory_plan import NARROW, MemoryPlan
from edgetool.program.operator import KernelCall
from edgetool.program.ops.requantize import Requantize
from edgetool.program.program import Operation, Program
from edgetool.program.tensor import Tensor

Calls = Mapping[str, KernelCall | None]


def distance(call: KernelCall, index: int, alignment: int = 1) -> int:
    """The smallest one from the output to this input that the call allows."""
    least = call.lead_bytes[index]
    return next(
        d
        for d in range(least, least + call.lead_multiple * alignment + 1)
        if d % call.lead_multiple == 0 and d % alignment == 0
    )


def between_copies(programs: Sequence[Program]) -> Program:
    """One program of all their single int8 operations, each between copies of its tensors.

    The input "x" of program 3 is copied to "x3", the layer writes "y3", copied to the output.
    """
    tensors: dict[str, Tensor] = {}
    steps, inputs, outputs = [], [], []

    def copy(source: str, target: str, tensor: Tensor) -> None:
        tensors[source], tensors[target] = tensor.with_name(source), tensor.with_name(target)
        steps.append(Operation(f"{source}>{target}", Requantize(), (source,), (target,)))

    for number, program in enumerate(programs):
        [layer] = program.operations
        names = {name: f"{name}{number}" for name in program.tensors} | {"": ""}
        for tensor in program.constants():
            tensors[names[tensor.name]] = tensor.with_name(names[tensor.name])
        for name in program.inputs:
            copy(f"in {names[name]}", names[name], program.tensors[name])
            inputs.append(f"in {names[name]}")
        read = tuple(names[name] for name in layer.inputs)
        [result] = layer.outputs
        steps.append(Operation(f"layer{number}", layer.operator, read, (names[result],)))
        copy(names[result], f"out {names[result]}", program.tensors[result])
        outputs.append(f"out {names[result]}")
    ports = (tuple(inputs), tuple(outputs))
    return Program("closely", tensors, tuple(steps), *ports, *ports)


def closely(program: Program, calls: Calls, turn: int = 0) -> MemoryPlan:
    """A plan for between_copies: each layer's output at 0, an input right behind its lead.

    turn: which of several inputs is overwritten.
    """
    offsets: dict[str, int] = {}
    scratch: dict[str, int] = {}
    overwritten = {}
    end = 0
    for operation in program.operations:
        call = calls[operation.name]
        if not operation.name.startswith("layer") or call is None:
            continue
        output = program.tensors[operation.outputs[0]]
        offsets[output.name], top = 0, output.nbytes
        fed = {
            index: program.tensors[name]
            for index, name in enumerate(operation.inputs)
            if name and not program.tensors[name].is_constant
        }
        allowed = [index for index in fed if index in call.lead_bytes]
        if allowed:
            index = allowed[turn % len(allowed)]
            tensor = fed.pop(index)
            offsets[tensor.name] = distance(call, index, NARROW)
            if offsets[tensor.name] < output.nbytes:
                overwritten[operation.name] = (tensor.name,)
            top = max(top, offsets[tensor.name] + tensor.nbytes)
        for tensor in fed.values():
            offsets[tensor.name] = _aligned(top)
            top = offsets[tensor.name] + tensor.nbytes
        scratch[operation.name] = _aligned(top)
        end = max(end, scratch[operation.name] + call.scratch_bytes)
    live = {operation.name: () for operation in program.operations}
    plan = MemoryPlan(offsets, scratch, _aligned(end), 0, "", NARROW, live)
    return replace(plan, overwritten=overwritten)


def _aligned(offset: int) -> int:
    return -(-offset // 16) * 16
