"""The arenas in docs/memory.md are what is planned now: kernels' scratch may move them a little."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from mlperf_tiny import IC_INT8, KWS_INT8

from edgetool import pipeline
from edgetool.compilation.patching import Fit, fit_program
from edgetool.importers import load_model
from edgetool.kernels import plan_with_kernels
from edgetool.packs import find_target, kernel_folders
from edgetool.passes import PassContext
from edgetool.program.boundary import with_io
from edgetool.program.lowering import lower
from edgetool.program.program import Program

DOCS = (Path(__file__).parents[2] / "docs" / "memory.md").read_text("utf-8")
CORES = ("cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m55", "rv32imc")
FILES = {"kws": KWS_INT8, "ic": IC_INT8}
TOLERANCE = 0.1

Mirror = Callable[[str], Path]


def program(name: str, mirror_file: Mirror) -> Program:
    source = load_model(mirror_file(FILES[name]))
    graph, _ = pipeline.run_pipeline(source, PassContext(), (pipeline.FLOAT,))
    return with_io(lower(graph, name), "int8")


def numbers(row: str) -> list[int]:
    """The numbers with thousands separators, or of at least four digits, in a row of a table."""
    return [int(text.replace(",", "")) for text in re.findall(r"\b\d{1,3}(?:,\d{3})+\b", row)]


@pytest.mark.parametrize("name", FILES)
def test_arenas_in_the_docs_are_those_of_each_core(name: str, mirror_file: Mirror) -> None:
    [row] = re.findall(rf"^\| {name} \|.*and scratch \|$", DOCS, re.MULTILINE)
    lowered = program(name, mirror_file)
    for core, written in zip(CORES, numbers(row)[:-1], strict=True):
        plan = plan_with_kernels(lowered, kernel_folders(find_target(core)))
        assert written == pytest.approx(plan.arena_bytes, rel=TOLERANCE), core
        assert plan.arena_bytes <= 1.1 * plan.lower_bound_bytes, core


def test_arenas_of_strips_in_the_docs_are_found(mirror_file: Mirror) -> None:
    lowered, target = program("ic", mirror_file), find_target("cortex-m4")
    for option, fit in (("`--fit ram`", Fit()), ("`--fit ram=32K`", Fit(32 * 1024))):
        [row] = re.findall(rf"^\| {option}, \d+ strips of .*\|$", DOCS, re.MULTILINE)
        fitted = fit_program(lowered, target, "balanced", fit)
        assert numbers(row)[0] == pytest.approx(fitted.arena_bytes, rel=TOLERANCE)
