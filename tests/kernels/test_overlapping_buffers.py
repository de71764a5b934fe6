"""Kernels whose output lies over their input, exactly as close as lead_bytes says it may.

The planner trusts these numbers: a kernel that reads or writes in another order than its lead
says gives wrong results here. On this machine with sanitizers, then on every kind of core.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from compiled_kernels import GUARD, KERNELS, CompiledKernels
from dsp_cases import LAYERS
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from layer_programs import INT8_LAYERS
from mac_cases import (
    convolutions,
    depthwise_convolutions,
    fully_connected_layers,
    transposed_convolutions,
)
from overlapping import between_copies, closely, distance
from single_operation import random_samples
from variant_cases import layers

import edgetool.exporters.c.model as exporter
from edgetool.compilers import Firmware, build
from edgetool.exporters.c import export_c
from edgetool.kernels import choose_kernels
from edgetool.packs import find_target, kernel_folders
from edgetool.program.executor import execute
from edgetool.program.memory_plan import NARROW
from edgetool.program.operator import Array, KernelCall
from edgetool.program.program import Program
from edgetool.runtimes.bare_metal import run
from needs import require_module, require_tool
from operator_cases import CASES, KIND_AND_TYPE

TARGETS = KERNELS.parents[1]
MAC_LAYERS = {
    "conv2d": convolutions,
    "depthwise_conv2d": depthwise_convolutions,
    "fully_connected": fully_connected_layers,
    "transpose_conv2d": lambda dtype: transposed_convolutions(dtype, free=True),
}
OTHERS = [(kind, dtype) for kind, dtype in KIND_AND_TYPE if kind not in ("split", "concat")]
HOST_CORES = ("portable", "cortex-m3", "cortex-m0plus")
FEW = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, CompiledKernels]:
    """The kernels of the cores whose assembly has a C form, compiled for this machine."""
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler: install gcc or clang to run the kernels on this machine")
    return {
        core: CompiledKernels.build(compiler, tmp_path_factory.mktemp(core), folders_of(core))
        for core in HOST_CORES
    }


def folders_of(core: str) -> list[Path]:
    return [TARGETS / name / "kernels" for name in dict.fromkeys((core, "portable"))]


def assert_may_overlap(kernels: CompiledKernels, program: Program, call: KernelCall | None) -> None:
    """Each input that the call names, at its lead and a little farther."""
    if call is None:
        return
    inputs = random_samples(program, 1, seed=11)
    [step] = program.operations
    contents = [
        None
        if not name
        else inputs[name][0]
        if name in inputs
        else np.asarray(program.tensors[name].data)
        for name in step.inputs
    ]
    expected = execute(program, inputs)[program.outputs[0]][0]
    for index in call.lead_bytes:
        if step.inputs[index] in program.inputs:
            for farther in (0, NARROW * call.lead_multiple):
                at = distance(call, index) + farther
                found = run_over(kernels, call, contents, index, at, expected)
                what = f"{call.function}, input {index} {at} bytes behind the output"
                assert_equal(found, expected, what)


def run_over(
    kernels: CompiledKernels,
    call: KernelCall,
    contents: list[Array | None],
    index: int,
    at: int,
    like: Array,
) -> Array:
    """The output where input `index` begins `at` bytes behind it; bytes around them survive."""
    given = np.ascontiguousarray(contents[index])
    size = max(like.nbytes, at + given.nbytes)
    memory = np.full(size + 2 * GUARD, 0xA5, np.uint8)
    begin = GUARD + -memory.ctypes.data % 16
    memory[begin + at : begin + at + given.nbytes] = given.reshape(-1).view(np.uint8)
    address = int(memory.ctypes.data) + begin
    code = kernels.call(call, contents, [address], input_addresses={index: address + at})
    assert code == 0
    edges = np.concatenate([memory[:begin], memory[begin + size :]])
    assert (edges == 0xA5).all(), "bytes beside input and output were written"
    return memory[begin : begin + like.nbytes].view(like.dtype).reshape(like.shape)


def assert_equal(found: Array, expected: Array, what: str) -> None:
    if expected.dtype == np.float32:
        limit = 1e-5 * max(1e-3, float(np.abs(expected).max(initial=0.0)))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=limit, err_msg=what)
    else:
        np.testing.assert_array_equal(found, expected, err_msg=what)


@pytest.mark.parametrize(("kind", "dtype"), OTHERS)
@FEW
@given(data=st.data())
def test_operators_may_lie_over_their_inputs(
    built: Mapping[str, CompiledKernels], kind: str, dtype: str, data: st.DataObject
) -> None:
    program = data.draw(CASES[kind](dtype)).program()
    assert_may_overlap(built["portable"], program, program.kernel(program.operations[0]))


@pytest.mark.parametrize("kind", MAC_LAYERS)
@pytest.mark.parametrize("dtype", ["int8", "int16", "float32"])
@FEW
@given(data=st.data())
def test_layers_may_lie_over_their_inputs(
    built: Mapping[str, CompiledKernels], kind: str, dtype: str, data: st.DataObject
) -> None:
    program = data.draw(MAC_LAYERS[kind](dtype))
    assert_may_overlap(built["portable"], program, program.kernel(program.operations[0]))


@FEW
@given(program=st.one_of(INT8_LAYERS, LAYERS, layers()))
def test_variants_may_lie_over_their_inputs(
    built: Mapping[str, CompiledKernels], program: Program
) -> None:
    for core, kernels in built.items():
        [call] = choose_kernels(program, folders_of(core)).values()
        assert_may_overlap(kernels, program, call)


LAYERS_IN_FIRMWARE = 48
BUILDS = [
    ("cortex-m0plus", "gcc"),
    ("cortex-m3", "gcc"),
    ("cortex-m4", "gcc"),
    ("cortex-m4", "clang"),
    ("cortex-m55", "gcc"),
    ("rv32imc", "gcc"),
]
COMPILERS = {
    "cortex": ("arm-none-eabi-gcc", "apt install gcc-arm-none-eabi"),
    "rv32im": ("riscv64-unknown-elf-gcc", "apt install gcc-riscv64-unknown-elf"),
}
AIMS = {("cortex-m4", "gcc"): ("balanced", "speed", "size")}


def require_tools(core: str, compiler: str) -> None:
    if compiler == "gcc":
        require_tool(*COMPILERS[core[:6]])
    else:
        require_module("ziglang", "pip install 'edgetool[mcu]'")
    if core == "cortex-m55":
        require_tool("qemu-system-arm", "apt install qemu-system-arm")
    else:
        require_module("unicorn", "pip install 'edgetool[mcu]'")


@pytest.mark.parametrize(("core", "compiler"), BUILDS)
def test_layers_on_a_core_may_lie_over_their_inputs(
    core: str, compiler: str, tmp_path: Path
) -> None:
    require_tools(core, compiler)
    for turn, aim in enumerate(AIMS.get((core, compiler), ("balanced",))):
        program = between_copies(overlapping_layers(core, aim))
        inputs = random_samples(program, 2, seed=3)
        found = emulate(program, core, compiler, aim, turn, inputs, tmp_path / aim)
        for name, right in execute(program, inputs).items():
            np.testing.assert_array_equal(found[name], right, err_msg=f"{name} for {aim}")


def overlapping_layers(core: str, aim: str) -> list[Program]:
    """LAYERS_IN_FIRMWARE random layers whose outputs may share bytes with an input, as many of
    each kernel as there are."""
    folders = kernel_folders(find_target(core))
    by_kernel: dict[str, list[Program]] = {}

    @settings(
        max_examples=400,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
    )
    @given(program=st.one_of(LAYERS, LAYERS, INT8_LAYERS))
    def collect(program: Program) -> None:
        [call] = choose_kernels(program, folders, aim).values()
        assert call is not None
        size = program.tensors[program.outputs[0]].nbytes
        fed = [index for index in call.lead_bytes if program.operations[0].inputs[index] != ""]
        if any(distance(call, index, NARROW) < size for index in fed):
            by_kernel.setdefault(call.function, []).append(program)

    collect()
    turns = itertools.zip_longest(*(reversed(found) for found in by_kernel.values()))
    layers = [program for turn in turns for program in turn if program is not None]
    return layers[:LAYERS_IN_FIRMWARE]


def emulate(
    program: Program,
    core: str,
    compiler: str,
    aim: str,
    turn: int,
    inputs: Mapping[str, Array],
    folder: Path,
) -> dict[str, Array]:
    """Outputs of the program with every layer as close over an input as it may be."""
    target = find_target(core)
    assert target.core is not None
    folders = kernel_folders(target)
    plan = closely(program, choose_kernels(program, folders, aim), turn)
    assert len(plan.overwritten) > LAYERS_IN_FIRMWARE // 2, "hardly anything overlaps"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporter, "plan_memory", lambda *_: plan)
        sources = export_c(
            program, folder / "c", name="closely", kernel_folders=folders, optimize=aim
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
    emulator = "unicorn" if target.core.unicorn_cpu is not None else "qemu"
    done = run(image, target.core, feed, emulator, count_instructions=False)  # type: ignore[arg-type]
    found = {}
    for index, name in enumerate(program.outputs):
        tensor = program.tensors[name]
        parts = [np.frombuffer(given[index], tensor.dtype) for given in done.outputs]
        found[name] = np.stack(parts).reshape(count, *tensor.shape)
    return found
