"""digits-cnn: a small depthwise-separable CNN, trained here on scikit-learn's handwritten digits.

python -m edgetool.builders.digits_cnn OUTDIR

writes model.onnx (float, batch normalization unfolded), calibration.npz (200 of the training
samples) and evaluation.npz (the 600 samples that the training did not see). Same machine and same
library versions: same bytes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from edgetool.builders.digits_network import Network, create_network
from edgetool.builders.digits_onnx import to_onnx
from edgetool.builders.layers import Array, softmax, train
from edgetool.errors import MissingToolError

SEED = 20
EPOCHS = 30
TRAINING_SAMPLES = 1197
CALIBRATION_SAMPLES = 200
X_SCALE = np.float32(1 / 16)  # the data set's pixels are integers in 0..16


@dataclass(frozen=True)
class Digits:
    """The data set, split. x: uint8 (n, 1, 8, 8) in 0..16.  y: int64 (n,) in 0..9."""

    training_x: NDArray[np.uint8]
    training_y: NDArray[np.int64]
    evaluation_x: NDArray[np.uint8]
    evaluation_y: NDArray[np.int64]


def load_digits() -> Digits:
    """scikit-learn's 1797 digits, shuffled with SEED and split 1197 to 600.

    Raises: MissingToolError without scikit-learn.
    Source: Alpaydin and Kaynak 1998, "Optical Recognition of Handwritten Digits" (UCI), test part.
    """
    try:
        from sklearn import datasets
    except ImportError as error:
        raise MissingToolError(
            "building 'digits-cnn' needs scikit-learn, which is not installed",
            hints=["pip install 'edgetool[train]'"],
        ) from error
    pixels, labels = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(SEED).permutation(len(pixels))
    x = pixels[order].astype(np.uint8).reshape(-1, 1, 8, 8)
    y = labels[order].astype(np.int64)
    split = TRAINING_SAMPLES
    return Digits(x[:split], y[:split], x[split:], y[split:])


def train_network(
    digits: Digits, epochs: int = EPOCHS, progress: Callable[[int], None] = lambda epoch: None
) -> Network:
    """Train from SEED on the training part; about a second an epoch on one core."""
    import threadpoolctl  # comes with scikit-learn

    rng = np.random.default_rng(SEED)
    network = create_network(rng)
    x = to_channels_last(digits.training_x)
    # One thread: how a matmul is split among threads changes its rounding, so the weights' bytes.
    with threadpoolctl.threadpool_limits(1):
        train(network.chain, x, digits.training_y, epochs=epochs, rng=rng, progress=progress)
    return network


def to_channels_last(pixels: NDArray[np.uint8]) -> Array:
    """uint8 (n, 1, 8, 8) in 0..16 → float32 (n, 8, 8, 1) in 0..1."""
    return pixels.transpose(0, 2, 3, 1) * X_SCALE


def accuracy(network: Network, pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> float:
    """The share of samples whose most probable class is the label."""
    probabilities = softmax(network.chain.forward(to_channels_last(pixels), training=False))
    return float(np.mean(probabilities.argmax(axis=1) == labels))


def write_files(folder: Path, model: onnx.ModelProto, digits: Digits) -> None:
    """Write model.onnx, calibration.npz (float32) and evaluation.npz (uint8 with its scale)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
    np.savez(
        folder / "calibration.npz",
        x=digits.training_x[:CALIBRATION_SAMPLES] * X_SCALE,
        y=digits.training_y[:CALIBRATION_SAMPLES],
    )
    np.savez(
        folder / "evaluation.npz",
        x=digits.evaluation_x,
        y=digits.evaluation_y,
        x_scale=X_SCALE,
        x_zero_point=np.int64(0),
    )


def build(
    folder: Path, *, epochs: int = EPOCHS, progress: Callable[[int], None] = lambda epoch: None
) -> float:
    """Train, write the three files into folder, and return the accuracy on the evaluation part.

    Raises: MissingToolError without scikit-learn.
    """
    digits = load_digits()
    network = train_network(digits, epochs, progress)
    write_files(folder, to_onnx(network), digits)
    return accuracy(network, digits.evaluation_x, digits.evaluation_y)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command of the module's docstring."""
    parser = argparse.ArgumentParser(
        prog="python -m edgetool.builders.digits_cnn",
        description="Train digits-cnn and write model.onnx, calibration.npz and evaluation.npz.",
    )
    parser.add_argument("folder", metavar="OUTDIR", type=Path)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    options = parser.parse_args(arguments)

    def report(epoch: int) -> None:
        sys.stderr.write(f"\repoch {epoch + 1} of {options.epochs}")
        sys.stderr.flush()

    top1 = build(options.folder, epochs=options.epochs, progress=report)
    sys.stderr.write("\n")
    sys.stdout.write(f"{options.folder}: top-1 {top1:.1%} on 600 held-out digits\n")


if __name__ == "__main__":
    main()
