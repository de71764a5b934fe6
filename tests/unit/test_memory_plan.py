"""Memory plans of random graphs, and of graphs where views meet inputs and outputs."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from edgetool.program.memory_plan import Calls, MemoryPlan, plan_memory
from edgetool.program.operator import KernelCall, Operator
from edgetool.program.ops.add import Add
from edgetool.program.ops.concat import Concat
from edgetool.program.ops.reshape import Reshape
from edgetool.program.ops.slice import Slice
from edgetool.program.placement import (
    Block,
    Overlap,
    Problem,
    height,
    live_bytes_peak,
    place_greedily,
)
from edgetool.program.placement_search import place_blocks
from edgetool.program.program import Operation, Program
from edgetool.program.storage import Place, storage_of
from edgetool.program.tensor import Tensor

WORK = Add()  # any operation that reads all its inputs and writes another tensor


def program_of(
    steps: list[tuple[Operator, list[str], list[str]]],
    sizes: Mapping[str, int],
    inputs: list[str],
    outputs: list[str],
) -> Program:
    """Operations named op0, op1, … on int8 tensors of these sizes; contents do not matter."""
    tensors = {name: Tensor(name, (1, size), "int8") for name, size in sizes.items()}
    operations = tuple(
        Operation(f"op{index}", operator, tuple(read), tuple(written))
        for index, (operator, read, written) in enumerate(steps)
    )
    ports = (tuple(inputs), tuple(outputs))
    return Program("graph", tensors, operations, *ports, *ports)


@st.composite
def graphs(draw: DrawFn) -> tuple[Program, Calls]:
    """Operations that read any earlier tensors, some of them views and joins; their kernels."""
    names, sizes = ["t0"], {"t0": draw(st.integers(1, 100))}
    steps: list[tuple[Operator, list[str], list[str]]] = []
    for index in range(1, draw(st.integers(2, 12))):
        read = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
        name, kind = f"t{index}", draw(st.sampled_from(["work", "work", "view", "join", "cut"]))
        if kind == "work":
            operator, sizes[name] = WORK, draw(st.integers(1, 100))
        elif kind == "join":
            operator, sizes[name] = Concat(1), sum(sizes[part] for part in read)
        elif kind == "view":
            operator, read, sizes[name] = Reshape(), read[:1], sizes[read[0]]
        else:
            read, whole = read[:1], sizes[read[0]]
            start = draw(st.integers(0, whole - 1))
            sizes[name] = draw(st.integers(1, whole - start))
            operator = Slice((0, start), (1, sizes[name]), (1, 1))
        steps.append((operator, read, [name]))
        names.append(name)
    outputs = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
    program = program_of(steps, sizes, ["t0"], outputs)
    silent = storage_of(program).silent
    return program, {
        operation.name: draw(kernel_calls(len(operation.inputs)))
        for operation in program.operations
        if operation.name not in silent
    }


@st.composite
def kernel_calls(draw: DrawFn, inputs: int) -> KernelCall:
    """Some scratch or none, and leads for some of the inputs."""
    leads = draw(st.dictionaries(st.integers(0, inputs - 1), st.integers(0, 40), max_size=inputs))
    scratch = draw(st.sampled_from([0, 0, 0, 17, 64]))
    multiple = draw(st.sampled_from([1, 1, 3, 8]))
    return KernelCall("k", (), scratch_bytes=scratch, lead_bytes=leads, lead_multiple=multiple)


def live_steps(program: Program, name: str) -> set[int]:
    """Steps from the first to the last that touches any tensor sharing name's bytes."""
    storage = storage_of(program)
    steps = [
        index
        for index, operation in enumerate(program.operations)
        for other in (*operation.inputs, *operation.outputs)
        if storage.roots[other] == storage.roots[name]
    ]
    return set(range(min(steps), max(steps) + 1))


@dataclass(frozen=True)
class Range:
    """Bytes start..end - 1 that hold a root (or scratch) at these steps."""

    root: str
    start: int
    end: int
    steps: frozenset[int]

    def meets(self, other: Range) -> bool:
        return self.start < other.end and other.start < self.end


