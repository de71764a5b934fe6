"""Run a graph in onnxruntime, with graph optimisation disabled: each node as it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgetool.graph.graph import Graph

Arrays = dict[str, npt.NDArray[Any]]


class Executor:
    """An onnxruntime session of a graph on one thread, without graph optimisation.

    Raises: onnxruntime's own exceptions when it cannot load or run the graph.
    """

    def __init__(self, graph: Graph) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        data = ir.serde.serialize_model(graph.model).SerializeToString()
        self._session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        self.outputs = [value.name for value in self._session.get_outputs()]

    def run(self, inputs: Mapping[str, npt.NDArray[Any]]) -> Arrays:
        """Outputs by name, for one call with complete inputs (batch included)."""
        found = self._session.run(self.outputs, dict(inputs))
        return dict(zip(self.outputs, found, strict=True))

    def run_samples(self, samples: Mapping[str, npt.NDArray[Any]]) -> Arrays:
        """Outputs stacked over samples; arrays are (samples, *input shape without batch)."""
        count = min(len(array) for array in samples.values())
        runs = [self.run({k: v[i][np.newaxis] for k, v in samples.items()}) for i in range(count)]
        return {name: np.stack([run[name] for run in runs]) for name in self.outputs}
