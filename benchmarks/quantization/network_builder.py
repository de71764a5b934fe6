"""Writes an ONNX network layer by layer, normalising each by what probe images make of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[np.floating[Any]]
OPSET = 17
IR_VERSION = 8


class NetworkBuilder:
    """Appends nodes and keeps every value's activation for the probe, so that a layer's batch
    normalization can be given the statistics that training would have left in it.

    rng: of the weights.   probe: float32 (images, channels, height, width), input "image".
    """

    def __init__(self, rng: np.random.Generator, probe: Array) -> None:
        self.rng = rng
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, Array] = {}
        self.shape = list(probe.shape[1:])
        self.values: dict[str, Array] = {"image": probe}

    def add(self, operator: str, inputs: list[str], **attributes: Any) -> str:
        """Append a node, run it on the probe, and give its output's name."""
        name = f"{operator.lower()}_{len(self.nodes)}"
        node = helper.make_node(operator, inputs, [name], name=name, **attributes)
        self.nodes.append(node)
        self.values[name] = self._run(node)
        return name

    def constant(self, name: str, values: Array) -> str:
        """Append an initializer and give its name."""
        unique = f"{name}_{len(self.initializers)}"
        self.initializers[unique] = np.asarray(values, np.float32)
        return unique

    def convolution(
        self, source: str, channels: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> str:
        """Conv without bias and the BatchNormalization that fits the probe; no activation."""
        entering = self.values[source].shape[1]
        fan_in = kernel * kernel * entering // groups
        shape = (channels, entering // groups, kernel, kernel)
        weights = self.rng.standard_normal(shape) * np.sqrt(2 / fan_in)
        convolved = self.add(
            "Conv",
            [source, self.constant("weight", weights)],
            kernel_shape=[kernel] * 2,
            strides=[stride] * 2,
            pads=[kernel // 2] * 4,
            group=groups,
        )
        return self._normalization(convolved, channels)

    def clip6(self, source: str) -> str:
        """Relu6."""
        bounds = [self.constant("bound", np.array(bound)) for bound in (0.0, 6.0)]
        return self.add("Clip", [source, *bounds])

    def dense(self, source: str, weights: Array, bias: Array) -> str:
        """Gemm with weights (out, in) and bias (out,)."""
        inputs = [source, self.constant("weight", weights), self.constant("bias", bias)]
        return self.add("Gemm", inputs, transB=1)

    def model(self, output: str, name: str) -> onnx.ModelProto:
        """All that was added, checked; the batch dimension is free."""
        shape = ["batch", *self.shape]
        entering = helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)
        leaving = ["batch", *self.values[output].shape[1:]]
        result = helper.make_tensor_value_info(output, TensorProto.FLOAT, leaving)
        constants = [numpy_helper.from_array(v, k) for k, v in self.initializers.items()]
        graph = helper.make_graph(self.nodes, name, [entering], [result], constants)
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        return model

    def _normalization(self, source: str, channels: int) -> str:
        """Gains and shifts spread as in trained networks: some channels ten times others."""
        seen = self.values[source]
        numbers = (
            np.exp(0.6 * self.rng.standard_normal(channels)),
            0.6 * self.rng.standard_normal(channels),
            seen.mean(axis=(0, 2, 3)),
            seen.var(axis=(0, 2, 3)) + 1e-6,
        )
        names = [self.constant("norm", value) for value in numbers]
        return self.add("BatchNormalization", [source, *names])

    def _run(self, node: onnx.NodeProto) -> Array:
        """One node on the values of the probe."""
        feeds = {name: self._value(name) for name in node.input}
        infos = [
            helper.make_tensor_value_info(k, TensorProto.FLOAT, v.shape) for k, v in feeds.items()
        ]
        out = [helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, None)]
        graph = helper.make_graph([node], "probe", infos, out)
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION)
        session = onnxruntime.InferenceSession(model.SerializeToString())
        (result,) = session.run(None, feeds)
        return np.asarray(result)

    def _value(self, name: str) -> Array:
        return self.initializers[name] if name in self.initializers else self.values[name]
