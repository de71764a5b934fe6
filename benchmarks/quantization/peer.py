"""Quantize a model with one peer, in a process of its own: python peer.py TOOL MODEL DATA OUTPUT.

TOOL: ort-minmax, ort-percentile, ort-entropy, onnx-neural-compressor, ai-edge-quantizer (MODEL is
then a .tflite file). DATA: .npz with x. Prints JSON: CPU seconds of calibration and quantization
without imports, and the process's peak memory in MiB.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np


class Samples:
    """onnxruntime's calibration data reader: one sample a call."""

    def __init__(self, name: str, samples: np.ndarray[Any, Any]) -> None:
        self.name, self.samples = name, samples
        self.rewind()

    def rewind(self) -> None:
        """Start again."""
        self._next: Iterator[Any] = iter(self.samples)

    def get_next(self) -> dict[str, Any] | None:
        """The next sample with its batch dimension."""
        sample = next(self._next, None)
        return None if sample is None else {self.name: sample[None]}

    def __len__(self) -> int:
        return len(self.samples)


def load(model: Path, data: Path) -> Samples:
    """The samples for the model's only input."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    return Samples(session.get_inputs()[0].name, np.load(data)["x"])


def onnxruntime_tool(method: str) -> Callable[[Path, Path, Path], float]:
    """onnxruntime's quantize_static: int8 QDQ, weights per channel, preprocessed as it advises."""

    def run(model: Path, data: Path, output: Path) -> float:
        from onnxruntime.quantization import (
            CalibrationMethod,
            QuantFormat,
            QuantType,
            quantize_static,
        )
        from onnxruntime.quantization.shape_inference import quant_pre_process

        samples = load(model, data)
        started = cpu_s()
        with tempfile.TemporaryDirectory() as folder:
            prepared = Path(folder) / "prepared.onnx"
            quant_pre_process(str(model), str(prepared), skip_symbolic_shape=True)
            quantize_static(
                str(prepared),
                str(output),
                samples,
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                activation_type=QuantType.QInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=getattr(CalibrationMethod, method),
            )
        return cpu_s() - started

    return run


def neural_compressor(model: Path, data: Path, output: Path) -> float:
    """onnx-neural-compressor's static quantization with its defaults."""
    from onnx_neural_compressor import data_reader, quantization
    from onnx_neural_compressor.quantization import config

    samples = load(model, data)

    class Reader(data_reader.CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> Any:
            return samples.get_next()

        def rewind(self) -> None:
            samples.rewind()

    started = cpu_s()
    settings = config.StaticQuantConfig(
        calibration_data_reader=Reader(),
        quant_format=quantization.QuantFormat.QDQ,
        per_channel=True,
        activation_type=quantization.QuantType.QInt8,
        weight_type=quantization.QuantType.QInt8,
        execution_provider="CPUExecutionProvider",
    )
    quantization.quantize(str(model), str(output), settings)
    spent = cpu_s() - started
    repair_axes(output)
    return spent


def repair_axes(path: Path) -> None:
    """Give DequantizeLinear of biases an axis that they have: onnxruntime refuses it otherwise."""
    import onnx

    model = onnx.load(path)
    ranks = {constant.name: len(constant.dims) for constant in model.graph.initializer}
    for node in model.graph.node:
        for found in node.attribute if node.op_type == "DequantizeLinear" else ():
            if found.name == "axis" and found.i >= ranks.get(node.input[0], found.i + 1):
                found.i = 0
    onnx.save(model, path)


def ai_edge(model: Path, data: Path, output: Path) -> float:
    """ai-edge-quantizer's static recipe: int8 weights and activations."""
    from ai_edge_quantizer import quantizer, recipe

    samples = np.load(data)["x"]
    found = quantizer.Quantizer(str(model), recipe.static_wi8_ai8())
    name = next(iter(signature_inputs(model)))
    started = cpu_s()
    batches = [{name: sample[None]} for sample in samples]
    statistics = found.calibrate({"serving_default": batches})
    result = found.quantize(statistics)
    output.write_bytes(result.quantized_model)
    return cpu_s() - started


def signature_inputs(model: Path) -> dict[str, Any]:
    """Names of the inputs of the model's signature."""
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(str(model)).get_signature_runner("serving_default")
    return dict(runner.get_input_details())


TOOLS: dict[str, Callable[[Path, Path, Path], float]] = {
    "ort-minmax": onnxruntime_tool("MinMax"),
    "ort-percentile": onnxruntime_tool("Percentile"),
    "ort-entropy": onnxruntime_tool("Entropy"),
    "onnx-neural-compressor": neural_compressor,
    "ai-edge-quantizer": ai_edge,
}


def cpu_s() -> float:
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_mib() -> float:
    """The most memory that this program has had; ru_maxrss begins at what its parent had."""
    status = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024


def main(tool: str, model: str, data: str, output: str) -> None:
    """Run one tool and print what it cost."""
    spent = TOOLS[tool](Path(model), Path(data), Path(output))
    peak = peak_mib()
    print(json.dumps({"cpu_s": spent, "peak_mib": peak}))


if __name__ == "__main__":
    main(*sys.argv[1:])
