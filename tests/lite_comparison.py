"""An imported .tflite model against LiteRT's reference kernels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
from ai_edge_litert import schema_py_generated as schema

from edgetool.graph import Graph, ModelSource
from edgetool.importers.tflite import read
from lite_models import Array, pack, random_inputs, reference_interpreter, run_reference

SOURCE = ModelSource("model.tflite", "tflite", "0" * 64)
# ONNX Runtime's float kernels and LiteRT's sum in another order.
FLOAT_TOLERANCE = 1e-5


def run_graph(graph: Graph, inputs: Sequence[Array]) -> list[Array]:
    """Outputs of onnxruntime without optimisation, after onnx.checker's full check."""
    proto = ir.to_proto(graph.model)
    onnx.checker.check_model(proto, full_check=True)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options)
    names = [item.name for item in session.get_inputs()]
    return list(session.run(None, dict(zip(names, inputs, strict=True))))


def assert_same_numbers(data: bytes, samples: int = 3, lsb: int = 1) -> Graph:
    """The imported graph gives LiteRT's outputs: floats within 1e-5, integers within lsb."""
    graph = read(data, SOURCE)
    interpreter = reference_interpreter(data)
    for seed in range(samples):
        inputs = random_inputs(interpreter, seed)
        expected = run_reference(interpreter, inputs)
        for found, wanted in zip(run_graph(graph, inputs), expected, strict=True):
            assert found.shape == wanted.shape and found.dtype == wanted.dtype
            if np.issubdtype(wanted.dtype, np.integer):
                difference = np.abs(found.astype(int) - wanted.astype(int))
                assert difference.max() <= lsb
            else:
                np.testing.assert_allclose(found, wanted, FLOAT_TOLERANCE, FLOAT_TOLERANCE)
    return graph


def single_operators(data: bytes) -> Iterator[bytes]:
    """A file for each operator, with its constants."""
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    graph = model.subgraphs[0]
    for node in list(graph.operators):
        buffers = [model.buffers[graph.tensors[index].buffer].data for index in node.inputs]
        pairs = zip(node.inputs, buffers, strict=True)
        graph.inputs = [index for index, contents in pairs if contents is None]
        graph.operators, graph.outputs = [node], node.outputs
        yield pack(model)
