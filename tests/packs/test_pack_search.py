"""Where packs are found, in which order, and what is said when they are not."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgetool.errors import PackError
from edgetool.packs import find_profile, find_recipe, find_target, kernel_folders, list_targets

WritePack = Callable[[str, str], Path]
BOARD = "inherits = 'cortex-m4'\ndescription = '{}'\nram_bytes = 65_536\n"


def test_a_folder_and_its_file_on_the_command_line_are_the_same_target(
    write_pack: WritePack,
) -> None:
    file = write_pack("boards/my-board/target.toml", BOARD.format("mine"))
    by_file, by_folder = find_target(str(file)), find_target(str(file.parent))
    assert by_file == by_folder
    assert (by_file.name, by_file.source.origin) == ("my-board", "command line")
    assert [parent.origin for parent in by_file.parents] == ["built in"]


def test_a_relative_path_needs_a_separator(
    write_pack: WritePack, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_pack("my-board/target.toml", BOARD.format("mine"))
    monkeypatch.chdir(file.parents[1])
    assert find_target("./my-board").source.path == file
    with pytest.raises(PackError) as error:
        find_target("my-board")
    assert "try: ./my-board for the folder here" in str(error.value)


def test_a_target_by_path_inherits_from_its_neighbours(write_pack: WritePack) -> None:
    write_pack("boards/base/target.toml", BOARD.format("base"))
    file = write_pack("boards/top/target.toml", "inherits = 'base'\ndescription = 'top'")
    top = find_target(file.parent)
    assert top.ram_bytes == 65_536
    assert [parent.path.parent.name for parent in top.parents] == ["base", "cortex-m4"]


@pytest.mark.parametrize("layout", ["targets/my-board", "my-board"])
def test_the_search_path_takes_roots_and_folders_of_targets(
    write_pack: WritePack, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    file = write_pack(f"{layout}/target.toml", BOARD.format("mine"))
    root = file.parents[len(Path(layout).parts)]
    monkeypatch.setenv("EDGETOOL_PATH", os.pathsep.join(["/nowhere", str(root)]))
    assert find_target("my-board").source.origin == "$EDGETOOL_PATH"
    assert "my-board" in [target.name for target in list_targets()]


def test_the_search_path_comes_before_what_is_built_in(
    write_pack: WritePack, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_pack("targets/raspberry-pi-pico/target.toml", BOARD.format("my own pico"))
    monkeypatch.setenv("EDGETOOL_PATH", str(file.parents[2]))
    assert find_target("raspberry-pi-pico").description == "my own pico"
    assert [t.description for t in list_targets()].count("my own pico") == 1
    assert len([t for t in list_targets() if t.name == "raspberry-pi-pico"]) == 1


def test_models_and_profiles_are_found_on_the_search_path(
    write_pack: WritePack, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = find_profile("latency").source.path.read_text()
    file = write_pack("profiles/quick.toml", text)
    write_pack("models/mine/recipe.toml", find_recipe("kws").source.path.read_text())
    monkeypatch.setenv("EDGETOOL_PATH", str(file.parents[1]))
    assert find_profile("quick").source.origin == "$EDGETOOL_PATH"
    assert find_recipe("mine").files[0].name == "kws_int8.tflite"


def test_an_entry_point_is_searched_and_its_code_never_runs(
    write_pack: WritePack, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = write_pack("site/my_boards/__init__.py", "raise SystemExit('pack code ran')").parent
    write_pack("site/my_boards/packs/__init__.py", "raise SystemExit('pack code ran')")
    write_pack("site/my_boards/packs/targets/lab-board/target.toml", BOARD.format("lab"))
    metadata = "site/my_boards-1.0.dist-info/"
    write_pack(metadata + "METADATA", "Metadata-Version: 2.1\nName: my-boards\nVersion: 1.0\n")
    write_pack(metadata + "entry_points.txt", "[edgetool.packs]\nlab = my_boards.packs\n")
    monkeypatch.syspath_prepend(str(package.parent))
    assert importlib.metadata.version("my-boards") == "1.0"
    assert find_target("lab-board").source.origin == "entry point my-boards"
    assert "my_boards" not in sys.modules


def test_an_unknown_target_says_where_it_was_looked_for_and_what_is_close() -> None:
    with pytest.raises(PackError) as error:
        find_target("jetson-nanno")
    count = len(list_targets())
    assert str(error.value).splitlines() == [
        "target 'jetson-nanno' not found",
        f"  looked in: $EDGETOOL_PATH (empty), built in ({count} targets)",
        "  did you mean: jetson-nano",
        "  try: edgetool targets",
    ]


def test_an_unknown_path_says_what_is_expected_there() -> None:
    with pytest.raises(PackError, match=r"target '\./nowhere' not found") as error:
        find_target("./nowhere")
    assert error.value.hints == ("a folder with target.toml, or that file",)


def test_unknown_models_and_profiles_point_to_their_verb() -> None:
    with pytest.raises(PackError, match="try: edgetool models"):
        find_recipe("kwss")
    with pytest.raises(PackError, match="profile 'latenci' not found"):
        find_profile("latenci")


def test_own_kernels_come_before_those_of_the_core(write_pack: WritePack) -> None:
    text = BOARD.format("x") + "[core]\nkernels = ['my-board', 'cortex-m4', 'portable']\n"
    file = write_pack("boards/my-board/target.toml", text)
    kernel = write_pack("boards/my-board/kernels/conv2d_s8.c", "")
    folders = kernel_folders(find_target(file))
    assert folders[0] == kernel.parent
    assert folders[-1].parent.name == "portable"
    assert kernel_folders(find_target("host")) == ()