def ranges_of(program: Program, plan: MemoryPlan, calls: Calls) -> list[Range]:
    """Every root and scratch in the arena."""
    roots = storage_of(program).roots
    found = [
        Range(
            name,
            offset,
            offset + program.tensors[name].nbytes,
            frozenset(live_steps(program, name)),
        )
        for name, offset in plan.offsets.items()
        if roots[name] == name
    ]
    index = {operation.name: step for step, operation in enumerate(program.operations)}
    for name, offset in plan.scratch_offsets.items():
        call = calls[name]
        assert call is not None
        steps = frozenset({index[name]})
        found.append(Range(f"scratch {name}", offset, offset + call.scratch_bytes, steps))
    return found


def may_share(program: Program, calls: Calls, written: Range, read: Range) -> bool:
    """Whether an operation writes the one while it reads the other for the last time, and its
    kernel allows their distance."""
    storage = storage_of(program)
    [step] = written.steps & read.steps
    operation = program.operations[step]
    call, output = calls.get(operation.name), operation.outputs[0]
    if call is None or storage.roots[output] != written.root:
        return False
    at = [n for n, name in enumerate(operation.inputs) if storage.roots[name] == read.root]
    starts = {n: read.start + storage.offsets[operation.inputs[n]] for n in at}
    between = {n: at - written.start - storage.offsets[output] for n, at in starts.items()}
    return (
        min(written.steps) == step == max(read.steps)
        and bool(at)
        and all(n in call.lead_bytes and between[n] >= call.lead_bytes[n] for n in at)
        and all(distance % call.lead_multiple == 0 for distance in between.values())
    )


@given(graphs())
def test_live_tensors_overlap_only_as_the_kernel_allows(graph: tuple[Program, Calls]) -> None:
    program, calls = graph
    plan = plan_memory(program, calls)
    for one, other in itertools.combinations(ranges_of(program, plan, calls), 2):
        common = one.steps & other.steps
        if one.root != other.root and common and one.meets(other):
            assert len(common) == 1, (one, other)
            assert may_share(program, calls, one, other) or may_share(program, calls, other, one)


@settings(max_examples=50)
@given(graphs())
def test_overwritten_inputs_are_named(graph: tuple[Program, Calls]) -> None:
    program, calls = graph
    plan, roots = plan_memory(program, calls), storage_of(program).roots
    ranges = {r.root: r for r in ranges_of(program, plan, calls)}
    for operation in program.operations:
        written = ranges.get(roots[operation.outputs[0]])
        met = {
            roots[name]
            for name in operation.inputs
            if written is not None
            and roots[name] in ranges
            and roots[name] != written.root
            and written.meets(ranges[roots[name]])
            and operation.name in calls
        }
        assert set(plan.overwritten.get(operation.name, ())) == met


@settings(max_examples=50)
@given(graphs())
def test_the_arena_holds_everything_and_no_less_than_the_lower_bound(
    graph: tuple[Program, Calls],
) -> None:
    program, calls = graph
    plan = plan_memory(program, calls)
    ends = [found.end for found in ranges_of(program, plan, calls)]
    assert plan.arena_bytes == max(ends, default=0)
    assert plan.arena_bytes >= plan.lower_bound_bytes
    roots = storage_of(program).roots
    offsets = [at for name, at in plan.offsets.items() if roots[name] == name]
    offsets += plan.scratch_offsets.values()
    assert all(offset % plan.alignment == 0 for offset in offsets)
    assert plan.alignment in (4, 16)


@settings(max_examples=50)
@given(graphs())
def test_views_and_parts_share_bytes_and_callers_buffers_stay_out(
    graph: tuple[Program, Calls],
) -> None:
    program, calls = graph
    plan, storage = plan_memory(program, calls), storage_of(program)
    for operation in program.operations:
        if operation.name in storage.silent:
            for name, start in inside(program, operation):
                whole = operation.outputs[0] if start is None else operation.inputs[0]
                assert storage.roots[name] == storage.roots[whole]
                assert plan.offsets.get(name, 0) >= plan.offsets.get(whole, 0)
                if start is not None:
                    assert storage.offsets[name] == storage.offsets[whole] + start
    for name in program.tensors:
        if storage.place(name).room != "arena":
            assert name not in plan.offsets
    copied = {index for _, index in storage.copies}
    for index, name in enumerate(program.outputs):
        assert index in copied or storage.place(name) == Place("output", index)


