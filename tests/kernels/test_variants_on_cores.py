"""Kernel variants on emulated cores without DSP instructions, many layers in one firmware."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from single_operation import random_samples
from variant_cases import layers, side_by_side

from edgetool.compilation.firmware import build_sources, export_sources
from edgetool.packs import find_target
from edgetool.program.executor import execute
from edgetool.program.program import Program
from edgetool.runtimes.bare_metal import run
from needs import require_module, require_tool

LAYERS = 24
GCC = {
    "cortex-m0plus": ("arm-none-eabi-gcc", "apt install gcc-arm-none-eabi"),
    "cortex-m3": ("arm-none-eabi-gcc", "apt install gcc-arm-none-eabi"),
    "rv32imc": ("riscv64-unknown-elf-gcc", "apt install gcc-riscv64-unknown-elf"),
}


def require_compiler(core: str, compiler: str) -> None:
    if compiler == "gcc":
        require_tool(*GCC[core])
    else:
        require_module("ziglang", "pip install 'edgetool[zig]'")
    require_module("unicorn", "pip install 'edgetool[emulate]'")


@pytest.mark.parametrize("core", GCC)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(programs=st.lists(layers(), min_size=LAYERS, max_size=LAYERS))
def test_layers_on_a_core_are_the_executor_bit_for_bit(
    core: str, compiler: str, programs: Sequence[Program]
) -> None:
    require_compiler(core, compiler)
    program = side_by_side(programs)
    inputs = random_samples(program, 1, seed=3)
    expected = execute(program, inputs)
    with tempfile.TemporaryDirectory() as folder:
        found = emulate(program, core, compiler, inputs, Path(folder))
    for name, contents in zip(program.outputs, found, strict=True):
        right = expected[name][0]
        np.testing.assert_array_equal(np.frombuffer(contents, np.int8).reshape(right.shape), right)


def emulate(
    program: Program, core: str, compiler: str, inputs: dict[str, np.ndarray], folder: Path
) -> tuple[bytes, ...]:
    """The outputs of one inference on an emulated core."""
    target = find_target(core)
    assert target.core is not None
    export_sources(program, target, folder / "c")
    image = build_sources(program, target, compiler, folder / "c", folder / "build")
    fed = tuple(inputs[name][0].tobytes() for name in program.inputs)
    return run(image, target.core, [fed], count_instructions=False).outputs[0]
