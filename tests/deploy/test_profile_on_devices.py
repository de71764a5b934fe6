"""Prove and profile on a Linux device, through the command line: the real agent and runtimes."""

from __future__ import annotations

import json
import os
import sys
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import needs
from command_line import CALIBRATION, MODEL, edgetool, succeed
from compiled import ZIG_CACHE
from edgetool.devices import Device, save_device
from edgetool.runtimes.board import open_board
from edgetool.runtimes.board.wheelhouse import installable
from edgetool.transports.local import LocalTransport
from schemas import validate
from ssh_server import SshServer

PROTOCOL = """\
description = "Short, for tests"
quantities = ["latency"]

[warm_up]
runs_min = 3
duration_min_s = 0.05
duration_max_s = 1.0
latency_slope_max = 0.5

[repeats]
windows = 6
inferences_min = 10
duration_min_s = 0.02
order = "abba"

[statistics]
center = "median"
"""
WRONG_RUNTIME = """\
import os, sys
sys.path.remove(os.path.dirname(os.path.abspath(__file__)))
del sys.modules["onnxruntime"]
import onnxruntime

class InferenceSession(onnxruntime.InferenceSession):
    def run(self, outputs, feed, options=None):
        return [array * 1.5 for array in super().run(outputs, feed, options)]

onnxruntime.InferenceSession = InferenceSession
"""


@pytest.fixture
def device_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder of the device "here": this machine without a link, and this Python."""
    needs.require_module("ai_edge_litert", "pip install 'edgetool[litert]'")
    home, records = tmp_path / "home", tmp_path / "devices"
    for folder in (home, records):
        folder.mkdir()
    (records / "here.toml").write_text('target = "raspberry-pi-5"\nbackend = "local"\n')
    monkeypatch.setenv("EDGETOOL_DEVICES", str(records))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", ZIG_CACHE)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    return home


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifact") / "digits"
    succeed("compile", MODEL, "--target", "raspberry-pi-5", "--output", folder)
    return folder


@pytest.fixture(scope="module")
def int8_artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifact") / "digits-int8"
    options = ("--precision", "int8", "--calibrate", CALIBRATION)
    succeed("compile", MODEL, "--target", "raspberry-pi-5", *options, "--output", folder)
    return folder


@pytest.fixture
def protocol(tmp_path: Path) -> Path:
    path = tmp_path / "short.toml"
    path.write_text(PROTOCOL)
    return path


@pytest.fixture
def wrong_onnxruntime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """On the device, an ONNX Runtime whose results are half as large again."""
    folder = tmp_path / "wrong"
    folder.mkdir()
    (folder / "onnxruntime.py").write_text(WRONG_RUNTIME)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    yield


@pytest.fixture
def bare_python(device_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the device, a Python without packages; on this machine, no wheels."""
    venv.create(tmp_path / "bare", symlinks=True, with_pip=False)
    (tmp_path / "wheels").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path}/bare/bin:/usr/bin:/bin")
    monkeypatch.setenv("EDGETOOL_WHEELS", str(tmp_path / "wheels"))
    monkeypatch.delenv("PYTHONPATH", raising=False)


@pytest.fixture
def behind_ssh(device_home: Path, ssh_server: SshServer) -> Path:
    """The home folder of the device "pi": an sshd on loopback, with this Python."""
    python3 = ssh_server.commands / "python3"
    python3.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python3.chmod(0o755)
    save_device(
        Device(
            "pi",
            "raspberry-pi-5",
            host=ssh_server.host,
            user=ssh_server.user,
            port=ssh_server.port,
            host_keys=(ssh_server.host_key,),
            identity=str(ssh_server.identity),
        )
    )
    return ssh_server.home


def left_behind(home: Path) -> list[Path]:
    root = home / ".edgetool"
    return [path for part in ("files", "runs") for path in (root / part).glob("*")]


