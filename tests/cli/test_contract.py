"""What scripts rely on: each verb's --json against its schema, and figures everywhere."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import schemas
from command_line import CALIBRATION, EVALUATION, MODEL, ROOT, Finished, edgetool, succeed

COUNTS_OF_A_PASS = {
    f"passes[].{what}_{when}" for what in ("nodes", "parameters") for when in ("before", "after")
}


@pytest.fixture(scope="module")
def compiled(clang: None, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """compile --json of digits-cnn for a board, calibrated and scored."""
    folder = tmp_path_factory.mktemp("contract") / "digits-nucleo"
    return succeed("compile", MODEL, "--target", "nucleo-l4r5zi", "--calibrate", CALIBRATION,
                   "--evaluate", EVALUATION, "--output", folder, "--json")  # fmt: skip


@pytest.fixture(scope="module")
def artifact(compiled: Finished) -> Path:
    """The folder that compile named."""
    return Path(compiled.json["artifact"])


@pytest.fixture(scope="module")
def verified(artifact: Path, emulator: None) -> Finished:
    """verify --json of the artifact on labelled samples."""
    return succeed("verify", artifact, "--samples", EVALUATION, "--emulated-samples", 5, "--json")


@pytest.fixture(scope="module")
def profiled(artifact: Path, emulator: None) -> Finished:
    """profile --json of the artifact."""
    return succeed("profile", artifact, "--json")


def is_figure(content: Any, unit: str, kind: str) -> bool:
    """Whether content is a figure of this unit and kind with a positive value."""
    return bool(content["value"] > 0 and (content["unit"], content["kind"]) == (unit, kind))


# --- compile --------------------------------------------------------------------------------------


def test_compile_prints_what_the_contract_names(compiled: Finished) -> None:
    content = compiled.json
    schemas.validate(content, "compile")
    assert content["target"] == "nucleo-l4r5zi"
    assert content["precision"] == "int8"
    assert Path(content["artifact"], "manifest.json").is_file()
    for name, unit in (("flash_bytes", "B"), ("ram_bytes", "B"), ("macs", "1"),
                       ("parameters", "1")):  # fmt: skip
        assert is_figure(content[name], unit, "computed"), name
    assert is_figure(content["metric"]["top1"], "1", "computed")
    assert "quantize_static" in [report["name"] for report in content["passes"]]
    assert set(schemas.bare_numbers(content)) <= {
        "schema_version",
        "passes[].cost.samples",
        *COUNTS_OF_A_PASS,
    }


def test_the_manifest_is_what_its_schema_says(compiled: Finished, artifact: Path) -> None:
    manifest = json.loads((artifact / "manifest.json").read_text())
    schemas.validate(manifest, "manifest")
    assert manifest["figures"]["flash_bytes"] == compiled.json["flash_bytes"]


def test_flash_is_left_out_when_no_compiler_has_told_it(here: Path) -> None:
    finished = succeed("compile", MODEL, "--target", "cortex-m4", "--calibrate", CALIBRATION,
                       "--compiler", "none", "--json")  # fmt: skip
    schemas.validate(finished.json, "compile")
    assert "flash_bytes" not in finished.json
    assert finished.json["ram_bytes"]["value"] > 0
    assert finished.json["metric"] == {}


@pytest.mark.parametrize(
    ("target", "optimize", "said"),
    [
        ("rv32imc", "speed", "no kernel for this model serves it alone"),
        ("cortex-m4", "speed", None),
        ("raspberry-pi-5", "size", "'raspberry-pi-5' runs no generated C"),
        ("cortex-m4", "size", None),
        ("raspberry-pi-5", "balanced", None),
    ],
)
def test_an_aim_that_changes_nothing_is_said(
    here: Path, target: str, optimize: str, said: str | None
) -> None:
    finished = succeed("compile", MODEL, "--target", target, "--optimize", optimize,
                       "--calibrate", CALIBRATION, "--compiler", "none", "--json")  # fmt: skip
    notes = [note for note in finished.json["notes"] if note.startswith("--optimize")]
    assert len(notes) == (said is not None)
    assert all(str(said) in note for note in notes)


# --- verify ---------------------------------------------------------------------------------------


def test_verify_prints_every_runtime_with_metric_and_layers(verified: Finished) -> None:
    content = verified.json
    schemas.validate(content, "verify")
    runtimes = {runtime["name"]: runtime for runtime in content["runtimes"]}
    assert {"reference", "onnxruntime", "cortex_m"} <= runtimes.keys()
    core = runtimes["cortex_m"]
    assert (core["samples"], core["bit_exact"]) == (5, True)
    assert core["max_lsb"] == {"value": 0, "unit": "LSB", "kind": "computed"}
    assert core["decisions_equal"]["value"] == 1.0
    assert is_figure(runtimes["reference"]["metric"]["top1"], "1", "computed")
    assert "pointwise_2" in core["per_operator_max_lsb"]
    assert set(schemas.bare_numbers(content)) == {"schema_version", "runtimes[].samples"}


def test_verify_of_a_float_model_has_relative_errors_and_no_lsb(for_linux: Path) -> None:
    content = succeed("verify", for_linux, "--json").json
    schemas.validate(content, "verify")
    for runtime in content["runtimes"]:
        assert "max_lsb" not in runtime
        assert runtime["max_relative_error"]["value"] < 1e-4
        assert runtime["metric"] == {}


# --- profile --------------------------------------------------------------------------------------


def test_profile_prints_figures_that_say_how_they_were_obtained(profiled: Finished) -> None:
    content = profiled.json
    schemas.validate(content, "profile")
    for name, unit, kind in (
        ("instructions", "1", "emulated"),
        ("stack_bytes", "B", "emulated"),
        ("cycles", "1", "estimated"),
        ("latency_s", "s", "estimated"),
        ("ram_bytes", "B", "computed"),
        ("flash_bytes", "B", "computed"),
    ):
        assert is_figure(content[name], unit, kind), name
    assert "host_latency_s" not in content
    sections = content["sections"]
    assert (
        sections["code"]["value"]
        + sections["constants"]["value"]
        + sections["helpers"]["value"]
        + sections["static_data_initial"]["value"]
        == content["flash_bytes"]["value"]
    )
    assert set(schemas.bare_numbers(content)) <= {
        "schema_version",
        "details.inferences",
        "layers[].output_shape[]",
    }


def test_profile_of_a_bare_core_has_cycles_but_no_latency(
    sources_only: Path, emulator: None
) -> None:
    content = succeed("profile", sources_only, "--json").json
    schemas.validate(content, "profile")
    assert content["cycles"]["value"] > content["instructions"]["value"]
    assert "latency_s" not in content
    assert any("clock" in note for note in content["notes"])


def test_profile_of_a_linux_artifact_measures_this_machine_under_its_own_name(
    for_linux: Path,
) -> None:
    content = succeed("profile", for_linux, "--json").json
    schemas.validate(content, "profile")
    assert is_figure(content["host_latency_s"], "s", "measured")
    assert is_figure(content["runtimes"]["onnxruntime"]["host_latency_s"], "s", "measured")
    assert content.keys().isdisjoint({"latency_s", "instructions", "cycles", "stack_bytes"})


# --- compare --------------------------------------------------------------------------------------


def test_compare_leaves_out_what_is_not_known(
    artifact: Path, verified: Finished, profiled: Finished, for_linux: Path
) -> None:
    content = succeed("compare", artifact, for_linux, "--by", "flash,accuracy", "--json").json
    schemas.validate(content, "compare")
    rows = {row["artifact"]: row for row in content["artifacts"]}
    board, linux = rows[str(artifact)], rows[str(for_linux)]
    assert board["verified"] is True
    assert board["metric"] == "top1"
    assert board["instructions"] == profiled.json["instructions"]
    assert linux.keys().isdisjoint({"instructions", "cycles", "ram_bytes", "latency_s"})
    assert set(content["pareto"]) <= rows.keys()
    assert content["by"] == ["flash", "accuracy"]
    assert set(schemas.bare_numbers(content)) == {"schema_version"}


def test_the_pareto_front_needs_every_figure_asked_for(
    artifact: Path, profiled: Finished, for_linux: Path
) -> None:
    content = succeed("compare", artifact, for_linux, "--by", "cycles", "--json").json
    assert content["pareto"] == [str(artifact)]
    assert [row["artifact"] for row in content["artifacts"]] == [str(artifact), str(for_linux)]


# --- the other verbs ------------------------------------------------------------------------------


def test_inspect_prints_every_layer_as_it_would_be_compiled() -> None:
    content = succeed("inspect", MODEL, "--target", "raspberry-pi-pico", "--json").json
    schemas.validate(content, "inspect")
    assert content["fits"] is True
    assert content["precision"] == "int8"
    layers = content["layers"]
    assert sum(layer["macs"]["value"] for layer in layers) == content["macs"]["value"]
    assert (
        max(layer["live_bytes"]["value"] for layer in layers)
        == (content["peak_live_bytes"]["value"])
    )
    assert set(schemas.bare_numbers(content)) == {
        "schema_version",
        "inputs.image[]",
        "layers[].output_shape[]",
    }


@pytest.mark.parametrize(
    ("words", "schema"),
    [
        (["targets"], "targets"),
        (["targets", "show", "jetson-nano"], "target"),
        (["targets", "show", "stm32f746g-disco"], "target"),
        (["models"], "models"),
        (["doctor"], "doctor"),
    ],
)
def test_other_verbs_print_what_their_schema_says(words: list[str], schema: str) -> None:
    schemas.validate(succeed(*words, "--json").json, schema)


def test_models_get_prints_the_files_it_wrote(here: Path) -> None:
    content = succeed("models", "get", "digits-cnn", "--output", "digits", "--json").json
    schemas.validate(content, "models-get")
    assert all(Path(file).is_file() for file in content["files"])


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["compile", MODEL, "--target", "no-such-board"], "pack"),
        (["compile", MODEL, "--target", "cortex-m4"], "data"),
        (["compile", MODEL], "usage"),
        (["verify", "nowhere"], "usage"),
        (["frobnicate"], "usage"),
    ],
)
def test_every_failure_is_one_json_document_too(words: list[object], kind: str, here: Path) -> None:
    finished = edgetool(*words, "--json")
    schemas.validate(finished.json, "error")
    error = finished.json["error"]
    assert (error["kind"], error["exit_code"]) == (kind, finished.code)
    assert finished.err.startswith(f"error: {error['message']}\n")


def test_a_bug_of_ours_is_exit_70_and_says_how_to_report_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edgetool.doctor.examine", lambda: 1 / 0)
    finished = edgetool("doctor", "--json")
    assert finished.code == 70
    schemas.validate(finished.json, "error")
    assert "Traceback" not in finished.err
    assert "EDGETOOL_DEBUG=1" in finished.err
    monkeypatch.setenv("EDGETOOL_DEBUG", "1")
    assert "ZeroDivisionError" in edgetool("doctor").err


def test_a_check_that_fails_prints_its_result_once(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "edgetool.verification.verify.judge", lambda *_: "layer dense differs by 3 LSB"
    )
    finished = edgetool("verify", copied, "--json")
    assert finished.code == 5
    schemas.validate(finished.json, "verify")
    assert finished.json["holds"] is False
    assert "reference: layer dense differs by 3 LSB" in finished.err


# --- the documentation ----------------------------------------------------------------------------


def test_the_page_on_json_links_every_schema() -> None:
    page = (ROOT / "docs" / "json.md").read_text("utf-8")
    linked = set(re.findall(r"schemas/([a-z-]+)\.schema\.json", page))
    assert linked == set(schemas.names())


def test_every_schema_is_a_schema_without_properties_that_are_not_named() -> None:
    for name in schemas.names():
        schemas.check(name)
