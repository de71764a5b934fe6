"""Measure an artifact's model on a board that runs edgetool's firmware."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np

from edgetool.artifact import INTERRUPTED, Artifact
from edgetool.errors import DeviceError, UsageError
from edgetool.figures import Figure, Series
from edgetool.profiling.layer_cost import LayerCost, with_shares
from edgetool.profiling.profile import Profiled
from edgetool.program.program import Program
from edgetool.runtimes.serial_board import Board, Counter, Identity, SerialBoard, connect
from edgetool.runtimes.serial_board.board import RUNS_MAX
from edgetool.runtimes.session import Progress
from edgetool.verification.emulator import samples_as_bytes

REPEATS = 100
WARM_UP_RUNS = 3
LAYER_RUNS = 5
REQUEST_S = 1.0  # runs go in groups of about this length, so that progress shows
DWT_WRAP = 2**32
FASTEST_CLOCK_HZ = 1_000_000_000  # assumed where a board does not know its clock


@dataclass
class Counts:
    """What has been counted so far, on this board.   layers: one row a run."""

    identity: Identity
    runs: list[int] = field(default_factory=list)
    layers: list[tuple[int | None, ...]] = field(default_factory=list)

    def series(self) -> dict[str, Series]:
        """The runs' raw counts; empty without any."""
        who = self.identity
        if not self.runs:
            return {}
        return {who.counted: Series(tuple(self.runs), "1", who.kind, who.source)}


def profile_on_board(
    artifact: Artifact, device: SerialBoard, repeats: int, progress: Progress | None
) -> Profiled:
    """Counts of whole inferences and of each layer, stack and arena, on the first golden input.

    Raises: MissingToolError, DeviceError; what was counted until then is kept beside the artifact.
    """
    program = artifact.c_program()
    if program is None or artifact.manifest.target["family"] != "microcontroller":
        raise UsageError(
            "--device is for microcontroller artifacts",
            hints=("without it, runtimes on this machine are measured",),
        )
    with connect(device, artifact.sha256) as board:
        counts = Counts(board.identity)
        with kept_when_interrupted(artifact, counts):
            board.load(first_golden_input(artifact, program))
            notes = count_runs(board, counts, repeats, progress)
            count_layers(board, counts)
            usage = board.usage()
        notes += link_notes(board)
    figures = run_figures(counts) | _usage_figures(
        board.identity, usage.stack_bytes, usage.arena_bytes
    )
    notes += figure_notes(board.identity, usage.stack_bytes)
    return Profiled(
        figures | dict(artifact.manifest.figures),
        details=board_details(board, repeats),
        notes=tuple(notes),
        layers=layer_costs(counts, program),
        samples=counts.series(),
    )


def first_golden_input(artifact: Artifact, program: Program) -> list[bytes]:
    """The bytes of every input of the first golden sample."""
    golden, _ = artifact.golden()
    named = dict(zip(program.input_names, program.inputs, strict=True))
    inputs = {named[port]: array[:1] for port, array in golden.items()}
    return samples_as_bytes(program, inputs)[0]


def count_runs(board: Board, counts: Counts, repeats: int, progress: Progress | None) -> list[str]:
    """Fill counts.runs after a warm-up; notes that say why there are none."""
    slowest = max(_timed_run(board) for _ in range(WARM_UP_RUNS))
    if board.identity.counter is Counter.NONE:
        return [f"no cycles: {board.identity.port} has no counter that runs"]
    if board.identity.emulated and board.identity.counter is not Counter.INSTRUCTIONS:
        return ["no cycles: an emulator's time is no count of cycles"]
    if _may_wrap(board.identity, slowest):
        return ["no cycles: an inference may take longer than the 32-bit cycle counter holds"]
    done = 0
    group = max(1, min(RUNS_MAX, int(REQUEST_S / max(slowest, 1e-3))))
    while done < repeats:
        counts.runs += board.run(min(group, repeats - done))
        done = len(counts.runs)
        if progress is not None:
            progress(done, repeats, "run on the board")
    return []


def _timed_run(board: Board) -> float:
    start = time.monotonic()
    board.run()
    return time.monotonic() - start


def _may_wrap(identity: Identity, seconds: float) -> bool:
    """Whether a counter of 32 bits may have wrapped within this time on the host's clock."""
    clock = identity.clock_hz or FASTEST_CLOCK_HZ
    return identity.counter is Counter.DWT and seconds * clock >= DWT_WRAP


