"""--optimize: what each aim takes is said before a build, and `size` keeps weights small."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from edgetool.compilation.aims import aim_figures
from edgetool.compilation.firmware import export_sources
from edgetool.kernels import OPTIMIZE, choose_kernels
from edgetool.packs import find_target, kernel_folders
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.ops.depthwise_conv2d import DepthwiseConv2D
from edgetool.program.ops.fully_connected import FullyConnected
from edgetool.program.ops.reshape import Reshape
from edgetool.program.program import Program
from golden_programs import GOLDEN, RELU, Sketch

CORES = (
    "cortex-m0plus",
    "cortex-m3",
    "cortex-m4",
    "cortex-m7",
    "cortex-m33",
    "cortex-m55",
    "rv32imc",
)
CHANNEL_BYTES = 16  # bias, multiplier and shift, four bytes each, and four to spare
TOGETHER = 4  # output channels, and weights of one, may be filled up to as many
LAYER_BYTES = 64


def wide() -> Program:
    """Layers of the shapes that variants are made for."""
    sketch = Sketch()
    x = sketch.activation("x", (1, 12, 12, 16), 0.5, -128)
    a = sketch.activation("a", (1, 12, 12, 32), 0.25, -128)
    b = sketch.activation("b", (1, 12, 12, 32), 0.25, -128)
    c = sketch.activation("c", (1, 12, 12, 24), 0.25, -128)
    flat = sketch.activation("flat", (1, 3456), 0.25, -128)
    y = sketch.activation("y", (1, 10), 0.5, 0)
    scales = [np.full(size, 0.01, np.float32) for size in (32, 32, 24, 1)]
    pads = (1, 1, 1, 1)
    operands = [x, sketch.weights("w0", (32, 3, 3, 16), scales[0]), sketch.bias("b0", 32, 0.005)]
    sketch.step("square", Conv2D((1, 1), (1, 1), pads, 1, RELU), operands, [a])
    operands = [a, sketch.weights("w1", (1, 3, 3, 32), scales[1]), sketch.bias("b1", 32, 0.0025)]
    sketch.step("depthwise", DepthwiseConv2D((1, 1), (1, 1), pads, RELU), operands, [b])
    operands = [b, sketch.weights("w2", (24, 1, 1, 32), scales[2]), sketch.bias("b2", 24, 0.0025)]
    sketch.step("pointwise", Conv2D((1, 1), (1, 1), (0, 0, 0, 0), 1, RELU), operands, [c])
    sketch.step("flatten", Reshape(), [c], [flat])
    operands = [flat, sketch.weights("w3", (10, 3456), scales[3]), sketch.bias("b3", 10, 0.0025)]
    sketch.step("dense", FullyConnected(), operands, [y])
    return sketch.program("wide", ["x"], ["y"])


PROGRAMS = {**GOLDEN, "wide": wide()}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_bytes_of_each_aim_are_those_of_its_sources(name: str, tmp_path: Path) -> None:
    program, target = PROGRAMS[name], find_target("cortex-m4")
    figures = aim_figures(program, target)
    assert tuple(figures) == OPTIMIZE
    for aim, found in figures.items():
        sources = export_sources(program, target, tmp_path / aim, aim)
        assert found["constant_bytes"].value == sources.constants_bytes
        assert found["arena_bytes"].value == sources.arena_bytes


@pytest.mark.parametrize("core", CORES)
def test_at_size_weights_take_no_more_than_their_own_size(core: str) -> None:
    program = wide()
    calls = choose_kernels(program, kernel_folders(find_target(core)), "size")
    for operation in program.operations:
        call = calls[operation.name]
        if call is None:
            continue
        weights = program.input_tensors(operation)[1]
        assert weights is not None
        channels = max(program.output_tensors(operation)[0].shape[-1], 1)
        taps = math.ceil(weights.elements / channels / TOGETHER) * TOGETHER
        own = math.ceil(channels / TOGETHER) * TOGETHER * (taps + CHANNEL_BYTES)
        held = sum(array.nbytes for array in call.constants.values())
        assert held <= own + LAYER_BYTES, f"{operation.name}: {call.function}"


@pytest.mark.parametrize("core", CORES)
def test_size_takes_no_more_constants_than_any_other_aim(core: str) -> None:
    figures = aim_figures(wide(), find_target(core))
    least = min(found["constant_bytes"].value for found in figures.values())
    assert figures["size"]["constant_bytes"].value == least
