"""--optimize: what each aim takes is said before a build, and `size` keeps weights small."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from edgetool.compilation.aims import aim_figures
from edgetool.compilation.firmware import export_sources
from edgetool.kernels import OPTIMIZE, choose_kernels
from edgetool.packs import find_target, kernel_folders
from golden_programs import GOLDEN, wide

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
