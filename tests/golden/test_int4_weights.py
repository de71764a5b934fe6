"""The keyword spotter with weights of 4 bits: half the bytes, nearly the accuracy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mlperf_tiny import KWS_FLOAT_ONNX

from compiled import compiled
from edgetool.evaluation import evaluate_model


def test_w4a8_is_within_a_point_and_a_half_of_float_at_half_the_weight_bytes(
    mirror_file: Callable[[str], Path], kws_data: Path, tmp_path: Path
) -> None:
    model = mirror_file(KWS_FLOAT_ONNX)
    artifact = compiled(
        tmp_path / "kws",
        model,
        "cortex-m4",
        precision="w4a8",
        calibrate=f"{kws_data}[:200]",
        compiler="none",
    )
    found = evaluate_model(artifact.folder, f"{kws_data}[200:]", model)
    lost = found.reference_metric["top1"].value - found.metric["top1"].value
    assert lost <= 0.015
    program = artifact.program()
    assert program is not None
    weights = [tensor for tensor in program.constants() if len(tensor.shape) > 1]
    assert sum(t.nbytes for t in weights) <= 0.55 * sum(t.elements for t in weights)
