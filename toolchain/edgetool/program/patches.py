"""Patch-based execution: the first operations of a program strip by strip of rows.

The large tensors near a network's input never exist whole. For each strip of rows of what the
head (the first operations) gives, the rows that it needs of each tensor are computed; of those, the
ones that the strip before has computed are copied from its buffer, so that every row is computed
once and no multiply-accumulate is added. What the head gives is joined in place.

The result is an ordinary Program of more operations on smaller tensors, which computes the same
numbers. Source of the idea: Lin et al., "MCUNetV2: Memory-Efficient Patch-based Inference for
Tiny Deep Learning" (2021), which computes the overlaps of patches again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgetool.program.ops.concat import Concat
from edgetool.program.ops.slice import Slice
from edgetool.program.program import Operation, Program
from edgetool.program.row_windows import Rows, RowStep, restrict

ROW_AXIS = 1


@dataclass(frozen=True)
class Patches:
    """The first `operations` operations run in strips of `rows` rows of what they give."""

    operations: int
    rows: int

    def to_json(self) -> dict[str, int]:
        """For the manifest."""
        return {"operations": self.operations, "rows": self.rows}


def heads(program: Program) -> tuple[int, ...]:
    """How many first operations can run in strips.

    All of them can be cut into rows; what they give has one height, and nobody among them reads
    it.
    """
    found = []
    for count in range(1, len(program.operations)):
        operation = program.operations[count - 1]
        outputs = program.output_tensors(operation)
        height = outputs[0].shape[ROW_AXIS] if len(outputs[0].shape) == 4 else 0
        if restrict(program, operation, (0, height)) is None:
            break
        if given_height(program, count) > 1:
            found.append(count)
    return tuple(found)


def given_height(program: Program, operations: int) -> int:
    """Rows of all tensors that the first operations give, 0 where they cannot be cut together."""
    head, tail = program.operations[:operations], program.operations[operations:]
    computed = [name for operation in head for name in operation.outputs]
    read_later = {name for operation in tail for name in operation.inputs} | set(program.outputs)
    read_before = {name for operation in head for name in operation.inputs}
    given = [name for name in computed if name in read_later]
    heights = {program.tensors[name].shape[ROW_AXIS] for name in given}
    if len(heights) != 1 or read_before & set(given):
        return 0
    return heights.pop()


def in_patches(program: Program, patches: Patches) -> Program | None:
    """The program with its head in strips; None where a strip would need no row of some input."""
    height = given_height(program, patches.operations)
    if not 0 < patches.rows < height:
        return None
    strips = _Strips(program, patches.operations)
    for first in range(0, height, patches.rows):
        if not strips.add((first, min(first + patches.rows, height))):
            return None
    return strips.finish()


@dataclass(frozen=True)
class _Buffer:
    """Rows of a tensor that are at hand under some name."""

    name: str
    rows: Rows


class _Strips:
    """Emits one strip after the other.

    buffers: the rows of each tensor that the last strip left.   parts: pieces of what is given.
    """

    def __init__(self, program: Program, operations: int) -> None:
        self.program = program
        self.head = program.operations[:operations]
        self.tail = program.operations[operations:]
        read_later = {name for step in self.tail for name in step.inputs} | set(program.outputs)
        computed = [name for step in self.head for name in step.outputs]
        self.given = [name for name in computed if name in read_later]
        within = set(computed) - set(self.given)
        self.tensors = {n: t for n, t in program.tensors.items() if n not in within}
        self.operations: list[Operation] = []
        self.parts: dict[str, list[str]] = {name: [] for name in self.given}
        self.buffers = {
            name: _Buffer(name, (0, program.tensors[name].shape[ROW_AXIS]))
            for name in program.inputs
            if len(program.tensors[name].shape) == 4
        }
        self.done: dict[str, int] = {}

    def add(self, rows: Rows) -> bool:
        """The strip of these rows of all that is given; False where it cannot be cut."""
        planned = self._plan(rows)
        if planned is None:
            return False
        needed, steps = planned
        for operation in self.head:
            name = operation.outputs[0]
            step, new = steps.get(name, (None, (0, 0)))
            if step is not None:
                self._compute(operation, step, new, needed[name])
        return True

    def finish(self) -> Program:
        """The whole program: the strips' results joined, then the tail."""
        joins = [
            Operation(f"{name} joined", Concat(ROW_AXIS), tuple(self.parts[name]), (name,))
            for name in self.given
        ]
        operations = (*self.operations, *joins, *self.tail)
        return replace(self.program, tensors=self.tensors, operations=operations)

    def _plan(self, rows: Rows) -> tuple[dict[str, Rows], dict[str, tuple[RowStep, Rows]]] | None:
        """The rows that are needed of each tensor; the operations, with the rows that are new."""
        needed = dict.fromkeys(self.given, rows)
        steps: dict[str, tuple[RowStep, Rows]] = {}
        for operation in reversed(self.head):
            name = operation.outputs[0]
            if name not in needed:
                continue
            new = (max(needed[name][0], self.done.get(name, 0)), needed[name][1])
            if new[0] >= new[1]:
                continue
            step = restrict(self.program, operation, new)
            if step is None:
                return None
            steps[name] = (step, new)
            for index, read in step.inputs.items():
                source = operation.inputs[index]
                first, end = needed.get(source, read)
                needed[source] = (min(first, read[0]), max(end, read[1]))
        return needed, steps

    def _compute(self, operation: Operation, step: RowStep, new: Rows, needed: Rows) -> None:
        name = operation.outputs[0]
        inputs = list(operation.inputs)
        for index, rows in step.inputs.items():
            inputs[index] = self._rows_of(operation.inputs[index], rows)
        kept = self._keep(name, needed, new) if name not in self.parts else None
        fresh = self._tensor(name, new, "")
        title = f"{operation.name} rows {new[0]}-{new[1] - 1}"
        self.operations.append(Operation(title, step.operator, tuple(inputs), (fresh,)))
        self.done[name] = new[1]
        if name in self.parts:
            self.parts[name].append(fresh)
        elif kept is None:
            self.buffers[name] = _Buffer(fresh, new)
        else:
            rows = (kept.rows[0], new[1])
            both = self._tensor(name, rows, " and kept")
            self.operations.append(Operation(both, Concat(ROW_AXIS), (kept.name, fresh), (both,)))
            self.buffers[name] = _Buffer(both, rows)

    def _keep(self, name: str, needed: Rows, new: Rows) -> _Buffer | None:
        """A copy of the rows before the new ones that are still needed."""
        rows = (needed[0], new[0])
        if name not in self.buffers or rows[0] >= rows[1]:
            return None
        return _Buffer(self._cut(name, rows, " kept"), rows)

    def _rows_of(self, name: str, rows: Rows) -> str:
        """These rows of a tensor, whole or cut out of its buffer."""
        return name if self.buffers[name] == _Buffer(name, rows) else self._cut(name, rows, " read")

    def _cut(self, name: str, rows: Rows, suffix: str) -> str:
        buffer = self.buffers[name]
        if buffer.rows == rows:
            return buffer.name
        source = self.tensors[buffer.name]
        part = self._tensor(name, rows, suffix)
        starts = (0, rows[0] - buffer.rows[0], 0, 0)
        sizes = self.tensors[part].shape
        cut = Slice(starts, sizes, (1,) * len(sizes))
        self.operations.append(Operation(part, cut, (source.name,), (part,)))
        return part

    def _tensor(self, name: str, rows: Rows, suffix: str) -> str:
        """A new tensor for these rows of another."""
        whole = self.program.tensors[name]
        shape = (whole.shape[0], rows[1] - rows[0], *whole.shape[2:])
        title = f"{name} rows {rows[0]}-{rows[1] - 1}{suffix}"
        count = 1
        while title in self.tensors:
            count += 1
            title = f"{name} rows {rows[0]}-{rows[1] - 1}{suffix} {count}"
        self.tensors[title] = replace(whole, name=title, shape=shape)
        return title
