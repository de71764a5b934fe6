"""A float keyword spotter, quantized once: ONNX, TFLite, C and NumPy are one model.

Evaluated in every executor on the 800 samples that it was not calibrated with.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from mlperf_tiny import KWS_FLOAT_TOP1

from compiled import (
    Array,
    assert_same_bits,
    decisions,
    emulated,
    first,
    program_of,
    read_samples,
    reference,
    require_litert,
)
from edgetool.artifact import TFLITE, Artifact
from edgetool.exporters.tflite import export_tflite
from edgetool.program.cut import cut_apart
from edgetool.program.executor import execute
from edgetool.runtimes.litert import LiteRtSession
from edgetool.verification.runners import (
    LiteRtRunner,
    OnnxRuntimeRunner,
    Runner,
    Subject,
    tensor_of,
)

SAME_DECISIONS = 0.995
EMULATED = 50
OPERATOR_SAMPLES = 8
POINT = 0.01


class OptimisedLiteRt(LiteRtRunner):
    """LiteRT as users run it: its optimised kernels, XNNPACK among them."""

    name = "litert optimised"

    def outputs(self, inputs: Mapping[str, Array], progress: object = None) -> dict[str, Array]:
        (name,), (source,) = self.program.outputs, self.program.output_names
        (feed,) = zip(self.program.input_names, inputs.values(), strict=True)
        session = LiteRtSession(self.subject.artifact.folder / TFLITE, reference=False)
        return {name: session.run(dict([feed]))[source]}

    def operators(self, values: Mapping[str, Array]) -> dict[str, Array]:
        cut = cut_apart(self.program)
        session = LiteRtSession(export_tflite(cut), reference=False)
        results = session.run({name: values[name] for name in cut.inputs})
        return {tensor_of(name): results[name] for name in cut.outputs}


RUNNERS: dict[str, type[Runner]] = {
    "onnxruntime": OnnxRuntimeRunner,
    "litert reference": LiteRtRunner,
    "litert optimised": OptimisedLiteRt,
}


@pytest.fixture(scope="module")
def evaluation(kws_quantized: Artifact, kws_data: Path) -> tuple[dict[str, Array], Array]:
    """(inputs, labels) of the 800 samples."""
    inputs, labels = read_samples(kws_quantized, f"{kws_data}[200:]")
    assert len(labels) == 800
    return inputs, labels


@pytest.fixture(scope="module")
def expected(kws_quantized: Artifact, evaluation: tuple[dict[str, Array], Array]) -> Array:
    """The NumPy executor's decisions."""
    return decisions(reference(kws_quantized).outputs(evaluation[0]))


@pytest.fixture(scope="module")
def operands(
    kws_quantized: Artifact, evaluation: tuple[dict[str, Array], Array]
) -> dict[str, Array]:
    """Every activation of a few samples: what each operator alone is fed and compared with."""
    program, inputs = program_of(kws_quantized), first(evaluation[0], OPERATOR_SAMPLES)
    return {**execute(program, inputs, keep=True), **inputs}


def test_accuracy_is_within_a_point_of_float(
    kws_quantized: Artifact, evaluation: tuple[dict[str, Array], Array], expected: Array
) -> None:
    accuracy = float(np.mean(expected == evaluation[1]))
    assert accuracy >= KWS_FLOAT_TOP1 - POINT
    assert kws_quantized.manifest.metric["top1"].value == pytest.approx(accuracy)


@pytest.mark.parametrize("name", RUNNERS)
def test_runtimes_decide_alike_and_score_alike(
    name: str,
    kws_quantized: Artifact,
    evaluation: tuple[dict[str, Array], Array],
    expected: Array,
) -> None:
    require_litert()
    runner = RUNNERS[name](Subject(kws_quantized, program_of(kws_quantized)))
    found = decisions(runner.outputs(evaluation[0]))
    assert np.mean(found == expected) >= SAME_DECISIONS
    assert np.mean(found == evaluation[1]) >= KWS_FLOAT_TOP1 - POINT


@pytest.mark.parametrize("name", RUNNERS)
def test_runtimes_compute_each_operator_within_one_step(
    name: str, kws_quantized: Artifact, operands: dict[str, Array]
) -> None:
    require_litert()
    program = program_of(kws_quantized)
    found = RUNNERS[name](Subject(kws_quantized, program)).operators(operands)
    layers = [op for op in program.operations if op.operator.kind != "reshape"]
    for layer in layers:
        assert set(layer.outputs) <= set(found), f"{layer.name} was not compared"
    for tensor, array in found.items():
        step = np.abs(array.astype(int) - operands[tensor].astype(int)).max()
        assert step <= 1, f"{tensor} differs by {step}"


def test_c_on_an_emulated_m4_is_numpy_to_the_bit(
    kws_quantized: Artifact, evaluation: tuple[dict[str, Array], Array], expected: Array
) -> None:
    inputs = first(evaluation[0], EMULATED)
    found = emulated(kws_quantized).outputs(inputs)
    assert_same_bits(reference(kws_quantized).outputs(inputs), found)
    np.testing.assert_array_equal(decisions(found), expected[:EMULATED])


def test_each_operator_in_c_is_numpy_to_the_bit(
    kws_quantized: Artifact, operands: dict[str, Array]
) -> None:
    found = emulated(kws_quantized).operators(first(operands, 1))
    for tensor, array in found.items():
        np.testing.assert_array_equal(array, operands[tensor][:1])
