"""Writes small ONNX models with random weights, node by node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[np.float32]
Shape = Sequence[int | str]

OPSET = 17
IR_VERSION = 8


class NetworkWriter:
    """Appends nodes whose output bears the node's name; weights come from the seed."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, NDArray[Any]] = {}

    def node(self, operator: str, name: str, inputs: Sequence[str], **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self.constants[name] = value
        return name

    def normal(self, shape: tuple[int, ...], deviation: float) -> Array:
        return (self.rng.standard_normal(shape) * deviation).astype(np.float32)

    def conv(
        self,
        name: str,
        x: str,
        channels: tuple[int, int],
        kernel: Sequence[int] = (3, 3),
        *,
        stride: int = 1,
        pad: int = 0,
        depthwise: bool = False,
    ) -> str:
        """channels: in and out. Weights `<name>.weight` (out, in / group, *kernel) and a bias."""
        per_group = 1 if depthwise else channels[0]
        shape = (channels[1], per_group, *kernel)
        self.constant(f"{name}.weight", self.normal(shape, np.sqrt(2 / np.prod(shape[1:]))))
        self.constant(f"{name}.bias", self.normal(shape[:1], 0.2))
        return self.node(
            "Conv",
            name,
            [x, f"{name}.weight", f"{name}.bias"],
            kernel_shape=list(kernel),
            strides=[stride] * len(kernel),
            pads=[pad] * 2 * len(kernel),
            group=channels[0] if depthwise else 1,
        )

    def relu(self, x: str) -> str:
        return self.node("Relu", f"{x}_relu", [x])

    def relu6(self, x: str) -> str:
        self.constant("relu6.min", np.array(0, np.float32))
        self.constant("relu6.max", np.array(6, np.float32))
        return self.node("Clip", f"{x}_relu6", [x, "relu6.min", "relu6.max"])

    def dense(self, name: str, x: str, inputs: int, outputs: int) -> str:
        self.constant(f"{name}.weight", self.normal((outputs, inputs), np.sqrt(2 / inputs)))
        self.constant(f"{name}.bias", self.normal((outputs,), 0.2))
        return self.node("Gemm", name, [x, f"{name}.weight", f"{name}.bias"], transB=1)

    def classifier(self, x: str, channels: int, classes: int) -> str:
        """Global pooling, a dense layer and a softmax."""
        x = self.node("GlobalAveragePool", "global_pool", [x])
        x = self.node("Flatten", "flatten", [x], axis=1)
        return self.node("Softmax", "softmax", [self.dense("dense", x, channels, classes)], axis=-1)

    def model(self, name: str, x: tuple[str, Shape], ys: dict[str, Shape]) -> onnx.ModelProto:
        """The checked model. x: the input's name and shape.  ys: the outputs' shapes by name."""
        graph = helper.make_graph(
            self.nodes,
            name,
            [helper.make_tensor_value_info(x[0], TensorProto.FLOAT, list(x[1]))],
            [helper.make_tensor_value_info(y, TensorProto.FLOAT, list(ys[y])) for y in ys],
            initializer=[
                numpy_helper.from_array(np.asarray(self.constants[key]), key)
                for key in self.constants
            ],
        )
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION)
        onnx.checker.check_model(model, full_check=True)
        return model
