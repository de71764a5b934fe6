"""--recovery: steps one by one, and what compile says of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from refused_commands import refused

import schemas
from command_line import CALIBRATION, EVALUATION, MODEL, succeed

COMPILE = ("compile", MODEL, "--target", "cortex-m4", "--compiler", "none")
BOTH = (*COMPILE, "--calibrate", CALIBRATION, "--evaluate", EVALUATION)


def decibels(step: dict[str, Any], name: str) -> float:
    """A figure's value, which must be in dB."""
    assert step[name]["unit"] == "dB"
    return float(step[name]["value"])


def constants(artifact: str) -> dict[str, np.ndarray[Any, Any]]:
    """Of model.onnx, by name."""
    initializers = onnx.load(Path(artifact) / "model.onnx").graph.initializer
    return {each.name: onnx.numpy_helper.to_array(each) for each in initializers}


def changed_types(one: str, other: str) -> set[str]:
    """Element types of the constants in which two artifacts differ."""
    ours, theirs = constants(one), constants(other)
    assert ours.keys() == theirs.keys()
    return {ours[name].dtype.name for name in ours if not np.array_equal(ours[name], theirs[name])}


def test_each_step_says_what_it_gained_and_took(here: Path) -> None:
    content = succeed(*BOTH, "--effort", "normal", "--json").json
    schemas.validate(content, "compile")
    recovery = content["recovery"]
    assert [step["name"] for step in recovery["steps"]] == ["equalize", "bias", "rounding"]
    assert (recovery["data"], recovery["samples"]) == ("evaluation", 50)
    reached = decibels(recovery, "sqnr_db")
    for step in recovery["steps"]:
        reached += decibels(step, "gain_db")
        assert decibels(step, "sqnr_db") == pytest.approx(reached, abs=0.01)
        assert step["seconds"]["kind"] == "measured"
        assert step["seconds"]["value"] >= 0
    assert sum(step["seconds"]["value"] for step in recovery["steps"]) > 0


def test_the_last_figure_is_that_of_the_artifact_and_the_first_that_of_fast(here: Path) -> None:
    normal = succeed(*BOTH, "--effort", "normal", "--output", "normal", "--json").json["recovery"]
    assert "recovery" not in succeed(*BOTH, "--output", "fast", "--json").json
    for artifact, wanted in (("fast", normal), ("normal", normal["steps"][-1])):
        options = ("--samples", EVALUATION, "--reference", MODEL, "--json")
        found = succeed("evaluate", artifact, *options).json
        assert decibels(found, "sqnr_db") == pytest.approx(decibels(wanted, "sqnr_db"), abs=0.01)


def test_the_manifest_keeps_gains_without_times(here: Path) -> None:
    content = succeed(*BOTH, "--effort", "normal", "--json").json
    manifest = json.loads((Path(content["artifact"]) / "manifest.json").read_text())
    schemas.validate(manifest, "manifest")
    for step in content["recovery"]["steps"]:
        del step["seconds"]
    assert manifest["recovery"] == content["recovery"]


def test_the_table_has_a_line_for_each_step(here: Path) -> None:
    said = succeed(*COMPILE, "--calibrate", CALIBRATION, "--effort", "max").out
    table = said.partition("recovery, over 20 calibration samples")[2].splitlines()[2:7]
    assert [line.split()[0] for line in table] == [
        "none",
        "equalize",
        "ranges",
        "bias",
        "rounding",
    ]
    assert all(line.endswith(" s") and "dB" in line for line in table[1:])


@pytest.mark.parametrize(
    ("steps", "types"),
    [("bias", {"int32"}), ("rounding", {"int8"}), ("bias,rounding", {"int8", "int32"})],
)
def test_a_step_changes_its_own_integers_alone(steps: str, types: set[str], here: Path) -> None:
    plain = succeed(*BOTH, "--output", "plain", "--json").json
    content = succeed(*BOTH, "--recovery", steps, "--output", "recovered", "--json").json
    assert [step["name"] for step in content["recovery"]["steps"]] == steps.split(",")
    assert changed_types("plain", "recovered") == types
    assert plain["sha256"] != content["sha256"]


def test_no_step_at_effort_normal_is_effort_fast(here: Path) -> None:
    succeed(*BOTH, "--output", "fast")
    content = succeed(*BOTH, "--effort", "normal", "--recovery", "none", "--output", "none",
                      "--json").json  # fmt: skip
    assert changed_types("fast", "none") == set()
    assert "recovery" not in content


def test_the_report_and_its_page_show_what_steps_gained(here: Path) -> None:
    content = succeed(*BOTH, "--effort", "normal", "--report", "--json", "--output", "made").json
    said = succeed("report", "made", "--html", "page.html").out
    page = (here / "page.html").read_text()
    for step in content["recovery"]["steps"]:
        gain = f"{decibels(step, 'gain_db'):+.1f} dB"
        assert f"<td>{step['name']}</td><td>{gain}</td>" in page
        assert any(
            line.split()[:1] == [step["name"]] and gain in line for line in said.splitlines()
        )
    succeed(*BOTH, "--report", "--output", "fast")
    assert "recovery" not in succeed("report", "fast", "--html", "fast.html").out
    assert "What recovery gained" not in (here / "fast.html").read_text()


def test_an_unknown_step_is_refused_with_the_known_ones(here: Path) -> None:
    refused(
        here,
        (*BOTH, "--recovery", "equalize,rouding"),
        2,
        "--recovery equalize,rouding is not known",
        "--recovery equalize,bias,rounding",
    )
