"""A real board on a serial port, with `edgetool firmware` of an artifact on it.

EDGETOOL_BOARD=/dev/ttyACM0 EDGETOOL_BOARD_ARTIFACT=kws pytest tests/hardware
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgetool.artifact import Artifact
from edgetool.profiling import profile_artifact
from edgetool.runtimes.serial_board import SerialBoard
from edgetool.verification import verify_artifact

SPREAD_MAX = 0.01  # of the median: nothing else runs on the board


@pytest.fixture
def board() -> tuple[Artifact, SerialBoard]:
    """The board and its artifact, else skip."""
    port, folder = os.environ.get("EDGETOOL_BOARD"), os.environ.get("EDGETOOL_BOARD_ARTIFACT")
    if not port or not folder:
        pytest.skip("set EDGETOOL_BOARD to a serial port, EDGETOOL_BOARD_ARTIFACT to its artifact")
    return Artifact.open(Path(folder)), SerialBoard(port)


def test_a_real_board_computes_the_reference_in_every_layer(
    board: tuple[Artifact, SerialBoard],
) -> None:
    artifact, device = board
    found = verify_artifact(artifact, device=device)
    assert {run.name: run.problem for run in found.runtimes}["board"] is None


def test_a_real_boards_figures_are_measured_and_steady(board: tuple[Artifact, SerialBoard]) -> None:
    artifact, device = board
    figures = profile_artifact(artifact, device=device).figures
    assert figures["stack_bytes"].kind == "measured"
    if "cycles" in figures:  # a board without a counter has none
        assert figures["cycles"].kind == "measured"
        assert figures["cycles_iqr"].value < SPREAD_MAX * figures["cycles"].value
