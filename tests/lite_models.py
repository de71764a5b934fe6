"""Small .tflite models written with the schema's object API, and LiteRT's reference answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

Array = NDArray[Any]
Shape = tuple[int, ...]

TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "float16": schema.TensorType.FLOAT16,
    "int8": schema.TensorType.INT8,
    "uint8": schema.TensorType.UINT8,
    "int16": schema.TensorType.INT16,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
}


class LiteWriter:
    """Appends tensors and operators; contents come from the seed.

    quantized: activations and weights are int8 with scales, biases int32; else float32.
    """

    def __init__(self, seed: int = 0, quantized: bool = False) -> None:
        self.rng = np.random.default_rng(seed)
        self.quantized = quantized
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.buffers, self.model.operatorCodes = [schema.BufferT()], []
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []

    # --- tensors ------------------------------------------------------------------------

    def tensor(
        self,
        name: str,
        shape: Shape,
        dtype: str,
        data: Array | None = None,
        scales: tuple[Any, Any] | None = None,
        axis: int = 0,
    ) -> int:
        """Any tensor. scales: (scale, zero point), numbers or vectors along axis."""
        table = schema.TensorT()
        table.name, table.shape, table.type = name, list(shape), TYPES[dtype]
        table.buffer = 0
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            table.buffer = len(self.model.buffers) - 1
        if scales is not None:
            found = schema.QuantizationParametersT()
            found.scale = np.atleast_1d(np.array(scales[0], np.float32))
            found.zeroPoint = np.atleast_1d(np.array(scales[1], np.int64))
            found.quantizedDimension = axis
            table.quantization = found
        self.graph.tensors.append(table)
        return len(self.graph.tensors) - 1

    def activation(
        self, shape: Shape, scale: float = 0.04, zero_point: int = -7, name: str = ""
    ) -> int:
        """int8 with one scale, or float32."""
        name = name or f"net/layer_{len(self.graph.tensors)}"
        if not self.quantized:
            return self.tensor(name, shape, "float32")
        return self.tensor(name, shape, "int8", scales=(scale, zero_point))

    def like(self, index: int, shape: Shape) -> int:
        """An activation with the type and scales of another tensor."""
        copy = self.activation(shape)
        other = self.graph.tensors[index]
        self.graph.tensors[copy].type = other.type
        self.graph.tensors[copy].quantization = other.quantization
        return copy

    def weights(self, shape: Shape, axis: int | None = 0) -> int:
        """int8 with a scale a channel (axis None: one scale), or float32."""
        name = f"net/weights_{len(self.graph.tensors)}"
        if not self.quantized:
            return self.tensor(name, shape, "float32", self._normal(shape))
        data = self.rng.integers(-127, 128, shape, dtype=np.int8)
        count = 1 if axis is None else shape[axis]
        scale = self.rng.uniform(0.002, 0.01, count)
        zero_point = np.zeros(count)
        return self.tensor(name, shape, "int8", data, (scale, zero_point), axis or 0)

    def bias(self, data: int, weights: int, channels: int) -> int:
        """int32 with input scale times weight scale, or float32."""
        name = f"net/bias_{len(self.graph.tensors)}"
        if not self.quantized:
            return self.tensor(name, (channels,), "float32", self._normal((channels,)))
        scales = [self.graph.tensors[index].quantization.scale for index in (data, weights)]
        product = (scales[0] * scales[1]).astype(np.float32)
        values = self.rng.integers(-400, 400, channels, dtype=np.int32)
        parameters = (product, np.zeros(product.size))
        return self.tensor(name, (channels,), "int32", values, parameters)

    def operand(self, shape: Shape, like: int | None = None) -> int:
        """A constant of an elementwise operator, with the scales of another tensor or its own."""
        name = f"net/operand_{len(self.graph.tensors)}"
        if not self.quantized:
            return self.tensor(name, shape, "float32", self._normal(shape))
        data = self.rng.integers(-128, 128, shape, dtype=np.int8)
        index = self.tensor(name, shape, "int8", data, (0.015, 4))
        if like is not None:
            self.graph.tensors[index].quantization = self.graph.tensors[like].quantization
        return index

    def integers(self, *numbers: int) -> int:
        """A constant int32 vector."""
        data = np.array(numbers, np.int32)
        return self.tensor(f"net/integers_{len(self.graph.tensors)}", data.shape, "int32", data)

    def _normal(self, shape: Shape) -> Array:
        return self.rng.standard_normal(shape).astype(np.float32)

    # --- operators ----------------------------------------------------------------------

    def operator(
        self,
        code: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        table: str = "",
        fields: Mapping[str, Any] | None = None,
    ) -> int:
        """An operator with an options table; the first output."""
        node = schema.OperatorT()
        node.inputs, node.outputs = list(inputs), list(outputs)
        node.opcodeIndex = self._code(getattr(schema.BuiltinOperator, code))
        if table:
            node.builtinOptionsType = getattr(schema.BuiltinOptions, table)
            node.builtinOptions = getattr(schema, f"{table}T")()
            for name, value in (fields or {}).items():
                assert hasattr(node.builtinOptions, name), name
                setattr(node.builtinOptions, name, value)
        self.graph.operators.append(node)
        return outputs[0]

    def _code(self, number: int) -> int:
        for index, found in enumerate(self.model.operatorCodes):
            if found.builtinCode == number:
                return index
        code = schema.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode = number, min(number, 127)
        code.version = 1  # kernels decide by the tensors' types, not by this number
        self.model.operatorCodes.append(code)
        return len(self.model.operatorCodes) - 1

    # --- the file -----------------------------------------------------------------------

    def file(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        """The model as a .tflite file's bytes."""
        self.graph.inputs, self.graph.outputs = list(inputs), list(outputs)
        self.model.subgraphs = [self.graph]
        return pack(self.model)


