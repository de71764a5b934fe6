"""Artifacts for Jetsons, proved and profiled in the board's own TensorRT."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boards.machines import MACHINES
from boards.trees import TRTEXEC, install, write_tree
from command_line import CALIBRATION, MODEL, edgetool, succeed
from edgetool.agent import AgentClient
from edgetool.runtimes.board import board as board_module
from schemas import validate

PROTOCOL = """\
description = "Short, for tests"
quantities = ["latency"]
[warm_up]
runs_min = 3
duration_min_s = 0.02
[repeats]
windows = 4
inferences_min = 20
[statistics]
center = "median"
"""


class Jetson:
    """A Jetson whose files are a tree, enrolled as "jetson" without a link."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tree = folder / "tree"
        for name in ("devices", "home"):
            (folder / name).mkdir()
        self.record = folder / "devices/jetson.toml"
        self.protocol = folder / "short.toml"
        self.protocol.write_text(PROTOCOL)
        monkeypatch.setenv("EDGETOOL_DEVICES", str(folder / "devices"))
        monkeypatch.setenv("HOME", str(folder / "home"))
        client = functools.partial(AgentClient, system_root=str(self.tree))
        monkeypatch.setattr(board_module, "AgentClient", client)

    def become(self, target: str, factor: float = 1.0, **changes: Any) -> None:
        """Be this target's board, with a trtexec that computes its model, times factor."""
        self.record.write_text(f'target = "{target}"\nbackend = "local"\n')
        image = {"image": 256}
        computes = {"python": sys.executable, "factor": factor}
        write_tree(target, self.tree, computes=computes, inputs=image, **changes)

    def have(self, version: tuple[int, int, int] | None) -> None:
        """Another TensorRT than the board's usual one."""
        settings = self.tree / f"{TRTEXEC}.json"
        known = json.loads(settings.read_text())
        settings.write_text(json.dumps({**known, "tensorrt": version or known["tensorrt"]}))

    def profile(self, artifact: Path, *more: str) -> Any:
        options = ("--device", "jetson", "--protocol", self.protocol, "--json")
        return edgetool("profile", artifact, *options, *more)

    def verify(self, artifact: Path, *more: str) -> Any:
        return edgetool("verify", artifact, "--device", "jetson", *more)


