"""Broken .onnx files: one field or another of a well-formed protobuf message is changed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from networks import conv1d_wakeword, detection_head, inverted_residual, residual_network

# The file that well-formed models with external data refer to; see write_external_data.
EXTERNAL_FILE = "weights.bin"
EXTERNAL_BYTES = 64

FIELD_SHARE = 0.7
TYPE_MESSAGE, TYPE_ENUM = 11, 14  # in protobuf's FieldDescriptor
INTEGERS = [
    -(2**63),
    -(2**31),
    -2,
    -1,
    0,
    1,
    2,
    3,
    4,
    7,
    255,
    65536,
    2**31 - 1,
    2**31,
    2**62,
    2**63 - 1,
]
FLOATS = [0.0, -1.0, 1e-38, 1e30, float("inf"), float("nan")]
TEXTS = ["", "x" * 5000, "../../x", "\0", "ai.onnx", "Conv", "If", "Pad", "ü", "%s%n"]
PATHS = [
    "../x",
    "/etc/passwd",
    "..",
    ".",
    "",
    "weights.bin\0",
    "a/../weights.bin",
    "C:\\x",
    "x/" * 999,
]

# Operators of old forms (opset 9), each rewritten for opset 13 on import.
OLD_FORMS = """
<ir_version: 4, opset_import: ["" : 9]>
old (float[1,4,6,6] x) => (float[1,36] y, float[1,2,6,6] left, float[1,4,12,12] up)
<float[4] scales = {1.0, 1.0, 2.0, 2.0}, int64[2] shape = {1, 36}>
{
  a = Clip <min = 0.0, max = 6.0> (x)
  b = Pad <mode = "constant", pads = [0, 0, 1, 1, 0, 0, 1, 1], value = 0.5> (a)
  c = Slice <starts = [1, 1], ends = [7, 7], axes = [2, 3]> (b)
  left, right = Split <axis = 1, split = [2, 2]> (c)
  up = Upsample <mode = "nearest"> (c, scales)
  d = ReduceSum <axes = [1], keepdims = 0> (c)
  e = Unsqueeze <axes = [0]> (d)
  f = Squeeze <axes = [0]> (e)
  g = Softmax <axis = 1> (f)
  h = Dropout <ratio = 0.5> (g)
  y = Reshape (h, shape)
}
"""
# A function and a subgraph.
NESTED = """
<ir_version: 8, opset_import: ["" : 17, "local" : 1]>
nested (float[1,4] x, bool c) => (float[1,4] y)
{
  a = local.twice (x)
  y = If (c) <
    then_branch = yes () => (float[1,4] r) { r = Relu (a) },
    else_branch = no () => (float[1,4] s) { s = local.twice (a) }
  >
}
<domain: "local", opset_import: ["" : 17]>
twice (p) => (q) { h = Identity (p)  q = Add (p, h) }
"""


def base(rng: random.Random) -> bytes:
    """A small well-formed model."""
    return _bases()[rng.randrange(len(_bases()))]


def mutate(rng: random.Random) -> tuple[str, bytes]:
    """(strategy, file)."""
    model = onnx.ModelProto.FromString(base(rng))
    names = []
    for _ in range(rng.choice([1, 1, 2, 4])):
        if rng.random() < FIELD_SHARE:
            names.append(change_field(rng, model))
        else:
            name = rng.choice(sorted(CHANGES))
            CHANGES[name](rng, model)
            names.append(name)
    return "+".join(names), model.SerializeToString()


def external_data() -> bytes:
    """Contents of EXTERNAL_FILE."""
    return np.linspace(-1, 1, EXTERNAL_BYTES // 4, dtype=np.float32).tobytes()


@cache
def _bases() -> list[bytes]:
    makers = (residual_network, conv1d_wakeword, detection_head, inverted_residual)
    models = [make(0) for make in makers]
    models += [onnx.parser.parse_model(text) for text in (OLD_FORMS, NESTED)]
    models += [_with_external_data(), _quantized()]
    return [model.SerializeToString() for model in models]


def _with_external_data() -> onnx.ModelProto:
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4, 4])
    weights.data_location = TensorProto.EXTERNAL
    for key, value in (("location", EXTERNAL_FILE), ("offset", "0"), ("length", "64")):
        weights.external_data.add(key=key, value=value)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in "xy"]
    node = helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)
    graph = helper.make_graph([node], "external", ends[:1], ends[1:], [weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _quantized() -> onnx.ModelProto:
    """A convolution between QuantizeLinear and DequantizeLinear, weights a scale a channel."""
    constants: dict[str, NDArray[Any]] = {
        "s": np.array(0.05, np.float32),
        "z": np.array(-3, np.int8),
        "w": np.arange(-18, 18, dtype=np.int8).reshape(4, 1, 3, 3),
        "ws": np.linspace(0.01, 0.02, 4, dtype=np.float32),
        "wz": np.zeros(4, np.int8),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["xq"]),
        helper.make_node("DequantizeLinear", ["xq", "s", "z"], ["xr"]),
        helper.make_node("DequantizeLinear", ["w", "ws", "wz"], ["wr"], axis=0),
        helper.make_node("Conv", ["xr", "wr"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("QuantizeLinear", ["c", "s", "z"], ["cq"]),
        helper.make_node("DequantizeLinear", ["cq", "s", "z"], ["y"]),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, 5, 5])
        for name, channels in (("x", 1), ("y", 4))
    ]
    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "quantized", ends[:1], ends[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)


# --- any field --------------------------------------------------------------------------


def change_field(rng: random.Random, model: onnx.ModelProto) -> str:
    """Change one field that is set, somewhere in the tree of messages; its path's last name."""
    message = _descend(rng, model)
    fields = message.ListFields()
    if not fields:
        return "nothing"
    field, value = rng.choice(fields)
    name = str(field.name)
    if _is_repeated(value):
        _change_repeated(rng, message, field, value)
    elif field.type == TYPE_MESSAGE:
        message.ClearField(name)
    else:
        _set(message, name, _other(rng, model, field, value))
    return name


