"""Estimates for a board with flash, ours and CMSIS-NN's, beside a latency published for it."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmsis_nn import peer_firmware
from edgetool.compilation.estimated_latency import estimated_figures
from edgetool.compilers.build import build
from edgetool.figures import Figure
from edgetool.packs import Target, find_target
from edgetool.profiling.emulated import EmulatedBuild, run_figures
from edgetool.runtimes.bare_metal import run
from measuring import Subject

SHOWN = ("instructions", "cycles", "stall_cycles", "latency_s")
LEGEND = """\
instructions: emulated, exact. cycles ~: estimated, zero wait states. stalls ~: estimated wait for
flash. ms ~: both at {clock:g} MHz. published: measured by others, {source}.
p / ~: published over estimated. bits: outputs equal the reference executor's."""


@dataclass(frozen=True)
class BoardRow:
    """One side's kernels on the board.   published: of CMSIS-NN only.   clock_hz: the board's."""

    model: str
    kernels: str
    exact: bool
    figures: Mapping[str, Figure]
    clock_hz: float
    published: Figure | None = None

    @property
    def published_ratio(self) -> float | None:
        """Published over estimated latency."""
        estimated = self.figures["latency_s"].value
        return None if self.published is None else self.published.value / estimated

    def to_json(self) -> dict[str, Any]:
        """Figures as {value, unit, kind}; absent where there is none."""
        shown = {name: self.figures[name].to_json() for name in SHOWN}
        found = {"model": self.model, "kernels": self.kernels, "exact": self.exact, **shown}
        if self.published is not None:
            found["published_latency_s"] = self.published.to_json()
        return found


def measure_on_board(
    subject: Subject, published: Mapping[str, Any], sources: Path
) -> tuple[BoardRow, BoardRow]:
    """(CMSIS-NN, edgetool at balanced), both built with gcc -O2 and emulated for the board.

    Raises: EdgetoolError.
    """
    board = find_target(published["board"])
    print(f"{subject.name} on {board.name}, CMSIS-NN and edgetool", file=sys.stderr)
    latency = published["latency_s"][subject.name]
    measured = Figure(latency, "s", "measured", published["source"])
    peer = _peer(subject, board, sources, measured)
    figures, done = EmulatedBuild(subject.program, board, "gcc", subject.inputs, None).run(
        "balanced"
    )
    exact = list(done.outputs[0]) == subject.outputs
    return peer, BoardRow(subject.name, "edgetool", exact, figures, board.clock_hz or 0)


def _peer(subject: Subject, board: Target, sources: Path, measured: Figure) -> BoardRow:
    core = board.core
    assert core is not None
    with tempfile.TemporaryDirectory(prefix="edgetool-") as work:
        firmware = peer_firmware(subject.program, sources, Path(work))
        image = build(firmware, core, "gcc", "-O2", Path(work) / "build")
        memory = board.code_memory
        done = run(image, core, [subject.inputs], "unicorn", code_memory=memory)
        figures = run_figures(done) | estimated_figures(done, image, board)[0]
    exact = list(done.outputs[0]) == subject.outputs
    return BoardRow(subject.name, "CMSIS-NN", exact, figures, board.clock_hz or 0, measured)


def print_board_table(rows: Sequence[BoardRow], source: str) -> None:
    """One line a row."""
    head = "model  kernels   instructions     cycles ~   stalls ~    ms ~  published  p / ~  bits"
    print(f"\n{head}")
    for row in rows:
        counted = [row.figures[name].value for name in SHOWN]
        ratio, published = row.published_ratio, row.published
        shown = "" if published is None else f"{published.value * 1e3:.1f}"
        print(
            f"{row.model:5}  {row.kernels:8}  {counted[0]:12,.0f} {counted[1]:12,.0f} "
            f"{counted[2]:10,.0f} {counted[3] * 1e3:7.1f} {shown:>10} "
            f"{'' if ratio is None else f'{ratio:.2f}':>6} {'yes' if row.exact else 'NO':>5}"
        )
    clock = rows[0].clock_hz / 1e6 if rows else 0.0
    print(LEGEND.format(source=source, clock=clock))
