"""--budget: 4-bit weights in the layers where they cost least, until a limit holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
import pytest
from refused_commands import refused

import schemas
from command_line import CALIBRATION, EVALUATION, MODEL, succeed

COMPILE = ("compile", MODEL, "--target", "cortex-m4", "--calibrate", CALIBRATION)
SOURCES = (*COMPILE, "--compiler", "none")


def chosen_of(content: dict[str, Any]) -> dict[str, Any]:
    """The point that was chosen, in the JSON of compile."""
    (chosen,) = [point for point in content["budget"]["pareto"] if point["chosen"]]
    return dict(chosen)


def narrow_layers(model: Path) -> set[str]:
    """Names of the layers whose weights are int4 in an ONNX file."""
    graph = onnx.load(model).graph
    types = {constant.name: constant.data_type for constant in graph.initializer}
    integers = {n.output[0]: n.input[0] for n in graph.node if n.op_type == "DequantizeLinear"}
    weighted = (node for node in graph.node if node.op_type in ("Conv", "Gemm"))
    return {n.name for n in weighted if types[integers[n.input[1]]] == onnx.TensorProto.INT4}


def test_constants_within_a_limit_are_int4_where_the_manifest_says_and_int8_elsewhere(
    here: Path,
) -> None:
    content = succeed(*SOURCES, "--budget", "flash=5K", "--json").json
    schemas.validate(content, "compile")
    schemas.validate(
        json.loads((Path(content["artifact"]) / "manifest.json").read_text()), "manifest"
    )
    chosen, pareto = chosen_of(content), content["budget"]["pareto"]
    assert chosen["constant_bytes"]["value"] <= 5 * 1024 < pareto[0]["constant_bytes"]["value"]
    assert content["constant_bytes"]["value"] == chosen["constant_bytes"]["value"]
    assert narrow_layers(Path(content["artifact"]) / "model.onnx") == set(chosen["int4_layers"])
    assert 0 < len(chosen["int4_layers"]) < 8
    assert "--budget flash counts constants alone: no compiler ran" in content["notes"]
    sizes = [point["constant_bytes"]["value"] for point in pareto]
    assert sizes == sorted(sizes, reverse=True)


def test_linked_flash_is_within_the_limit(here: Path, clang: None) -> None:
    content = succeed(*COMPILE, "--budget", "flash=20500", "--json").json
    chosen, first = chosen_of(content), content["budget"]["pareto"][0]
    assert first["int4_layers"] == []
    assert first["flash_bytes"]["value"] > 20500 >= chosen["flash_bytes"]["value"]
    assert chosen["flash_bytes"]["value"] == content["flash_bytes"]["value"]


def test_every_runtime_computes_the_same_of_mixed_layers(here: Path, emulator: None) -> None:
    content = succeed(*COMPILE, "--budget", "sqnr=30dB", "--output", "mixed", "--json").json
    kernels = (here / "mixed" / "c" / "src" / "model.c").read_text()
    assert 0 < len(chosen_of(content)["int4_layers"]) < 8
    assert "_s4" in kernels and "_s8" in kernels
    found = succeed("verify", "mixed", "--samples", EVALUATION, "--emulated-samples", 3, "--json")
    runtimes = {runtime["name"]: runtime for runtime in found.json["runtimes"]}
    assert runtimes["cortex_m"]["bit_exact"]
    assert runtimes.get("litert", runtimes["reference"])["bit_exact"]


def test_the_least_sqnr_holds_and_is_what_evaluate_finds(here: Path) -> None:
    limits = ("--evaluate", EVALUATION, "--budget", "sqnr=25dB")
    chosen = chosen_of(succeed(*SOURCES, *limits, "--output", "made", "--json").json)
    assert chosen["sqnr_db"]["value"] >= 25
    assert chosen["int4_layers"]
    found = succeed(
        "evaluate", "made", "--samples", EVALUATION, "--reference", MODEL, "--json"
    ).json
    assert found["sqnr_db"]["value"] == pytest.approx(chosen["sqnr_db"]["value"], abs=0.05)


def test_accuracy_within_points_of_float_holds(here: Path) -> None:
    limits = ("--evaluate", EVALUATION, "--budget", "accuracy=2")
    content = succeed(*SOURCES, *limits, "--json").json
    score = succeed("evaluate", MODEL, "--samples", EVALUATION, "--json").json["metric"]["top1"]
    chosen = chosen_of(content)
    assert chosen["accuracy"]["value"] == content["metric"]["top1"]["value"]
    assert chosen["accuracy"]["value"] >= score["value"] - 0.02
    assert chosen["int4_layers"]


def test_ram_within_a_limit_is_that_of_strips_with_int8_throughout(here: Path) -> None:
    whole = succeed(*SOURCES, "--json", "--output", "whole").json["arena_bytes"]["value"]
    limit = 9 * whole // 10
    content = succeed(*SOURCES, "--budget", f"ram={limit}", "--json").json
    schemas.validate(content, "compile")
    chosen = chosen_of(content)
    assert content["arena_bytes"]["value"] == chosen["ram_bytes"]["value"] <= limit < whole
    assert chosen["int4_layers"] == []
    assert any("strips" in note for note in content["notes"])


def test_latency_is_estimated_and_within_the_limit(here: Path, emulator: None) -> None:
    board = ("compile", MODEL, "--target", "nucleo-l4r5zi", "--calibrate", CALIBRATION)
    content = succeed(*board, "--budget", "latency=1s", "--json").json
    schemas.validate(content, "compile")
    latency = chosen_of(content)["latency_s"]
    profiled = succeed("profile", content["artifact"], "--json").json["latency_s"]
    assert latency["kind"] == profiled["kind"] == "estimated"
    assert latency["value"] == pytest.approx(profiled["value"], rel=0.02)
    more = ("--budget", f"latency={1.2e3 * latency['value']:.3f}ms", "--budget", "sqnr=25dB")
    both = chosen_of(succeed(*board, *more, "--json", "--output", "both").json)
    assert both["latency_s"]["value"] <= 1.2 * latency["value"]
    assert both["int4_layers"]
    refused(
        here,
        (*board, "--budget", f"latency={5e5 * latency['value']:.3f}us", "--output", "slow"),
        3,
        "budget latency=.* cannot be met: no network was estimated to be as fast",
        "closest: int8 throughout",
        "(estimated)",
    )


def test_ram_and_latency_are_refused_where_no_c_runs(here: Path) -> None:
    host = ("compile", MODEL, "--target", "host", "--precision", "int8", "--calibrate", CALIBRATION)
    message = "--budget latency is estimated for microcontrollers, not for 'host'"
    refused(here, (*host, "--budget", "latency=1ms"), 2, message, "edgetool profile")
    message = "--budget ram is for generated C, and 'host' runs none"
    refused(here, (*host, "--budget", "ram=1M"), 2, message, "leave out --budget ram")


def test_a_generous_budget_leaves_int8(here: Path) -> None:
    content = succeed(*SOURCES, "--budget", "flash=1M", "--json").json
    assert chosen_of(content)["int4_layers"] == []
    assert any("int8 weights throughout are within it" in note for note in content["notes"])


@pytest.mark.parametrize(
    ("limits", "message", "closest"),
    [
        (("flash=2K",), "budget flash=2048 cannot be met", r"closest: 4-bit weights in 8 layers"),
        (("sqnr=80dB",), "budget sqnr=80dB cannot be met", "closest: "),
        (("flash=5K", "sqnr=60"), "budget flash=5120, sqnr=60dB cannot be met", "closest: "),
        (("ram=500",), "budget ram=500 cannot be met: the arena needs", "closest: int8 throughout"),
        (("ram=500", "flash=5K"), "budget flash=5120, ram=500 cannot be met", "bytes of RAM"),
    ],
)
def test_a_budget_that_cannot_be_met_names_the_closest_network(
    limits: tuple[str, ...], message: str, closest: str, here: Path
) -> None:
    options = [word for limit in limits for word in ("--budget", limit)]
    refused(here, (*SOURCES, *options), 3, message, closest, "dB SQNR")


@pytest.mark.parametrize(
    ("limits", "message", "hint"),
    [
        (("flash=0",), "--budget flash=0 is not known", "flash=200K"),
        (("flash=much",), "--budget flash=much is not known", "flash=200K"),
        (("sqnr=-3",), "--budget sqnr=-3 is not known", "sqnr=25dB"),
        (("energy=1",), "--budget energy=1 is not known", "accuracy=0.5"),
        (("ram=0K",), "--budget ram=0K is not known", "ram=40K"),
        (("latency=20",), "--budget latency=20 is not known", "latency=20ms"),
        (("latency=1ms",), "--budget latency cannot be estimated", "nucleo-l4r5zi"),
        (("flash=1K", "flash=2K"), "--budget flash is given twice", "flash=200K"),
        (("accuracy=1",), "--budget accuracy has nothing to score by", "--evaluate DATA"),
    ],
)
def test_limits_that_cannot_be_used_are_refused(
    limits: tuple[str, ...], message: str, hint: str, here: Path
) -> None:
    options = [word for limit in limits for word in ("--budget", limit)]
    refused(here, (*SOURCES, *options), 2, message, hint)


def test_a_budget_is_refused_where_there_is_no_choice(here: Path, sources_only: Path) -> None:
    budget = ("--budget", "flash=5K")
    message = "--budget chooses between int8 and 4-bit weights, not with float32"
    refused(here, (*SOURCES, "--precision", "float32", *budget), 2, message, "--precision int8")
    linux = ("compile", MODEL, "--target", "raspberry-pi-5", "--calibrate", CALIBRATION)
    message = "--budget gives layers 4-bit weights, and 'raspberry-pi-5' has no w4a8"
    refused(here, (*linux, "--precision", "int8", *budget), 2, message, "leave out --budget")
    quantized = ("compile", sources_only / "model.onnx", *SOURCES[2:])
    message = "--budget chooses the precision of weights, and the model brings its own"
    refused(here, (*quantized, *budget), 3, message, "give the float model")


def test_w4_names_what_the_target_has_of_it(here: Path) -> None:
    message = "target 'cortex-m4' has no w4: it runs"
    refused(here, (*SOURCES, "--precision", "w4"), 2, message, "--precision w4a8")
