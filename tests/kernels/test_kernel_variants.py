"""Kernel variants of the cores without DSP instructions, on this machine, against the executor.

Their assembly has a C form beside it, which runs here with sanitizers; test_variants_on_cores.py
runs the assembly.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping

import numpy as np
import pytest
from compiled_kernels import BAD_ARG, KERNELS, CompiledKernels, Guarded
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mac_cases import convolutions, depthwise_convolutions, fully_connected_layers
from single_operation import activation, constant, random_samples, single_operation
from variant_cases import LARGEST_SUM, halves, long_windows, pairs, sums_at_their_limits

from edgetool.kernels import choose_kernels
from edgetool.program.executor import execute
from edgetool.program.operator import KernelCall
from edgetool.program.ops.add import Add
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.ops.depthwise_conv2d import DepthwiseConv2D
from edgetool.program.ops.fully_connected import FullyConnected
from edgetool.program.ops.mul import Mul
from edgetool.program.ops.requantize import Requantize
from edgetool.program.program import Program

CORES = ("portable", "cortex-m3", "cortex-m0plus", "rv32imc")
TARGETS = KERNELS.parents[1]
FUNCTIONS = {
    "conv2d": "conv2d_blocks_s8",
    "depthwise_conv2d": "depthwise_conv2d_planes_s8",
    "fully_connected": "fully_connected_quads_s8",
    "add": "add_line_s8",
    "mul": "mul_short_s8",
}
MANY = settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)


def folders_of(core: str) -> tuple[str, ...]:
    return (core, "portable") if core != "portable" else ("portable",)


def call_on(core: str, program: Program) -> KernelCall:
    """The kernel that a core chooses for a program of one operation."""
    folders = [TARGETS / name / "kernels" for name in folders_of(core)]
    call = choose_kernels(program, folders)[program.operations[0].name]
    assert call is not None
    return call


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, CompiledKernels]:
    """The kernels of each core, compiled for this machine."""
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler: install gcc or clang to run the kernels on this machine")
    return {
        core: CompiledKernels.build(
            compiler,
            tmp_path_factory.mktemp(core),
            [TARGETS / name / "kernels" for name in folders_of(core)],
            [*FUNCTIONS.values(), *(f"{kind}_s8" for kind in FUNCTIONS), "lookup_s8"],
        )
        for core in CORES
    }


def assert_as_executed(built: Mapping[str, CompiledKernels], program: Program) -> None:
    inputs = random_samples(program, 1, seed=2)
    expected = execute(program, inputs)[program.outputs[0]][0]
    samples = [inputs[name][0] for name in program.inputs]
    for core, kernels in built.items():
        call = call_on(core, program)
        [found] = kernels.run(call, samples, [program.tensors[program.outputs[0]]])
        np.testing.assert_array_equal(found, expected, f"{call.function} on {core}")


@MANY
@given(program=convolutions("int8"))
def test_convolution_in_blocks_is_the_executor_bit_for_bit(
    built: Mapping[str, CompiledKernels], program: Program
) -> None:
    assert_as_executed(built, program)


@MANY
@given(program=depthwise_convolutions("int8"))
def test_depthwise_in_planes_is_the_executor_bit_for_bit(
    built: Mapping[str, CompiledKernels], program: Program
) -> None:
    assert_as_executed(built, program)


@MANY
@given(program=fully_connected_layers("int8"))
def test_fully_connected_in_quads_is_the_executor_bit_for_bit(
    built: Mapping[str, CompiledKernels], program: Program
) -> None:
    assert_as_executed(built, program)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), zero_point=st.sampled_from([-128, -3, 0, 127]))
def test_fully_connected_sums_round_once_next_to_halves(
    built: Mapping[str, CompiledKernels], seed: int, zero_point: int
) -> None:
    assert_as_executed(built, halves(seed, zero_point))


@MANY
@given(program=sums_at_their_limits())
def test_requantization_is_exact_up_to_the_largest_sum(
    built: Mapping[str, CompiledKernels], program: Program
) -> None:
    assert_as_executed(built, program)


@settings(max_examples=30, deadline=None)
@given(program=long_windows())
def test_long_windows_are_summed_in_segments(
    built: Mapping[str, CompiledKernels], program: Program
) -> None:
    for core in CORES:
        call = call_on(core, program)
        assert call.function == "conv2d_blocks_s8"
        assert call.parameters["segments"] > 1
    assert_as_executed(built, program)


@settings(max_examples=60, deadline=None)
@given(program=pairs())
def test_sums_and_products_are_the_executor_for_every_pair(
    built: Mapping[str, CompiledKernels], program: Program
) -> None:
    codes = np.arange(-128, 128, dtype=np.int8)
    inputs = {"x": codes.reshape(1, 256, 1), "z": codes.reshape(1, 1, 256)}
    expected = execute(program, inputs)["y"][0]
    for core, kernels in built.items():
        samples = [inputs["x"][0], inputs["z"][0]]
        [found] = kernels.run(call_on(core, program), samples, [program.tensors["y"]])
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("scale", "zero_point"), [(0.2, 7), (0.003, -128), (3.0, 127)])
def test_requantization_looks_every_code_up(
    built: Mapping[str, CompiledKernels], scale: float, zero_point: int
) -> None:
    x, y = activation("x", (256,), 0.1, -5), activation("y", (256,), scale, zero_point)
    program = single_operation(Requantize(), [x], [y])
    codes = np.arange(-128, 128, dtype=np.int8)
    expected = execute(program, {"x": codes[None]})["y"][0]
    for core, kernels in built.items():
        call = call_on(core, program)
        assert call.function == "lookup_s8"
        [found] = kernels.run(call, [codes], [y])
        np.testing.assert_array_equal(found, expected)


def layer(kind: str, bias: int = 0, out_scale: float = 10.0) -> Program:
    """A small layer, the same at every call."""
    x = activation("x", (1, 5, 5, 2), 0.1, 3)
    if kind in ("add", "mul"):
        operator = Add() if kind == "add" else Mul()
        z = activation("z", x.shape, 0.2)
        return single_operation(operator, [x, z], [activation("y", x.shape, 0.3)])
    if kind == "fully_connected":
        weights = constant("weights", np.ones((6, 50), np.int8), np.full(1, 0.1, np.float32))
        return single_operation(
            FullyConnected(),
            [activation("x", (1, 50), 0.1, 3), weights, None],
            [activation("y", (1, 6), out_scale)],
        )
    depthwise = kind == "depthwise_conv2d"
    shape = (1, 3, 3, 2) if depthwise else (2, 3, 3, 2)
    weights = constant("weights", np.ones(shape, np.int8), np.full(1, 0.1, np.float32))
    scale = np.full(1, 0.01, np.float32)
    tensors = [x, weights, constant("bias", np.full(2, bias, np.int32), scale)]
    convolution = DepthwiseConv2D() if depthwise else Conv2D()
    return single_operation(convolution, tensors, [activation("y", (1, 3, 3, 2), out_scale)])


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize(("kind", "function"), FUNCTIONS.items())
def test_a_small_layer_gets_its_variant(core: str, kind: str, function: str) -> None:
    assert call_on(core, layer(kind)).function == function


@pytest.mark.parametrize("kind", ["conv2d", "depthwise_conv2d"])
def test_sums_or_factors_beyond_the_proof_keep_the_general_kernel(kind: str) -> None:
    assert call_on("portable", layer(kind, bias=LARGEST_SUM)).function == f"{kind}_s8"
    assert call_on("portable", layer(kind, out_scale=1e-4)).function == f"{kind}_s8"


SPOILT = [
    ("conv2d", "stride_width", 0),
    ("conv2d", "out_min", -129),
    ("conv2d", "in_zero_point", 128),
    ("conv2d", "segment_taps", 18),
    ("conv2d", "segments", 0),
    ("conv2d", "tail", 3),
    ("depthwise_conv2d", "strip_rows", 0),
    ("depthwise_conv2d", "plane_width", 4),
    ("depthwise_conv2d", "out_channels", 3),
    ("depthwise_conv2d", "tail", -1),
    ("fully_connected", "rows", 0),
    ("fully_connected", "tail", 2),
    ("fully_connected", "out_zero_point", -129),
    ("add", "shift", 32),
    ("add", "low", 128),
    ("mul", "shift", -1),
    ("mul", "a_zero_point", 128),
]


@pytest.mark.parametrize(("kind", "field", "value"), SPOILT)
def test_variants_refuse_bad_parameters_and_null_and_write_nothing(
    built: Mapping[str, CompiledKernels], kind: str, field: str, value: int
) -> None:
    program = layer(kind)
    call, output = call_on("portable", program), Guarded(program.tensors["y"])
    inputs = random_samples(program, 1, seed=0)
    samples = [inputs[name][0] for name in program.inputs]
    spoilt = {**call.parameters, field: value}
    assert spoilt.keys() == call.parameters.keys()
    assert built["portable"].call(call, samples, [output.address], spoilt) == BAD_ARG
    assert built["portable"].call(call, [None] * len(samples), [output.address]) == BAD_ARG
    assert built["portable"].call(call, samples, [0]) == BAD_ARG
    assert output.is_untouched()
