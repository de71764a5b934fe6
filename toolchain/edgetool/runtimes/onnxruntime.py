"""ONNX Runtime on this machine's CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from edgetool.errors import DeviceError
from edgetool.runtimes.session import Array, Progress


class OnnxRuntimeSession:
    """A model loaded by ONNX Runtime, one thread.

    optimised: with graph optimisation. It is what users run and time; but on x86 without VNNI
    its int8 kernels saturate at 16 bits and compute something else, so judging numbers takes
    the unoptimised graph, whose QDQ arithmetic is float (docs/quantization.md).
    """

    name = "onnxruntime"

    def __init__(self, model: Path | bytes, *, optimised: bool, threads: int = 1) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        level = ort.GraphOptimizationLevel
        options.graph_optimization_level = (
            level.ORT_ENABLE_ALL if optimised else level.ORT_DISABLE_ALL
        )
        source = model if isinstance(model, bytes) else str(model)
        try:
            self._session = ort.InferenceSession(
                source, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ORT raises a dozen types, all with one readable message
            raise DeviceError(f"onnxruntime does not load the model: {error}") from error
        self.inputs = [(i.name, tuple(i.shape)) for i in self._session.get_inputs()]
        self.outputs = [o.name for o in self._session.get_outputs()]

    def run(
        self, inputs: Mapping[str, Array], progress: Progress | None = None
    ) -> dict[str, Array]:
        """See Session.run."""
        count = len(next(iter(inputs.values())))
        rows: list[list[Array]] = []
        for index in range(count):
            feed = {
                name: _shaped(inputs[name][index : index + 1], shape) for name, shape in self.inputs
            }
            rows.append(self.run_once(feed))
            if progress is not None:
                progress(index + 1, count, "onnxruntime")
        stacked = (np.stack([row[i] for row in rows]) for i in range(len(self.outputs)))
        return dict(zip(self.outputs, stacked, strict=True))

    def run_once(self, feed: Mapping[str, Array]) -> list[Array]:
        """One inference with arrays of the model's own input shapes."""
        try:
            return [np.asarray(result) for result in self._session.run(None, dict(feed))]
        except Exception as error:
            raise DeviceError(f"onnxruntime failed to run the model: {error}") from error


def _shaped(sample: Array, shape: Sequence[int | str | None]) -> Array:
    fixed = [dim if isinstance(dim, int) else 1 for dim in shape]
    return np.ascontiguousarray(sample.reshape(fixed))