def _is_repeated(value: Any) -> bool:
    return hasattr(value, "extend")


def _descend(rng: random.Random, message: Any) -> Any:
    """A message on a random way down from the root."""
    while True:
        below = [
            (field, value) for field, value in message.ListFields() if field.type == TYPE_MESSAGE
        ]
        if not below or rng.random() < 0.1:
            return message
        # Long lists hold most of a model; a single message may hold all of it.
        weights = [len(value) if _is_repeated(value) else 10 for field, value in below]
        _, value = rng.choices(below, weights)[0]
        message = rng.choice(value) if _is_repeated(value) else value


def _change_repeated(rng: random.Random, message: Any, field: Any, values: Any) -> None:
    kind, index = rng.randrange(5), rng.randrange(len(values))
    if kind == 0:
        del values[index]
    elif kind == 1:
        message.ClearField(field.name)
    elif field.type == TYPE_MESSAGE:
        if kind == 2:
            values[index].CopyFrom(rng.choice(values))
        elif kind == 3:
            values.add().CopyFrom(values[index])
        else:
            values[index].Clear()
    elif kind == 2:
        values.append(values[index])
    else:
        _set_item(values, index, _other(rng, None, field, values[index]))


def _other(rng: random.Random, model: Any, field: Any, value: Any) -> Any:
    if isinstance(value, bytes):
        changed = [value[:-1], value + b"\0", b"", rng.randbytes(len(value)), value * 2]
        return rng.choice(changed)
    if isinstance(value, str):
        return rng.choice([*TEXTS, value + "_", *(_names(model) if model else [])])
    if isinstance(value, float):
        return rng.choice(FLOATS)
    if field.type == TYPE_ENUM:
        return rng.randrange(25)
    return rng.choice([*INTEGERS, value + 1, value - 1])


def _names(model: onnx.ModelProto) -> list[str]:
    return [name for node in model.graph.node for name in (*node.input, *node.output)]


def _set(message: Any, name: str, value: Any) -> None:
    try:
        setattr(message, name, value)
    except ValueError:  # out of the field's range: the writer cannot express it
        message.ClearField(name)


def _set_item(values: Any, index: int, value: Any) -> None:
    try:
        values[index] = value
    except ValueError:
        del values[index]


# --- what a model means -----------------------------------------------------------------


def make_cycle(rng: random.Random, model: onnx.ModelProto) -> None:
    nodes = [node for node in model.graph.node if node.input and node.output]
    if nodes:
        reader, writer = sorted(rng.choices(range(len(nodes)), k=2))
        inputs = nodes[reader].input
        inputs[rng.randrange(len(inputs))] = nodes[writer].output[0]


def change_tensor(rng: random.Random, model: onnx.ModelProto) -> None:
    tensors = list(_tensors(model))
    if not tensors:
        return
    tensor = rng.choice(tensors)
    kind = rng.randrange(5)
    if kind == 0 and tensor.dims:
        tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(INTEGERS)
    elif kind == 1:
        tensor.data_type = rng.randrange(-1, 30)
    elif kind == 2:
        tensor.raw_data = rng.randbytes(rng.choice([0, 1, 8, len(tensor.raw_data) + 4]))
    elif kind == 3:
        tensor.float_data.extend([1.0] * rng.choice([1, 100]))
    else:
        _make_external(rng, tensor)


