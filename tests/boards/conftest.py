"""What the tests of boards share: an aarch64 board that is up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import needs
from boards.aarch64 import Aarch64Board


@pytest.fixture(scope="module")
def aarch64_board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aarch64Board]:
    """An aarch64 board over SSH; ended, with everything on it, after the module's tests."""
    needs.require_aarch64_board()
    folder: Path = tmp_path_factory.mktemp("board")
    with Aarch64Board(folder) as board:
        yield board
