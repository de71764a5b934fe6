"""The keyword spotter with int16 activations: as good as in float."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mlperf_tiny import KWS_FLOAT_ONNX

from compiled import compiled
from edgetool.evaluation import evaluate_model


def test_int16x8_is_at_most_one_sample_below_float(
    mirror_file: Callable[[str], Path], kws_data: Path, tmp_path: Path
) -> None:
    model = mirror_file(KWS_FLOAT_ONNX)
    artifact = compiled(
        tmp_path / "kws",
        model,
        "cortex-m4",
        precision="int16x8",
        calibrate=f"{kws_data}[:200]",
        compiler="none",
    )
    found = evaluate_model(artifact.folder, f"{kws_data}[200:]", model)
    lost = found.reference_metric["top1"].value - found.metric["top1"].value
    assert lost <= 1 / 800
    [closeness] = found.closeness.values()
    assert closeness["sqnr_db"].value > 34
