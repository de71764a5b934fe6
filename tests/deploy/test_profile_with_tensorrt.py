"""Artifacts for Jetsons, proved and profiled in the board's own TensorRT."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from boards.machines import MACHINES
from boards.trees import TRTEXEC, install, write_tree
from command_line import CALIBRATION, MODEL, edgetool, succeed
from edgetool.agent import AgentClient
from edgetool.artifact import Artifact
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


def answers(artifact: Path, factor: float = 1.0) -> dict[str, Any]:
    """What a trtexec that computes the artifact writes for each of its golden inputs."""
    inputs, outputs = Artifact.open(artifact).golden()
    (images,), (found,) = inputs.values(), outputs.values()
    return {
        hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest(): [
            {
                "name": next(iter(outputs)),
                "dimensions": "1x10",
                "values": [float(v) * factor for v in values.reshape(-1)],
            }
        ]
        for image, values in zip(images, found, strict=True)
    }


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

    def become(self, target: str, artifact: Path, factor: float = 1.0, **changes: Any) -> None:
        """Be this target's board, with a trtexec that computes the artifact times factor."""
        self.record.write_text(f'target = "{target}"\nbackend = "local"\n')
        image = {"image": 256}
        write_tree(target, self.tree, answers=answers(artifact, factor), inputs=image, **changes)

    def profile(self, artifact: Path) -> Any:
        options = ("--device", "jetson", "--protocol", self.protocol, "--json")
        return edgetool("profile", artifact, *options)


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
    jetson.become(target, artifact)
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
    jetson.become("jetson-nano", artifact, factor=1.5)
    failed = jetson.profile(artifact)
    assert failed.code == 5
    assert "computes something else than the model" in failed.err
    assert "golden sample 0 is 0.5 away" in failed.err


def test_an_operator_that_the_boards_tensorrt_lacks_is_named(
    jetson: Jetson, compiled: Compiled
) -> None:
    artifact = compiled("jetson-nano", "float16")
    jetson.become("jetson-nano", artifact, fail="unsupported")
    failed = jetson.profile(artifact)
    assert failed.code == 3
    assert "no operator GridSample, node warped" in failed.err


def test_an_int8_artifact_of_an_orin_is_refused_on_a_nano(
    jetson: Jetson, compiled: Compiled
) -> None:
    artifact = compiled("jetson-orin-nano", "int8")
    jetson.become("jetson-orin-nano", artifact)
    nano = json.loads((jetson.tree / f"{TRTEXEC}.json").read_text())
    install(jetson.tree / TRTEXEC, {**nano, "tensorrt": [8, 2, 1], "sm": "5.3", "int8": False})
    for place in ("proc/device-tree", "sys/firmware/devicetree/base"):
        (jetson.tree / place / "compatible").write_text("nvidia,p3450\0nvidia,tegra210\0")
    failed = jetson.profile(artifact)
    assert failed.code == 4
    assert "no int8 on this GPU" in failed.err
