"""The kernels of cores with Helium: bit for bit the executor, with both compilers, in QEMU."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from dsp_cases import LAYERS, additions
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from mac_cases import (
    CLAMPS,
    convolutions,
    depthwise_convolutions,
    fully_connected_layers,
    layers,
    paddings,
)
from overlapping import between_copies
from single_operation import activation, random_samples, single_operation

from edgetool.compilation.firmware import build_sources, export_sources
from edgetool.kernels.choice import choose_kernels
from edgetool.packs import find_target, kernel_folders
from edgetool.program.executor import execute
from edgetool.program.operator import Array
from edgetool.program.ops.add import Add
from edgetool.program.ops.average_pool2d import AveragePool2D
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.ops.depthwise_conv2d import DepthwiseConv2D
from edgetool.program.ops.mean import Mean
from edgetool.program.ops.mul import Mul
from edgetool.program.ops.sub import Sub
from edgetool.program.program import Program
from edgetool.runtimes.bare_metal import run
from needs import require_module, require_tool
from one_operation import OneOperation
from operator_cases import CASES

CORE = "cortex-m55"
AT_ONCE = 40
TAILED = {"conv2d_mve_s8", "depthwise_conv2d_mve_s8"}
KERNELS = {path.stem for path in kernel_folders(find_target(CORE))[0].glob("*_s8.c")}


@st.composite
def deep_convolutions(draw: DrawFn) -> Program:
    """Convolutions of up to 5 rounds of 64 taps, with rests, odd channels and odd pixels."""
    kernel = draw(st.sampled_from([(1, 1), (1, 1), (3, 3), (2, 1), (4, 5)]))
    channels, outputs = draw(st.integers(1, 70)), draw(st.integers(1, 18))
    stride = draw(st.sampled_from([(1, 1), (1, 1), (2, 1), (2, 2)]))
    padding = draw(paddings(kernel)) if kernel != (1, 1) else (0, 0, 0, 0)
    size = (draw(st.integers(kernel[0], 6)), draw(st.integers(kernel[1], 6)))
    around = (padding[0] + padding[2], padding[1] + padding[3])
    output = [(n + a - k) // s + 1 for n, a, k, s in zip(size, around, kernel, stride, strict=True)]
    operator = Conv2D(stride, (1, 1), padding, 1, draw(st.sampled_from((*CLAMPS, CLAMPS[1]))))
    x, weights = (1, *size, channels), (outputs, *kernel, channels)
    assert math.prod(output) > 0
    return draw(layers(operator, x, weights, (1, *output, outputs), "int8", 0))


@st.composite
def tall_depthwise_convolutions(draw: DrawFn) -> Program:
    """Depthwise layers of up to 20 rows, which move on in the planes, and of up to 35 taps."""
    kernel = draw(st.sampled_from([(3, 3), (3, 3), (3, 1), (1, 5), (4, 4), (5, 5), (5, 7)]))
    stride = draw(st.sampled_from([(1, 1), (1, 1), (2, 2), (3, 1)]))
    channels, multiplier = draw(st.integers(1, 19)), draw(st.sampled_from([1, 1, 1, 2, 3]))
    padding = draw(paddings(kernel))
    size = (draw(st.integers(kernel[0], 20)), draw(st.integers(kernel[1], 9)))
    around = (padding[0] + padding[2], padding[1] + padding[3])
    output = [(n + a - k) // s + 1 for n, a, k, s in zip(size, around, kernel, stride, strict=True)]
    operator = DepthwiseConv2D(stride, (1, 1), padding, draw(st.sampled_from(CLAMPS)))
    outputs = channels * multiplier
    x, weights = (1, *size, channels), (1, *kernel, outputs)
    return draw(layers(operator, x, weights, (1, *output, outputs), "int8", 3))


def operations(kind: str) -> st.SearchStrategy[Program]:
    """Operations of a kind, whose portable kernel the core replaces by name."""
    return CASES[kind]("int8").map(OneOperation.program)


@st.composite
def long_rows(draw: DrawFn) -> Program:
    """Elementwise operations of equal shapes and of channel rows, longer than a vector."""
    channels = draw(st.integers(1, 40))
    shapes = [(1, 3, 2, channels), (1, 3, 2, channels), (1, 1, 1, channels), (1, 1, 1, 1)]
    a, b = draw(st.sampled_from([(shapes[0], other) for other in shapes[1:]]))
    scales = [draw(st.sampled_from([0.5, 0.1, 0.0137])) for _ in range(3)]
    points = [draw(st.integers(-128, 127)) for _ in range(3)]
    operator = draw(st.sampled_from([Add, Sub, Mul]))(draw(st.sampled_from(CLAMPS)))
    tensors = [activation("x", a, scales[0], points[0]), activation("z", b, scales[1], points[1])]
    return single_operation(operator, tensors, [activation("y", a, scales[2], points[2])])


@st.composite
def large_pools(draw: DrawFn) -> Program:
    """Averages and means of more pixels than sums of int16 hold, and than a reciprocal divides."""
    height, width = draw(st.sampled_from([(17, 16), (40, 41), (72, 71)]))
    channels, zero_point = draw(st.integers(1, 10)), draw(st.integers(-128, 127))
    x = activation("x", (1, height, width, channels), 0.1, zero_point)
    if draw(st.booleans()):
        y = activation("y", (1, 1, 1, channels), 0.1, zero_point)
        return single_operation(AveragePool2D((height, width)), [x], [y])
    y = activation("y", (1, 1, 1, channels), 0.01, -5)
    return single_operation(Mean((1, 2), keepdims=True), [x], [y])


STRATEGIES = (
    LAYERS,
    additions(),
    convolutions("int8"),
    deep_convolutions(),
    depthwise_convolutions("int8"),
    tall_depthwise_convolutions(),
    fully_connected_layers("int8"),
    long_rows(),
    large_pools(),
    *map(operations, ("mul", "sub", "sigmoid", "mean", "max_pool2d", "average_pool2d")),
)
MVE_LAYERS = st.one_of(*STRATEGIES)


def samples_with_extremes(program: Program) -> dict[str, Array]:
    """Random samples, then one of all -128 and one of all 127."""
    inputs = random_samples(program, 4, seed=3)
    for array in inputs.values():
        array[2], array[3] = -128, 127
    return inputs


def emulate(
    program: Program, compiler: str, aim: str, inputs: dict[str, Array], folder: Path
) -> dict[str, Array]:
    target = find_target(CORE)
    assert target.core is not None
    export_sources(program, target, folder / "c", aim)
    image = build_sources(program, target, compiler, folder / "c", folder / "build", aim)
    count = len(next(iter(inputs.values())))
    feed = [[inputs[name][i].tobytes() for name in program.inputs] for i in range(count)]
    done = run(image, target.core, feed, "qemu", count_instructions=False)
    found = {}
    for index, name in enumerate(program.outputs):
        tensor = program.tensors[name]
        parts = [np.frombuffer(given[index], tensor.dtype) for given in done.outputs]
        found[name] = np.stack(parts).reshape(count, *tensor.shape)
    return found


@pytest.mark.parametrize(
    ("compiler", "aim"), [("gcc", "balanced"), ("clang", "speed"), ("gcc", "size")]
)
@settings(max_examples=2, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(programs=st.lists(MVE_LAYERS, min_size=AT_ONCE, max_size=AT_ONCE))
def test_layers_are_bit_exact_on_the_emulated_core(
    compiler: str, aim: str, programs: list[Program], tmp_path_factory: pytest.TempPathFactory
) -> None:
    require_tool("qemu-system-arm", "apt install qemu-system-arm")
    if compiler == "gcc":
        require_tool("arm-none-eabi-gcc", "apt install gcc-arm-none-eabi")
    else:
        require_module("ziglang", "pip install 'edgetool[mcu]'")
    program = between_copies(programs)  # outputs over inputs where kernels allow it
    inputs = samples_with_extremes(program)
    found = emulate(program, compiler, aim, inputs, tmp_path_factory.mktemp("layers"))
    for name, right in execute(program, inputs).items():
        np.testing.assert_array_equal(found[name], right, err_msg=name)


def test_the_cases_meet_every_kernel_and_tail() -> None:
    folders = kernel_folders(find_target(CORE))
    met, tails = set(), set()
    for strategy in STRATEGIES:

        @settings(max_examples=60, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(program=strategy)
        def note(program: Program) -> None:
            [call] = choose_kernels(program, folders).values()
            assert call is not None
            met.add(call.function)
            if call.function in TAILED:
                tails.add((call.function, call.parameters["tail"]))

        note()
    assert met | {"requantize_s8"} >= KERNELS  # the copies around every layer
    assert tails == {(function, tail) for function in TAILED for tail in (0, 1, 2)}