def inside(program: Program, operation: Operation) -> list[tuple[str, int | None]]:
    """The tensors within the others of a silent operation, and where; None for parts of a join,
    which follow each other."""
    if isinstance(operation.operator, Concat):
        storage, end = storage_of(program), 0
        for name in operation.inputs:
            assert storage.offsets[name] == storage.offsets[operation.outputs[0]] + end
            end += program.tensors[name].nbytes
        return [(name, None) for name in operation.inputs]
    start = operation.operator.starts[1] if isinstance(operation.operator, Slice) else 0
    return [(operation.outputs[0], start)]


@settings(max_examples=20)
@given(graphs())
def test_the_same_program_has_the_same_plan(graph: tuple[Program, Calls]) -> None:
    assert plan_memory(*graph) == plan_memory(*graph)


@st.composite
def problems(draw: DrawFn, with_overlaps: bool) -> Problem:
    """Up to six blocks with sizes in units of 4, pairs of them that may share their one step."""
    count = draw(st.integers(1, 6))
    spans = st.tuples(st.integers(0, 5), st.integers(0, 5)).map(sorted)
    blocks = tuple(
        Block(("tensor", f"t{i}"), 4 * draw(st.integers(1, 6)), *draw(spans)) for i in range(count)
    )
    leads = st.builds(Overlap, st.integers(0, 12))
    overlaps = {
        (one.key, other.key): draw(leads)
        for one in blocks
        for other in blocks
        if with_overlaps and one is not other and one.first == other.last and draw(st.booleans())
        if other.first < one.first or one.last > one.first
    }
    return Problem(blocks, 4, overlaps)


def smallest_height(problem: Problem) -> int:
    """The exact optimum: first fit in every order."""
    best = sum(block.nbytes for block in problem.blocks)
    for order in itertools.permutations(problem.blocks):
        placed: dict[Block, int] = {}
        for block in order:
            placed[block] = problem.lowest_offset(block, placed)
        best = min(best, height(placed))
    return best


@settings(max_examples=40)
@given(problems(with_overlaps=False))
def test_small_problems_are_solved_exactly(problem: Problem) -> None:
    assert height(place_blocks(problem)) == smallest_height(problem)


@settings(max_examples=40)
@given(problems(with_overlaps=True))
def test_small_problems_with_overlaps_are_solved_exactly(problem: Problem) -> None:
    placed = place_blocks(problem)
    assert all(problem.fits(block, offset, placed) for block, offset in placed.items())
    assert live_bytes_peak(problem.blocks, problem.overlaps) <= height(placed)
    assert height(placed) == smallest_height(problem)


def test_search_finds_what_every_greedy_order_misses() -> None:
    spans = [(1, 4, 4), (2, 3, 4), (7, 1, 2), (4, 0, 3), (6, 3, 6), (6, 2, 4)]
    blocks = [
        Block(("tensor", f"t{i}"), 4 * size, first, last)
        for i, (size, first, last) in enumerate(spans)
    ]
    problem = Problem(tuple(blocks), 4)
    assert height(place_greedily(problem)) == 76
    assert height(place_blocks(problem)) == live_bytes_peak(blocks) == 72


def test_a_chain_alternates_between_two_buffers() -> None:
    chain = ["x", "a", "b", "c", "y"]
    steps = [(WORK, [one], [two]) for one, two in itertools.pairwise(chain)]
    program = program_of(steps, dict.fromkeys(chain, 8000), ["x"], ["y"])
    plan = plan_memory(program)
    assert (plan.arena_bytes, plan.lower_bound_bytes, plan.alignment) == (16000, 16000, 16)
    assert (plan.peak_operation, plan.live_at(program, 1)) == ("op1", ("a", "b"))
    assert plan.offsets == {"a": 0, "b": 8000, "c": 0}


def test_four_byte_alignment_is_chosen_where_sixteen_costs_bytes() -> None:
    program = program_of(
        [(WORK, ["x"], ["a"]), (WORK, ["a"], ["b"]), (WORK, ["b"], ["y"])],
        {"x": 1, "a": 20, "b": 20, "y": 1},
        ["x"],
        ["y"],
    )
    plan = plan_memory(program)
    assert (plan.arena_bytes, plan.alignment) == (40, 4)


