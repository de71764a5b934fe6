"""The reference executor: runs a Program in NumPy, operation by operation, over many samples.

Its integers are the definition of the right answer; runtimes are compared with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from edgetool.errors import DataError
from edgetool.program.operator import Array, Step
from edgetool.program.program import Operation, Program

CHUNK_BYTES = 64 << 20

Progress = Callable[[int, int], None]


def execute(
    program: Program,
    inputs: Mapping[str, Array],
    keep: bool = False,
    progress: Progress | None = None,
) -> dict[str, Array]:
    """Outputs (samples, *tensor.shape) by tensor name; every activation with keep.

    inputs: one array (samples, *tensor.shape) of the tensor's dtype for each of program.inputs.
    Samples run in chunks whose activations stay within CHUNK_BYTES.
    progress: called with (samples done, samples) after each chunk.
    Raises: DataError naming an input that is missing or has the wrong shape or type.
    """
    samples = _require_inputs(program, inputs)
    wanted = kept_names(program, keep)
    parts: dict[str, list[Array]] = {name: [] for name in wanted}
    for chunk in _chunks(program, samples):
        values = {name: inputs[name][chunk] for name in program.inputs}
        results = dict(run_operations(program, values, wanted))
        for name in wanted:
            parts[name].append(results[name])
        if progress is not None:
            progress(chunk.stop, samples)
    return {name: np.concatenate(found) for name, found in parts.items()}


def kept_names(program: Program, keep: bool) -> tuple[str, ...]:
    """Names of the tensors that execute returns, inputs first, each once."""
    if not keep:
        return tuple(dict.fromkeys(program.outputs))
    return tuple(tensor.name for tensor in program.activations())


def run_operations(
    program: Program, inputs: Mapping[str, Array], wanted: Sequence[str]
) -> Iterator[tuple[str, Array]]:
    """(name, value) of each wanted tensor once it is known; the others are freed after use."""
    values = dict(inputs)
    yield from ((name, values[name]) for name in wanted if name in values)
    last_use = {name: op for op in program.operations for name in op.inputs}
    for operation in program.operations:
        results = run_operation(program, operation, values)
        for name, result in zip(operation.outputs, results, strict=True):
            values[name] = result
            if name in wanted:
                yield name, result
        for name in (*operation.inputs, *operation.outputs):
            if last_use.get(name, operation) is operation:
                values.pop(name, None)


def run_operation(
    program: Program, operation: Operation, values: Mapping[str, Array]
) -> Sequence[Array]:
    """The outputs of one operation for given activations (samples, *shape) by name."""
    tensors = program.input_tensors(operation)
    operands = tuple(
        None if tensor is None else (values[tensor.name] if tensor.data is None else tensor.data)
        for tensor in tensors
    )
    return operation.operator.execute(Step(operands, tensors, program.output_tensors(operation)))


def _require_inputs(program: Program, inputs: Mapping[str, Array]) -> int:
    """The number of samples that all inputs agree on."""
    counts = {}
    for name in program.inputs:
        tensor = program.tensors[name]
        if name not in inputs:
            raise DataError(
                f"input '{name}' of '{program.name}' is missing",
                details=(f"given: {', '.join(sorted(inputs)) or 'nothing'}",),
            )
        given = inputs[name]
        if given.dtype != tensor.dtype or given.shape[1:] != tensor.shape:
            raise DataError(
                f"input '{name}' is {given.dtype} {given.shape}, expected {tensor.dtype}"
                f" (samples, {', '.join(map(str, tensor.shape))})"
            )
        counts[name] = len(given)
    if len(set(counts.values())) > 1:
        raise DataError(f"inputs have different numbers of samples: {counts}")
    return next(iter(counts.values()), 1)


def _chunks(program: Program, samples: int) -> Iterator[slice]:
    """Slices of samples whose activations fit; one empty slice for no samples."""
    per_sample = sum(tensor.nbytes for tensor in program.activations())
    size = max(1, CHUNK_BYTES // max(1, per_sample))
    starts = range(0, samples, size) if samples else range(1)
    return (slice(start, min(start + size, samples)) for start in starts)