def test_profile_measures_every_runtime_in_one_run_and_leaves_nothing_behind(
    artifact: Path, device_home: Path, protocol: Path
) -> None:
    shown = succeed("profile", artifact, "--device", "here", "--protocol", protocol, "--json").json
    validate(shown, "profile")
    assert set(shown["runtimes"]) == {"onnxruntime, 1 thread", "litert, 1 thread"}
    assert shown["latency_s"]["kind"] == "measured"
    fastest = min(each["latency_s"]["value"] for each in shown["runtimes"].values())
    assert shown["latency_s"]["value"] == fastest
    assert shown["verdict"]["kind"] in ("valid", "degraded")
    low, high = (shown["intervals"]["latency_s"][key] for key in ("low", "high"))
    assert low <= shown["latency_s"]["value"] <= high
    for name, windows in shown["details"]["windows"].items():
        assert len(windows) == 6, name
        assert min(windows) >= 10
    assert shown["peak_rss_bytes"]["value"] >= shown["rss_bytes"]["value"] > 0
    assert "host_latency_s" not in shown
    assert left_behind(device_home) == []
    assert json.loads((artifact / "profile.json").read_text()) == shown
    compared = succeed("compare", artifact, "--json").json["artifacts"][0]
    assert compared["latency_s"] == shown["latency_s"]


