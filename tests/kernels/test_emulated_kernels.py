"""The kernels that each core gets, run on that core in the emulator: bit for bit the executor.

The first example is the simplest, all sizes 1; the second is any.

A core's own kernels are found as a compilation finds them, and run the same cases.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from layer_programs import INT8_LAYERS, side_by_side
from single_operation import random_samples

from edgetool.compilers import Firmware, build
from edgetool.exporters.c import export_c
from edgetool.packs import find_target, kernel_folders
from edgetool.program.executor import execute
from edgetool.program.operator import Array
from edgetool.program.program import Program
from edgetool.runtimes.bare_metal import run
from golden_programs import GOLDEN
from needs import require_module

CORES = ["cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "rv32imc"]
SAMPLES = 2


@pytest.fixture(autouse=True)
def tools() -> None:
    for module in ("ziglang", "unicorn", "capstone"):
        require_module(module, "pip install 'edgetool[mcu]'")


def emulate(
    program: Program, core_name: str, inputs: dict[str, Array], folder: Path
) -> dict[str, Array]:
    target = find_target(core_name)
    assert target.core is not None
    sources = export_c(
        program, folder / "c", name=program.name, kernel_folders=kernel_folders(target)
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
    image = build(firmware, target.core, "clang", "-O2", folder / "build")
    feed = [[inputs[n][i].tobytes() for n in program.inputs] for i in range(SAMPLES)]
    done = run(image, target.core, feed, count_instructions=False)
    assert done.arena_used_bytes <= sources.arena_bytes
    found = {}
    for index, name in enumerate(program.outputs):
        tensor = program.tensors[name]
        parts = [np.frombuffer(given[index], tensor.dtype) for given in done.outputs]
        found[name] = np.stack(parts).reshape(SAMPLES, *tensor.shape)
    return found


@pytest.mark.parametrize("core", CORES)
@settings(max_examples=2, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(programs=st.lists(INT8_LAYERS, min_size=24, max_size=24))
def test_layers_are_bit_exact_on_the_emulated_core(
    core: str, programs: list[Program], tmp_path_factory: pytest.TempPathFactory
) -> None:
    program = side_by_side(programs)
    inputs = random_samples(program, SAMPLES, seed=5)
    found = emulate(program, core, inputs, tmp_path_factory.mktemp("layers"))
    for name, right in execute(program, inputs).items():
        np.testing.assert_array_equal(found[name], right)


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4"])
@pytest.mark.parametrize("name", GOLDEN)
def test_programs_compute_what_the_executor_computes(name: str, core: str, tmp_path: Path) -> None:
    program = GOLDEN[name]
    inputs = random_samples(program, SAMPLES, seed=6)
    found = emulate(program, core, inputs, tmp_path)
    for output, right in execute(program, inputs).items():
        if right.dtype == np.float32:
            np.testing.assert_allclose(found[output], right, 1e-5, 1e-6)
        else:
            np.testing.assert_array_equal(found[output], right)
