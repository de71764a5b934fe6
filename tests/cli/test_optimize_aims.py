"""What --optimize trades, as compile and profile say it."""

from __future__ import annotations

from pathlib import Path

from refused_commands import assert_refused

import schemas
from command_line import CALIBRATION, MODEL, edgetool, succeed

AIMS = ["balanced", "speed", "size"]


def test_compile_says_what_each_aim_takes_before_a_build(here: Path) -> None:
    artifact = here / "digits"
    arguments = ("compile", MODEL, "--target", "cortex-m4", "--calibrate", CALIBRATION)
    arguments += ("--compiler", "none", "--output", artifact, "--force")
    content = succeed(*arguments, "--optimize", "size", "--json").json
    schemas.validate(content, "compile")
    assert list(content["aims"]) == AIMS
    sizes = {aim: found["constant_bytes"]["value"] for aim, found in content["aims"].items()}
    assert sizes["size"] == min(sizes.values()) < sizes["speed"]
    assert content["aims"]["size"]["arena_bytes"]["value"] == content["arena_bytes"]["value"]
    lines = succeed(*arguments, "--optimize", "speed").out.splitlines()
    [chosen] = [line for line in lines if line.startswith("speed (chosen) ")]
    assert f"{sizes['speed']:,} B" in chosen


def test_profile_builds_and_counts_each_aim_when_asked(copied: Path, emulator: None) -> None:
    content = succeed("profile", copied, "--aims", "--json").json
    schemas.validate(content, "profile")
    assert list(content["aims"]) == AIMS
    chosen = content["aims"]["balanced"]
    assert chosen["instructions"] == content["instructions"]
    assert chosen["flash_bytes"] == content["flash_bytes"]
    counts = {aim: found["instructions"]["value"] for aim, found in content["aims"].items()}
    assert counts["speed"] <= counts["balanced"]
    flash = {aim: found["flash_bytes"]["value"] for aim, found in content["aims"].items()}
    assert flash["size"] == min(flash.values())


def test_aims_are_only_for_microcontrollers(here: Path) -> None:
    succeed("compile", MODEL, "--target", "raspberry-pi-5", "--output", "digits-pi5")
    finished = edgetool("profile", "digits-pi5", "--aims")
    message = "--compiler, --emulator and --aims are for microcontroller artifacts"
    assert_refused(finished, 2, message)
