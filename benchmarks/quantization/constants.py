"""Choose the constants of quantization on held-back calibration samples.

python benchmarks/quantization/constants.py [--networks NAME …] [--folder DIR] [--json FILE]

Of each network only the samples to calibrate on are touched: they are parted in four, three parts
calibrate, the fourth is scored, in turn. The score is the mean over samples of each sample's SQNR
in dB at the outputs: a few samples near a decision would otherwise outweigh all others. Each
constant is varied alone, the others as they are. Beside the benchmark's networks there are
generated ones, which no table of results has.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from images import textures
from network_builder import NetworkBuilder
from numpy.typing import NDArray

from edgetool.graph import Graph
from edgetool.graph.execute import Executor
from edgetool.importers import load_model
from edgetool.passes import PassContext
from edgetool.pipeline import FLOAT, QUANTIZE, run_pipeline
from edgetool.quantization import equalization, ranges, weight_rounding
from networks import CASES, make_case

Array = NDArray[Any]
FOLDS = 4
SAMPLES = 96  # of a generated network

# Constant: (effort that it matters to, where it is, its name, values).
GRID: dict[str, tuple[str, Any, str, tuple[float, ...]]] = {
    "percentile": ("fast", ranges, "PERCENTILE", (99.9, 99.97, 99.99, 99.997, 99.999, 100.0)),
    "damping": ("normal", weight_rounding, "DAMPING", (0.001, 0.003, 0.01, 0.03, 0.1)),
    "weight noise": ("normal", equalization, "WEIGHT_NOISE", (0.0, 0.1, 0.25, 0.5, 1.0)),
}


def generated_residual(seed: int) -> tuple[onnx.ModelProto, Array]:
    """A residual network of random weights, normalised as trained ones are, and its images."""
    x = textures(SAMPLES, 32, seed=100 + seed)[0]
    builder = NetworkBuilder(np.random.default_rng(seed), x[:8])
    value = builder.add("Relu", [builder.convolution("image", 16, 3)])
    for channels, stride in ((16, 1), (32, 2), (64, 2)):
        inner = builder.add("Relu", [builder.convolution(value, channels, 3, stride)])
        inner = builder.convolution(inner, channels, 3)
        around = value if stride == 1 else builder.convolution(value, channels, 1, stride)
        value = builder.add("Relu", [builder.add("Add", [inner, around])])
    return builder.model(_classifier(builder, value), f"residual_{seed}"), x


def generated_separable(seed: int) -> tuple[onnx.ModelProto, Array]:
    """Depthwise and pointwise convolutions with Relu6, random and normalised, and its images."""
    x = textures(SAMPLES, 32, seed=200 + seed)[0]
    builder = NetworkBuilder(np.random.default_rng(50 + seed), x[:8])
    value = builder.clip6(builder.convolution("image", 16, 3, 2))
    for channels, stride in ((24, 1), (32, 2), (48, 1), (64, 2)):
        entering = builder.values[value].shape[1]
        value = builder.clip6(builder.convolution(value, entering, 3, stride, groups=entering))
        value = builder.clip6(builder.convolution(value, channels, 1))
    return builder.model(_classifier(builder, value), f"separable_{seed}"), x


def _classifier(builder: NetworkBuilder, value: str) -> str:
    flat = builder.add("Flatten", [builder.add("GlobalAveragePool", [value])])
    entering = builder.values[flat].shape[1]
    weights = builder.rng.standard_normal((10, entering)) / np.sqrt(entering)
    return builder.dense(flat, weights, np.zeros(10))


GENERATED: dict[str, Callable[[], tuple[onnx.ModelProto, Array]]] = {
    f"{kind.__name__.removeprefix('generated_')}_{seed}": lambda kind=kind, seed=seed: kind(seed)
    for kind in (generated_residual, generated_separable)
    for seed in (0, 1)
}
NETWORKS = (*(name for name in CASES if name != "mobilenet_v2"), *GENERATED)


def network(name: str, folder: Path) -> tuple[Graph, str, Array]:
    """(float graph, its input's name, samples to calibrate on)."""
    if name in GENERATED:
        model, x = GENERATED[name]()
        path = folder / f"{name}.onnx"
        onnx.save(model, path)
    else:
        case = make_case(name, folder)
        path, x = case.model, np.load(case.calibration)["x"]
    graph = load_model(path)
    entering = str(graph.graph.inputs[0].name)
    context = PassContext(shapes={entering: (1, *x.shape[1:])})
    return run_pipeline(graph, context, (FLOAT,))[0], entering, x


def folds(x: Array) -> Iterator[tuple[Array, Array]]:
    """(samples to calibrate on, samples to score) in turn."""
    part = np.arange(len(x)) % FOLDS
    for fold in range(FOLDS):
        yield x[part != fold], x[part == fold]


def outputs(graph: Graph, entering: str, x: Array) -> Array:
    """All outputs of each sample, float64 (samples, n)."""
    found = Executor(graph).run_samples({entering: x})
    rows = [array.reshape(len(x), -1) for array in found.values()]
    return np.concatenate(rows, axis=1).astype(np.float64)


def score(graph: Graph, entering: str, x: Array, options: dict[str, Any]) -> float:
    """Mean SQNR of held-back samples in dB."""
    found = []
    for calibration, held_back in folds(x):
        context = PassContext({entering: calibration}, options=options)
        quantized, _ = run_pipeline(graph, context, (QUANTIZE,))
        real = outputs(graph, entering, held_back)
        noise = np.square(outputs(quantized, entering, held_back) - real).sum(axis=1)
        signal = np.square(real).sum(axis=1)
        found.append(10 * np.log10(signal / np.maximum(noise, 1e-9 * signal)))
    return float(np.concatenate(found).mean())


@contextmanager
def constant(where: Any, name: str, value: float) -> Iterator[None]:
    """The module's constant has this value for a while."""
    kept = getattr(where, name)
    setattr(where, name, value)
    try:
        yield
    finally:
        setattr(where, name, kept)


def measure(name: str, folder: Path) -> dict[str, dict[float, float]]:
    """By constant and value the score of a network."""
    graph, entering, x = network(name, folder)
    table: dict[str, dict[float, float]] = {}
    for label, (effort, where, attribute, values) in GRID.items():
        table[label] = {}
        for value in values:
            with constant(where, attribute, value):
                options = {"effort": effort, "ranges": "percentile"}
                table[label][value] = score(graph, entering, x, options)
    return table


def main() -> None:
    """Measure, and print one line a network and constant."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--folder", type=Path, default=Path("build") / "quantization")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for name in options.networks:
        found[name] = measure(name, options.folder)
        for label, scores in found[name].items():
            cells = "  ".join(f"{value:g}: {db:.2f}" for value, db in scores.items())
            print(f"{name:14} {label:13} {cells}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
