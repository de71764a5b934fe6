"""Convolutions and fully connected layers: the executor against LiteRT's reference kernels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litert_reference import run_reference
from mac_cases import (
    convolutions,
    depthwise_convolutions,
    fully_connected_layers,
    transposed_convolutions,
)
from single_operation import activation, constant, random_samples, single_operation

from edgetool.errors import DataError, QuantizationError, UnsupportedOperatorError
from edgetool.program.executor import execute
from edgetool.program.ops.fully_connected import FullyConnected
from edgetool.program.program import Program
from edgetool.program.tensor import Quantization

SAMPLES = 4
MANY = settings(max_examples=120)


def assert_as_litert(program: Program) -> None:
    inputs = random_samples(program, SAMPLES, seed=1)
    expected = run_reference(program, inputs)
    computed = execute(program, inputs)
    for name in program.outputs:
        if expected[name].dtype == np.float32:
            largest = float(np.abs(expected[name]).max())
            np.testing.assert_allclose(computed[name], expected[name], 1e-5, 1e-5 * largest)
        else:
            np.testing.assert_array_equal(computed[name], expected[name])


@MANY
@given(convolutions("int8"))
def test_conv2d_int8_is_litert_bit_for_bit(program: Program) -> None:
    assert_as_litert(program)


@MANY
@given(depthwise_convolutions("int8"))
def test_depthwise_int8_is_litert_bit_for_bit(program: Program) -> None:
    assert_as_litert(program)


@MANY
@given(fully_connected_layers("int8"))
def test_fully_connected_int8_is_litert_bit_for_bit(program: Program) -> None:
    assert_as_litert(program)


@MANY
@given(transposed_convolutions("int8", free=False))
def test_transposed_int8_is_litert_bit_for_bit(program: Program) -> None:
    assert_as_litert(program)


@settings(max_examples=200)
@given(
    st.one_of(
        convolutions("int16"),
        depthwise_convolutions("int16"),
        fully_connected_layers("int16"),
        transposed_convolutions("int16", free=False),
    )
)
def test_int16_layers_are_litert_bit_for_bit(program: Program) -> None:
    assert_as_litert(program)


@settings(max_examples=100)
@given(
    st.one_of(
        convolutions("float32"),
        depthwise_convolutions("float32"),
        fully_connected_layers("float32"),
        transposed_convolutions("float32", free=False),
    )
)
def test_float_layers_are_litert_within_1e_5(program: Program) -> None:
    assert_as_litert(program)


def quantized_layer(bias: int, weight_zero_point: int = 0) -> Program:
    weights = constant("weights", np.ones((1, 4), np.int8), np.ones(1, np.float32))
    parameters = Quantization.per_tensor(1.0, weight_zero_point)
    scale = np.ones(1, np.float32)
    return single_operation(
        FullyConnected(),
        [
            activation("x", (1, 4), 1.0),
            replace(weights, quantization=parameters),
            constant("bias", np.array([bias], np.int32), scale),
        ],
        [activation("y", (1, 1), 1.0)],
    )


def test_weights_with_a_zero_point_are_refused() -> None:
    program = quantized_layer(bias=0, weight_zero_point=3)
    with pytest.raises(QuantizationError, match="weights 'weights' have a zero point"):
        execute(program, random_samples(program, 1, seed=0))


def test_an_accumulator_that_can_leave_int32_is_refused() -> None:
    program = quantized_layer(bias=2**31 - 4 * 128)
    with pytest.raises(QuantizationError, match="can overflow: it can reach 2,147,483,648"):
        execute(program, random_samples(program, 1, seed=0))


def test_int16_inputs_with_no_room_in_int32_are_told_to_take_int8() -> None:
    weights = constant("weights", np.full((1, 600), 127, np.int8), np.ones(1, np.float32))
    x, y = (activation(name, (1, n), 1.0, 0, "int16") for name, n in (("x", 600), ("y", 1)))
    program = single_operation(FullyConnected(), [x, weights, None], [y])
    with pytest.raises(QuantizationError, match="can overflow") as refused:
        execute(program, random_samples(program, 1, seed=0))
    assert refused.value.hints[0].startswith("--precision int8")


def test_mixed_element_types_are_refused() -> None:
    weights = constant("weights", np.ones((1, 4), np.int8), np.ones(1, np.float32))
    program = single_operation(
        FullyConnected(), [activation("x", (1, 4)), weights], [activation("y", (1, 1))]
    )
    with pytest.raises(UnsupportedOperatorError, match="input float32, weights int8"):
        execute(program, random_samples(program, 1, seed=0))


def test_a_missing_or_misshapen_input_is_refused() -> None:
    program = quantized_layer(bias=0)
    with pytest.raises(DataError, match="input 'x' of 'fully_connected' is missing"):
        execute(program, {})
    with pytest.raises(DataError, match=r"input 'x' is int8 \(2, 4\), expected int8"):
        execute(program, {"x": np.zeros((2, 4), np.int8)})


def test_samples_in_chunks_give_the_same_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    program = quantized_layer(bias=5)
    inputs = random_samples(program, 7, seed=3)
    whole = execute(program, inputs, keep=True)
    monkeypatch.setattr("edgetool.program.executor.CHUNK_BYTES", 10)
    seen: list[tuple[int, int]] = []
    parts = execute(program, inputs, keep=True, progress=lambda *pair: seen.append(pair))
    assert seen == [(2, 7), (4, 7), (6, 7), (7, 7)]
    assert whole.keys() == parts.keys() == {"x", "y"}
    np.testing.assert_array_equal(whole["y"], parts["y"])
