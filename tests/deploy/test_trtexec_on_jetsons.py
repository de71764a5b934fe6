"""TensorRT jobs through the agent, over a link, on the trees of the Jetsons."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from boards.machines import MACHINES
from boards.trees import MODEL, TRTEXEC, write_tree
from edgetool.agent import AgentClient, Event
from edgetool.errors import DeviceError, UnsupportedOperatorError
from edgetool.runtimes.board import open_board
from edgetool.runtimes.tensorrt.flags import Timing
from edgetool.runtimes.tensorrt.jobs import Board, Model, describe_job
from edgetool.runtimes.tensorrt.look import find_tensorrt
from edgetool.runtimes.tensorrt.session import run_trtexec
from edgetool.runtimes.tensorrt.versions import TensorRtVersion
from edgetool.transports.transport import Transport

ROOT = ".edgetool"
ONNX = b"a model"
TIMING = Timing(warm_up_ms=20, iterations=3000, duration_s=0)


def job_on(target: str, home: Path, tree: Path) -> dict[str, Any]:
    root = home / ROOT
    root.mkdir(exist_ok=True)
    (root / "m.onnx").write_bytes(ONNX)
    (root / "i.bin").write_bytes(bytes(256))
    jetson = MACHINES[target].jetson
    assert jetson is not None
    board = Board(TensorRtVersion(*jetson.tensorrt), jetson.sm, "MAXN", str(tree / TRTEXEC))
    model = Model("m.onnx", hashlib.sha256(ONNX).hexdigest(), "float16")
    inferences = [{"input": "i.bin"}]
    return describe_job(board, model, timing=TIMING, layers=True, inferences=inferences)


@pytest.mark.parametrize("target", [n for n, machine in MACHINES.items() if machine.jetson])
def test_an_engine_is_built_proved_and_timed_over_a_link(
    target: str, transport: Transport, home: Path, tmp_path: Path
) -> None:
    tree = write_tree(target, tmp_path / "tree")
    job = job_on(target, home, tree)
    seen: list[Event] = []
    with open_board(lambda: transport, ROOT) as board:
        _, first = run_trtexec(board, job, seen.append)
        _, second = run_trtexec(board, job)
        assert board.client.call("runs") == {"runs": []}
    assert (first.built, second.built) == (True, False)
    states = [event.fields["state"] for event in seen if event.kind == "state"]
    assert [s for s in states if s in ("building", "built", "infer", "time")] == [
        "building",
        "built",
        "infer",
        "time",
    ]
    for result in (first, second):
        assert result.layers is not None
        assert [len(trace.latency_s) for trace in result.times] == [TIMING.iterations]
        assert result.outputs[0][0].values == tuple(MODEL["outputs"][0]["values"])


def test_a_build_that_fails_names_the_operator_over_a_link(
    transport: Transport, home: Path, tmp_path: Path
) -> None:
    tree = write_tree("jetson-nano", tmp_path / "tree", fail="unsupported")
    with (
        open_board(lambda: transport, ROOT) as board,
        pytest.raises(UnsupportedOperatorError, match="no operator GridSample, node warped"),
    ):
        run_trtexec(board, job_on("jetson-nano", home, tree))


@pytest.mark.parametrize("target", [n for n, machine in MACHINES.items() if machine.jetson])
def test_a_jetson_says_its_tensorrt_gpu_and_power_mode(
    target: str, transport: Transport, tmp_path: Path
) -> None:
    tree, jetson = write_tree(target, tmp_path / "tree"), MACHINES[target].jetson
    assert jetson is not None
    with AgentClient(transport, system_root=str(tree)) as client:
        found = find_tensorrt(client)
    mode = dict(jetson.modes)[jetson.mode]
    version = TensorRtVersion(*jetson.tensorrt)
    assert found == Board(version, jetson.sm, mode, str(tree / TRTEXEC))


@pytest.mark.parametrize("target", ["raspberry-pi-5", "raspberry-pi-3"])
def test_a_board_without_tensorrt_says_what_to_install(
    target: str, transport: Transport, tmp_path: Path
) -> None:
    tree = write_tree(target, tmp_path / "tree")
    with (
        AgentClient(transport, system_root=str(tree)) as client,
        pytest.raises(DeviceError, match="has no trtexec"),
    ):
        find_tensorrt(client)