def test_samples_are_kept_and_their_median_is_the_figure(
    artifact: Path, device_home: Path, protocol: Path
) -> None:
    options = ("--protocol", protocol, "--runtime", "onnxruntime", "--threads", "1,2")
    options += ("--lock-clocks",)
    shown = succeed("profile", artifact, "--device", "here", *options, "--json").json
    assert set(shown["runtimes"]) == {"onnxruntime, 1 thread", "onnxruntime, 2 threads"}
    clocks = shown["details"]["clocks"]
    assert clocks["locked"] or any(clocks["why"] in note for note in shown["notes"])
    counts = shown["details"]["windows"][shown["details"]["fastest"]]
    samples = shown["samples"]["latency_s"]["values"]
    assert len(samples) == sum(counts)
    medians = []
    for count in counts:
        window, samples = sorted(samples[:count]), samples[count:]
        medians.append((window[(count - 1) // 2] + window[count // 2]) / 2)
    medians.sort()
    assert shown["latency_s"]["value"] == pytest.approx((medians[2] + medians[3]) / 2)
    assert {layer["operator"] for layer in shown["layers"]} >= {"Conv", "Softmax"}
    assert sum(layer["latency_s_share"]["value"] for layer in shown["layers"]) == pytest.approx(1)


def test_a_run_that_was_detached_is_taken_up_with_all_its_samples(
    artifact: Path, device_home: Path, protocol: Path
) -> None:
    options = ("--device", "here", "--protocol", protocol, "--json")
    started = succeed("profile", artifact, *options, "--detach").json
    assert not (artifact / "profile.json").exists() or started["details"]["detached"]
    shown = succeed("profile", artifact, *options, "--run", started["details"]["run"]).json
    assert shown["details"]["run"] == started["details"]["run"]
    assert all(len(windows) == 6 for windows in shown["details"]["windows"].values())


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_verify_proves_each_runtime_of_the_device_layer_by_layer(
    precision: str, request: pytest.FixtureRequest, device_home: Path
) -> None:
    folder = request.getfixturevalue("artifact" if precision == "float32" else "int8_artifact")
    shown = edgetool("verify", folder, "--device", "here", "--json")
    validate(shown.json, "verify")
    found = {runtime["name"]: runtime for runtime in shown.json["runtimes"]}
    assert set(found) == {
        "reference",
        "onnxruntime",
        "onnxruntime, as timed",
        "litert",
        "litert, as timed",
    }
    exact = [found[name] for name in ("onnxruntime", "litert")]
    assert not any("problem" in runtime for runtime in exact)
    key = "per_operator_max_lsb" if precision == "int8" else "per_operator_max_relative_error"
    assert all(len(runtime[key]) >= 5 for runtime in exact)
    assert left_behind(device_home) == []


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_generated_c_computes_the_same_as_a_program_of_its_own(
    precision: str, request: pytest.FixtureRequest, device_home: Path
) -> None:
    needs.require_module("ziglang", "pip install 'edgetool[mcu]'")
    folder = request.getfixturevalue("artifact" if precision == "float32" else "int8_artifact")
    shown = succeed("verify", folder, "--device", "here", "--runtime", "c", "--json").json
    validate(shown, "verify")
    found = {runtime["name"]: runtime for runtime in shown["runtimes"]}
    assert set(found) == {"reference", "c"}
    assert found["c"]["bit_exact"] or precision == "float32"
    key = "per_operator_max_lsb" if precision == "int8" else "per_operator_max_relative_error"
    assert len(found["c"][key]) >= 5
    assert left_behind(device_home) == []


def test_generated_c_is_timed_in_one_thread_on_the_cpus_that_were_named(
    int8_artifact: Path, device_home: Path, protocol: Path
) -> None:
    needs.require_module("ziglang", "pip install 'edgetool[mcu]'")
    cpu = min(os.sched_getaffinity(0))
    options = ("--protocol", protocol, "--runtime", "c", "--threads", "1,2", "--affinity", cpu)
    shown = succeed("profile", int8_artifact, "--device", "here", *options, "--json").json
    validate(shown, "profile")
    assert set(shown["runtimes"]) == {"c, 1 thread"}
    assert len(shown["details"]["windows"]["c, 1 thread"]) == 6
    assert "load_s" not in shown  # nothing is loaded: its weights are in the program
    assert shown["peak_rss_bytes"]["value"] >= shown["rss_bytes"]["value"] > 0
    assert left_behind(device_home) == []


def test_generated_c_is_what_a_device_without_runtimes_is_measured_with(
    artifact: Path, device_home: Path, protocol: Path, bare_python: None
) -> None:
    needs.require_module("ziglang", "pip install 'edgetool[mcu]'")
    shown = succeed("profile", artifact, "--device", "here", "--protocol", protocol, "--json").json
    assert set(shown["runtimes"]) == {"c, 1 thread"}
    assert any("not measured: onnxruntime: no wheels" in note for note in shown["notes"])


def test_verify_names_the_layer_where_the_device_computes_something_else(
    artifact: Path, device_home: Path, wrong_onnxruntime: None
) -> None:
    finished = edgetool("verify", artifact, "--device", "here")
    assert finished.code == 5
    assert "onnxruntime: layer conv_stem" in finished.err
    assert "litert: " not in finished.err


def test_profile_drops_a_runtime_that_is_wrong_and_fails_when_none_is_right(
    artifact: Path, device_home: Path, protocol: Path, wrong_onnxruntime: None
) -> None:
    options = ("--device", "here", "--protocol", protocol)
    shown = succeed("profile", artifact, *options, "--json").json
    assert set(shown["runtimes"]) == {"litert, 1 thread"}
    assert any("not measured: onnxruntime: the outputs" in note for note in shown["notes"])
    refused = edgetool("profile", artifact, *options, "--runtime", "onnxruntime")
    assert refused.code == 5
    assert "computes something else" in refused.err


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--threads", "0"), 2, "--threads 0 is not a list"),
        (("--threads", "1,x"), 2, "--threads 1,x"),
        (("--runtime", "caffe"), 2, "nothing that caffe runs"),
        (("--runtime", "c", "--affinity", "4095"), 4, "does not start"),
        (("--repeats", "3"), 2, "--protocol FILE"),
        (("--run", "nothing-of-the-kind"), 4, "no run"),
    ],
)
def test_what_cannot_be_measured_is_said(
    artifact: Path, device_home: Path, options: tuple[str, ...], code: int, words: str
) -> None:
    finished = edgetool("profile", artifact, "--device", "here", *options)
    assert finished.code == code, finished.err
    assert words in finished.err


def test_a_runtime_is_named_only_of_an_enrolled_device(artifact: Path) -> None:
    finished = edgetool("verify", artifact, "--runtime", "c")
    assert finished.code == 2
    assert "enrolled device" in finished.err


def test_a_serial_port_is_refused_for_an_artifact_that_is_no_firmware(artifact: Path) -> None:
    finished = edgetool("profile", artifact, "--device", "/dev/ttyACM0")
    assert finished.code == 2
    assert "enrolled device" in finished.err


def test_precisions_are_compared_in_one_run_and_the_question_is_answered(
    device_home: Path, protocol: Path
) -> None:
    options = ("--device", "here", "--protocol", protocol, "--runtime", "litert")
    shown = succeed(
        "profile", MODEL, "--compare-precisions", "--calibrate", CALIBRATION, *options, "--json"
    ).json
    validate(shown, "profile-precisions")
    assert set(shown["precisions"]) == {"float32", "float16", "int8"}
    assert set(shown["ratios"]) == {"float16", "int8"}
    ratio = shown["ratios"]["int8"]
    assert ratio["interval"]["low"] <= ratio["value"] <= ratio["interval"]["high"]
    assert "int8 is" in shown["answer"]
    assert left_behind(device_home) == []


def test_a_precision_without_data_is_left_out_with_the_reason(
    device_home: Path, protocol: Path
) -> None:
    options = ("--device", "here", "--protocol", protocol, "--runtime", "litert", "--json")
    shown = succeed("profile", MODEL, "--compare-precisions", *options).json
    assert set(shown["precisions"]) == {"float32", "float16"}
    assert "calibration data" in shown["left_out"]["int8"]


def test_precisions_are_compared_only_on_an_enrolled_device_and_of_a_model_file(
    artifact: Path, device_home: Path
) -> None:
    finished = edgetool("profile", MODEL, "--compare-precisions")
    assert finished.code == 2
    assert "enrolled device" in finished.err
    finished = edgetool("profile", artifact, "--compare-precisions", "--device", "here")
    assert finished.code == 2
    assert "compiles a model file" in finished.err


def test_a_device_behind_ssh_is_deployed_to_proved_and_measured(
    behind_ssh: Path, protocol: Path, tmp_path: Path
) -> None:
    artifact = tmp_path / "digits"  # for this machine: deploying checks the architecture
    succeed("compile", MODEL, "--target", "host", "--output", artifact)
    succeed("deploy", artifact, "--device", "pi")
    assert succeed("verify", artifact, "--device", "pi", "--json").json["holds"]
    shown = succeed("profile", artifact, "--device", "pi", "--protocol", protocol, "--json").json
    validate(shown, "profile")
    assert set(shown["runtimes"]) == {"onnxruntime, 1 thread", "litert, 1 thread"}
    assert all(len(windows) == 6 for windows in shown["details"]["windows"].values())
    assert left_behind(behind_ssh) == []


def test_packages_that_were_pushed_lie_below_the_root_and_their_archive_is_gone(
    device_home: Path, tmp_path: Path
) -> None:
    wheel = tmp_path / "onnxruntime-1.2-cp311-cp311-manylinux_2_28_aarch64.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("onnxruntime/__init__.py", "version = 1\n")
        archive.writestr("onnxruntime/transformers/big.py", "never read\n")
    with open_board(LocalTransport, ".edgetool") as board:
        folder = installable(board, "onnxruntime", [wheel])
        assert installable(board, "onnxruntime", [wheel]) == folder
    there = device_home / ".edgetool" / folder
    assert folder.startswith("python/onnxruntime-1.2-")
    assert [path.name for path in there.rglob("*.py")] == ["__init__.py"]
    assert left_behind(device_home) == []
