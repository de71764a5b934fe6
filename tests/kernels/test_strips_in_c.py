"""Networks whose first layers run in strips, as C: on this machine with sanitizers, on cores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from exported_model import PORTABLE, build, export, run
from hypothesis import HealthCheck, Phase, given, settings
from layer_programs import side_by_side
from single_operation import random_samples

from edgetool.compilation.firmware import build_sources, core_of, export_sources
from edgetool.kernels import choose_kernels
from edgetool.packs import find_target
from edgetool.program.executor import execute
from edgetool.program.memory_plan import plan_memory
from edgetool.program.patches import Patches, given_height, heads, in_patches
from edgetool.program.program import Program
from edgetool.runtimes.bare_metal import run as run_image
from edgetool.verification.emulator import arrays_from, samples_as_bytes
from needs import require_module, require_tool
from strip_networks import strip_networks

NETWORKS = 6


@pytest.fixture(scope="module")
def in_strips() -> Program:
    """Several networks side by side, each in strips of one to three rows."""
    found: list[Program] = []

    @settings(
        max_examples=60,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
    )
    @given(program=strip_networks())
    def collect(program: Program) -> None:
        counts = [n for n in heads(program) if given_height(program, n) > 3]
        if counts:
            made = in_patches(program, Patches(counts[-1], 1 + len(found) % 3))
            found.extend([made] if made is not None else [])

    collect()
    assert len(found) > NETWORKS
    return side_by_side(sorted(found, key=lambda p: len(p.operations))[-NETWORKS:])


def assert_as_executed(program: Program, found: dict[str, np.ndarray], samples: int) -> None:  # type: ignore[type-arg]
    inputs = random_samples(program, samples, seed=8)
    for name, right in execute(program, inputs).items():
        np.testing.assert_array_equal(found[name], right)


def test_strips_share_bytes_and_are_joined_in_place(in_strips: Program) -> None:
    calls = choose_kernels(in_strips, [PORTABLE])
    joins = [step.name for step in in_strips.operations if " joined" in step.name]
    assert any(calls[name] is None for name in joins)
    assert plan_memory(in_strips, calls).overwritten


def test_strips_in_c_compute_what_the_executor_computes(in_strips: Program, tmp_path: Path) -> None:
    compiler = require_tool("gcc", "apt install gcc")
    inputs = random_samples(in_strips, 3, seed=8)
    executable = build(export(in_strips, tmp_path / "c"), str(compiler), tmp_path)
    assert_as_executed(in_strips, run(executable, in_strips, inputs), 3)


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4"])
def test_strips_on_an_emulated_core_are_bit_exact(
    core: str, in_strips: Program, tmp_path: Path
) -> None:
    require_module("unicorn", "pip install 'edgetool[mcu]'")
    require_tool("arm-none-eabi-gcc", "apt install gcc-arm-none-eabi")
    target = find_target(core)
    export_sources(in_strips, target, tmp_path / "c")
    image = build_sources(in_strips, target, "gcc", tmp_path / "c", tmp_path / "build")
    feed = samples_as_bytes(in_strips, random_samples(in_strips, 2, seed=8))
    done = run_image(image, core_of(target), feed, count_instructions=False)
    assert_as_executed(in_strips, arrays_from(in_strips, done), 2)
