"""Small networks for the benchmark: the shapes that microcontrollers see, with random weights.

What a layer costs does not depend on the values of its weights, but for channels that are all
zero, which one network has on purpose. Seeded: the same files every time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CALIBRATION_SAMPLES = 16
OPSET = 13


class Sketch:
    """A float network being put together; every layer returns the name of its output."""

    def __init__(self, shape: tuple[int, ...], seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.shape = shape
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def conv(
        self,
        x: str,
        channels: tuple[int, int],
        kernel: tuple[int, int] = (1, 1),
        stride: tuple[int, int] = (1, 1),
        *,
        depthwise: bool = False,
        relu: bool = True,
        dead: float = 0,
    ) -> str:
        """Convolution, padded to keep the size.   dead: share of output channels that are zero."""
        given, wanted = channels
        shape = (wanted, 1 if depthwise else given, *kernel)
        weights = self._normal(shape, fan_in=int(np.prod(shape[1:])))
        bias = self._normal((wanted,), fan_in=100)
        silent = self.rng.permutation(wanted)[: round(dead * wanted)]
        weights[silent], bias[silent] = 0, 0
        y = self._node(
            "Conv",
            [x, self._constant(weights), self._constant(bias)],
            group=given if depthwise else 1,
            kernel_shape=kernel,
            strides=stride,
            pads=[side // 2 for side in kernel] * 2,
        )
        return self._node("Relu", [y]) if relu else y

    def separable(self, x: str, channels: tuple[int, int], stride: int = 1, dead: float = 0) -> str:
        """Depthwise 3x3 and pointwise, as in MobileNet."""
        given, _ = channels
        y = self.conv(x, (given, given), (3, 3), (stride, stride), depthwise=True)
        return self.conv(y, channels, dead=dead)

    def inverted_residual(self, x: str, channels: tuple[int, int], stride: int = 1) -> str:
        """Expand 6 times, depthwise, project, as in MobileNetV2; added to x where shapes allow."""
        given, wanted = channels
        wide = 6 * given
        y = self.conv(x, (given, wide))
        y = self.conv(y, (wide, wide), (3, 3), (stride, stride), depthwise=True)
        y = self.conv(y, (wide, wanted), relu=False)
        return self._node("Add", [x, y]) if given == wanted and stride == 1 else y

    def dense(self, x: str, sizes: tuple[int, int], *, relu: bool = True) -> str:
        """Fully connected."""
        weights, bias = self._normal(sizes, sizes[0]), self._normal((sizes[1],), 100)
        y = self._node("Gemm", [x, self._constant(weights), self._constant(bias)])
        return self._node("Relu", [y]) if relu else y

    def pooled(self, x: str) -> str:
        """The mean over the image, flat."""
        return self._node("Flatten", [self._node("GlobalAveragePool", [x])], axis=1)

    def softmax(self, x: str) -> str:
        """Along the last axis."""
        return self._node("Softmax", [x], axis=-1)

    def sigmoid(self, x: str) -> str:
        """Of each element."""
        return self._node("Sigmoid", [x])

    def model(self, *outputs: str) -> onnx.ModelProto:
        """The network."""
        given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shape)]
        wanted = [helper.make_tensor_value_info(y, TensorProto.FLOAT, None) for y in outputs]
        graph = helper.make_graph(self.nodes, "network", given, wanted, self.constants)
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        return onnx.shape_inference.infer_shapes(model)

    def _normal(self, shape: tuple[int, ...], fan_in: int) -> np.ndarray:
        return self.rng.normal(0, (2 / fan_in) ** 0.5, shape).astype(np.float32)

    def _constant(self, array: np.ndarray) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def _node(self, kind: str, inputs: list[str], **attributes: object) -> str:
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name


def autoencoder() -> tuple[Sketch, onnx.ModelProto]:
    """Dense autoencoder of 640 features through a bottleneck of 8, as for machine sounds."""
    sketch, x = Sketch((1, 640), 1), "x"
    widths = (640, 128, 128, 128, 128, 8, 128, 128, 128, 128)
    for sizes in pairwise(widths):
        x = sketch.dense(x, sizes)
    return sketch, sketch.model(sketch.dense(x, (128, 640), relu=False))


def wake_word() -> tuple[Sketch, onnx.ModelProto]:
    """1-D convolutions over 98 frames of 40 features: kernels 1 by k, the time along the width."""
    sketch = Sketch((1, 40, 1, 98), 2)
    x = sketch.conv("x", (40, 64), (1, 5), (1, 2))
    for stride in (1, 2, 1, 2):
        x = sketch.conv(x, (64, 64), (1, 9), (1, stride), depthwise=True)
        x = sketch.conv(x, (64, 64))
    return sketch, sketch.model(sketch.softmax(sketch.dense(sketch.pooled(x), (64, 3), relu=False)))


def mobilenet() -> tuple[Sketch, onnx.ModelProto]:
    """MobileNet, width 0.25, 48x48 RGB; half of the channels of each pointwise layer are dead."""
    sketch = Sketch((1, 3, 48, 48), 3)
    x = sketch.conv("x", (3, 8), (3, 3), (2, 2))
    for given, wanted, stride in ((8, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1)):
        x = sketch.separable(x, (given, wanted), stride, dead=0.5)
    x = sketch.separable(x, (64, 128), 2, dead=0.5)
    return sketch, sketch.model(
        sketch.softmax(sketch.dense(sketch.pooled(x), (128, 2), relu=False))
    )


def inverted_residuals() -> tuple[Sketch, onnx.ModelProto]:
    """MobileNetV2's blocks, 32x32 RGB, 10 classes."""
    sketch = Sketch((1, 3, 32, 32), 4)
    x = sketch.conv("x", (3, 8), (3, 3), (2, 2))
    for given, wanted, stride in ((8, 8, 1), (8, 16, 2), (16, 16, 1), (16, 24, 2), (24, 24, 1)):
        x = sketch.inverted_residual(x, (given, wanted), stride)
    x = sketch.conv(x, (24, 96))
    return sketch, sketch.model(
        sketch.softmax(sketch.dense(sketch.pooled(x), (96, 10), relu=False))
    )


