"""Models compiled once for a test run."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from mlperf_tiny import IC_INT8, KWS_DATA, KWS_FLOAT_ONNX, KWS_FLOAT_TFLITE, KWS_INT8

from compiled import compiled, require_emulator
from edgetool.artifact import Artifact

Mirror = Callable[[str], Path]
Folders = pytest.TempPathFactory


@pytest.fixture(scope="session")
def kws_data(mirror_file: Mirror) -> Path:
    """1000 keyword spotting samples with labels."""
    return mirror_file(KWS_DATA)


@pytest.fixture(scope="session")
def kws_int8(mirror_file: Mirror, kws_data: Path, tmp_path_factory: Folders) -> Artifact:
    """The published int8 keyword spotter on a Cortex-M4."""
    require_emulator()
    folder = tmp_path_factory.mktemp("kws") / "kws"
    return compiled(folder, mirror_file(KWS_INT8), "cortex-m4", evaluate=str(kws_data))


@pytest.fixture(scope="session")
def ic_int8(mirror_file: Mirror, tmp_path_factory: Folders) -> Artifact:
    """The published int8 image classifier on a Cortex-M4."""
    require_emulator()
    return compiled(tmp_path_factory.mktemp("ic") / "ic", mirror_file(IC_INT8), "cortex-m4")


@pytest.fixture(scope="session")
def quantize_kws(
    mirror_file: Mirror, kws_data: Path, tmp_path_factory: Folders
) -> Callable[[str, str], Artifact]:
    """Gives the float keyword spotter of a format, quantized at an effort with 200 samples."""
    require_emulator()

    @cache
    def made(kind: str, effort: str) -> Artifact:
        return compiled(
            tmp_path_factory.mktemp("kws") / "kws",
            mirror_file({"onnx": KWS_FLOAT_ONNX, "tflite": KWS_FLOAT_TFLITE}[kind]),
            "cortex-m4",
            calibrate=f"{kws_data}[:200]",
            evaluate=f"{kws_data}[200:]",
            effort=effort,
        )

    return made


@pytest.fixture(scope="session", params=["onnx", "tflite"])
def kws_quantized(
    request: pytest.FixtureRequest, quantize_kws: Callable[[str, str], Artifact]
) -> Artifact:
    """The float keyword spotter in either format, quantized in one pass."""
    return quantize_kws(request.param, "fast")


@pytest.fixture(scope="session", params=["onnx fast", "tflite fast", "onnx normal"])
def kws_carried(
    request: pytest.FixtureRequest, quantize_kws: Callable[[str, str], Artifact]
) -> Artifact:
    """As kws_quantized, also with recovery, which changes channels, rounding and biases."""
    return quantize_kws(*request.param.split())
