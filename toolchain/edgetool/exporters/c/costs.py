"""What each layer of generated C takes: constants, working memory, and the order of its calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edgetool.program.memory_plan import MemoryPlan
from edgetool.program.operator import Array, KernelCall
from edgetool.program.program import Operation, Program
from edgetool.program.storage import Storage, storage_of

Kernels = Mapping[str, KernelCall | None]
"""The C call of every operation by its name, None for a view."""


@dataclass(frozen=True)
class LayerMemory:
    """Bytes of one layer.

    constant_bytes: arrays and parameters; what layers share counts where it is first read.
    scratch_bytes: of the arena, for this layer alone.   live_bytes: of the arena, in use while
    it runs, scratch included; what its output can share with its inputs counts once.
    """

    constant_bytes: int
    scratch_bytes: int
    live_bytes: int


def called_operations(program: Program, kernels: Kernels) -> list[Operation]:
    """The operations whose kernels <name>_run calls, in the order of the calls."""
    return [operation for operation in program.operations if kernels[operation.name] is not None]


def memory_by_layer(
    program: Program, kernels: Kernels, plan: MemoryPlan
) -> Mapping[str, LayerMemory]:
    """By operation name, of the operations that call a kernel."""
    found, storage, seen = {}, storage_of(program), set[tuple[str, bytes | str]]()
    for operation in program.operations:
        call = kernels[operation.name]
        if call is None:
            continue
        parameters = (call.function, repr(call.parameters))
        constants = 0 if parameters in seen else parameter_bytes(call)
        seen.add(parameters)
        for array in _arrays(program, storage, operation, call):
            key = (str(array.dtype), array.tobytes())
            constants += 0 if key in seen else array.nbytes
            seen.add(key)
        live = sum(program.tensors[name].nbytes for name in plan.live[operation.name])
        live += call.scratch_bytes - plan.shareable_bytes.get(operation.name, 0)
        found[operation.name] = LayerMemory(constants, call.scratch_bytes, live)
    return found


def parameter_bytes(call: KernelCall | None) -> int:
    """Bytes of the parameters struct."""
    if call is None:
        return 0
    values = call.parameters.values()
    return call.parameter_bytes * sum(
        len(value) if isinstance(value, tuple) else 1 for value in values
    )


def _arrays(
    program: Program, storage: Storage, operation: Operation, call: KernelCall
) -> Iterator[Array]:
    """The constant arrays that a call reads."""
    for argument in call.arguments:
        if argument.role == "constant" and argument.name:
            yield call.constants[argument.name]
        name = operation.inputs[argument.index] if argument.role == "input" else ""
        if name and storage.place(name).room == "constant":
            data = program.tensors[storage.roots[name]].data
            if data is not None:
                yield data
