"""Convolutions with code for one depth on cores with the DSP extension."""

from __future__ import annotations

import numpy as np
import pytest
from dsp_cases import convolutions, pointwise_convolutions
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from single_operation import activation, constant, single_operation
from test_dsp_kernels import BUILDS, Build, require_bit_exact

from edgetool.kernels import dot_passes
from edgetool.kernels.choice import choose_kernels
from edgetool.kernels.dot_passes import STRAIGHT, UNROLLED, cut_depth
from edgetool.packs import find_target, kernel_folders
from edgetool.program.operator import Clamp, KernelCall
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.program import Program

CASES = 24


@pytest.mark.parametrize("unrolled", [UNROLLED, STRAIGHT])
@pytest.mark.parametrize("depth", [*range(4, 400, 4), 576, 1152, 4608])
def test_passes_take_every_tap_once(depth: int, unrolled: int) -> None:
    cut = cut_depth(depth, unrolled)
    rounds = cut.once + cut.rounds * cut.passes
    assert 2 * cut.first + 6 * rounds == depth
    assert 1 <= cut.first <= 3 and cut.passes >= 1
    assert cut.once + cut.rounds <= unrolled


@pytest.mark.parametrize(
    ("target", "optimize", "function"),
    [
        ("cortex-m4", "balanced", "conv2d_dsp_64_by_5_rectified_s8"),
        ("cortex-m4", "speed", "conv2d_dsp_wide_64_by_10_rectified_s8"),
        ("nucleo-l4r5zi", "speed", "conv2d_dsp_wide_64_by_5_rectified_s8"),
        ("stm32f746g-disco", "speed", "conv2d_dsp_wide_64_by_10_rectified_s8"),
        ("cortex-m4", "size", "conv2d_dsp_s8"),
    ],
)
def test_code_for_many_outputs_of_few_taps_is_as_long_as_its_memory_keeps(
    target: str, optimize: str, function: str
) -> None:
    assert chosen(pointwise(height=25, channels=64), optimize, target).function == function


@pytest.mark.parametrize(("height", "channels"), [(5, 64), (25, 512)])
def test_few_outputs_or_many_taps_share_the_general_function(height: int, channels: int) -> None:
    assert chosen(pointwise(height, channels), "balanced").function == "conv2d_dsp_s8"


@pytest.mark.parametrize("build_as", BUILDS, ids="-".join)
@settings(max_examples=1, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(
    programs=st.lists(
        st.one_of(pointwise_convolutions(), convolutions()), min_size=CASES, max_size=CASES
    )
)
def test_functions_for_one_depth_are_bit_exact(
    build_as: Build, programs: list[Program], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dot_passes, "FEWEST_OUTPUTS", 0)
        patch.setattr(dot_passes, "MOST_PASSES", 100)
        templates = [chosen(program, build_as[2]).template for program in programs]
        assert templates.count(dot_passes.TEMPLATE) > 0
        require_bit_exact(programs, build_as, tmp_path_factory.mktemp("depths"))


def chosen(program: Program, optimize: str, target: str = "cortex-m4") -> KernelCall:
    folders = kernel_folders(find_target(target))
    [call] = choose_kernels(program, folders, optimize).values()
    assert call is not None
    return call


def pointwise(height: int, channels: int) -> Program:
    weights = np.random.default_rng(0).integers(-20, 21, (64, 1, 1, channels)).astype(np.int8)
    scales = np.full(64, 0.01, np.float32)
    source = activation("x", (1, height, 5, channels), 0.05, -128)
    target = activation("y", (1, height, 5, 64), 0.05 * 0.01 * 2.0**9, -128)
    bias = np.zeros(64, np.int32)
    tensors = [
        source,
        constant("weights", weights, scales, 0),
        constant("bias", bias, np.asarray(source.scale * scales, np.float32)),
    ]
    operator = Conv2D((1, 1), (1, 1), (0, 0, 0, 0), 1, Clamp(0.0))
    return single_operation(operator, tensors, [target])
