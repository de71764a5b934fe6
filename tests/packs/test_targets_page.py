"""docs/targets.md: its board works as printed, and its table names every key."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from edgetool.packs import Core, Target, find_target, kernel_folders

PAGE = Path(__file__).parents[2] / "docs" / "targets.md"
WritePack = Callable[[str, str], Path]


def example() -> tuple[str, str]:
    """The page's board: path of its file, text."""
    blocks = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return blocks[0].splitlines()[0].removeprefix("# "), blocks[0]


def test_the_pages_board_is_found_by_folder(write_pack: WritePack) -> None:
    file = write_pack(*example())
    board = find_target(file.parent)
    assert (board.name, board.ram_bytes, board.clock_hz) == ("black-pill", 131_072, 100_000_000)
    assert board.core == find_target("cortex-m4").core
    assert set(board.facts) >= {"ram_bytes", "flash_bytes", "clock_hz"}


def test_the_pages_board_is_found_on_the_search_path(
    write_pack: WritePack, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_pack(*example())
    monkeypatch.setenv("EDGETOOL_PATH", os.fspath(file.parents[1]))
    assert find_target("black-pill").source.origin == "$EDGETOOL_PATH"


def test_the_pages_kernel_comes_first(write_pack: WritePack) -> None:
    path, text = example()
    (line,) = re.findall(r"`(kernels = \[.*?\])`", PAGE.read_text(), re.DOTALL)
    file = write_pack(path, f"{text}\n[core]\n{line}\n")
    kernel = write_pack("black-pill/kernels/conv2d_s8.c", "")
    assert kernel_folders(find_target(file))[0] == kernel.parent


def test_the_page_names_every_key() -> None:
    page = PAGE.read_text()
    keys = {f.name for kind in (Target, Core) for f in dataclasses.fields(kind)}
    unnamed = {key for key in keys - {"source", "parents"} if key not in page}
    assert unnamed == set()
