"""A Program as calls of CMSIS-NN, with a stand-in of our own for CMSIS-NN."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
from firmware_models import ZIG, core_named, need_compiler

from edgetool.compilation import CompileRequest, compile_model
from edgetool.compilers.build import build
from edgetool.errors import UnsupportedOperatorError
from edgetool.program.program import Program
from edgetool.runtimes.bare_metal import run
from edgetool.verification.emulator import samples_as_bytes
from needs import require_module
from network_writer import NetworkWriter

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "cortex_m"
STAND_IN = Path(__file__).parent / "cmsis_nn"


@pytest.fixture
def cmsis_nn(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARK))
    return importlib.import_module("cmsis_nn")


def residual_and_depthwise() -> onnx.ModelProto:
    net = NetworkWriter(3)
    x = net.relu(net.conv("stem", "image", (3, 8), stride=2, pad=1))
    y = net.relu(net.conv("depthwise", x, (8, 8), pad=1, depthwise=True))
    y = net.node("Add", "add", [x, net.conv("pointwise", y, (8, 8), (1, 1))])
    y = net.node("AveragePool", "pool", [y], kernel_shape=[2, 2], strides=[2, 2])
    return net.model("net", ("image", [1, 3, 12, 10]), {y: [1, 8, 3, 2]})


def dense() -> onnx.ModelProto:
    net = NetworkWriter(4)
    y = net.relu(net.dense("dense", "image", 30, 9))
    return net.model("net", ("image", [1, 30]), {y: [1, 9]})


def quantized(
    model: onnx.ModelProto, folder: Path
) -> tuple[Program, list[list[bytes]], np.ndarray]:
    """The Program, four samples of one input, and the reference's outputs for them."""
    onnx.save(model, folder / "net.onnx")
    shape = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    data = np.random.default_rng(5).standard_normal((40, *shape[1:])).astype(np.float32)
    np.savez(folder / "data.npz", image=data)
    request = CompileRequest(
        folder / "net.onnx",
        "cortex-m4",
        precision="int8",
        calibrate=str(folder / "data.npz"),
        compiler="none",
        output=folder / "artifact",
    )
    artifact = compile_model(request)
    program = artifact.program()
    assert program is not None
    inputs, outputs = artifact.golden()
    fed = {name: next(iter(inputs.values()))[:4] for name in program.inputs}
    return program, samples_as_bytes(program, fed), next(iter(outputs.values()))[:4]


def computed(firmware: object, count: int, folder: Path, samples: list[list[bytes]]) -> np.ndarray:
    core = core_named("cortex-m4")
    image = build(firmware, core, "gcc", "-O2", folder)  # type: ignore[arg-type]
    result = run(image, core, samples, "unicorn", count_instructions=False)
    rows = [np.frombuffer(buffers[0], np.int8) for buffers in result.outputs]
    return np.stack(rows).reshape(count, -1)


@pytest.mark.parametrize(
    ("network", "within"),
    # CMSIS-NN rounds dense layers twice, the reference once.
    [(residual_and_depthwise, 0), (dense, 1)],
    ids=["convolutions", "dense"],
)
def test_the_calls_compute_what_the_reference_does(
    network: object, within: int, cmsis_nn: ModuleType, tmp_path: Path
) -> None:
    require_module("unicorn", ZIG)
    need_compiler("cortex-m4", "gcc")
    program, samples, expected = quantized(network(), tmp_path)  # type: ignore[operator]
    firmware = cmsis_nn.peer_firmware(program, STAND_IN, tmp_path)
    found = computed(firmware, len(samples), tmp_path / "build", samples)
    wanted = expected.reshape(len(samples), -1).astype(np.int64)
    assert len(np.unique(wanted)) > 5
    assert np.abs(found - wanted).max() <= within


def test_a_peer_that_computes_something_else_is_found_out(
    cmsis_nn: ModuleType, tmp_path: Path
) -> None:
    require_module("unicorn", ZIG)
    need_compiler("cortex-m4", "gcc")
    wrong = tmp_path / "wrong"
    shutil.copytree(STAND_IN, wrong)
    source = wrong / "Source" / "StandIn" / "stand_in.c"
    text = source.read_text()
    assert text.count("+ p->output_offset, p->activation") == 1
    source.write_text(text.replace("+ p->output_offset, p->", "+ p->output_offset + 1, p->"))
    program, samples, expected = quantized(residual_and_depthwise(), tmp_path)
    firmware = cmsis_nn.peer_firmware(program, wrong, tmp_path)
    found = computed(firmware, len(samples), tmp_path / "build", samples)
    assert not np.array_equal(found, expected.reshape(len(samples), -1))


def test_a_layer_without_a_call_is_named(cmsis_nn: ModuleType, tmp_path: Path) -> None:
    net = NetworkWriter(6)
    y = net.node("Sigmoid", "gate", [net.conv("conv", "image", (3, 4))])
    model = net.model("net", ("image", [1, 3, 8, 8]), {y: [1, 4, 6, 6]})
    program, _, _ = quantized(model, tmp_path)
    with pytest.raises(UnsupportedOperatorError, match=r"layer gate.* \(sigmoid\): no call of CMS"):
        cmsis_nn.write_calls(program)


def test_a_folder_that_is_not_cmsis_nn_is_refused_before_anything_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, BENCHMARK, "--peer-sources", tmp_path],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout) == (2, "")
    first, *rest = done.stderr.splitlines()
    assert first == f"error: '{tmp_path}' is not a CMSIS-NN"
    assert any("arm_nnfunctions.h" in line for line in rest)
