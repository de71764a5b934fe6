"""A Program as calls of CMSIS-NN, layer by layer, as TensorFlow Lite Micro makes them.

CMSIS-NN is not brought along: its sources are a folder of the caller's (Include, Source/*/*.c).
Every tensor has bytes of its own in the arena, so arena_bytes says nothing of the peer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgetool.compilers.firmware import Firmware
from edgetool.errors import UnsupportedOperatorError, UsageError
from edgetool.exporters.c.literals import C_TYPES, array_literal
from edgetool.program.accumulators import weight_scales
from edgetool.program.arithmetic import quantize_multiplier
from edgetool.program.operator import KernelCall
from edgetool.program.program import Operation, Program
from edgetool.program.tensor import Tensor

NAME = "peer"
SCRATCH_BYTES = 32 * 1024
ALIGNMENT = 16
SOFTMAX_INTEGER_BITS = 5
ADD_LEFT_SHIFT = 20
FLOAT = ("_f16", "_f32", "_flt")
"""What files of its floating-point functions end with: they want headers of their own."""


@dataclass(frozen=True)
class Layer:
    """What a layer's C is written from.   a, b, out: addresses as C.   index: of the operation."""

    index: int
    call: KernelCall
    inputs: Sequence[Tensor | None]
    output: Tensor
    a: str
    b: str
    out: str

    def constant(self, name: str) -> str:
        """The C name of one of the kernel's constants."""
        return f"layer{self.index}_{name}"

    def tile(self, height: str, width: str) -> str:
        """{w, h} as CMSIS-NN has strides, pads and dilations, of two parameters."""
        return f"{{{self.call.parameters[width]}, {self.call.parameters[height]}}}"


def peer_firmware(program: Program, sources: Path, folder: Path) -> Firmware:
    """Write the calls into folder, to be built with CMSIS-NN's own sources.

    Raises: UsageError where sources is no CMSIS-NN; UnsupportedOperatorError naming the layer.
    """
    code = folder / f"{NAME}.c"
    text, arena_bytes = write_calls(program)
    code.write_text(text)
    return Firmware(
        sources=(code, *cmsis_nn_files(sources)),
        include=(sources / "Include",),
        name=NAME,
        input_bytes=tuple(program.tensors[name].nbytes for name in program.inputs),
        output_bytes=tuple(program.tensors[name].nbytes for name in program.outputs),
        arena_bytes=arena_bytes,
    )


def cmsis_nn_files(sources: Path) -> tuple[Path, ...]:
    """CMSIS-NN's C files for integers. Raises: UsageError naming what is not there."""
    header = sources / "Include" / "arm_nnfunctions.h"
    found = sorted(sources.glob("Source/*/*.c"))
    if not header.is_file() or not found:
        raise UsageError(
            f"'{sources}' is not a CMSIS-NN",
            details=[f"looked for: {header}", f"and for: {sources / 'Source' / '*' / '*.c'}"],
            hints=["the folder that a checkout or an archive of CMSIS-NN makes"],
        )
    return tuple(path for path in found if not path.stem.endswith(FLOAT))


def write_calls(program: Program) -> tuple[str, int]:
    """C of peer_run(input, output, arena), and the arena's bytes."""
    places, arena_bytes = _places(program)
    definitions, body = [], []
    for index, operation in enumerate(program.operations, 1):
        call = program.kernel(operation)
        if call is None:
            continue
        write = WRITERS.get(operation.operator.kind)
        if write is None:
            raise UnsupportedOperatorError(
                f"layer {operation.name} ({operation.operator.kind}): no call of CMSIS-NN is known"
            )
        layer = _layer(program, operation, index, call, places)
        definitions += [_definition(layer, name, data) for name, data in _constants(layer)]
        body.append(f"    /* {index}. {operation.name} */\n    {{\n{write(layer)}    }}\n")
    return _TEXT.format(definitions="\n".join(definitions), body="".join(body)), arena_bytes


