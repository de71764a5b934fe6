"""Weights of 4 bits: the C kernels, LiteRT and the executor compute the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from compiled_kernels import BAD_ARG, CompiledKernels, Guarded
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from litert_reference import run_reference
from mac_cases import convolutions, depthwise_convolutions, fully_connected_layers
from narrow_weights import with_narrow_weights
from single_operation import random_samples

from edgetool.errors import ModelFormatError
from edgetool.exporters.tflite import export_tflite
from edgetool.graph import constant_array, dtype_of
from edgetool.graph.nibbles import pack_nibbles, unpack_nibbles
from edgetool.importers import load_model
from edgetool.program.executor import execute
from edgetool.program.program import Program
from edgetool.program.serialize import dump_program, load_program

SOME = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
LAYERS = {
    "conv2d": convolutions("int8").map(with_narrow_weights),
    "depthwise_conv2d": depthwise_convolutions("int8").map(with_narrow_weights),
    "fully_connected": fully_connected_layers("int8").map(with_narrow_weights),
}


@SOME
@given(*LAYERS.values())
def test_s4_kernels_are_the_executor_bit_for_bit(
    kernels: CompiledKernels, conv: Program, depthwise: Program, connected: Program
) -> None:
    for program in (conv, depthwise, connected):
        call = program.kernel(program.operations[0])
        assert call is not None
        assert call.function.endswith("_s4")
        inputs = random_samples(program, 2, seed=3)
        expected = execute(program, inputs)[program.outputs[0]]
        output = program.tensors[program.outputs[0]]
        for sample, right in zip(inputs["x"], expected, strict=True):
            [found] = kernels.run(call, [sample], [output])
            np.testing.assert_array_equal(found, right)


@SOME
@given(st.one_of(*LAYERS.values()))
def test_int4_layers_are_litert_bit_for_bit(program: Program) -> None:
    inputs = random_samples(program, 3, seed=1)
    expected, computed = run_reference(program, inputs), execute(program, inputs)
    for name in program.outputs:
        np.testing.assert_array_equal(computed[name], expected[name])


@SOME
@given(st.one_of(*LAYERS.values()))
def test_a_stored_program_keeps_its_int4_weights(program: Program) -> None:
    again = load_program(dump_program(program)).tensors["weights"]
    weights = program.tensors["weights"]
    assert again.data is not None
    assert weights.data is not None
    assert (again.dtype, again.data.dtype) == ("int4", ml_dtypes.int4)
    assert again.nbytes == (weights.elements + 1) // 2
    np.testing.assert_array_equal(again.data, weights.data)


@settings(max_examples=3)
@given(LAYERS["conv2d"])
def test_a_stored_program_with_int4_weights_beyond_4_bits_is_refused(program: Program) -> None:
    weights = program.tensors["weights"]
    wrong = replace(weights, data=np.full(weights.shape, 8, np.int8))
    spoilt = replace(program, tensors={**program.tensors, "weights": wrong})
    with pytest.raises(ModelFormatError, match="int4"):
        load_program(dump_program(spoilt))


@SOME
@given(st.one_of(*LAYERS.values()))
def test_int4_weights_come_back_from_a_tflite_file(
    tmp_path_factory: pytest.TempPathFactory, program: Program
) -> None:
    path: Path = tmp_path_factory.mktemp("int4") / "model.tflite"
    path.write_bytes(export_tflite(program))
    graph = load_model(path).graph
    reads = [node for node in graph if node.op_type == "DequantizeLinear"]
    [found] = [node.inputs for node in reads if dtype_of(node.inputs[0]) == "int4"]
    values, scale = constant_array(found[0]), constant_array(found[1])
    weights = program.tensors["weights"]
    assert weights.quantization is not None
    np.testing.assert_array_equal(np.sort(values, axis=None), np.sort(weights.data, axis=None))
    np.testing.assert_array_equal(scale.reshape(-1), weights.quantization.scale)


@given(hnp.arrays(np.int8, hnp.array_shapes(min_dims=2, max_dims=2), elements=st.integers(-8, 7)))
def test_packed_nibbles_unpack_to_what_they_were(rows: np.ndarray) -> None:  # type: ignore[type-arg]
    packed = pack_nibbles(rows)
    assert packed.shape == (len(rows), (rows.shape[1] + 1) // 2)
    for row, held in zip(rows, packed, strict=True):
        np.testing.assert_array_equal(unpack_nibbles(held, rows.shape[1]), row)


@settings(max_examples=9)
@given(st.one_of(*LAYERS.values()))
def test_bad_arguments_write_nothing(kernels: CompiledKernels, program: Program) -> None:
    call = program.kernel(program.operations[0])
    assert call is not None
    sample = random_samples(program, 1, seed=0)["x"][0]
    output = Guarded(program.tensors["y"])
    sizes = "in_size" if "in_size" in call.parameters else "kernel_height"
    spoilt = {**call.parameters, sizes: 0}
    assert kernels.call(call, [sample], [output.address], spoilt) == BAD_ARG
    assert output.is_untouched()