def detector() -> tuple[Sketch, onnx.ModelProto]:
    """A single-shot detector on 64x64 grey: scores and boxes of 3 anchors at two resolutions."""
    sketch = Sketch((1, 1, 64, 64), 5)
    x = sketch.conv("x", (1, 8), (3, 3), (2, 2))
    x = sketch.separable(x, (8, 16), 2)
    fine = sketch.separable(x, (16, 32))
    coarse = sketch.separable(fine, (32, 64), 2)
    outputs = []
    for features, channels in ((fine, 32), (coarse, 64)):
        outputs.append(sketch.sigmoid(sketch.conv(features, (channels, 6), relu=False)))
        outputs.append(sketch.conv(features, (channels, 12), (3, 3), relu=False))
    return sketch, sketch.model(*outputs)


NETWORKS: Mapping[str, Callable[[], tuple[Sketch, onnx.ModelProto]]] = {
    "autoencoder": autoencoder,
    "wake-word": wake_word,
    "mobilenet-dead": mobilenet,
    "inverted-residuals": inverted_residuals,
    "detector": detector,
}


def write_network(name: str, folder: Path) -> tuple[Path, Path]:
    """Write the model and its calibration samples. Returns: both files."""
    sketch, model = NETWORKS[name]()
    folder.mkdir(parents=True, exist_ok=True)
    path, samples = folder / "model.onnx", folder / "calibration.npz"
    path.write_bytes(model.SerializeToString(deterministic=True))
    shape = (CALIBRATION_SAMPLES, *sketch.shape[1:])
    np.savez(samples, x=sketch.rng.normal(0, 1, shape).astype(np.float32))
    return path, samples
