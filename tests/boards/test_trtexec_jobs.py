"""Jobs of kind "trtexec": what the device does with them, and what comes back."""

from __future__ import annotations

import ast
import hashlib
import importlib
import os
import random
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from boards.machines import MACHINES
from boards.trees import MODEL, TRTEXEC, install_trtexec, write_tree
from edgetool.errors import DeviceError, DoesNotFitError, ProtocolError
from edgetool.runtimes.tensorrt.flags import Timing
from edgetool.runtimes.tensorrt.jobs import (
    Board,
    Model,
    describe_job,
    explain_refusal,
    read_result,
)
from edgetool.runtimes.tensorrt.versions import TensorRtVersion, parse_version

AGENT = Path(__file__).parents[2] / "targets/linux/agent"
ONNX = b"a model"
TIMING = Timing(warm_up_ms=20, iterations=50, duration_s=0)
JETSONS = [name for name, machine in MACHINES.items() if machine.jetson]


@pytest.fixture
def device_side(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The agent's module for this kind of job."""
    monkeypatch.syspath_prepend(str(AGENT))
    yield importlib.import_module("trtexec")
    for name in ("trtexec", "refusal"):
        sys.modules.pop(name, None)


class Device:
    """A board's root folder and the journal of its runs, without a link."""

    def __init__(self, module: ModuleType, folder: Path, target: str, **changes: Any) -> None:
        self.module = module
        self.root = folder / "home"
        self.tree = write_tree(target, folder / "tree", **changes)
        self.jetson = MACHINES[target].jetson
        (self.root / "store").mkdir(parents=True)
        (self.root / "store/m.onnx").write_bytes(ONNX)
        (self.root / "store/i.bin").write_bytes(bytes(256))
        self.journal: list[dict[str, Any]] = []
        self.runs = 0

    def board(self) -> Board:
        assert self.jetson
        version = TensorRtVersion(*self.jetson.tensorrt)
        return Board(version, self.jetson.sm, "MAXN", str(self.tree / TRTEXEC))

    def job(self, precision: str = "float16", **more: Any) -> dict[str, Any]:
        model = Model("store/m.onnx", hashlib.sha256(ONNX).hexdigest(), precision)
        wanted: dict[str, Any] = {"timing": TIMING, "layers": True}
        wanted["inferences"] = [{"input": "store/i.bin"}]
        return describe_job(self.board(), model, **{**wanted, **more})

    def run(self, job: dict[str, Any]) -> Any:
        self.runs += 1
        folder = self.root / f"runs/{self.runs}"
        folder.mkdir(parents=True)
        self.journal = []
        return self.module.run(job, str(folder), str(self.root), self.write)

    def write(self, kind: str, **fields: Any) -> None:
        self.journal.append({"kind": kind, **fields})

    def states(self) -> list[str]:
        return [event["state"] for event in self.journal if event["kind"] == "state"]

    def engines(self) -> list[str]:
        return sorted(path.name for path in (self.root / "engines").iterdir())


@pytest.mark.parametrize("target", JETSONS)
def test_a_job_on_each_jetson_builds_proves_and_times_its_engine(
    target: str, device_side: ModuleType, tmp_path: Path
) -> None:
    device = Device(device_side, tmp_path, target)
    job = device.job()
    assert device.run(job) == {"built": True, "engine": job["engine"]}
    assert device.states() == ["building", "built", "infer", "time"]
    result = read_result(job, device.journal)
    assert result.built and result.build_s is not None
    assert [len(trace.latency_s) for trace in result.times] == [TIMING.iterations]
    assert result.layers is not None and len(result.layers.layers) == len(MODEL["layers"])
    assert result.outputs[0][0].values == tuple(MODEL["outputs"][0]["values"])


@pytest.mark.parametrize("target", JETSONS)
def test_int8_goes_to_every_jetson_but_the_nano(target: str, tmp_path: Path) -> None:
    jetson = MACHINES[target].jetson
    assert jetson is not None
    board = Board(TensorRtVersion(*jetson.tensorrt), jetson.sm)
    model = Model("m.onnx", "0" * 64, "int8")
    if target == "jetson-nano":
        with pytest.raises(DeviceError, match="no int8"):
            describe_job(board, model)
    else:
        assert describe_job(board, model)["kind"] == "trtexec"


def test_an_engine_is_built_once(device_side: ModuleType, tmp_path: Path) -> None:
    device = Device(device_side, tmp_path, "jetson-orin-nano")
    device.run(device.job())
    assert device.run(device.job())["built"] is False
    assert device.states() == ["cached", "infer", "time"]
    assert not read_result(device.job(), device.journal).built


def test_model_version_gpu_flags_and_power_mode_each_make_another_engine() -> None:
    def engine(**change: str) -> str:
        facts = {"sha256": "a" * 64, "version": "8.5.2", "sm": "7.2", "precision": "float16"}
        facts |= {"mode": "15W", **change}
        board = Board(parse_version(facts["version"]), facts["sm"], facts["mode"])
        model = Model("m.onnx", facts["sha256"], facts["precision"])
        return str(describe_job(board, model)["engine"])

    changes = [
        {"sha256": "b" * 64},
        {"version": "8.5.3"},
        {"sm": "8.7"},
        {"precision": "float32"},
        {"mode": "10W"},
    ]
    names = {engine(), *(engine(**change) for change in changes)}
    assert len(names) == 1 + len(changes)
    assert engine() == engine()


def test_engines_of_another_tensorrt_and_those_long_unused_are_collected(
    device_side: ModuleType, tmp_path: Path
) -> None:
    device = Device(device_side, tmp_path, "jetson-nano")
    job = {**device.job(), "engines_kept": 2}
    folder = device.root / "engines"
    folder.mkdir()
    (folder / "trt8.0.1-sm5.3-0123.plan").write_text("stale")
    (folder / "trt8.0.1-sm5.3-0123.timing").write_text("stale")
    for age in range(4):
        used = folder / f"{job['engine_prefix']}{age}.plan"
        used.write_text("other models'")
        os.utime(used, (1e9 - age, 1e9 - age))
    device.run(job)
    prefix = job["engine_prefix"]
    kept = {f"{prefix}0.plan", f"{prefix}1.plan", Path(job["engine"]).name}
    assert {name for name in device.engines() if name.endswith(".plan")} == kept
    assert not [name for name in device.engines() if "8.0.1" in name]


def test_the_timing_cache_grows_from_build_to_build(
    device_side: ModuleType, tmp_path: Path
) -> None:
    device = Device(device_side, tmp_path, "jetson-xavier-nx")
    job = device.job()
    cache = device.root / job["timing_cache"]
    cache.parent.mkdir()
    cache.write_text("known")
    device.run(job)
    assert set(cache.read_text().split()) == {"known", hashlib.sha256(ONNX).hexdigest()}


@pytest.mark.parametrize(
    ("fail", "message"),
    [
        ("unsupported", "no operator GridSample"),
        ("memory", "out of memory"),
        ("kernel", "no kernel for layer conv1"),
    ],
)
def test_a_build_that_fails_is_explained_and_leaves_nothing(
    fail: str, message: str, device_side: ModuleType, tmp_path: Path
) -> None:
    device = Device(device_side, tmp_path, "jetson-nano", fail=fail)
    with pytest.raises(device_side.Refused) as refused:
        device.run(device.job())
    error = explain_refusal(refused.value.kind, refused.value.message, device.journal)
    assert error is not None and message in error.message
    assert device.engines() == []
    assert [path.name for path in (device.root / "runs/1").iterdir()] == ["trtexec.log"]


def test_a_trtexec_that_is_killed_says_by_what(device_side: ModuleType, tmp_path: Path) -> None:
    device = Device(device_side, tmp_path, "jetson-nano", fail="killed")
    with pytest.raises(device_side.Refused, match=r"signal 9 \(SIGKILL\)"):
        device.run(device.job())


def test_a_build_that_does_not_end_is_ended(device_side: ModuleType, tmp_path: Path) -> None:
    device = Device(device_side, tmp_path, "jetson-nano", build_s=600)
    with pytest.raises(device_side.Refused, match="did not end within"):
        device.run({**device.job(), "build_timeout_s": 0.5})
    assert device.engines() == []


def test_a_board_without_trtexec_is_told_what_to_install(
    device_side: ModuleType, tmp_path: Path
) -> None:
    device = Device(device_side, tmp_path, "jetson-nano")
    (device.tree / TRTEXEC).unlink()
    with pytest.raises(device_side.Refused) as refused:
        device.run(device.job())
    error = explain_refusal(refused.value.kind, refused.value.message, device.journal)
    assert error is not None and "apt install libnvinfer-bin" in error.hints[0]


def test_progress_is_said_while_an_engine_is_built(
    device_side: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_side, "PROGRESS_S", 0.05)
    device = Device(device_side, tmp_path, "jetson-nano", build_s=0.5)
    device.run(device.job())
    assert [event for event in device.journal if event["kind"] == "progress"]


def test_two_hosts_at_once_build_an_engine_once(device_side: ModuleType, tmp_path: Path) -> None:
    device = Device(device_side, tmp_path, "jetson-orin-nano", build_s=0.3)
    job = device.job()
    answers: list[Any] = []

    def one_host(number: int) -> None:
        folder = device.root / f"runs/host{number}"
        folder.mkdir(parents=True)
        answers.append(device_side.run(job, str(folder), str(device.root), device.write))

    hosts = [threading.Thread(target=one_host, args=(number,)) for number in range(3)]
    for host in hosts:
        host.start()
    for host in hosts:
        host.join()
    assert sorted(answer["built"] for answer in answers) == [False, False, True]


def test_an_engine_that_another_tensorrt_built_is_said_to_be_one(
    device_side: ModuleType, tmp_path: Path
) -> None:
    device = Device(device_side, tmp_path, "jetson-xavier-nx")
    job = device.job()
    device.run(job)
    install_trtexec(device.tree / TRTEXEC, (8, 5, 3), "7.2", True)
    with pytest.raises(device_side.Refused) as refused:
        device.run(job)
    error = explain_refusal(refused.value.kind, refused.value.message, device.journal)
    assert error is not None and "another TensorRT's" in error.message


def test_a_journal_with_a_part_missing_doubled_or_altered_is_refused(
    device_side: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_side, "PART_LETTERS", 400)
    device = Device(device_side, tmp_path, "jetson-nano")
    job = device.job()
    device.run(job)
    read_result(job, device.journal)
    parts = [i for i, event in enumerate(device.journal) if event["kind"] == "file"]
    assert len(parts) > 4
    for place in parts:
        event = device.journal[place]
        before, after = device.journal[:place], device.journal[place + 1 :]
        altered = {**event, "zlib": event["zlib"][::-1]}
        for journal in ([*before, *after], [*before, event, event, *after], [*before, altered]):
            with pytest.raises(ProtocolError):
                read_result(job, journal)


@pytest.mark.parametrize("value", [None, "1", True, -1, 1e300, float("nan"), []])
def test_a_build_time_that_is_none_is_refused(value: Any) -> None:
    job: dict[str, Any] = {"warm_up_ms": 0, "steps": []}
    with pytest.raises(ProtocolError, match="for a duration"):
        read_result(job, [{"kind": "state", "state": "built", "seconds": value}])


def test_mutated_journals_are_read_or_a_protocol_error(
    device_side: ModuleType, tmp_path: Path
) -> None:
    device = Device(device_side, tmp_path, "jetson-nano")
    job = device.job()
    device.run(job)
    dice = random.Random(5)
    for _ in range(200):
        journal = [dict(event) for event in device.journal]
        event = dice.choice(journal)
        event[dice.choice(list(event))] = dice.choice([None, "x", 7, -1, [], {}, "times.json"])
        try:
            read_result(job, journal)
        except ProtocolError:
            continue


def test_each_run_of_several_and_each_inference_comes_back(
    device_side: ModuleType, tmp_path: Path
) -> None:
    device = Device(device_side, tmp_path, "jetson-orin-nano")
    job = device.job("int8", repeats=3, inferences=[{"input": "store/i.bin"}] * 2)
    device.run(job)
    assert device.states() == ["building", "built", *["infer"] * 2, *["time"] * 3]
    result = read_result(job, device.journal)
    assert (len(result.times), len(result.outputs)) == (3, 2)
    assert result.layers is not None


@pytest.mark.parametrize("facts", [("8.7; rm", "0" * 64), ("8.7", "../../x")])
def test_a_board_that_lies_names_no_path(facts: tuple[str, str]) -> None:
    board = Board(parse_version("10.3.0"), facts[0])
    with pytest.raises((ProtocolError, DeviceError)):
        describe_job(board, Model("m.onnx", facts[1], "float16"))


def test_scripted_commands_and_the_devices_side_are_python_3_6() -> None:
    scripts = sorted((Path(__file__).parent / "scripted").glob("*.py"))
    for path in [*scripts, AGENT / "trtexec.py"]:
        ast.parse(path.read_text(), feature_version=(3, 6))


def test_a_memory_error_keeps_its_exit_code() -> None:
    error = explain_refusal("trtexec-failed", "", [{"kind": "log", "log": "CUDA out of memory"}])
    assert isinstance(error, DoesNotFitError)
    assert explain_refusal("busy", "another run", []) is None
