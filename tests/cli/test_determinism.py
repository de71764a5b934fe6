"""The same input gives the same artifact, wherever and however it is compiled."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_bad_models import write_board

from command_line import CALIBRATION, EVALUATION, MODEL, ROOT, nothing_changes, succeed


def compile_in_a_process(folder: Path, model: Path, data: str, seed: str) -> str:
    """The artifact's sha256 from a process with this working folder and hash seed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "toolchain"), "PYTHONHASHSEED": seed}
    command = [sys.executable, "-m", "edgetool", "compile", str(model), "--target", "cortex-m4"]
    command += ["--calibrate", data, "--evaluate", data, "--output", "out", "--report", "--json"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_two_compiles_in_other_folders_and_processes_are_one_artifact(
    tmp_path: Path, clang: None
) -> None:
    data = MODEL.parent / "calibration.npz"
    places = []
    for name in ("one", "two"):
        place = tmp_path / name / "deeper"
        place.mkdir(parents=True)
        places.append(place)
    shutil.copy(MODEL, places[1])
    shutil.copy(data, places[1])
    compile_in_a_process(places[0], MODEL, f"{data}[:20]", "1")
    compile_in_a_process(places[1], Path("model.onnx"), "calibration.npz[:20]", "2")
    first, second = (
        {
            str(path.relative_to(place / "out")): path.read_bytes()
            for path in (place / "out").rglob("*")
            if path.is_file()
        }
        for place in places
    )
    assert first == second
    for name, content in first.items():
        assert str(tmp_path).encode() not in content, name


def test_the_time_of_day_is_not_in_an_artifact(
    here: Path, sources_only: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: 4e9)
    again = succeed("compile", MODEL, "--target", "cortex-m4", "--calibrate", CALIBRATION,
                    "--compiler", "none", "--json")  # fmt: skip
    manifest = (Path(again.json["artifact"]) / "manifest.json").read_bytes()
    assert manifest == (sources_only / "manifest.json").read_bytes()


def test_verify_and_profile_do_not_change_what_an_artifact_is(copied: Path, emulator: None) -> None:
    before = (copied / "manifest.json").read_bytes()
    first = succeed("verify", copied, "--json").json["artifact_sha256"]
    assert succeed("profile", copied, "--json").json["artifact_sha256"] == first
    after = succeed("compare", copied, "--json").json["artifacts"][0]
    assert after["verified"] is True
    assert after["instructions"]["kind"] == "emulated"
    assert (copied / "manifest.json").read_bytes() == before


def test_nothing_is_left_in_the_home_or_temporary_folder(
    here: Path, scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "toolchain")}
    command = [sys.executable, "-m", "edgetool", "compile", str(MODEL), "--target", "cortex-m4"]
    command += ["--calibrate", CALIBRATION, "--compiler", "none"]
    with nothing_changes(scratch, home):
        subprocess.run(command, env=environment, check=True, capture_output=True)
    assert [path.name for path in here.iterdir()] == ["build"]


def test_a_users_own_board_goes_all_the_way_and_travels_with_its_artifact(
    here: Path, emulator: None
) -> None:
    board = write_board(here / "my-board", ram_bytes=8192, flash_bytes=65536)
    compiled = succeed("compile", MODEL, "--target", board, "--calibrate", CALIBRATION,
                       "--evaluate", EVALUATION, "--json").json  # fmt: skip
    assert compiled["target"] == "my-board"
    artifact = Path(compiled["artifact"])
    assert artifact == Path("build/model-my-board")
    shutil.rmtree(here / "my-board")
    assert succeed("verify", artifact, "--json").json["holds"] is True
    profiled = succeed("profile", artifact, "--json").json
    assert profiled["latency_s"]["value"] == pytest.approx(profiled["cycles"]["value"] / 16e6)
    assert "at 16 MHz" in profiled["latency_s"]["source"]
