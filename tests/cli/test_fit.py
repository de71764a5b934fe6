"""compile --fit: layers in strips of rows where RAM is short, the same bits, said in the notes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from refused_commands import assert_refused, refused
from test_bad_models import write_board

from command_line import CALIBRATION, MODEL, edgetool, succeed

COMPILE = ("compile", MODEL, "--calibrate", CALIBRATION, "--target")


def test_strips_need_less_ram_and_hold_bit_for_bit(here: Path, clang: None, emulator: None) -> None:
    usual = succeed(*COMPILE, "cortex-m4", "--compiler", "none", "--output", "usual", "--json")
    fitted = succeed(*COMPILE, "cortex-m4", "--fit", "ram", "--output", "fitted", "--json").json
    assert fitted["arena_bytes"]["value"] < usual.json["arena_bytes"]["value"]
    assert fitted["macs"] == usual.json["macs"]
    [note] = [note for note in fitted["notes"] if note.startswith("--fit ram: the first ")]
    assert f"arena {fitted['arena_bytes']['value']:,} instead of" in note
    assert "0 multiply-accumulates more" in note
    manifest = json.loads((here / "fitted" / "manifest.json").read_text())
    assert manifest["options"]["fit"] == "ram"
    assert set(manifest["memory"]["patches"]) == {"operations", "rows"}
    verified = succeed("verify", "fitted", "--json").json
    [on_core] = [found for found in verified["runtimes"] if found["name"] == "cortex_m"]
    assert verified["holds"] is on_core["bit_exact"] is True
    assert any(" rows 0-" in name for name in on_core["per_operator_max_lsb"])
    profiled = succeed("profile", "fitted", "--json").json
    assert profiled["arena_used_bytes"]["value"] <= fitted["arena_bytes"]["value"]


def test_a_budget_takes_no_more_strips_than_it_needs(here: Path) -> None:
    usual = succeed(*COMPILE, "cortex-m4", "--compiler", "none", "--output", "usual", "--json").json
    budget = usual["arena_bytes"]["value"] - 100
    arguments = (*COMPILE, "cortex-m4", "--compiler", "none", "--json", "--fit")
    within = succeed(*arguments, f"ram={budget}", "--output", "within").json
    assert within["arena_bytes"]["value"] <= budget
    plenty = succeed(*arguments, "ram=1M", "--output", "plenty").json
    assert plenty["arena_bytes"] == usual["arena_bytes"]
    assert any("--fit ram changed nothing: the arena has" in note for note in plenty["notes"])


def test_a_refusal_names_fit_ram_with_its_bytes_where_that_helps(here: Path) -> None:
    board = write_board(here / "tiny", ram_bytes=4000, flash_bytes=1 << 20)
    message = r"model needs [\d,]+ bytes of RAM, 'tiny' has 4,000 bytes"
    refused(here, (*COMPILE, board), 3, message, "try: --fit ram   needs 3,")
    succeed(*COMPILE, board, "--fit", "ram", "--compiler", "none")
    smaller = write_board(here / "smaller", ram_bytes=2000, flash_bytes=1 << 20)
    finished = edgetool(*COMPILE, smaller)
    assert_refused(finished, 3, r"model needs [\d,]+ bytes of RAM, 'smaller' has 2,000 bytes")
    assert "--fit" not in finished.err


def test_a_budget_that_no_strips_meet_is_said(here: Path) -> None:
    found = succeed(*COMPILE, "cortex-m4", "--compiler", "none", "--fit", "ram=1K", "--json").json
    arena = found["arena_bytes"]["value"]
    [note] = [note for note in found["notes"] if "is not met" in note]
    assert note.startswith("--fit ram=1024 is not met")
    assert f"{arena:,} bytes, {arena - 1024:,} too many" in note


@pytest.mark.parametrize("value", ["flash", "ram=lots", "ram=40KB", "ram=0"])
def test_other_values_are_refused(here: Path, value: str) -> None:
    arguments = (*COMPILE, "cortex-m4", "--fit", value)
    refused(here, arguments, 2, f"--fit {value} is not known", "--fit ram=40K")


def test_a_board_without_generated_c_says_that_nothing_changed(here: Path) -> None:
    notes = succeed(*COMPILE, "raspberry-pi-5", "--fit", "ram", "--json").json["notes"]
    assert "--fit ram changed nothing: 'raspberry-pi-5' runs no generated C" in notes
