"""The networks of the benchmark, each with data to calibrate on and data to evaluate.

kws and ic are MLPerf Tiny's own files; there are no images for ic, so it gets generated ones. The
others are built here: random features under a fitted classifier, and a trained autoencoder.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from images import CLASSES, spectra, textures
from mobilenet import mobilenet_v2
from network_builder import NetworkBuilder
from numpy.typing import NDArray
from trained_mobilenet import trained_mobilenet

Array = NDArray[Any]

KWS = "7d3b1f2918bb63030e0f4d0475f554f81ab4d6c81b4c4648a9be19aed212572d"
KWS_TFLITE = "e5ab04af610ebec251c0fddfaeafe8557dd650a1cb93cba6627a8839d8ca9713"
KWS_DATA = "61f8a31c4a21f486d4940f3cce5a50e1f6b36e13bf3ef733602af5cff482039d"
HIDDEN = (128, 128, 8, 128, 128)
IC = "df9831ace5ff744b9fc0bfe5599dcef804af69e79ccc7a6943be4a2422d3d50e"


@dataclass(frozen=True)
class Case:
    """A network on disk and its data.

    model: .onnx.   calibration, evaluation: .npz, "x" and, where there are labels, "y".
    metric: top1 or auc, or "" without labels.   tflite: the same network, where there is one.
    scored: False where only the cost is of interest: NumPy's integers take minutes for it.
    """

    name: str
    model: Path
    calibration: Path
    evaluation: Path
    metric: str
    tflite: Path | None = None
    scored: bool = True


def make_case(name: str, folder: Path) -> Case:
    """The network and its data in folder, made where they are not there yet.

    Raises: FileNotFoundError for a file that EDGETOOL_MIRROR lacks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    case = Case(
        name,
        folder / f"{name}.onnx",
        folder / f"{name}_calibration.npz",
        folder / f"{name}_evaluation.npz",
        {"kws": "top1", "mobilenet_v1": "top1", "autoencoder": "auc"}.get(name, ""),
        in_mirror(KWS_TFLITE) if name == "kws" else None,
        name != "mobilenet_v2",
    )
    if not case.evaluation.is_file():
        model, calibration, evaluation = CASES[name]()
        onnx.save(model, case.model)
        np.savez(case.calibration, **calibration)
        np.savez(case.evaluation, **evaluation)
    return case


Made = tuple[onnx.ModelProto, dict[str, Array], dict[str, Array]]


def keyword_spotting() -> Made:
    """Calibrated on the first 200 samples, evaluated on the other 800."""
    found = np.load(in_mirror(KWS_DATA))
    x = (found["x"].astype(np.float32) - found["x_zero_point"]) * found["x_scale"]
    data = {"x": x.astype(np.float32), "y": found["y"]}
    return (
        onnx.load(in_mirror(KWS)),
        {key: array[:200] for key, array in data.items()},
        {key: array[200:] for key, array in data.items()},
    )


def image_classification() -> Made:
    """ResNet-8 on generated images, 0..255 and channels last as it was trained."""
    x = textures(600, 32, seed=1)[0].transpose(0, 2, 3, 1)
    x = np.clip(x * 60 + 120, 0, 255).astype(np.float32)
    return onnx.load(in_mirror(IC)), {"x": x[:200]}, {"x": x[200:]}


def small_mobilenet() -> Made:
    """A small MobileNet-V1 at 48×48, trained to tell the directions of textures."""
    x, y = textures(2600, 48, seed=2)
    model = trained_mobilenet(x[:2000], y[:2000], CLASSES)
    return model, {"x": x[:200], "y": y[:200]}, {"x": x[2000:], "y": y[2000:]}


def large_mobilenet() -> Made:
    """MobileNetV2 1.0 at 224×224, for its cost: 100 images to calibrate."""
    x, _ = textures(110, 224, seed=3)
    return mobilenet_v2(x[:8]), {"x": x[:100]}, {"x": x[100:]}


def autoencoder() -> Made:
    """A dense autoencoder scored by how well it tells anomalies from the reconstruction error."""
    from sklearn.neural_network import MLPRegressor

    x = spectra(2000, anomalies=False, seed=4)
    network = MLPRegressor(hidden_layer_sizes=HIDDEN, max_iter=15, random_state=0).fit(x, x)
    builder = NetworkBuilder(np.random.default_rng(0), x[:4])
    value = "image"
    for index, (weights, bias) in enumerate(zip(network.coefs_, network.intercepts_, strict=True)):
        value = builder.dense(value, weights.T, bias)
        if index < len(network.coefs_) - 1:
            value = builder.add("Relu", [value])
    normal, odd = spectra(300, False, seed=5), spectra(300, True, seed=6)
    labels = np.repeat(np.array([0, 1], np.int64), 300)
    evaluation = {"x": np.concatenate([normal, odd]), "y": labels}
    return builder.model(value, "autoencoder"), {"x": x[:200]}, evaluation


CASES: dict[str, Callable[[], Made]] = {
    "kws": keyword_spotting,
    "ic": image_classification,
    "mobilenet_v1": small_mobilenet,
    "autoencoder": autoencoder,
    "mobilenet_v2": large_mobilenet,
}


def in_mirror(sha256: str) -> Path:
    """The file with this hash in the folder EDGETOOL_MIRROR."""
    folder = os.environ.get("EDGETOOL_MIRROR", "")
    for path in sorted(Path(folder).rglob("*")) if folder else []:
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
            return path
    raise FileNotFoundError(f"no file {sha256[:12]}… in EDGETOOL_MIRROR ('{folder}')")
