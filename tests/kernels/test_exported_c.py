"""Whole programs as generated C: same numbers as the executor, builds everywhere, refuses."""

from __future__ import annotations

import ctypes
import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from exported_model import PORTABLE, WARNINGS, build, export, run
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from layer_programs import INT8_LAYERS, side_by_side
from single_operation import random_samples

from edgetool.errors import ModelError, UnsupportedOperatorError
from edgetool.exporters.c import c_identifier, export_c
from edgetool.exporters.c.literals import float_literal, integer_literal
from edgetool.exporters.c.names import comment_text
from edgetool.kernels import plan_with_kernels
from edgetool.program.executor import execute
from edgetool.program.ops.reshape import Reshape
from edgetool.program.program import Program
from golden_programs import GOLDEN, Sketch, classifier
from needs import require_module, require_tool

GCC = "apt install gcc"


@pytest.mark.parametrize("name", GOLDEN)
def test_generated_c_computes_what_the_executor_computes(name: str, tmp_path: Path) -> None:
    compiler = require_tool("gcc", GCC)
    program = GOLDEN[name]
    inputs = random_samples(program, 20, seed=4)
    sources = export(program, tmp_path / "c")
    found = run(build(sources, str(compiler), tmp_path), program, inputs)
    for output, right in execute(program, inputs).items():
        if right.dtype == np.float32:
            np.testing.assert_allclose(found[output], right, 1e-5, 1e-6)
        else:
            np.testing.assert_array_equal(found[output], right)


def view_of_input() -> Program:
    """A model that only gives its input back under another shape."""
    sketch = Sketch()
    sketch.activation("x", (1, 2, 3), 0.5)
    sketch.activation("y", (1, 6), 0.5)
    sketch.step("view", Reshape(), ["x"], ["y"])
    return sketch.program("view", ["x"], ["y"])


