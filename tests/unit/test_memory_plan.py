"""Memory plans of random graphs, and of graphs where views meet inputs and outputs."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from edgetool.program.memory_plan import MemoryPlan, plan_memory
from edgetool.program.operator import Operator
from edgetool.program.ops.concat import Concat
from edgetool.program.ops.reshape import Reshape
from edgetool.program.placement import Block, height, live_bytes_peak, place_blocks, place_greedily
from edgetool.program.program import Operation, Program
from edgetool.program.storage import Place, storage_of
from edgetool.program.tensor import Tensor

JOIN = Concat(1)


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
def graphs(draw: DrawFn) -> tuple[Program, dict[str, int]]:
    """A program whose operations read any earlier tensors, some of them views; and scratch."""
    names, sizes = ["t0"], {"t0": draw(st.integers(1, 100))}
    steps: list[tuple[Operator, list[str], list[str]]] = []
    for index in range(1, draw(st.integers(2, 12))):
        read = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
        name, is_view = f"t{index}", draw(st.integers(0, 4)) == 0
        sizes[name] = sizes[read[0]] if is_view else draw(st.integers(1, 100))
        steps.append((Reshape(), read[:1], [name]) if is_view else (JOIN, read, [name]))
        names.append(name)
    outputs = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
    scratch = {f"op{draw(st.integers(0, len(steps) - 1))}": draw(st.integers(0, 64))}
    return program_of(steps, sizes, ["t0"], outputs), scratch


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


def ranges_of(program: Program, plan: MemoryPlan, scratch: Mapping[str, int]) -> list[tuple]:  # type: ignore[type-arg]
    """(identity, start, end, steps) of everything in the arena."""
    roots = storage_of(program).roots
    found = [
        (roots[name], offset, offset + program.tensors[name].nbytes, live_steps(program, name))
        for name, offset in plan.offsets.items()
    ]
    index = {operation.name: step for step, operation in enumerate(program.operations)}
    for name, offset in plan.scratch_offsets.items():
        found.append((f"scratch {name}", offset, offset + scratch[name], {index[name]}))
    return found


@given(graphs())
def test_no_two_live_tensors_overlap(graph: tuple[Program, dict[str, int]]) -> None:
    program, scratch = graph
    plan = plan_memory(program, scratch)
    for one, other in itertools.combinations(ranges_of(program, plan, scratch), 2):
        if one[0] != other[0] and one[3] & other[3]:
            assert one[2] <= other[1] or other[2] <= one[1], (one, other)


@given(graphs())
def test_the_arena_holds_everything_and_no_less_than_the_lower_bound(
    graph: tuple[Program, dict[str, int]],
) -> None:
    program, scratch = graph
    plan = plan_memory(program, scratch)
    ends = [end for _, _, end, _ in ranges_of(program, plan, scratch)]
    assert plan.arena_bytes == max(ends, default=0)
    assert plan.arena_bytes >= plan.lower_bound_bytes
    offsets = [*plan.offsets.values(), *plan.scratch_offsets.values()]
    assert all(offset % plan.alignment == 0 for offset in offsets)
    assert plan.alignment in (4, 16)


@given(graphs())
def test_views_share_bytes_and_callers_buffers_stay_out(
    graph: tuple[Program, dict[str, int]],
) -> None:
    program, scratch = graph
    plan, storage = plan_memory(program, scratch), storage_of(program)
    for operation in program.operations:
        if operation.operator.is_view:
            source, view = operation.inputs[0], operation.outputs[0]
            assert plan.offsets.get(source) == plan.offsets.get(view)
    for name in program.tensors:
        if storage.place(name).room != "arena":
            assert name not in plan.offsets
    copied = {index for _, index in storage.copies}
    for index, name in enumerate(program.outputs):
        assert index in copied or storage.place(name) == Place("output", index)


@settings(max_examples=20)
@given(graphs())
def test_the_same_program_has_the_same_plan(graph: tuple[Program, dict[str, int]]) -> None:
    assert plan_memory(*graph) == plan_memory(*graph)


@st.composite
def problems(draw: DrawFn) -> list[Block]:
    """Up to six blocks with sizes in units of 4."""
    count = draw(st.integers(1, 6))
    spans = st.tuples(st.integers(0, 5), st.integers(0, 5)).map(sorted)
    return [
        Block(("tensor", f"t{i}"), 4 * draw(st.integers(1, 6)), *draw(spans)) for i in range(count)
    ]


def smallest_height(blocks: list[Block]) -> int:
    """The exact optimum: first fit in every order."""
    from edgetool.program.placement import lowest_offset

    best = sum(block.nbytes for block in blocks)
    for order in itertools.permutations(blocks):
        placed: dict[Block, int] = {}
        for block in order:
            placed[block] = lowest_offset(block, placed, 4)
        best = min(best, height(placed))
    return best


@settings(max_examples=40)
@given(problems())
def test_small_problems_are_solved_exactly(blocks: list[Block]) -> None:
    assert height(place_blocks(blocks, 4)) == smallest_height(blocks)


def test_search_finds_what_every_greedy_order_misses() -> None:
    spans = [(1, 4, 4), (2, 3, 4), (7, 1, 2), (4, 0, 3), (6, 3, 6), (6, 2, 4)]
    blocks = [
        Block(("tensor", f"t{i}"), 4 * size, first, last)
        for i, (size, first, last) in enumerate(spans)
    ]
    assert height(place_greedily(blocks, 4)) == 76
    assert height(place_blocks(blocks, 4)) == live_bytes_peak(blocks) == 72


def test_a_chain_alternates_between_two_buffers() -> None:
    chain = ["x", "a", "b", "c", "y"]
    steps = [(JOIN, [one], [two]) for one, two in itertools.pairwise(chain)]
    program = program_of(steps, dict.fromkeys(chain, 8000), ["x"], ["y"])
    plan = plan_memory(program)
    assert (plan.arena_bytes, plan.lower_bound_bytes, plan.alignment) == (16000, 16000, 16)
    assert (plan.peak_operation, plan.live_at(program, 1)) == ("op1", ("a", "b"))
    assert plan.offsets == {"a": 0, "b": 8000, "c": 0}


def test_four_byte_alignment_is_chosen_where_sixteen_costs_bytes() -> None:
    program = program_of(
        [(JOIN, ["x"], ["a"]), (JOIN, ["a"], ["b"]), (JOIN, ["b"], ["y"])],
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
            [(JOIN, ["x"], ["a"]), (Reshape(), ["a"], ["y"])],
            ["y"],
            {"a": "output", "y": "output"},
            (),
        ),
        # two outputs of the same bytes: the second is copied
        (
            [(JOIN, ["x"], ["a"]), (Reshape(), ["a"], ["y"])],
            ["a", "y"],
            {"a": "output", "y": "output"},
            (("y", 1),),
        ),
        # the input itself is an output
        ([(JOIN, ["x"], ["a"])], ["x", "a"], {"x": "input", "a": "output"}, (("x", 0),)),
        # an output that is read again stays in the caller's buffer
        (
            [(JOIN, ["x"], ["a"]), (JOIN, ["a"], ["y"])],
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
        [(JOIN, ["x"], ["a"]), (JOIN, ["a"], ["b"]), (JOIN, ["b"], ["y"])],
        {"x": 1, "a": 64, "b": 32, "y": 1},
        ["x"],
        ["y"],
    )
    plan = plan_memory(program, {"op0": 32, "op2": 64})
    assert plan.arena_bytes == plan.lower_bound_bytes == 96
    assert set(plan.scratch_offsets) == {"op0", "op2"}


def test_a_long_chain_with_skips_is_planned_quickly() -> None:
    rng = np.random.default_rng(0)
    names = [f"t{i}" for i in range(400)]
    steps: list[tuple[Operator, list[str], list[str]]] = [
        (JOIN, [names[i], names[max(0, i - int(rng.integers(1, 8)))]], [names[i + 1]])
        for i in range(399)
    ]
    sizes = {name: int(rng.integers(1, 5000)) for name in names}
    program = program_of(steps, sizes, ["t0"], ["t399"])
    plan = plan_memory(program)
    assert plan.arena_bytes <= 1.25 * plan.lower_bound_bytes