def count_layers(board: Board, counts: Counts) -> None:
    """Fill counts.layers, unless runs could not be counted either."""
    if counts.runs:
        counts.layers += [board.layer_counts() for _ in range(LAYER_RUNS)]


def run_figures(counts: Counts) -> dict[str, Figure]:
    """Median and spread of the runs, and the latency where the board knows its clock."""
    who = counts.identity
    source = f"{who.source}; median of {len(counts.runs)}"
    figures = _median_and_spread(who.counted, "1", counts.runs, who, source)
    if who.counted == "cycles" and who.clock_hz:
        clock = f"cycles at the {who.clock_hz / 1e6:g} MHz that {who.port} reports"
        seconds = [run / who.clock_hz for run in counts.runs]
        figures |= _median_and_spread("latency_s", "s", seconds, who, clock)
    return figures


def _median_and_spread(
    name: str, unit: str, samples: Sequence[float], who: Identity, source: str
) -> dict[str, Figure]:
    """Nothing of no samples, and no spread of one."""
    if not samples:
        return {}
    figures = {name: Figure(median(samples), unit, who.kind, source)}
    if len(samples) > 1:
        low, high = np.percentile(samples, [25, 75])
        figures[f"{name}_iqr"] = Figure(float(high - low), unit, who.kind, source)
    return figures


def _usage_figures(who: Identity, stack: int | None, arena: int) -> dict[str, Figure]:
    source = f"painted memory, {who.port}"
    figures = {"arena_used_bytes": Figure(arena, "B", who.kind, source)}
    if stack is not None:
        figures["stack_bytes"] = Figure(stack, "B", who.kind, source)
    return figures


def layer_costs(counts: Counts, program: Program) -> tuple[LayerCost, ...]:
    """The median of each layer that has code."""
    who = counts.identity
    source = f"{who.source}; median of {len(counts.layers)}"
    layers = []
    for index, operation in enumerate(program.operations):
        found = [row[index] for row in counts.layers if index < len(row)]
        known = [count for count in found if count is not None]
        if known:
            figures = {who.counted: Figure(median(known), "1", who.kind, source)}
            layers.append(LayerCost.of(program, operation, figures))
    return with_shares(layers, who.counted)


def figure_notes(who: Identity, stack: int | None) -> list[str]:
    """What a reader of the figures must know."""
    notes = []
    if who.emulated:
        notes.append(f"'{who.port}' is an emulator: nothing here was measured on hardware")
    if not who.clock_hz:
        notes.append(f"no latency in seconds: '{who.port}' does not know its clock")
    if stack is None:
        notes.append("no stack_bytes: the model uses more stack than the firmware paints")
    return notes


def link_notes(board: Board) -> list[str]:
    """What was odd about the line."""
    notes = []
    if board.link.repeats:
        notes.append(f"{board.link.repeats} requests were sent again: the line loses bytes")
    if board.link.port.is_pseudo_terminal and not board.identity.emulated:
        notes.append(
            f"'{board.link.port.path}' is a pseudo-terminal, yet '{board.identity.port}' calls "
            "itself a real board: if an emulator is behind it, its figures are not measured"
        )
    return notes


def board_details(board: Board, repeats: int) -> dict[str, Any]:
    """The board, its firmware and the line to it."""
    who = board.identity
    details: dict[str, Any] = {
        "device": board.link.port.path,
        "port": who.port,
        "core": who.core,
        "compiler": who.compiler,
        "emulated": who.emulated,
        "counter": who.counter.name.lower(),
        "inferences": repeats,
        "broken_frames": board.link.broken,
        "repeated_requests": board.link.repeats,
    }
    if who.clock_hz:
        clock = Figure(who.clock_hz, "Hz", "computed", f"as {who.port} reports it")
        details["clock_hz"] = clock.to_json()
    return details


@contextmanager
def kept_when_interrupted(artifact: Artifact, counts: Counts) -> Iterator[None]:
    """Keep the raw counts beside the artifact when the board does not go on."""
    try:
        yield
    except DeviceError as error:
        if not counts.runs:
            raise
        content: Mapping[str, Any] = {
            "schema_version": 1,
            "artifact_sha256": artifact.sha256,
            "error": error.message,
            "samples": {name: series.to_json() for name, series in counts.series().items()},
        }
        kept = artifact.save_result(INTERRUPTED, content)
        raise DeviceError(
            error.message,
            details=(*error.details, f"{len(counts.runs)} inferences before it: '{kept}'"),
            hints=error.hints,
        ) from error
