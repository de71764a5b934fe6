"""The kernels of cores with the DSP extension: bit for bit the executor, with both compilers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from dsp_cases import LAYERS
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from layer_programs import side_by_side
from single_operation import random_samples

from edgetool.compilers import Firmware, build
from edgetool.exporters.c import export_c
from edgetool.kernels.choice import choose_kernels
from edgetool.kernels.dsp_packing import pair_words
from edgetool.kernels.epilogue import CONVOLUTION, CONVOLUTION_RECTIFIED, DEPTHWISE, Scheme
from edgetool.packs import find_target, kernel_folders
from edgetool.program.arithmetic import multiply_double_rounding
from edgetool.program.executor import execute
from edgetool.program.operator import Array
from edgetool.program.program import Program
from edgetool.runtimes.bare_metal import run
from needs import require_module, require_tool

Int64Array = npt.NDArray[np.int64]

CASES = 40
SCHEMES = (CONVOLUTION, CONVOLUTION_RECTIFIED, DEPTHWISE)
BUILDS = [
    ("cortex-m4", "gcc"),
    ("cortex-m4", "clang"),
    ("cortex-m7", "gcc"),
    ("cortex-m33", "gcc"),
    ("cortex-m33", "clang"),
]
DSP_FUNCTIONS = {
    "conv2d_dsp_s8",
    "depthwise_conv2d_dsp_s8",
    "add_dsp_s8",
    "average_pool2d_dsp_s8",
}


def samples_with_extremes(program: Program) -> dict[str, Array]:
    """Random samples, then one of all -128 and one of all 127."""
    inputs = random_samples(program, 4, seed=3)
    for array in inputs.values():
        array[2], array[3] = -128, 127
    return inputs


def emulate(
    program: Program, core: str, compiler: str, inputs: dict[str, Array], folder: Path
) -> dict[str, Array]:
    target = find_target(core)
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
    done = run(image, target.core, feed, count_instructions=False)
    found = {}
    for index, name in enumerate(program.outputs):
        tensor = program.tensors[name]
        parts = [np.frombuffer(given[index], tensor.dtype) for given in done.outputs]
        found[name] = np.stack(parts).reshape(count, *tensor.shape)
    return found


@pytest.mark.parametrize(("core", "compiler"), BUILDS)
@settings(max_examples=2, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(programs=st.lists(LAYERS, min_size=CASES, max_size=CASES))
def test_layers_are_bit_exact_at_the_edges_of_what_the_kernels_take(
    core: str, compiler: str, programs: list[Program], tmp_path_factory: pytest.TempPathFactory
) -> None:
    require_module("unicorn", "pip install 'edgetool[mcu]'")
    if compiler == "gcc":
        require_tool("arm-none-eabi-gcc", "apt install gcc-arm-none-eabi")
    else:
        require_module("ziglang", "pip install 'edgetool[mcu]'")
    program = side_by_side(programs)
    inputs = samples_with_extremes(program)
    found = emulate(program, core, compiler, inputs, tmp_path_factory.mktemp("layers"))
    for name, right in execute(program, inputs).items():
        np.testing.assert_array_equal(found[name], right, err_msg=name)


def test_the_cases_meet_every_kernel_tail_and_refusal() -> None:
    folders = kernel_folders(find_target("cortex-m4"))
    met, tails = set(), set()

    @settings(max_examples=200, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(program=LAYERS)
    def note(program: Program) -> None:
        [call] = choose_kernels(program, folders).values()
        assert call is not None
        met.add(call.function)
        tails.add(call.parameters.get("tail"))

    note()
    assert met >= DSP_FUNCTIONS
    assert met - DSP_FUNCTIONS
    assert tails >= {0, 1, 2}


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