def _layer(
    program: Program, operation: Operation, index: int, call: KernelCall, places: Mapping[str, str]
) -> Layer:
    computed = [places[name] for name in operation.inputs if name in places]
    a, b = (*computed, "", "")[:2]
    out = places[operation.outputs[0]]
    inputs = program.input_tensors(operation)
    return Layer(index, call, inputs, program.output_tensors(operation)[0], a, b, out)


def _places(program: Program) -> tuple[dict[str, str], int]:
    """C addresses of all computed tensors, views at that of what they show; the arena's bytes."""
    places = {program.inputs[0]: "input", program.outputs[0]: "output"}
    offset = SCRATCH_BYTES
    for operation in program.operations:
        name = operation.outputs[0]
        if program.kernel(operation) is None:
            places[name] = places[operation.inputs[0]]
        elif name not in places:
            places[name] = f"((int8_t *)arena + {offset})"
            offset += -(-program.tensors[name].nbytes // ALIGNMENT) * ALIGNMENT
    return places, offset


def _constants(layer: Layer) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """Weights, bias, multipliers and shifts; CMSIS-NN reads shifts of 32 bits, and its own bias.

    A kernel's bias here may hold the input's zero point: CMSIS-NN adds that itself.
    """
    for name, data in layer.call.constants.items():
        if name == "bias":
            given = layer.inputs[2] if len(layer.inputs) > 2 else None
            zeros = np.zeros(layer.output.shape[-1], np.int32)
            yield name, zeros if given is None or given.data is None else given.data
        elif name in ("multipliers", "shifts"):
            size = layer.output.shape[-1]
            yield name, np.broadcast_to(data.astype(np.int32), (size,))
        elif name == "weights":
            yield name, data


def _definition(layer: Layer, name: str, data: np.ndarray[Any, Any]) -> str:
    kind = C_TYPES[str(data.dtype)]
    return f"static const {kind} {layer.constant(name)}[] = {array_literal(data)};"


def _convolution(layer: Layer, depthwise: bool) -> str:
    p = layer.call.parameters
    source = f"{{1, {p['in_height']}, {p['in_width']}, {p['in_channels']}}}"
    result = f"{{1, {p['out_height']}, {p['out_width']}, {p['out_channels']}}}"
    kernel = f"{p['kernel_height']}, {p['kernel_width']}"
    multiple = int(p["out_channels"]) // int(p["in_channels"])
    filters = f"{{1, {kernel}, {p['out_channels']}}}"
    if not depthwise:
        filters = f"{{{p['out_channels']}, {kernel}, {int(p['in_channels']) // int(p['groups'])}}}"
    fields = [-int(p["in_zero_point"]), p["out_zero_point"], *([multiple] if depthwise else [])]
    stride = layer.tile("stride_height", "stride_width")
    padding = layer.tile("pad_top", "pad_left")
    dilation = layer.tile("dilation_height", "dilation_width")
    clamp = f"{{{p['out_min']}, {p['out_max']}}}"
    numbers = ", ".join([*map(str, fields), stride, padding, dilation, clamp])
    kind, function = ("dw_conv", "depthwise_conv") if depthwise else ("conv", "convolve")
    name = layer.constant
    return f"""\
        static const cmsis_nn_{kind}_params p = {{{numbers}}};
        static const cmsis_nn_per_channel_quant_params q = {{
            (int32_t *){name("multipliers")}, (int32_t *){name("shifts")}}};
        static const cmsis_nn_dims in = {source}, filter = {filters}, out = {result};
        static const cmsis_nn_dims bias = {{1, 1, 1, {p["out_channels"]}}};
        if (arm_{function}_wrapper_s8(&context, &p, &q, &in, {layer.a}, &filter,
                {name("weights")}, &bias, {name("bias")}, &out, {layer.out}))
            return 1;
"""


def _fully_connected(layer: Layer) -> str:
    p = layer.call.parameters
    x, weights = layer.inputs[0], layer.inputs[1]
    assert x is not None and weights is not None
    factor = float(x.scale) * float(weight_scales(weights)[0]) / float(layer.output.scale)
    multiplier, shift = quantize_multiplier(factor)
    numbers = f"{-x.zero_point}, 0, {p['out_zero_point']}, {{{p['out_min']}, {p['out_max']}}}"
    return f"""\
        static const cmsis_nn_fc_params p = {{{numbers}}};
        static const cmsis_nn_per_tensor_quant_params q = {{{multiplier}, {shift}}};
        static const cmsis_nn_dims in = {{{p["rows"]}, 1, 1, {p["in_size"]}}};
        static const cmsis_nn_dims filter = {{{p["in_size"]}, 1, 1, {p["out_size"]}}};
        static const cmsis_nn_dims out = {{{p["rows"]}, 1, 1, {p["out_size"]}}};
        if (arm_fully_connected_s8(&context, &p, &q, &in, {layer.a}, &filter,
                {layer.constant("weights")}, &out, {layer.constant("bias")}, &out, {layer.out}))
            return 1;
"""


def _average_pool(layer: Layer) -> str:
    p = layer.call.parameters
    source = f"{{1, {p['in_height']}, {p['in_width']}, {p['channels']}}}"
    result = f"{{1, {p['out_height']}, {p['out_width']}, {p['channels']}}}"
    stride = layer.tile("stride_height", "stride_width")
    padding = layer.tile("pad_top", "pad_left")
    return f"""\
        static const cmsis_nn_pool_params p = {{{stride}, {padding}, {{{p["low"]}, {p["high"]}}}}};
        static const cmsis_nn_dims in = {source}, out = {result};
        static const cmsis_nn_dims filter = {{1, {p["kernel_height"]}, {p["kernel_width"]}, 1}};
        if (arm_avgpool_s8(&context, &p, &in, {layer.a}, &filter, &out, {layer.out}))
            return 1;
"""


def _add(layer: Layer) -> str:
    p = layer.call.parameters
    a, b = (
        f"{-int(p[f'{x}_zero_point'])}, {p[f'{x}_multiplier']}, {p[f'{x}_shift']}" for x in "ab"
    )
    numbers = f"{p['out_zero_point']}, {p['out_multiplier']}, {p['out_shift']}"
    return f"""\
        if (arm_elementwise_add_s8({layer.a}, {layer.b}, {a}, {b}, {ADD_LEFT_SHIFT}, {layer.out},
                {numbers}, {p["low"]}, {p["high"]}, {layer.output.elements}))
            return 1;
"""


def _softmax(layer: Layer) -> str:
    p = layer.call.parameters
    x = layer.inputs[0]
    assert x is not None
    fraction_bits = 31 - SOFTMAX_INTEGER_BITS
    multiplier, shift = quantize_multiplier(float(x.scale) * (1 << fraction_bits))
    farthest = ((1 << SOFTMAX_INTEGER_BITS) - 1) * (1 << fraction_bits) // (1 << shift)
    numbers = f"{p['rows']}, {p['depth']}, {multiplier}, {shift}, {-farthest}"
    return f"        arm_softmax_s8({layer.a}, {numbers}, {layer.out});\n"


WRITERS: Mapping[str, Callable[[Layer], str]] = {
    "conv2d": lambda layer: _convolution(layer, depthwise=False),
    "depthwise_conv2d": lambda layer: _convolution(layer, depthwise=True),
    "fully_connected": _fully_connected,
    "average_pool2d": _average_pool,
    "add": _add,
    "softmax": _softmax,
}

_TEXT = (
    """\
#include "arm_nnfunctions.h"

{definitions}

int peer_run(const int8_t *input, int8_t *output, uint8_t *arena);

int peer_run(const int8_t *input, int8_t *output, uint8_t *arena)
{{
    const cmsis_nn_context context = {{arena, """
    + str(SCRATCH_BYTES)
    + """}};

{body}    return 0;
}}
"""
)