def _make_external(rng: random.Random, tensor: TensorProto) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    del tensor.external_data[:]
    entries = {
        "location": rng.choice([*PATHS, EXTERNAL_FILE, EXTERNAL_FILE]),
        "offset": rng.choice(["0", "-1", "4", "9" * 30, "x", "1e3"]),
        "length": rng.choice(["64", "0", "-1", "9" * 30, "9223372036854775807"]),
    }
    for key in rng.sample(sorted(entries), rng.randint(1, 3)):
        tensor.external_data.add(key=key, value=entries[key])


def change_operator(rng: random.Random, model: onnx.ModelProto) -> None:
    if model.graph.node:
        node = rng.choice(model.graph.node)
        node.op_type = rng.choice(OPERATORS)
        node.domain = rng.choice(["", "", "", "ai.onnx", "local", "com.microsoft"])


def change_attribute(rng: random.Random, model: onnx.ModelProto) -> None:
    nodes = [node for node in model.graph.node if node.attribute]
    if not nodes:
        return
    found = rng.choice(rng.choice(nodes).attribute)
    name = found.name
    values = [1, -1, 2**63 - 1, [1, 2], [0] * 9, 0.5, "text", [], [-1, -1], [1.5]]
    other = rng.choice(values)
    if other == []:
        found.Clear()
        found.name, found.type = name, rng.randrange(15)
    else:
        found.CopyFrom(helper.make_attribute(name, other))


def change_opset(rng: random.Random, model: onnx.ModelProto) -> None:
    if model.opset_import:
        rng.choice(model.opset_import).version = rng.choice([*range(27), -1, 2**62])


def change_interface(rng: random.Random, model: onnx.ModelProto) -> None:
    values = [*model.graph.input, *model.graph.output, *model.graph.value_info]
    if not values:
        return
    value = rng.choice(values)
    shape = value.type.tensor_type.shape
    kind = rng.randrange(4)
    if kind == 0 and shape.dim:
        rng.choice(shape.dim).dim_value = rng.choice(INTEGERS)
    elif kind == 1 and shape.dim:
        rng.choice(shape.dim).dim_param = rng.choice(["N", "", "x" * 5000])
    elif kind == 2:
        value.type.tensor_type.elem_type = rng.randrange(-1, 30)
    else:
        value.type.sequence_type.elem_type.tensor_type.elem_type = 1


def nest_deeply(rng: random.Random, model: onnx.ModelProto) -> None:
    """Subgraphs in subgraphs."""
    graph = model.graph
    for level in range(rng.choice([2, 15, 17, 40])):
        node = graph.node.add(op_type="If", output=[f"deep_{level}"])
        found = node.attribute.add(name="then_branch", type=onnx.AttributeProto.GRAPH)
        graph = found.g
        graph.name = f"level_{level}"


def call_itself(rng: random.Random, model: onnx.ModelProto) -> None:
    """A function that calls itself, or the next one twice."""
    count = rng.choice([1, 2, 40])
    for index in range(count):
        function = model.functions.add(domain="local", name=f"f{index}")
        function.output.append("o")
        function.opset_import.add(domain="local", version=1)
        for copy in "ab":
            target = f"f{(index + 1) % count if count < 40 else index + 1}"
            function.node.add(op_type=target, domain="local", output=[f"{copy}{index}"])
    model.graph.node.add(op_type="f0", domain="local", output=["called"])


def add_many(rng: random.Random, model: onnx.ModelProto) -> None:
    """Many readers of one value, in an order that needs sorting."""
    names = _names(model) or [""]
    source = rng.choice(names)
    for index in range(rng.choice([10, 500])):
        node = helper.make_node("Identity", [f"many_{index + 1}"], [f"many_{index}"])
        model.graph.node.append(node)
    model.graph.node.append(helper.make_node("Identity", [source], [model.graph.node[-1].input[0]]))


def _tensors(model: onnx.ModelProto) -> Iterator[TensorProto]:
    yield from model.graph.initializer
    for node in model.graph.node:
        for found in node.attribute:
            if found.HasField("t"):
                yield found.t


OPERATORS = [
    *("Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Mul", "Concat", "Pad", "MaxPool", "Clip"),
    *("Softmax", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Split", "Resize", "If"),
    *("Upsample", "Loop", "Scan", "Constant", "ConstantOfShape", "Shape", "TopK", "Dropout"),
    *("BatchNormalization", "ReduceSum", "QuantizeLinear", "DequantizeLinear", "NoSuchOperator"),
]
CHANGES: dict[str, Callable[[random.Random, onnx.ModelProto], None]] = {
    function.__name__: function
    for function in (
        make_cycle,
        change_tensor,
        change_operator,
        change_attribute,
        change_opset,
        change_interface,
        nest_deeply,
        call_itself,
        add_many,
    )
}
