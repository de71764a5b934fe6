"""digits-cnn: the shipped files keep what the recipe promises, and the script makes such files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from edgetool.builders import digits_cnn
from edgetool.builders.layers import (
    BatchNorm,
    Chain,
    Convolution3x3,
    Dense,
    Depthwise3x3,
    GlobalAverage,
    Parameter,
    Pointwise,
    ReLU,
    Residual,
    cross_entropy_gradient,
    softmax,
)
from edgetool.packs import find_recipe

RECIPE = find_recipe("digits-cnn")
SHIPPED = RECIPE.source.path.parent


@pytest.fixture(scope="module")
def short_training(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    pytest.importorskip("sklearn", reason="needs scikit-learn: pip install 'edgetool[train]'")
    folder = tmp_path_factory.mktemp("digits")
    return folder, digits_cnn.build(folder, epochs=4)


def top1(model: Path, evaluation: Path) -> float:
    with np.load(evaluation) as data:
        x = ((data["x"] - data["x_zero_point"]) * data["x_scale"]).astype(np.float32)
        y = data["y"]
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    (probabilities,) = session.run(["probabilities"], {"image": x})
    return float(np.mean(probabilities.argmax(axis=1) == y))


def structure(model: onnx.ModelProto) -> list[tuple[object, ...]]:
    nodes: list[tuple[object, ...]] = [
        (node.op_type, node.name, *node.input, *node.output) for node in model.graph.node
    ]
    return nodes + [(tensor.name, *tensor.dims) for tensor in model.graph.initializer]


def test_shipped_model_reaches_the_recipe_floor_under_onnxruntime() -> None:
    assert RECIPE.accuracy_floor is not None
    assert top1(SHIPPED / "model.onnx", SHIPPED / "evaluation.npz") >= RECIPE.accuracy_floor


def test_shipped_files_are_those_of_the_recipe_and_small() -> None:
    for file in RECIPE.files:
        content = (SHIPPED / file.name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file.sha256, file.name
        assert len(content) == file.size_bytes, file.name
        assert len(content) <= 200_000, file.name


def test_shipped_model_leaves_batch_normalization_to_the_toolchain() -> None:
    model = onnx.load(SHIPPED / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    operators = [node.op_type for node in model.graph.node]
    assert operators.count("BatchNormalization") == operators.count("Conv") == 7
    assert model.ir_version <= 10
    assert [entry.version for entry in model.opset_import] == [17]
    batch = model.graph.input[0].type.tensor_type.shape.dim[0]
    assert batch.dim_param == "batch"


def test_evaluation_samples_are_not_among_the_calibration_samples() -> None:
    calibration = np.load(SHIPPED / "calibration.npz")["x"].reshape(-1, 64)
    evaluation = np.load(SHIPPED / "evaluation.npz")["x"].reshape(-1, 64) / np.float32(16)
    assert calibration.shape == (200, 64)
    assert evaluation.shape == (600, 64)
    distances = np.abs(calibration[:, None] - evaluation[None]).max(axis=2)
    assert distances.min() > 0


def test_split_gives_each_digit_to_one_part_and_calibrates_on_trained_ones() -> None:
    datasets = pytest.importorskip("sklearn.datasets", reason="pip install 'edgetool[train]'")
    digits = digits_cnn.load_digits()
    parts = np.concatenate([digits.training_x, digits.evaluation_x]).reshape(-1, 64)
    pixels = datasets.load_digits().data
    assert sorted(map(tuple, parts.tolist())) == sorted(map(tuple, pixels.astype(int).tolist()))
    calibration = np.load(SHIPPED / "calibration.npz")
    np.testing.assert_array_equal(calibration["x"] * 16, digits.training_x[:200])
    np.testing.assert_array_equal(calibration["y"], digits.training_y[:200])


def test_short_training_gives_the_shipped_graph(short_training: tuple[Path, float]) -> None:
    folder, _ = short_training
    assert structure(onnx.load(folder / "model.onnx")) == structure(
        onnx.load(SHIPPED / "model.onnx")
    )


def test_short_training_learns_and_its_onnx_agrees(short_training: tuple[Path, float]) -> None:
    folder, accuracy = short_training
    assert accuracy > 0.75
    # One sample in 600 may stand at a tie that another summation order decides otherwise.
    assert top1(folder / "model.onnx", folder / "evaluation.npz") == pytest.approx(
        accuracy, abs=0.0017
    )


def test_script_writes_the_shipped_data(short_training: tuple[Path, float]) -> None:
    folder, _ = short_training
    for name in ("calibration.npz", "evaluation.npz"):
        fresh, shipped = np.load(folder / name), np.load(SHIPPED / name)
        assert fresh.files == shipped.files
        for key in fresh.files:
            np.testing.assert_array_equal(fresh[key], shipped[key])
            assert fresh[key].dtype == shipped[key].dtype


def test_training_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="needs scikit-learn: pip install 'edgetool[train]'")
    for name in ("a", "b"):
        digits_cnn.build(tmp_path / name, epochs=1)
    for name in ("model.onnx", "calibration.npz", "evaluation.npz"):
        first, second = (tmp_path / run / name for run in ("a", "b"))
        assert first.read_bytes() == second.read_bytes(), name


def test_gradients_of_every_layer_agree_with_finite_differences() -> None:
    rng = np.random.default_rng(3)

    def random(*shape: int) -> Parameter:
        return Parameter(rng.standard_normal(shape))

    norm = BatchNorm(3)
    block = Residual([Depthwise3x3(random(3, 3, 3)), norm, ReLU(), Pointwise(random(3, 3))])
    network = Chain(
        [
            Convolution3x3(random(3, 3, 2, 3)),
            block,
            Depthwise3x3(random(3, 3, 3), stride=2),
            GlobalAverage(),
            Dense(random(3, 4), random(4)),
        ]
    )
    for parameter in norm.parameters:  # float32 otherwise: too coarse for differences
        parameter.value = rng.standard_normal(3)
        parameter.gradient = np.zeros(3)
    x, labels = rng.standard_normal((5, 4, 6, 2)), np.array([0, 1, 2, 3, 1])

    def loss() -> float:
        probabilities = softmax(network.forward(x, training=True))
        return float(-np.log(probabilities[np.arange(5), labels]).mean())

    logits = network.forward(x, training=True)
    x_gradient = network.backward(cross_entropy_gradient(logits, labels))
    pairs = [(p.value, p.gradient) for p in network.parameters] + [(x, x_gradient)]
    for value, gradient in pairs:
        for index in list(np.ndindex(value.shape))[:: max(1, value.size // 8)]:
            kept, step = value[index], 1e-6
            value[index] = kept + step
            above = loss()
            value[index] = kept - step
            slope = (above - loss()) / (2 * step)
            value[index] = kept
            assert gradient[index] == pytest.approx(slope, rel=1e-4, abs=1e-7)