def test_a_model_without_arena_runs_with_a_null_arena(tmp_path: Path) -> None:
    compiler = require_tool("gcc", GCC)
    program = view_of_input()
    sources = export(program, tmp_path / "c")
    assert sources.arena_bytes == 0
    inputs = random_samples(program, 3, seed=0)
    found = run(build(sources, str(compiler), tmp_path), program, inputs)
    np.testing.assert_array_equal(found["y"].reshape(3, 1, 2, 3), inputs["x"])


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The classifier as a shared library."""
    compiler, folder = require_tool("gcc", GCC), tmp_path_factory.mktemp("shared")
    sources = export(classifier(), folder / "c")
    library = folder / "model.so"
    include = [f"-I{path}" for path in sources.include]
    command = [compiler, "-std=c99", *WARNINGS, "-shared", "-fPIC", *include, *sources.sources]
    subprocess.run([*command, "-o", library], check=True)
    return ctypes.CDLL(str(library))


@pytest.mark.parametrize("broken", ["input", "output", "arena", "alignment"])
def test_null_and_misaligned_pointers_are_refused(loaded: ctypes.CDLL, broken: str) -> None:
    arena = np.zeros(1024, np.uint8)
    image, logits = np.zeros(64, np.int8), np.full(4, 77, np.int8)
    aligned = (arena.ctypes.data + 15) // 16 * 16
    pointers = {"input": image.ctypes.data, "output": logits.ctypes.data, "arena": aligned}
    assert loaded.classifier_run(*map(ctypes.c_void_p, pointers.values())) == 0
    logits[:] = 77
    pointers |= {"arena": aligned + 4} if broken == "alignment" else {broken: None}
    assert loaded.classifier_run(*map(ctypes.c_void_p, pointers.values())) == 1
    assert (logits == 77).all()


def test_cmake_builds_the_library_and_the_example(tmp_path: Path) -> None:
    require_tool("cmake", "apt install cmake")
    require_tool("make", "apt install make")
    export(classifier(), tmp_path / "c")
    configure = ["cmake", "-S", tmp_path / "c", "-B", tmp_path / "build"]
    subprocess.run([*configure, "-DCLASSIFIER_EXAMPLE=ON"], check=True, capture_output=True)
    subprocess.run(["cmake", "--build", tmp_path / "build"], check=True, capture_output=True)
    done = subprocess.run(
        [tmp_path / "build" / "classifier_example"], check=True, capture_output=True
    )
    zeros = {"image": np.zeros((1, 1, 8, 8, 1), np.int8)}
    expected = execute(classifier(), zeros)["logits"].ravel().tolist()
    assert [int(line) for line in done.stdout.split()] == expected


def test_the_make_fragment_builds_the_library(tmp_path: Path) -> None:
    make = require_tool("make", "apt install make")
    require_tool("cc", GCC)
    export(classifier(), tmp_path / "c")
    command = [make, "-f", tmp_path / "c" / "classifier.mk", "CFLAGS=-Wall -Wextra -Werror"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "libclassifier.a").stat().st_size > 0


@pytest.mark.parametrize(
    "machine",
    [
        ["-target", "thumb-freestanding-eabi", "-mcpu=cortex_m0plus"],
        ["-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m4"],
        ["-target", "riscv32-freestanding-none", "-mcpu=generic_rv32+m+c"],
    ],
    ids=["cortex-m0plus", "cortex-m4", "rv32imc"],
)
def test_zig_clang_compiles_it_without_a_libc(machine: list[str], tmp_path: Path) -> None:
    require_module("ziglang", "pip install 'edgetool[mcu]'")
    sources = export(GOLDEN["model_3_upsampler"], tmp_path / "c")
    include = [f"-I{path}" for path in sources.include]
    command = [sys.executable, "-m", "ziglang", "cc", *machine, "-std=c99", "-O2", *WARNINGS]
    for source in sources.sources:
        output = tmp_path / f"{source.stem}.o"
        subprocess.run([*command, *include, "-c", source, "-o", output], check=True)


def test_a_core_s_own_kernel_replaces_the_portable_one(tmp_path: Path) -> None:
    own = tmp_path / "core"
    own.mkdir()
    (own / "conv2d_s8.c").write_text('#include "conv2d_s8.h"\n#include "core_detail.h"\n')
    (own / "core_detail.h").write_text("/* only on this core */\n")
    (own / "unrelated_s8.c").write_text("")
    sources = export_c(classifier(), tmp_path / "c", name="x", kernel_folders=[own, PORTABLE])
    kernels = tmp_path / "c" / "src" / "kernels"
    assert (kernels / "conv2d_s8.c").read_text() == (own / "conv2d_s8.c").read_text()
    assert (kernels / "conv2d_s8.h").read_text() == (PORTABLE / "conv2d_s8.h").read_text()
    assert "src/kernels/core_detail.h" in sources.files
    assert "src/kernels/unrelated_s8.c" not in sources.files
    assert "src/kernels/add_s8.c" not in sources.files


def test_a_missing_kernel_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedOperatorError, match="layer conv/first: there is no C kernel"):
        export_c(classifier(), tmp_path / "c", name="x", kernel_folders=[tmp_path])


def test_a_name_that_is_a_kernel_s_gives_way(tmp_path: Path) -> None:
    sources = export_c(
        classifier(), tmp_path / "c", name="conv2d_blocks_s8", kernel_folders=[PORTABLE]
    )
    assert sources.name == "conv2d_blocks_s8_model"
    assert {"src/conv2d_blocks_s8_model.c", "src/kernels/conv2d_blocks_s8.c"} <= set(sources.files)


def test_sizes_are_those_of_program_and_plan(tmp_path: Path) -> None:
    program = classifier()
    sources = export(program, tmp_path / "c")
    plan = plan_with_kernels(program, [PORTABLE])
    assert sources.arena_bytes == plan.arena_bytes >= plan.lower_bound_bytes > 0
    assert (sources.input_bytes, sources.output_bytes, sources.single_io) == ((64,), (4,), True)
    header = (tmp_path / "c" / "src" / "classifier.h").read_text()
    for line in (
        f"#define CLASSIFIER_ARENA_BYTES {plan.arena_bytes}",
        "#define CLASSIFIER_RAM_BYTES ",
        "#define CLASSIFIER_INPUT_BYTES 64",
        "#define CLASSIFIER_OUTPUT_BYTES 4",
        "#define CLASSIFIER_INPUT_SCALE 0.5f",
        "#define CLASSIFIER_INPUT_ZERO_POINT (3)",
    ):
        assert line in header
    assert "FLASH_BYTES" not in header, "no compiler ran"


def test_layer_names_cannot_break_out_of_comments(tmp_path: Path) -> None:
    compiler = require_tool("gcc", GCC)
    program = classifier()
    nasty = ['*/ int x = "', "a\\\n#error", "??/ ünï*/*", "/*", "|"]
    operations = tuple(
        dataclasses.replace(operation, name=name)
        for operation, name in zip(program.operations, nasty, strict=False)
    )
    program = dataclasses.replace(program, operations=operations, name="int")
    sources = export(program, tmp_path / "c")
    inputs = random_samples(program, 1, seed=0)
    found = run(build(sources, str(compiler), tmp_path), program, inputs)
    np.testing.assert_array_equal(found["logits"], execute(program, inputs)["logits"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("kws", "kws"),
        ("digits-cnn", "digits_cnn"),
        ("2net", "model_2net"),
        ("", "model"),
        ("é*", "model"),
        ("__x__", "x"),
        ("a" * 100, "a" * 48),
    ],
)
def test_names_become_c_identifiers(name: str, expected: str) -> None:
    assert c_identifier(name) == expected


def test_comment_text_keeps_ordinary_names() -> None:
    assert comment_text("model/conv2d_1/Conv2D:0") == "model/conv2d_1/Conv2D:0"
    assert comment_text("a*/b") == "a??b"


@pytest.mark.parametrize("value", [0.1, 1.0, -3.0, 1e-40, 3.4028235e38, 123456789.0, 2.0**-149])
def test_float_literals_read_back_exactly(value: float) -> None:
    text = float_literal(value)
    assert text.endswith("f")
    assert "." in text or "e" in text
    assert np.float32(text.removesuffix("f")) == np.float32(value)


def test_literals_at_the_edges() -> None:
    assert integer_literal(-(2**31)) == "(-2147483647 - 1)"
    assert integer_literal(2**63) == "9223372036854775808ULL"
    assert integer_literal(-(2**31) - 1) == "-2147483649LL"
    assert float_literal(float("-inf")) == "-EDGE_INFINITY"
    with pytest.raises(ModelError, match="not a number"):
        float_literal(float("nan"))


def test_the_kernels_need_no_libc_but_memcpy_and_memset(tmp_path: Path) -> None:
    compiler, nm = require_tool("gcc", GCC), shutil.which("nm")
    if nm is None:
        pytest.skip("nm is missing: apt install binutils")
    outside = set()
    own = {path.stem for path in PORTABLE.glob("*.c")}
    for source in PORTABLE.glob("*.c"):
        target = tmp_path / f"{source.stem}.o"
        command = [compiler, "-std=c99", "-O2", "-ffreestanding", "-fno-stack-protector", "-c"]
        subprocess.run([*command, source, "-o", target], check=True)
        listing = subprocess.run([nm, "-u", target], check=True, capture_output=True, text=True)
        outside |= {line.split()[-1] for line in listing.stdout.splitlines()}
    unknown = {name for name in outside - own if not name.startswith(("edge_", "_GLOBAL_"))}
    assert unknown <= {"memcpy", "memset"}


@settings(max_examples=3, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(programs=st.lists(INT8_LAYERS, min_size=16, max_size=16))
def test_layers_of_any_shape_stay_within_their_buffers(
    programs: list[Program], tmp_path_factory: pytest.TempPathFactory
) -> None:
    compiler, folder = require_tool("gcc", GCC), tmp_path_factory.mktemp("layers")
    program = side_by_side(programs)
    inputs = random_samples(program, 2, seed=0)
    found = run(build(export(program, folder / "c"), str(compiler), folder), program, inputs)
    for output, right in execute(program, inputs).items():
        np.testing.assert_array_equal(found[output], right)