@pytest.fixture
def jetson(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Jetson:
    return Jetson(tmp_path, monkeypatch)


Compiled = Callable[[str, str], Path]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """compiled(target, precision) is the digits as an artifact for a target, made once."""
    folder = tmp_path_factory.mktemp("artifacts")

    def artifact(target: str, precision: str) -> Path:
        output: Path = folder / f"{target}-{precision}"
        options = ("--calibrate", CALIBRATION) if precision == "int8" else ()
        wanted = ("--target", target, "--precision", precision, *options)
        if not output.exists():
            succeed("compile", MODEL, *wanted, "--output", output)
        return output

    return artifact


@pytest.mark.parametrize(
    ("target", "precision"),
    [
        ("jetson-nano", "float16"),
        ("jetson-xavier-nx", "int8"),
        ("jetson-orin-nano", "int8"),
    ],
)
def test_an_artifact_is_built_proved_and_timed_by_the_boards_tensorrt(
    target: str, precision: str, jetson: Jetson, compiled: Compiled
) -> None:
    artifact = compiled(target, precision)
    jetson.become(target)
    shown = jetson.profile(artifact).json
    validate(shown, "profile")
    assert shown["latency_s"]["value"] == pytest.approx(1.26e-3, rel=0.01)
    assert shown["latency_s"]["kind"] == "measured"
    assert [
        len(shown["details"]["windows"]["tensorrt"]),
        shown["details"]["tensorrt"]["built"],
    ] == [
        4,
        True,
    ]
    machine = MACHINES[target].jetson
    assert machine is not None
    assert shown["details"]["tensorrt"]["version"] == ".".join(map(str, machine.tensorrt))
    assert [layer["operator"] for layer in shown["layers"]] == ["reformat", "fused", "fused"]
    assert sum(layer["latency_s_share"]["value"] for layer in shown["layers"]) == pytest.approx(1)
    again = jetson.profile(artifact).json
    assert again["details"]["tensorrt"]["built"] is False


def test_a_tensorrt_that_computes_something_else_fails_the_check(
    jetson: Jetson, compiled: Compiled
) -> None:
    artifact = compiled("jetson-nano", "float16")
    jetson.become("jetson-nano", factor=1.5)
    failed = jetson.profile(artifact)
    assert failed.code == 5
    assert "computes something else than the model" in failed.err
    assert "golden sample 0 is 0.5 away" in failed.err


def test_an_operator_that_the_boards_tensorrt_lacks_is_named(
    jetson: Jetson, compiled: Compiled
) -> None:
    artifact = compiled("jetson-nano", "float16")
    jetson.become("jetson-nano", fail="unsupported")
    failed = jetson.profile(artifact)
    assert failed.code == 3
    assert "no operator GridSample, node warped" in failed.err


def test_an_int8_artifact_of_an_orin_is_refused_on_a_nano(
    jetson: Jetson, compiled: Compiled
) -> None:
    artifact = compiled("jetson-orin-nano", "int8")
    jetson.become("jetson-orin-nano")
    nano = json.loads((jetson.tree / f"{TRTEXEC}.json").read_text())
    install(jetson.tree / TRTEXEC, {**nano, "tensorrt": [8, 2, 1], "sm": "5.3", "int8": False})
    for place in ("proc/device-tree", "sys/firmware/devicetree/base"):
        (jetson.tree / place / "compatible").write_text("nvidia,p3450\0nvidia,tegra210\0")
    failed = jetson.profile(artifact)
    assert failed.code == 4
    assert "no int8 on this GPU" in failed.err


GENERATIONS = [
    ("jetson-nano", "float16", None),
    ("jetson-xavier-nx", "int8", None),
    ("jetson-orin-nano", "int8", None),
    ("jetson-orin-nano", "float16", (11, 1, 0)),
]


@pytest.mark.parametrize(("target", "precision", "version"), GENERATIONS)
def test_a_boards_tensorrt_is_verified_against_the_reference(
    target: str,
    precision: str,
    version: tuple[int, int, int] | None,
    jetson: Jetson,
    compiled: Compiled,
) -> None:
    artifact = compiled(target, precision)
    jetson.become(target)
    jetson.have(version)
    shown = jetson.verify(artifact, "--json").json
    validate(shown, "verify")
    reference, found = shown["runtimes"]
    assert (reference["name"], found["name"], shown["holds"]) == ("reference", "tensorrt", True)
    assert found["samples"] == min(16, reference["samples"])
    assert found["decisions_equal"]["value"] == 1
    assert found["per_operator_max_lsb"] == {}


@pytest.mark.parametrize(("target", "precision", "version"), GENERATIONS)
def test_a_tensorrt_that_computes_something_else_does_not_verify(
    target: str,
    precision: str,
    version: tuple[int, int, int] | None,
    jetson: Jetson,
    compiled: Compiled,
) -> None:
    jetson.become(target, factor=0.5)
    jetson.have(version)
    failed = jetson.verify(compiled(target, precision))
    assert failed.code == 5
    assert "tensorrt: the outputs as timed are 0.5" in failed.err


@pytest.mark.parametrize("factor", [float("nan"), float("inf")])
def test_outputs_that_are_no_numbers_do_not_verify(
    factor: float, jetson: Jetson, compiled: Compiled
) -> None:
    jetson.become("jetson-nano", factor=factor)
    failed = jetson.verify(compiled("jetson-nano", "float16"), "--runtime", "tensorrt")
    assert failed.code == 5
    assert "no finite numbers" in failed.err


@pytest.mark.parametrize(
    "options", [("--threads", "1,2"), ("--affinity", "0"), ("--detach",)], ids=lambda o: o[0]
)
def test_what_tensorrt_has_no_part_in_is_refused(
    options: tuple[str, ...], jetson: Jetson, compiled: Compiled
) -> None:
    jetson.become("jetson-nano")
    failed = jetson.profile(compiled("jetson-nano", "float16"), *options)
    assert failed.code == 2
    assert f"{options[0]} cannot be had with TensorRT" in failed.err
