"""Generated networks from ONNX file to emulated core: every executor computes the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from compiled import (
    assert_same_bits,
    compiled,
    emulated,
    program_of,
    random_codes,
    reference,
    require_emulator,
    require_litert,
)
from edgetool.artifact import Artifact
from edgetool.profiling import profile_artifact
from edgetool.verification import verify_artifact
from networks import (
    conv1d_wakeword,
    dense_autoencoder,
    detection_head,
    inverted_residual,
    random_inputs,
    residual_network,
)

NETWORKS: dict[str, Callable[..., onnx.ModelProto]] = {
    "residual": residual_network,
    "autoencoder": dense_autoencoder,
    "wakeword": conv1d_wakeword,
    "inverted": inverted_residual,
    "detection": detection_head,
}
SEED = 3
FLOAT_SAMPLES, CODES = 64, 40
SMALL = ("autoencoder", "wakeword", "inverted", "detection")
OTHER_CORES = ("cortex-m0plus", "cortex-m33", "rv32imc")


def network_and_data(name: str, folder: Path) -> tuple[Path, Path]:
    """The ONNX file, and 64 standard normal samples."""
    network = NETWORKS[name]
    onnx.save(network(SEED), folder / f"{name}.onnx")
    ((name_of_input, samples),) = random_inputs(network(SEED, "N"), 5, FLOAT_SAMPLES).items()
    np.savez(folder / "data.npz", allow_pickle=False, **{name_of_input: samples})
    return folder / f"{name}.onnx", folder / "data.npz"


@pytest.fixture(scope="module", params=NETWORKS)
def int8(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """The network in int8 on a Cortex-M4."""
    require_emulator()
    folder = tmp_path_factory.mktemp(request.param)
    model, data = network_and_data(request.param, folder)
    return compiled(folder / "int8", model, "cortex-m4", calibrate=str(data))


def test_int8_verifies_in_numpy_litert_onnxruntime_and_c(int8: Artifact) -> None:
    require_litert()
    found = verify_artifact(int8, samples=str(int8.folder.parent / "data.npz"), emulated_samples=20)
    assert found.skipped == {}
    assert found.problems == ()
    results = {result.name: result for result in found.runtimes}
    assert results.keys() == {"reference", "litert", "onnxruntime", "cortex_m"}
    for name in ("reference", "litert", "cortex_m"):
        assert results[name].outputs.exact, name
        assert all(operator.exact for operator in results[name].operators.values()), name
    layers = [op for op in program_of(int8).operations if op.operator.kind != "reshape"]
    assert {layer.name for layer in layers} <= results["onnxruntime"].operators.keys()


def test_int8_in_c_is_numpy_to_the_bit_on_codes_of_the_whole_range(int8: Artifact) -> None:
    inputs = random_codes(program_of(int8), CODES, SEED)
    assert_same_bits(reference(int8).outputs(inputs), emulated(int8).outputs(inputs))


@pytest.mark.parametrize("int8", ["residual"], indirect=True)
def test_profile_counts_instructions_and_finds_the_arena_large_enough(int8: Artifact) -> None:
    found = profile_artifact(int8).figures
    assert 0 < found["arena_used_bytes"].value <= found["arena_bytes"].value
    assert found["instructions"].kind == "emulated"
    assert found["instructions"].value > program_of(int8).total_macs() / 2
    assert found["cycles"].kind == "estimated"
    assert found["cycles"].value >= found["instructions"].value


@pytest.mark.parametrize("name", SMALL)
def test_float32_verifies_in_numpy_litert_onnxruntime_and_c(name: str, tmp_path: Path) -> None:
    require_emulator()
    require_litert()
    model, data = network_and_data(name, tmp_path)
    artifact = compiled(tmp_path / "float32", model, "cortex-m4", precision="float32")
    found = verify_artifact(artifact, samples=str(data), emulated_samples=4)
    assert found.skipped == {}
    assert found.problems == ()
    for result in found.runtimes:
        assert result.outputs.relative is not None
        assert result.outputs.relative < 1e-5, result.name


@pytest.mark.parametrize("core", OTHER_CORES)
def test_every_core_computes_the_same_bits(core: str, tmp_path: Path) -> None:
    require_emulator()
    model, data = network_and_data("inverted", tmp_path)
    artifact = compiled(tmp_path / "int8", model, core, calibrate=str(data))
    inputs = random_codes(program_of(artifact), CODES, SEED)
    assert_same_bits(reference(artifact).outputs(inputs), emulated(artifact).outputs(inputs))