def pack(model: Any) -> bytes:
    """The object API's model as a file's bytes."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def small_network(quantized: bool, seed: int = 0) -> bytes:
    """Convolution, depthwise, addition, pool, mean, dense, softmax on 8x8x3."""
    net = LiteWriter(seed, quantized)
    x = net.activation((1, 8, 8, 3), name="image")
    stem = _conv(net, x, (1, 8, 8, 8), (8, 3, 3, 3))
    weights = net.weights((1, 3, 3, 8), 3)
    deep = net.activation((1, 8, 8, 8), 0.06, 5)
    fields = {"strideH": 1, "strideW": 1, "depthMultiplier": 1, "fusedActivationFunction": 3}
    inputs = [stem, weights, net.bias(stem, weights, 8)]
    net.operator("DEPTHWISE_CONV_2D", inputs, [deep], "DepthwiseConv2DOptions", fields)
    joined = net.activation((1, 8, 8, 8), 0.09, -3)
    net.operator("ADD", [stem, deep], [joined], "AddOptions", {"fusedActivationFunction": 1})
    pooled = net.like(joined, (1, 4, 4, 8))
    fields = {"strideH": 2, "strideW": 2, "filterHeight": 2, "filterWidth": 2}
    net.operator("MAX_POOL_2D", [joined], [pooled], "Pool2DOptions", fields)
    flat = net.activation((1, 8), 0.05, -20)
    axes = net.integers(1, 2)
    net.operator("MEAN", [pooled, axes], [flat], "ReducerOptions", {"keepDims": False})
    weights = net.weights((5, 8), None)
    logits = net.activation((1, 5), 0.08, 9)
    inputs = [flat, weights, net.bias(flat, weights, 5)]
    net.operator("FULLY_CONNECTED", inputs, [logits], "FullyConnectedOptions")
    classes = net.activation((1, 5), 1 / 256, -128, name="classes")
    net.operator("SOFTMAX", [logits], [classes], "SoftmaxOptions", {"beta": 1.0})
    return net.file([x], [classes])


def pointwise(net: LiteWriter) -> tuple[int, int]:
    """A 1x1 convolution on 5x5x3: its input and its output, 5x5x4."""
    data, weights = net.activation((1, 5, 5, 3)), net.weights((4, 1, 1, 3))
    result = net.activation((1, 5, 5, 4), 0.11, 12)
    inputs = [data, weights, net.bias(data, weights, 4)]
    net.operator("CONV_2D", inputs, [result], "Conv2DOptions", {"strideH": 1, "strideW": 1})
    return data, result


def _conv(net: LiteWriter, x: int, shape: Shape, kernel: Shape) -> int:
    weights = net.weights(kernel)
    y = net.activation(shape, 0.05, -128)
    inputs = [x, weights, net.bias(x, weights, kernel[0])]
    fields = {"strideH": 1, "strideW": 1, "fusedActivationFunction": 1}
    return net.operator("CONV_2D", inputs, [y], "Conv2DOptions", fields)


def random_inputs(interpreter: Interpreter, seed: int) -> list[Array]:
    """A random array for each input, in the file's order."""
    rng = np.random.default_rng(seed)
    arrays: list[Array] = []
    for detail in interpreter.get_input_details():
        shape, dtype = tuple(detail["shape"]), detail["dtype"]
        if np.issubdtype(dtype, np.integer):
            info = np.iinfo(dtype)
            arrays.append(rng.integers(info.min, info.max + 1, shape, dtype=dtype))
        else:
            arrays.append(rng.standard_normal(shape).astype(dtype))
    return arrays


def reference_interpreter(data: bytes) -> Interpreter:
    """LiteRT with its reference kernels, ready to run."""
    interpreter = Interpreter(
        model_content=data,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        num_threads=1,
    )
    interpreter.allocate_tensors()
    return interpreter


def run_reference(interpreter: Interpreter, inputs: Sequence[Array]) -> list[Array]:
    """Outputs of one inference, in the file's order."""
    details = interpreter.get_input_details()
    for detail, array in zip(details, inputs, strict=True):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    return [interpreter.get_tensor(item["index"]) for item in interpreter.get_output_details()]
