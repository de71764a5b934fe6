"""Kernels and generated C: no warning of either compiler, no recursion, nothing from outside.

What MISRA C asks for and a compiler can tell: no implicit conversion that loses a value or a
sign, prototypes, no variable-length array, no recursion, no dynamic memory.
"""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from strict_compilers import (
    COMPILERS,
    CORES,
    check,
    compile_objects,
    folders_of,
    undefined,
    variables,
)

from edgetool.compilation.firmware import export_sources
from edgetool.exporters.c import include_folders, source_files
from edgetool.packs import find_target
from golden_programs import GOLDEN, wide

RUN_TIME = re.compile(r"__(aeabi_\w+|gnu_\w+|[a-z]*[sd][if]\w*)")
"""Arithmetic that a core has no instruction for, which every compiler brings along."""

PROGRAMS = {**GOLDEN, "wide": wide()}

SOURCES = ["host", "cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m55"]
"""One core of those that share their kernels."""


def sources_of(core: str) -> list[Path]:
    """The kernel files of a core: its own in the place of the portable ones."""
    found: dict[str, Path] = {}
    for folder in reversed(folders_of(core)):
        found |= {path.name: path for path in folder.glob("*.c")}
    return list(found.values())


@pytest.mark.parametrize("core", ["host", *CORES])
@pytest.mark.parametrize("compiler", COMPILERS)
def test_kernels_compile_without_a_warning(compiler: str, core: str) -> None:
    check(compiler, core, sources_of(core), folders_of(core))


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("compiler", COMPILERS)
def test_generated_c_compiles_without_a_warning(compiler: str, core: str, tmp_path: Path) -> None:
    for name, program in PROGRAMS.items():
        for aim in ("balanced", "speed"):
            folder = tmp_path / aim / name
            export_sources(program, find_target(core), folder, aim)
            check(compiler, core, source_files(folder), include_folders(folder))


@pytest.mark.parametrize("broken", ["int f(long x)\n{\n    return x;\n}\n", "#error\n"])
@pytest.mark.parametrize("compiler", COMPILERS)
def test_the_check_sees_a_warning(compiler: str, broken: str, tmp_path: Path) -> None:
    (tmp_path / "broken.c").write_text(broken)
    with pytest.raises(AssertionError, match=r"broken\.c"):
        check(compiler, "cortex-m4", [tmp_path / "broken.c"], [])


@pytest.mark.parametrize("core", SOURCES)
def test_kernels_do_not_recurse_and_their_stack_is_fixed(core: str, tmp_path: Path) -> None:
    compile_objects(core, sources_of(core), tmp_path, *include(core), "-fcallgraph-info=su")
    calls: dict[str, set[str]] = {}
    for graph in tmp_path.glob("*.ci"):
        text = graph.read_text()
        assert "dynamic" not in text, f"{graph.stem}: a stack frame whose size is not known"
        for caller, called in re.findall(r'sourcename: "([^"]+)" targetname: "([^"]+)"', text):
            calls.setdefault(caller, set()).add(called)
    assert len(calls) > 10, "no call graph was written"
    assert list(TopologicalSorter(calls).static_order())  # raises CycleError for recursion


@pytest.mark.parametrize("core", [*SOURCES, "rv32imc"])
def test_a_program_has_no_variables_and_needs_only_memcpy_and_memset(
    core: str, tmp_path: Path
) -> None:
    for name, program in PROGRAMS.items():
        folder = tmp_path / name
        target = find_target("rv32imc" if core == "host" else core)
        export_sources(program, target, folder, "speed")
        paths = [f"-I{path}" for path in include_folders(folder)]
        objects = compile_objects(core, source_files(folder), folder, *paths)
        outside = {found for found in undefined(objects) if not RUN_TIME.fullmatch(found)}
        assert outside <= {"memcpy", "memset"}
        assert variables(objects) == set(), "two callers would share them"


def include(core: str) -> list[str]:
    return [f"-I{folder}" for folder in folders_of(core)]


@pytest.mark.parametrize(("core", "extension"), [("cortex-m4", "DSP"), ("cortex-m55", "Helium")])
@pytest.mark.parametrize("compiler", COMPILERS)
def test_a_core_without_the_instructions_is_told_so(
    compiler: str, core: str, extension: str, tmp_path: Path
) -> None:
    export_sources(GOLDEN["classifier"], find_target(core), tmp_path)
    with pytest.raises(AssertionError, match=f"these kernels need .*{extension}"):
        check(compiler, "cortex-m3", source_files(tmp_path), include_folders(tmp_path))
