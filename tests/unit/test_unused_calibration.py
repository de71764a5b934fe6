"""Calibration data that choose nothing are said to choose nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from compiled import compiled
from edgetool.importers import load_model
from lite_models import small_network

NOTE = "calibration data set no ranges"


def notes_of(folder: Path, *, quantized: bool, target: str) -> str:
    """The notes of a small TFLite network compiled with calibration data."""
    model = folder / "small.tflite"
    model.write_bytes(small_network(quantized))
    value = load_model(model).graph.inputs[0]
    shape = tuple(int(dim) for dim in value.shape or ())  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(8, *shape[1:])).astype(np.float32)
    np.savez(folder / "data.npz", x=samples)
    data = str(folder / "data.npz")
    artifact = compiled(folder / "out", model, target, calibrate=data, compiler="none")
    return "\n".join(artifact.manifest.notes)


def test_a_quantized_model_keeps_its_ranges_and_says_so(tmp_path: Path) -> None:
    assert NOTE in notes_of(tmp_path, quantized=True, target="cortex-m4")


def test_a_float_target_needs_no_ranges_and_says_so(tmp_path: Path) -> None:
    assert NOTE in notes_of(tmp_path, quantized=False, target="raspberry-pi-5")


def test_a_model_that_is_quantized_here_has_no_such_note(tmp_path: Path) -> None:
    assert NOTE not in notes_of(tmp_path, quantized=False, target="cortex-m4")
