"""The kernels of cores with Helium: bit for bit the executor, with both compilers, in QEMU."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from dsp_cases import LAYERS
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from layer_programs import side_by_side
from mac_cases import CLAMPS, convolutions, depthwise_convolutions, layers, paddings
from single_operation import random_samples

from edgetool.compilers import Firmware, build
from edgetool.exporters.c import export_c
from edgetool.kernels.choice import choose_kernels
from edgetool.packs import find_target, kernel_folders
from edgetool.program.executor import execute
from edgetool.program.operator import Array
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.ops.depthwise_conv2d import DepthwiseConv2D
from edgetool.program.program import Program
from edgetool.runtimes.bare_metal import run
from needs import require_module, require_tool

CORE = "cortex-m55"
CASES = 40
MVE_FUNCTIONS = {"conv2d_mve_s8", "depthwise_conv2d_mve_s8"}


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


MVE_LAYERS = st.one_of(
    LAYERS,
    convolutions("int8"),
    deep_convolutions(),
    depthwise_convolutions("int8"),
    tall_depthwise_convolutions(),
)


def samples_with_extremes(program: Program) -> dict[str, Array]:
    """Random samples, then one of all -128 and one of all 127."""
    inputs = random_samples(program, 4, seed=3)
    for array in inputs.values():
        array[2], array[3] = -128, 127
    return inputs


def emulate(
    program: Program, compiler: str, inputs: dict[str, Array], folder: Path
) -> dict[str, Array]:
    target = find_target(CORE)
    assert target.core is not None
    sources = export_c(program, folder / "c", name="layers", kernel_folders=kernel_folders(target))
    firmware = Firmware(
        sources.sources,
        sources.include,
        sources.name,
        sources.input_bytes,
        sources.output_bytes,
        sources.arena_bytes,
        sources.single_io,
    )
    image = build(firmware, target.core, compiler, "-O2", folder / "build")  # type: ignore[arg-type]
    count = len(next(iter(inputs.values())))
    feed = [[inputs[name][i].tobytes() for name in program.inputs] for i in range(count)]
    done = run(image, target.core, feed, "qemu", count_instructions=False)
    found = {}
    for index, name in enumerate(program.outputs):
        tensor = program.tensors[name]
        parts = [np.frombuffer(given[index], tensor.dtype) for given in done.outputs]
        found[name] = np.stack(parts).reshape(count, *tensor.shape)
    return found


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@settings(max_examples=2, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(programs=st.lists(MVE_LAYERS, min_size=CASES, max_size=CASES))
def test_layers_are_bit_exact_on_the_emulated_core(
    compiler: str, programs: list[Program], tmp_path_factory: pytest.TempPathFactory
) -> None:
    require_tool("qemu-system-arm", "apt install qemu-system-arm")
    if compiler == "gcc":
        require_tool("arm-none-eabi-gcc", "apt install gcc-arm-none-eabi")
    else:
        require_module("ziglang", "pip install 'edgetool[mcu]'")
    program = side_by_side(programs)
    inputs = samples_with_extremes(program)
    found = emulate(program, compiler, inputs, tmp_path_factory.mktemp("layers"))
    for name, right in execute(program, inputs).items():
        np.testing.assert_array_equal(found[name], right, err_msg=name)


def test_the_cases_meet_every_kernel_and_tail() -> None:
    folders = kernel_folders(find_target(CORE))
    met, tails = set(), set()

    @settings(max_examples=400, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(program=MVE_LAYERS)
    def note(program: Program) -> None:
        [call] = choose_kernels(program, folders).values()
        assert call is not None
        met.add(call.function)
        if call.function in MVE_FUNCTIONS:
            tails.add((call.function, call.parameters["tail"]))

    note()
    assert met >= MVE_FUNCTIONS
    assert tails == {(function, tail) for function in MVE_FUNCTIONS for tail in (0, 1, 2)}
