"""digits-cnn on every target of `make demo`, and what each kind of target asks of the numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from stored_parameters import assert_same, of_onnx, of_tflite

from compiled import compiled, require_emulator, require_litert
from edgetool.artifact import ONNX, SOURCES, TFLITE, Artifact
from edgetool.packs import find_recipe
from edgetool.verification import Verification, verify_artifact

DIGITS = Path(__file__).parents[2] / "models" / "digits-cnn"
MICROCONTROLLERS = ("nucleo-l4r5zi", "raspberry-pi-pico")
DEMO = (*MICROCONTROLLERS, "raspberry-pi-5", "jetson-nano")
INT8_ON_LINUX = ("raspberry-pi-5", "jetson-orin-nano")
Digits = Callable[..., Artifact]


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Digits:
    """digits(target, precision=None): the artifact as `make demo` makes it, compiled once."""
    made: dict[tuple[str, str | None], Artifact] = {}

    def artifact(target: str, precision: str | None = None) -> Artifact:
        if (target, precision) not in made:
            if target in MICROCONTROLLERS:
                require_emulator()
            made[target, precision] = compiled(
                tmp_path_factory.mktemp("digits") / target,
                DIGITS / "model.onnx",
                target,
                precision=precision,
                calibrate=str(DIGITS / "calibration.npz"),
                evaluate=str(DIGITS / "evaluation.npz"),
            )
        return made[target, precision]

    return artifact


def verified(artifact: Artifact, emulated_samples: int = 20) -> Verification:
    require_litert()
    samples = str(DIGITS / "evaluation.npz")
    found = verify_artifact(artifact, samples=samples, emulated_samples=emulated_samples)
    assert not found.skipped
    return found


@pytest.mark.parametrize("target", DEMO)
def test_accuracy_holds_on_every_target_of_the_demo(target: str, digits: Digits) -> None:
    floor = find_recipe("digits-cnn").accuracy_floor
    assert floor is not None
    assert digits(target).manifest.metric["top1"].value >= floor
    found = verified(digits(target))
    assert found.problems == ()
    scores = [r.metric["top1"].value for r in found.runtimes if r.samples == 600]
    assert len(scores) >= 2
    assert min(scores) >= floor


@pytest.mark.parametrize("target", MICROCONTROLLERS)
def test_every_microcontroller_computes_the_same_bits(target: str, digits: Digits) -> None:
    found = {result.name: result for result in verified(digits(target)).runtimes}
    assert found.keys() == {"reference", "litert", "onnxruntime", "cortex_m"}
    for name in ("reference", "litert", "cortex_m"):
        assert found[name].outputs.exact, name


@pytest.mark.parametrize("target", MICROCONTROLLERS)
def test_the_header_says_the_memory_of_the_manifest(target: str, digits: Digits) -> None:
    artifact = digits(target)
    header = (artifact.folder / SOURCES / "src" / "model.h").read_text()
    for name in ("arena", "ram", "flash"):
        value = artifact.manifest.figures[f"{name}_bytes"].value
        assert f"#define MODEL_{name.upper()}_BYTES {value}\n" in header
    compiler = artifact.manifest.compiler
    assert compiler is not None
    assert f"linked by\n * {compiler['version']} -O2 for cortex-m" in header


def test_jetson_nano_gets_half_precision_in_opset_13_with_float32_at_both_ends(
    digits: Digits,
) -> None:
    artifact = digits("jetson-nano")
    assert artifact.manifest.precision == "float16"
    model = onnx.load(artifact.folder / ONNX)
    assert {o.domain: o.version for o in model.opset_import}[""] <= 13
    ends = [v.type.tensor_type.elem_type for v in (*model.graph.input, *model.graph.output)]
    assert set(ends) == {onnx.TensorProto.FLOAT}
    floats = [c for c in model.graph.initializer if onnx.numpy_helper.to_array(c).dtype.kind == "f"]
    assert floats
    assert {c.data_type for c in floats} == {onnx.TensorProto.FLOAT16}


@pytest.mark.parametrize("target", INT8_ON_LINUX)
def test_int8_on_linux_verifies_and_keeps_its_accuracy(target: str, digits: Digits) -> None:
    artifact = digits(target, "int8")
    assert artifact.manifest.precision == "int8"
    assert verified(artifact).problems == ()
    floor = find_recipe("digits-cnn").accuracy_floor or 1.0
    assert artifact.manifest.metric["top1"].value >= floor


def test_raspberry_pi_5_gets_onnx_and_tflite_with_one_set_of_scales(digits: Digits) -> None:
    folder = digits("raspberry-pi-5", "int8").folder
    in_onnx, in_tflite = of_onnx(folder / ONNX), of_tflite(folder / TFLITE)
    assert len(in_tflite) > 20
    for name, parameters in in_tflite.items():
        if name in in_onnx:
            assert_same(in_onnx[name], parameters, name)
    own = {name for name in in_tflite if not name.endswith(("_reshape", "/padded"))}
    assert own <= in_onnx.keys()


def test_jetson_orin_nano_gets_what_tensorrt_takes(digits: Digits) -> None:
    path = digits("jetson-orin-nano", "int8").folder / ONNX
    parameters = of_onnx(path)
    assert len(parameters) > 20
    for name, (scale, zero_point) in parameters.items():
        assert np.all(scale > 0) and np.all(np.isfinite(scale)), name
        assert not zero_point.any(), name
    constants = {c.name: c.data_type for c in onnx.load(path).graph.initializer}
    assert onnx.TensorProto.INT32 not in constants.values(), "biases are to be float"
