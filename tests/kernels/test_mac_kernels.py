"""The portable C kernels of the multiply-accumulate operators against the executor."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from compiled_kernels import BAD_ARG, KERNELS, CompiledKernels, Guarded
from hypothesis import HealthCheck, given, settings
from mac_cases import (
    convolutions,
    depthwise_convolutions,
    fully_connected_layers,
    transposed_convolutions,
)
from single_operation import random_samples

from edgetool.program.arithmetic import multiply_real, split_factors
from edgetool.program.executor import execute
from edgetool.program.operator import KernelCall
from edgetool.program.program import Program

SAMPLES = 2
MANY = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
STRATEGIES = {
    "conv2d": convolutions,
    "depthwise_conv2d": depthwise_convolutions,
    "fully_connected": fully_connected_layers,
}


def call_of(program: Program) -> KernelCall:
    call = program.kernel(program.operations[0])
    assert call is not None
    return call


def assert_as_executed(kernels: CompiledKernels, program: Program) -> None:
    inputs = random_samples(program, SAMPLES, seed=2)
    expected = execute(program, inputs)[program.outputs[0]]
    output = program.tensors[program.outputs[0]]
    for sample, right in zip(inputs["x"], expected, strict=True):
        [found] = kernels.run(call_of(program), [sample], [output])
        if output.dtype == "float32":
            np.testing.assert_allclose(found, right, 1e-5, 1e-5 * float(np.abs(right).max()))
        else:
            np.testing.assert_array_equal(found, right)


@MANY
@given(program=convolutions("int8"))
def test_conv2d_s8_is_the_executor_bit_for_bit(kernels: CompiledKernels, program: Program) -> None:
    assert_as_executed(kernels, program)


@MANY
@given(program=depthwise_convolutions("int8"))
def test_depthwise_s8_is_the_executor_bit_for_bit(
    kernels: CompiledKernels, program: Program
) -> None:
    assert_as_executed(kernels, program)


@MANY
@given(program=fully_connected_layers("int8"))
def test_fully_connected_s8_is_the_executor_bit_for_bit(
    kernels: CompiledKernels, program: Program
) -> None:
    assert_as_executed(kernels, program)


@MANY
@given(program=transposed_convolutions("int8", free=True))
def test_transpose_conv2d_s8_is_the_executor_bit_for_bit(
    kernels: CompiledKernels, program: Program
) -> None:
    assert_as_executed(kernels, program)


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(
    conv=convolutions("int16"),
    depthwise=depthwise_convolutions("int16"),
    connected=fully_connected_layers("int16"),
    transposed=transposed_convolutions("int16", free=True),
)
def test_int16_kernels_are_the_executor_bit_for_bit(
    kernels: CompiledKernels,
    conv: Program,
    depthwise: Program,
    connected: Program,
    transposed: Program,
) -> None:
    for program in (conv, depthwise, connected, transposed):
        assert_as_executed(kernels, program)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    conv=convolutions("float32"),
    depthwise=depthwise_convolutions("float32"),
    connected=fully_connected_layers("float32"),
    transposed=transposed_convolutions("float32", free=True),
)
def test_float_kernels_are_the_executor_within_1e_5(
    kernels: CompiledKernels,
    conv: Program,
    depthwise: Program,
    connected: Program,
    transposed: Program,
) -> None:
    for program in (conv, depthwise, connected, transposed):
        assert_as_executed(kernels, program)


SPOILT: dict[str, list[tuple[str, Any]]] = {
    "conv2d_s8": [("groups", 0), ("groups", 7), ("stride_width", 0), ("pad_top", -1)],
    "conv2d_s16": [("groups", 0), ("in_zero_point", 1), ("out_max", 32768), ("pad_left", -1)],
    "depthwise_conv2d_s16": [("in_channels", 0), ("out_channels", 7), ("out_zero_point", 1)],
    "fully_connected_s16": [("rows", 0), ("out_min", -32769), ("out_zero_point", 1)],
    "transpose_conv2d_s16": [("stride_height", 0), ("out_max", 32768), ("in_zero_point", 1)],
    "conv2d_f32": [("kernel_height", 0), ("dilation_width", 0), ("out_max", -2.0)],
    "depthwise_conv2d_s8": [("in_channels", 0), ("out_channels", 7), ("in_zero_point", 128)],
    "depthwise_conv2d_f32": [("out_width", 0), ("stride_height", -1)],
    "fully_connected_s8": [("rows", 0), ("out_min", -129), ("out_zero_point", 1000)],
    "fully_connected_f32": [("in_size", 0), ("out_min", float("nan"))],
    "transpose_conv2d_s8": [("stride_height", 0), ("out_max", 128), ("pad_left", -1)],
    "transpose_conv2d_f32": [("in_height", 0), ("out_channels", 0)],
}


def layer_program(function: str) -> Program:
    """A fixed layer for a kernel: weights of ones, sizes that the table above can spoil."""
    from single_operation import activation, constant, single_operation

    from edgetool.program.operator import Clamp
    from edgetool.program.ops import operators

    kind, suffix = function.rsplit("_", 1)
    integer, wide = suffix != "f32", "int16" if suffix == "s16" else "int8"
    clamp = Clamp(-1.0, 1.0)
    scale = np.full(1, 0.1, np.float32) if integer else None
    dtype = np.int8 if integer else np.float32
    shapes = {
        "conv2d": ((1, 3, 3, 2), (4, 2, 2, 2), (1, 2, 2, 4)),
        "depthwise_conv2d": ((1, 3, 3, 2), (1, 2, 2, 4), (1, 2, 2, 4)),
        "transpose_conv2d": ((1, 2, 2, 2), (4, 2, 2, 2), (1, 3, 3, 4)),
        "fully_connected": ((1, 6), (4, 6), (1, 4)),
    }
    x, weights, output = shapes[kind]
    return single_operation(
        operators()[kind](clamp=clamp),
        [
            activation("x", x, 0.1 if integer else None, 0, wide),
            constant("weights", np.ones(weights, dtype), scale),
        ],
        [activation("y", output, 0.1 if integer else None, 0, wide)],
    )


@pytest.mark.parametrize(
    ("function", "field", "value"),
    [(function, *change) for function, changes in SPOILT.items() for change in changes],
)
def test_bad_parameters_are_refused_and_nothing_is_written(
    kernels: CompiledKernels, function: str, field: str, value: Any
) -> None:
    program = layer_program(function)
    call = call_of(program)
    assert call.function == function
    sample = random_samples(program, 1, seed=0)["x"][0]
    output = Guarded(program.tensors["y"])
    spoilt = {**call.parameters, field: value}
    assert spoilt.keys() == call.parameters.keys()
    assert kernels.call(call, [sample], [output.address], spoilt) == BAD_ARG
    assert output.is_untouched()


@pytest.mark.parametrize("function", SPOILT)
def test_null_pointers_are_refused(kernels: CompiledKernels, function: str) -> None:
    program = layer_program(function)
    sample = random_samples(program, 1, seed=0)["x"][0]
    output = Guarded(program.tensors["y"])
    assert kernels.call(call_of(program), [None], [output.address]) == BAD_ARG
    assert kernels.call(call_of(program), [sample], [0]) == BAD_ARG
    assert output.is_untouched()


@pytest.mark.parametrize("function", SPOILT)
def test_parameters_are_the_fields_of_the_struct_in_order(function: str) -> None:
    header = (KERNELS / f"{function}.h").read_text()
    body = re.search(r"typedef struct \{(.*?)\} " + function, header, re.DOTALL)
    assert body is not None
    fields = re.findall(r"(\w+)(?=[,;])", body[1])
    assert fields == list(call_of(layer_program(function)).parameters)


def test_real_factors_round_like_doubles_next_to_halves(kernels: CompiledKernels) -> None:
    rng = np.random.default_rng(7)
    factors = np.concatenate([rng.uniform(2**-24, 1.0, 4000), 2.0 ** -np.arange(1.0, 30.0)])
    halves = (rng.integers(-200, 200, factors.size) + 0.5) / factors
    sums = np.clip(np.round(halves) + rng.integers(-1, 2, factors.size), -(2**31) + 1, 2**31 - 1)
    exact = multiply_real(sums.astype(np.int64), factors)
    mantissas, shifts = split_factors(factors)
    call = KernelCall(
        "fully_connected_s8",
        call_of(layer_program("fully_connected_s8")).arguments,
        {
            "rows": 1,
            "in_size": 1,
            "out_size": factors.size,
            "out_zero_point": 0,
            "out_min": -128,
            "out_max": 127,
            "per_channel": 1,
        },
        {
            "weights": np.zeros(factors.size, np.int8),
            "bias": sums.astype(np.int32),
            "multipliers": mantissas,
            "shifts": shifts.astype(np.int8),
        },
    )
    from single_operation import activation

    output = activation("y", (factors.size,), 1.0)
    [found] = kernels.run(call, [np.zeros(1, np.int8)], [output])
    np.testing.assert_array_equal(found, np.clip(exact, -128, 127))