@pytest.mark.parametrize(
    ("steps", "outputs", "rooms", "copies"),
    [
        # a view of the input is the output: copied
        ([(Reshape(), ["x"], ["y"])], ["y"], {"y": "input"}, (("y", 0),)),
        # a view of a computed tensor is the output: computed right there
        (
            [(WORK, ["x"], ["a"]), (Reshape(), ["a"], ["y"])],
            ["y"],
            {"a": "output", "y": "output"},
            (),
        ),
        # two outputs of the same bytes: the second is copied
        (
            [(WORK, ["x"], ["a"]), (Reshape(), ["a"], ["y"])],
            ["a", "y"],
            {"a": "output", "y": "output"},
            (("y", 1),),
        ),
        # the input itself is an output
        ([(WORK, ["x"], ["a"])], ["x", "a"], {"x": "input", "a": "output"}, (("x", 0),)),
        # an output that is read again stays in the caller's buffer
        (
            [(WORK, ["x"], ["a"]), (WORK, ["a"], ["y"])],
            ["a", "y"],
            {"a": "output", "y": "output"},
            (),
        ),
    ],
)
def test_outputs_that_are_views(
    steps: list[tuple[Operator, list[str], list[str]]],
    outputs: list[str],
    rooms: dict[str, str],
    copies: tuple[tuple[str, int], ...],
) -> None:
    program = program_of(steps, dict.fromkeys("xay", 16), ["x"], outputs)
    storage = storage_of(program)
    assert {name: storage.place(name).room for name in rooms} == rooms
    assert storage.copies == copies
    assert plan_memory(program).arena_bytes == 0


def test_scratch_lives_during_its_operation_only() -> None:
    program = program_of(
        [(WORK, ["x"], ["a"]), (WORK, ["a"], ["b"]), (WORK, ["b"], ["y"])],
        {"x": 1, "a": 64, "b": 32, "y": 1},
        ["x"],
        ["y"],
    )
    calls = {
        "op0": KernelCall("k", (), scratch_bytes=32),
        "op2": KernelCall("k", (), scratch_bytes=64),
    }
    plan = plan_memory(program, calls)
    assert plan.arena_bytes == plan.lower_bound_bytes == 96
    assert set(plan.scratch_offsets) == {"op0", "op2"}


def test_a_long_chain_with_skips_is_planned_quickly() -> None:
    rng = np.random.default_rng(0)
    names = [f"t{i}" for i in range(400)]
    steps: list[tuple[Operator, list[str], list[str]]] = [
        (WORK, [names[i], names[max(0, i - int(rng.integers(1, 8)))]], [names[i + 1]])
        for i in range(399)
    ]
    sizes = {name: int(rng.integers(1, 5000)) for name in names}
    program = program_of(steps, sizes, ["t0"], ["t399"])
    plan = plan_memory(program)
    assert plan.arena_bytes <= 1.25 * plan.lower_bound_bytes


def test_a_chain_of_kernels_in_order_needs_little_more_than_one_buffer() -> None:
    chain = ["x", "a", "b", "c", "y"]
    steps = [(WORK, [one], [two]) for one, two in itertools.pairwise(chain)]
    program = program_of(steps, dict.fromkeys(chain, 8000), ["x"], ["y"])
    calls = {f"op{n}": KernelCall("k", (), lead_bytes={0: 100}) for n in range(4)}
    plan = plan_memory(program, calls)
    assert (plan.arena_bytes, plan.lower_bound_bytes) == (8200, 8100)
    assert plan.offsets == {"a": 200, "b": 100, "c": 0}
    assert plan.overwritten == {"op1": ("a",), "op2": ("b",)}
    assert plan.shareable_bytes == {"op1": 7900, "op2": 7900}


def test_an_input_that_is_read_again_is_not_overwritten() -> None:
    steps = [
        (WORK, ["x"], ["a"]),
        (WORK, ["a"], ["b"]),
        (WORK, ["a", "b"], ["y"]),
    ]
    program = program_of(steps, dict.fromkeys("xaby", 400), ["x"], ["y"])
    plan = plan_memory(program, {"op1": KernelCall("k", (), lead_bytes={0: 0})})
    assert (plan.arena_bytes, plan.lower_bound_bytes, plan.overwritten) == (800, 800, {})


def test_callers_buffers_are_never_overwritten() -> None:
    program = program_of(
        [(WORK, ["x"], ["a"]), (WORK, ["a"], ["y"])], dict.fromkeys("xay", 64), ["x"], ["y"]
    )
    calls = {name: KernelCall("k", (), lead_bytes={0: 0}) for name in ("op0", "op1")}
    plan = plan_memory(program, calls)
    assert (plan.arena_bytes, plan.overwritten) == (64, {})
