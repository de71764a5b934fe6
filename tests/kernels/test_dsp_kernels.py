"""The kernels of cores with the DSP extension: bit for bit the executor, with both compilers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from dsp_cases import KINDS, LAYERS, OTHERS, depthwise_convolutions
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from layer_programs import side_by_side
from single_operation import random_samples
from strict_compilers import COMPILERS, check

from edgetool.compilation.firmware import export_sources
from edgetool.compilers import Firmware, build
from edgetool.exporters.c import export_c, include_folders, source_files
from edgetool.kernels.choice import choose_kernels
from edgetool.kernels.dsp_packing import (
    fits_wide,
    order_taps,
    pack_pairs,
    pack_wide_pairs,
    pair_words,
)
from edgetool.kernels.epilogue import (
    CONVOLUTION,
    CONVOLUTION_NARROW,
    CONVOLUTION_RECTIFIED,
    DEPTHWISE,
    Epilogue,
    Scheme,
)
from edgetool.packs import find_target, kernel_folders
from edgetool.program.arithmetic import multiply_double_rounding
from edgetool.program.executor import execute
from edgetool.program.operator import Array
from edgetool.program.program import Program
from edgetool.runtimes.bare_metal import run
from needs import require_module, require_tool

Int64Array = npt.NDArray[np.int64]
Build = tuple[str, str, str]
"""Core, compiler, what the choice of kernels aims at."""

CASES = 40
SCHEMES = (CONVOLUTION, CONVOLUTION_RECTIFIED, CONVOLUTION_NARROW, DEPTHWISE)
BUILDS = [
    ("cortex-m4", "gcc", "balanced"),
    ("cortex-m4", "gcc", "speed"),
    ("cortex-m4", "clang", "balanced"),
    ("cortex-m4", "clang", "speed"),
    ("cortex-m7", "gcc", "balanced"),
    ("cortex-m33", "gcc", "balanced"),
    ("cortex-m33", "clang", "speed"),
]
DEPTHWISE_TEMPLATE = "depthwise_conv2d_dsp_s8"
DSP_FUNCTIONS = {
    DEPTHWISE_TEMPLATE,
    "fully_connected_dsp_s8",
    "add_dsp_s8",
}


def samples_with_extremes(program: Program) -> dict[str, Array]:
    """Random samples, one of -128 and 127 mixed, one of all -128 and one of all 127."""
    inputs = random_samples(program, 4, seed=3)
    for array in inputs.values():
        array[1] = np.where(array[1] < 0, -128, 127)
        array[2], array[3] = -128, 127
    return inputs


def emulate(
    program: Program, build_as: Build, inputs: dict[str, Array], folder: Path
) -> dict[str, Array]:
    core, compiler, optimize = build_as
    target = find_target(core)
    assert target.core is not None
    folders = kernel_folders(target)
    sources = export_c(
        program, folder / "c", name="layers", kernel_folders=folders, optimize=optimize
    )
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
    done = run(image, target.core, feed, count_instructions=False)
    found = {}
    for index, name in enumerate(program.outputs):
        tensor = program.tensors[name]
        parts = [np.frombuffer(given[index], tensor.dtype) for given in done.outputs]
        found[name] = np.stack(parts).reshape(count, *tensor.shape)
    return found


def require_bit_exact(programs: list[Program], build_as: Build, folder: Path) -> None:
    require_module("unicorn", "pip install 'edgetool[mcu]'")
    if build_as[1] == "gcc":
        require_tool("arm-none-eabi-gcc", "apt install gcc-arm-none-eabi")
    else:
        require_module("ziglang", "pip install 'edgetool[mcu]'")
    program = side_by_side(programs)
    inputs = samples_with_extremes(program)
    found = emulate(program, build_as, inputs, folder)
    for name, right in execute(program, inputs).items():
        np.testing.assert_array_equal(found[name], right, err_msg=name)


@pytest.mark.parametrize("build_as", BUILDS, ids="-".join)
@settings(max_examples=2, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(programs=st.lists(LAYERS, min_size=CASES, max_size=CASES))
def test_layers_are_bit_exact_at_the_edges_of_what_the_kernels_take(
    build_as: Build, programs: list[Program], tmp_path_factory: pytest.TempPathFactory
) -> None:
    require_bit_exact(programs, build_as, tmp_path_factory.mktemp("layers"))


@pytest.mark.parametrize(
    ("optimize", "calls"),
    [
        (
            "balanced",
            {
                ("conv2d_winograd_2x2_dsp_s8", None),
                ("conv2d_dsp_s8", 0),
                ("conv2d_dsp_s8", 1),
                ("conv2d_dsp_s8", 2),
                ("conv2d_dsp_wide_s8", 0),
            },
        ),
        (
            "speed",
            {
                ("conv2d_winograd_4x4_dsp_s8", None),
                ("depthwise_conv2d_dsp_prepared_s8", 0),
                ("conv2d_dsp_wide_s8", 0),
                ("conv2d_dsp_wide_s8", 1),
                ("conv2d_dsp_s8", 1),
                ("conv2d_dsp_s8", 2),
            },
        ),
    ],
)
def test_the_cases_meet_every_kernel_tail_and_refusal(
    optimize: str, calls: set[tuple[str, int | None]]
) -> None:
    folders = kernel_folders(find_target("cortex-m4"))
    met: set[tuple[str, object]] = set()

    @settings(
        max_examples=80,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
    )
    @given(programs=st.tuples(*KINDS))
    def note(programs: tuple[Program, ...]) -> None:
        for program in programs:
            [call] = choose_kernels(program, folders, optimize).values()
            assert call is not None
            made_by = call.template or call.function
            met.add((made_by, call.parameters.get("tail", call.defines.get("EDGE_TAIL"))))

    note()
    functions = {function for function, _ in met}
    assert met >= calls | {("conv2d_dsp_s4", 0), ("conv2d_dsp_s4", 1)}
    assert met >= {(DEPTHWISE_TEMPLATE, tail) for tail in range(3)}
    assert functions >= DSP_FUNCTIONS
    assert functions - DSP_FUNCTIONS - {function for function, _ in calls}


@pytest.mark.parametrize(
    ("scheme", "left"),
    [(scheme, left) for scheme in SCHEMES for left in range(2, scheme.largest_left + 1)],
)
@pytest.mark.parametrize("zero_point", [-128, -17, 127])
def test_one_upper_product_and_one_shift_round_twice(
    scheme: Scheme, left: int, zero_point: int
) -> None:
    rng = np.random.default_rng(left)
    shift = scheme.saturating_shift + 1 - left
    for multiplier in [1 << 30, (1 << 31) - 1, *rng.integers(1 << 30, 1 << 31, 12)]:
        sums = sums_near_ties(int(multiplier), shift, (1 << (31 - left)) - 1, rng)
        right = multiply_double_rounding(sums, int(multiplier), -shift) + zero_point
        linear = short_sequence(sums, int(multiplier), scheme, left, zero_point, sign=1)
        rectified = short_sequence(sums, int(multiplier), scheme, left, zero_point, sign=0)
        np.testing.assert_array_equal(np.clip(linear, -128, 127), np.clip(right, -128, 127))
        lower = np.maximum(right, zero_point)
        np.testing.assert_array_equal(np.maximum(rectified, zero_point), lower)


def short_sequence(
    sums: Int64Array, multiplier: int, scheme: Scheme, left: int, zero_point: int, sign: int
) -> Int64Array:
    """What LSL, SMMLA and an arithmetic shift compute, in 64 bits."""
    m = scheme.saturating_shift
    addend = (1 << (left - 2)) + (1 << (m - 1)) + (zero_point << m)
    addends = addend - sign * (sums < 0) * (1 << (left - 1))
    high = ((sums << left) * multiplier >> 32) + addends
    assert np.all(np.abs(high) < 1 << 31)
    return np.asarray(high >> m, np.int64)


def sums_near_ties(multiplier: int, shift: int, limit: int, rng: np.random.Generator) -> Int64Array:
    """Sums at both sides of every rounding to a value of int8, and any others."""
    halves = 2 * np.arange(-260, 260, dtype=object) + 1
    ties = np.array([int(half * 2 ** (30 + shift) // multiplier) for half in halves], np.int64)
    near = (ties[:, None] + np.arange(-3, 4)).ravel()
    anywhere = rng.integers(-limit, limit + 1, 2000)
    every = np.concatenate([near, anywhere, [-limit, -1, 0, 1, limit]])
    return np.asarray(every[np.abs(every) <= limit], np.int64)


def test_paired_weights_part_into_both_channels_exactly() -> None:
    rng = np.random.default_rng(1)
    weights = rng.integers(-127, 128, (2, 64)).astype(np.int8)
    taps = rng.integers(-128, 128, 64).astype(np.int64)
    words = pair_words(weights)[0]
    low, high = (words & 0xFFFF).astype(np.uint16), (words >> 16).astype(np.uint16)
    halves = np.stack([low.view(np.int16), high.view(np.int16)], axis=1).astype(np.int64)
    order = taps.reshape(-1, 4)[:, [0, 2, 1, 3]].reshape(-1, 2)
    both = int((halves * order).sum())
    first = int((halves.astype(np.int8).astype(np.int64) * order).sum())
    assert first == int(weights[0].astype(np.int64) @ taps)
    assert (both - first) // 256 == int(weights[1].astype(np.int64) @ taps)


def test_wide_weights_are_shifted_and_side_by_side() -> None:
    weights = np.array([[1, 2, 3, -128], [5, 6, 7, 8], [9, 10, 11, 12]], np.int8)
    shifts = np.array([8, 2, 3], np.int32)
    epilogue = Epilogue(0, shifts + 100, shifts + 200, shifts)
    assert fits_wide(weights, epilogue)
    first, second = pack_wide_pairs(weights, np.array([1, 2, 3], np.int64), epilogue).reshape(2, 11)
    assert first[:2].tolist() == [1 << 8, 2 << 2]
    taps = first[2:6].view(np.int16).reshape(2, 2, 2)  # two words, two channels, two taps
    np.testing.assert_array_equal(taps[:, 0], [[1 << 8, 3 << 8], [2 << 8, -(1 << 15)]])
    np.testing.assert_array_equal(taps[:, 1], [[5 << 2, 7 << 2], [6 << 2, 8 << 2]])
    assert first[6:].tolist() == [108, 102, 208, 202, 7 + 256 * 1]
    assert second.view(np.int32)[-1] < 0 <= int(first[-1])
    assert not fits_wide(np.full((1, 4), -128, np.int8), replace(epilogue, shifts=shifts[:1] + 1))


@pytest.mark.parametrize("build_as", [BUILDS[0], BUILDS[-1]], ids="-".join)
@settings(max_examples=2, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(programs=st.lists(OTHERS, min_size=CASES, max_size=CASES))
def test_other_operators_are_bit_exact(
    build_as: Build, programs: list[Program], tmp_path_factory: pytest.TempPathFactory
) -> None:
    require_bit_exact(programs, build_as, tmp_path_factory.mktemp("others"))


@pytest.mark.parametrize("compiler", COMPILERS)
@settings(max_examples=1, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(programs=st.lists(depthwise_convolutions(), min_size=12, max_size=12))
def test_instances_compile_without_a_warning(
    compiler: str, programs: list[Program], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("instances")
    export_sources(side_by_side(programs), find_target("cortex-m4"), folder)
    check(compiler, "cortex-m4", source_files(folder), include_folders(folder))


@pytest.mark.parametrize(("width", "channels"), [(3, 3), (4, 1), (1, 2), (2, 8)])
def test_taps_over_whole_words_come_last(width: int, channels: int) -> None:
    run = width * channels
    weights = np.arange(2 * 5 * run, dtype=np.int8).reshape(2, 5, width, channels)
    found = order_taps(weights)[1] - 5 * run
    whole = run // 4 * 4
    rows = np.arange(5 * run).reshape(5, run)
    np.testing.assert_array_equal(found, [*rows[:, :whole].ravel(), *rows[:, whole:].ravel()])


def test_rectified_shifts_lie_above_the_sums() -> None:
    """What edge_dot_3x2 takes them out with, for sums of either sign."""
    shifts = np.array([8, 2, 5, 7, 3], np.int32)
    bias = np.array([-(1 << 23) + 1, 5, (1 << 23) - 1, 7, -1], np.int64)
    epilogue = Epilogue(0, shifts + 100, shifts, shifts)
    stream = pack_pairs(np.zeros((5, 4), np.int8), bias, epilogue).view(np.int32).reshape(3, 6)
    found = (stream[:, 0].astype(np.int64) + (1 << 23)) >> 24
    assert (found & 7).tolist() == [0, 3, 5]
    assert (found >> 3 & 7)[:2].tolist() == [6, 1]
    assert (found < 0).tolist() == [False, False, True]
    np.testing.assert_array_equal((stream[:, 0] << 8) >> 8, bias[::2])
    np.testing.assert_array_equal(stream[:2, 1], (256 * bias[1::2] + bias[:4:2]).astype(np.int32))
    np.testing.assert_array_equal(stream[:2, 4:], shifts[:4].reshape(2, 2) + 100)
