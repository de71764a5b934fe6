"""Does a profile through SSH say what timing in a process of one's own says?

python benchmarks/latency_agreement [--pairs N] [--json]

A network of one to some milliseconds is timed in turn (ABBA): by a script that calls ONNX
Runtime's own `run` in a loop (in_process.py); and by edgetool's profile of the same file over SSH
to an sshd that is started on loopback. Each measurement loads the model afresh and takes the
median of its windows. What counts
is the median ratio over pairs; all are measured here, and comparable within one run only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1] / "tests"), str(HERE.parents[1] / "toolchain")]

from edgetool.artifact import Artifact  # noqa: E402
from edgetool.compilation import CompileRequest, compile_model  # noqa: E402
from edgetool.measure import paired_ratio  # noqa: E402
from edgetool.packs import Profile, find_profile  # noqa: E402
from edgetool.profiling.device import run_job, time_job  # noqa: E402
from edgetool.runtimes.board import onnx_model, open_board, provide_runtimes  # noqa: E402
from edgetool.runtimes.board.model import as_source  # noqa: E402
from edgetool.transports.ssh import SshTransport  # noqa: E402
from ssh_server import SshServer  # noqa: E402

LAYERS = 16
CHANNELS = 32
SIZE = 32
PROTOCOL = """\
description = "One measurement of a pair"
quantities = ["latency"]

[warm_up]
runs_min = 20
duration_min_s = 0.5
duration_max_s = 2.0

[repeats]
windows = 10
inferences_min = 20
duration_min_s = 0.2

[statistics]
center = "median"
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=8, help="an even number, at least 6")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edgetool-agreement-") as name:
        here, there = measure(Path(name), options.pairs)
    ratio = paired_ratio(np.array(there), np.array(here))
    if options.json:
        print(json.dumps({"here_s": here, "there_s": there, "ratio": ratio.to_json()}, indent=2))
        return
    for first, second in zip(here, there, strict=True):
        print(f"in process {first * 1e3:.4f} ms   over SSH {second * 1e3:.4f} ms")
    interval = f", {ratio.interval.low:.4f} to {ratio.interval.high:.4f}" if ratio.interval else ""
    print(f"over SSH / in process: {ratio.value:.4f}{interval} ({ratio.pairs} pairs)")


def measure(folder: Path, pairs: int) -> tuple[list[float], list[float]]:
    """Seconds of each pair: (in this process, over SSH)."""
    artifact = built(folder)
    (folder / "once.toml").write_text(PROTOCOL)
    protocol = find_profile(folder / "once.toml")
    here: list[float] = []
    there: list[float] = []
    with SshServer(folder / "server") as server:
        commands = server.commands
        commands.mkdir(exist_ok=True)
        (commands / "python3").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (commands / "python3").chmod(0o755)
        for pair in range(pairs):
            turns = [(here, False), (there, True)]
            for found, over_ssh in turns if pair % 2 == 0 else turns[::-1]:
                found.append(
                    profiled(artifact, server, protocol) if over_ssh else timed(artifact, protocol)
                )
    return here, there


def timed(artifact: Artifact, protocol: Profile) -> float:
    """The median of windows, in a process that times and does nothing else."""
    golden = {name: array[:1] for name, array in artifact.golden()[0].items()}
    port = artifact.manifest.inputs[0]
    sample = artifact.folder.parent / "sample.npy"
    np.save(sample, as_source(artifact, golden)[port.name].reshape(port.source_shape))
    warm_up, repeats = protocol.warm_up.duration_min_s, protocol.repeats
    arguments = [artifact.folder / "model.onnx", sample, warm_up]
    arguments += [repeats.windows, repeats.duration_min_s]
    command = [sys.executable, str(HERE / "in_process.py"), *map(str, arguments)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def profiled(artifact: Artifact, server: SshServer, protocol: Profile) -> float:
    """The median of windows, as edgetool measures on a device."""
    with open_board(lambda: SshTransport(server.endpoint()), ".edgetool") as board:
        python = provide_runtimes(board, ["onnxruntime"]).python["onnxruntime"]
        found = onnx_model(board, artifact, 1)
        assert found is not None
        model = replace(found, python=python)
        recording, _ = run_job(board, time_job([model], protocol), protocol, None)
    return float(np.median(recording.models[model.name].medians()))


def built(folder: Path) -> Artifact:
    """Convolutions one after the other: some milliseconds on a desktop's core."""
    random = np.random.default_rng(0)
    nodes, weights, value = [], [], "x"
    for layer in range(LAYERS):
        weight = random.normal(0, 0.06, (CHANNELS, CHANNELS, 3, 3)).astype(np.float32)
        weights.append(onnx.numpy_helper.from_array(weight, f"w{layer}"))
        nodes.append(
            helper.make_node(
                "Conv", [value, f"w{layer}"], [f"c{layer}"], pads=[1, 1, 1, 1], name=f"conv{layer}"
            )
        )
        nodes.append(helper.make_node("Relu", [f"c{layer}"], [f"y{layer}"], name=f"relu{layer}"))
        value = f"y{layer}"
    shape = [1, CHANNELS, SIZE, SIZE]
    graph = helper.make_graph(
        nodes,
        "agreement",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(value, TensorProto.FLOAT, shape)],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / "network.onnx")
    return compile_model(
        CompileRequest(folder / "network.onnx", "host", output=folder / "artifact")
    )


if __name__ == "__main__":
    main()
