"""Broken .tflite files: numbers that a reader looks at, or tables of a well-formed file."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any
from unittest import mock

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import encode

from lite_cases import CASES
from lite_models import LiteWriter, pack, small_network

Site = tuple[int, str]

NETWORK_SHARE = 0.3
OFFSET_SHARE = 0.45
INTEGERS = [-(2**31), -129, -128, -2, -1, 0, 1, 2, 3, 4, 5, 7, 8, 9, 127, 255, 65536, 2**31 - 1]
FLOATS = [0.0, -1.0, 1e-38, 1e30, float("inf"), float("nan"), 0.5]
TENSOR_TYPES = range(-1, 20)


def base(rng: random.Random) -> bytes:
    """A small well-formed model."""
    names = sorted(CASES)
    index = -1 if rng.random() < NETWORK_SHARE else rng.randrange(len(names))
    return _base(index, rng.random() < 0.6)


def mutate(rng: random.Random) -> tuple[str, bytes]:
    """(strategy, file)."""
    data = base(rng)
    if rng.random() < OFFSET_SHARE:
        return "offsets", _break_numbers(rng, data)
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    names = [rng.choice(sorted(CHANGES)) for _ in range(rng.choice([1, 1, 2, 3]))]
    for name in names:
        # An earlier change may have taken away what this one wants to change.
        with suppress(TypeError, IndexError):
            CHANGES[name](rng, model)
    try:
        return "+".join(names), pack(model)
    except (struct.error, TypeError, OverflowError, ValueError, IndexError, AttributeError):
        # The writer cannot express it; the same seed then breaks numbers in the file.
        return "offsets", _break_numbers(rng, data)


@cache
def _base(index: int, quantized: bool) -> bytes:
    if index < 0:
        return small_network(quantized)
    net = LiteWriter(index, quantized)
    return net.file(*CASES[sorted(CASES)[index]](net))


# --- numbers in the file ----------------------------------------------------------------


def _break_numbers(rng: random.Random, data: bytes) -> bytes:
    """Overwrite offsets, vtable entries, lengths or scalars, wherever a reader looks."""
    broken = bytearray(data)
    sites = _sites(data)
    for _ in range(rng.choice([1, 1, 2, 4])):
        position, code = rng.choice(sites)
        (value,) = struct.unpack_from(code, broken, position)
        struct.pack_into(code, broken, position, _other(rng, code, value, len(data) - position))
    return bytes(broken)


@cache
def _sites(data: bytes) -> list[Site]:
    """(position, struct format) of everything that reading the whole file unpacks."""
    found: set[Site] = set()

    def spy(packer: Any, buffer: Any, head: int) -> Any:
        found.add((head, packer.format))
        return packer.unpack_from(memoryview(buffer), head)[0]

    with mock.patch.object(encode, "Get", spy):
        schema.ModelT.InitFromPackedBuf(data, 0)
    return sorted(found)


def _other(rng: random.Random, code: str, value: Any, to_end: int) -> Any:
    if code[-1] in "fd":
        return rng.choice(FLOATS)
    if code[-1] == "?":
        return not value
    bits = 8 * struct.calcsize(code)
    near = [value + 1, value - 1, value + 4, value - 4, 2 * value]
    far = [0, 1, to_end, to_end - 4, 2**bits - 1, 2 ** (bits - 1), 2 ** (bits - 1) - 1]
    number = rng.choice([*near, *far, rng.getrandbits(bits)]) % 2**bits
    return number - 2**bits if code[-1].islower() and number >= 2 ** (bits - 1) else number


# --- tables -----------------------------------------------------------------------------


def _tensor(rng: random.Random, model: Any) -> Any:
    return rng.choice(model.subgraphs[0].tensors)


def _node(rng: random.Random, model: Any) -> Any:
    return rng.choice(model.subgraphs[0].operators)


def change_shape(rng: random.Random, model: Any) -> None:
    tensor = _tensor(rng, model)
    shape = [int(size) for size in tensor.shape] if tensor.shape is not None else []
    kind = rng.randrange(4)
    if kind == 0 and shape:
        shape[rng.randrange(len(shape))] = rng.choice(INTEGERS)
    elif kind == 1:
        shape.insert(rng.randint(0, len(shape)), rng.choice([0, 1, 1, 2, 2**31 - 1]))
    elif kind == 2 and shape:
        del shape[rng.randrange(len(shape))]
    else:
        rng.shuffle(shape)
    tensor.shape = shape


def change_signature(rng: random.Random, model: Any) -> None:
    tensor = _tensor(rng, model)
    tensor.shapeSignature = [rng.choice([-1, 1, 0, 5]) for _ in range(rng.randrange(6))]


def change_type(rng: random.Random, model: Any) -> None:
    _tensor(rng, model).type = rng.choice(TENSOR_TYPES)


def change_quantization(rng: random.Random, model: Any) -> None:
    tensor = _tensor(rng, model)
    found = tensor.quantization or schema.QuantizationParametersT()
    count = rng.choice([0, 1, 1, 2, 3, 8, 1000])
    kind = rng.randrange(5)
    if kind == 0 or found.scale is None:
        found.scale = np.array([rng.choice([*FLOATS, 0.1]) for _ in range(count)], np.float32)
    elif kind == 1:
        found.zeroPoint = np.array([rng.choice(INTEGERS) for _ in range(count)], np.int64)
    elif kind == 2:
        found.quantizedDimension = rng.choice(INTEGERS)
    elif kind == 3:
        found.scale, found.zeroPoint = np.array([0.1], np.float32), np.array([3], np.int64)
    else:
        found = None
    tensor.quantization = found


def change_buffer(rng: random.Random, model: Any) -> None:
    _tensor(rng, model).buffer = rng.choice([*range(len(model.buffers) + 1), 2**32 - 1])


def change_contents(rng: random.Random, model: Any) -> None:
    filled = [buffer for buffer in model.buffers if buffer.data is not None]
    if not filled:
        return
    buffer = rng.choice(filled)
    data = bytes(buffer.data)
    changed = [data[:-1], data + b"\0", data * 2, rng.randbytes(len(data)), b"\xff" * len(data)]
    if len(data) % 4 == 0:  # shapes, axes, pads …
        words = list(struct.unpack(f"<{len(data) // 4}i", data))
        words[rng.randrange(len(words))] = rng.choice(INTEGERS)
        changed += 5 * [struct.pack(f"<{len(words)}i", *words)]
    buffer.data = np.frombuffer(rng.choice(changed), np.uint8)


def change_operator(rng: random.Random, model: Any) -> None:
    code = rng.choice(model.operatorCodes)
    others = [CASE_CODES, range(-1, 210)]
    code.builtinCode = rng.choice(rng.choice(others))
    code.deprecatedBuiltinCode = rng.choice([0, min(max(code.builtinCode, 0), 127)])


def change_code_index(rng: random.Random, model: Any) -> None:
    _node(rng, model).opcodeIndex = rng.choice([*range(len(model.operatorCodes) + 1), 2**32 - 1])


def change_inputs(rng: random.Random, model: Any) -> None:
    node = _node(rng, model)
    field = rng.choice(["inputs", "inputs", "outputs"])
    setattr(node, field, _changed_indices(rng, model, getattr(node, field)))


def change_ends(rng: random.Random, model: Any) -> None:
    graph = model.subgraphs[0]
    field = rng.choice(["inputs", "outputs"])
    setattr(graph, field, _changed_indices(rng, model, getattr(graph, field)))


def _changed_indices(rng: random.Random, model: Any, indices: Any) -> list[int]:
    count = len(model.subgraphs[0].tensors)
    numbers = [int(index) for index in indices] if indices is not None else []
    other = rng.choice([*range(-1, count), count, -2, 2**31 - 1, rng.randrange(count)])
    kind = rng.randrange(4)
    if kind == 0 and numbers:
        del numbers[rng.randrange(len(numbers))]
    elif kind == 1 or not numbers:
        numbers.append(other)
    elif kind == 2:
        rng.shuffle(numbers)
    else:
        numbers[rng.randrange(len(numbers))] = other
    return numbers


def change_options(rng: random.Random, model: Any) -> None:
    options = _node(rng, model).builtinOptions
    fields = sorted(vars(options)) if options is not None else []
    if not fields:
        return
    name = rng.choice(fields)
    old = getattr(options, name)
    if isinstance(old, bool):
        setattr(options, name, not old)
    elif isinstance(old, float):
        setattr(options, name, rng.choice(FLOATS))
    elif isinstance(old, int):
        setattr(options, name, rng.choice(INTEGERS))
    else:
        setattr(options, name, [rng.choice(INTEGERS) for _ in range(rng.randrange(4))])


def change_options_type(rng: random.Random, model: Any) -> None:
    node = _node(rng, model)
    if rng.random() < 0.5:
        node.builtinOptionsType, node.builtinOptions = 0, None
    else:
        node.builtinOptionsType = rng.randrange(127)


def change_order(rng: random.Random, model: Any) -> None:
    nodes = model.subgraphs[0].operators
    kind = rng.randrange(3)
    if kind == 0:
        rng.shuffle(nodes)
    elif kind == 1:
        nodes.insert(rng.randint(0, len(nodes)), rng.choice(nodes))
    else:
        del nodes[rng.randrange(len(nodes))]


def change_model(rng: random.Random, model: Any) -> None:
    kind = rng.randrange(5)
    if kind == 0:
        model.version = rng.choice([0, 1, 2, 4, 2**32 - 1])
    elif kind == 1:
        model.subgraphs = model.subgraphs * rng.choice([0, 2, 9])
    elif kind == 2:
        model.buffers = model.buffers[: rng.randrange(len(model.buffers) + 1)]
    elif kind == 3:
        model.operatorCodes = None
    else:
        _tensor(rng, model).isVariable = True


def change_name(rng: random.Random, model: Any) -> None:
    names = [None, "", "x" * 70000, "image", "a\0b", "ü;/;;", "Identity/quantize"]
    _tensor(rng, model).name = rng.choice(names)


CASE_CODES = sorted(
    getattr(schema.BuiltinOperator, name.split(",")[0].upper())
    for name in CASES
    if hasattr(schema.BuiltinOperator, name.split(",")[0].upper())
)
CHANGES: dict[str, Callable[[random.Random, Any], None]] = {
    function.__name__: function
    for function in (
        change_shape,
        change_signature,
        change_type,
        change_quantization,
        change_buffer,
        change_contents,
        change_operator,
        change_code_index,
        change_inputs,
        change_ends,
        change_options,
        change_options_type,
        change_order,
        change_model,
        change_name,
    )
}
