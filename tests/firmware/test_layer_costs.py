"""Costs by layer: they add up to the whole, in both emulators and however blocks are counted."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path

import pytest
from firmware_models import ZIG, core_named, emulators

from edgetool.compilation.firmware import build_sources, export_sources
from edgetool.exporters.c import memory_by_layer
from edgetool.kernels import choose_kernels
from edgetool.packs import find_target, kernel_folders
from edgetool.profiling.layer_cost import LayerCost
from edgetool.profiling.layers import COPIES, Inference, layer_costs
from edgetool.runtimes.bare_metal import (
    EmulatedRun,
    Emulator,
    estimate_cycles,
    run,
    unicorn_runner,
)
from golden_programs import GOLDEN
from needs import require_module

CASES = [
    *(("cortex-m4", name) for name in GOLDEN),
    ("cortex-m0plus", "classifier"),
    ("rv32imc", "two_branches"),
    ("cortex-m55", "two_branches"),
]
Build = Callable[[str, str], Inference]
"""(core, program) → everything but the run, which is empty."""


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Builds each program once for a core."""
    for module in ("ziglang", "capstone"):
        require_module(module, ZIG)

    @functools.cache
    def built(core: str, name: str) -> Inference:
        program, target = GOLDEN[name], find_target(core)
        folder = tmp_path_factory.mktemp(f"{core}-{name}")
        plan = export_sources(program, target, folder / "c").plan
        image = build_sources(program, target, "clang", folder / "c", folder / "build")
        return Inference(program, target, "balanced", plan, image, EmulatedRun((), (), 0, 0, ""))

    return built


def emulate(inference: Inference, emulator: Emulator, samples: int = 1) -> Inference:
    program, core = inference.program, inference.target.core
    assert core is not None
    zeros = [bytes(program.tensors[name].nbytes) for name in program.inputs]
    return dataclasses.replace(
        inference, run=run(inference.image, core, [zeros] * samples, emulator)
    )


def total(layers: tuple[LayerCost, ...], figure: str) -> float:
    return sum(layer.figures[figure].value for layer in layers if figure in layer.figures)


@pytest.mark.parametrize(("core", "name"), CASES)
def test_layers_add_up_to_the_inference(build: Build, core: str, name: str) -> None:
    for emulator in emulators(core):
        inference = emulate(build(core, name), emulator)
        layers, notes = layer_costs(inference)
        assert notes == ()
        assert total(layers, "instructions") == inference.run.instructions[0]
        assert total(layers, "instructions_share") == pytest.approx(1)
        cycles = estimate_cycles(inference.run, inference.image, core_named(core))
        assert total(layers, "cycles") == pytest.approx(cycles[0] if cycles else 0)


def test_a_layer_is_the_one_that_its_name_says(build: Build) -> None:
    layers, _ = layer_costs(emulate(build("cortex-m4", "classifier"), "unicorn"))
    assert [layer.name for layer in layers] == ["conv/first", "depthwise", "dense"]
    assert [layer.figures["macs"].value for layer in layers] == [864, 864, 384]
    counts = [layer.figures["instructions"].value for layer in layers]
    assert counts[2] == min(counts)
    assert layers[0].figures["instructions_per_mac"].value == pytest.approx(counts[0] / 864)
    assert all(layer.figures["code_bytes"].value > 100 for layer in layers)


def test_copies_behind_the_last_layer_are_named(build: Build) -> None:
    layers, _ = layer_costs(emulate(build("cortex-m4", "two_branches"), "unicorn"))
    assert [layer.name for layer in layers] == ["residual", "concat", "split", COPIES]
    assert layers[-1].figures["instructions"].value > 0


@pytest.mark.parametrize("name", GOLDEN)
def test_constants_of_layers_are_those_of_the_folder(name: str, tmp_path: Path) -> None:
    program, target = GOLDEN[name], find_target("cortex-m4")
    sources = export_sources(program, target, tmp_path)
    kernels = choose_kernels(program, kernel_folders(target))
    memory = memory_by_layer(program, kernels, sources.plan)
    assert sum(each.constant_bytes for each in memory.values()) == sources.constants_bytes
    assert max(each.live_bytes for each in memory.values()) == sources.plan.lower_bound_bytes
    assert all(each.scratch_bytes <= each.live_bytes for each in memory.values())


def test_counting_in_python_finds_the_same_parts(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled, _ = layer_costs(emulate(build("cortex-m4", "classifier"), "unicorn"))
    monkeypatch.setattr(unicorn_runner, "shared_object", lambda *_: None)
    counted, _ = layer_costs(emulate(build("cortex-m4", "classifier"), "unicorn"))
    wanted = [layer.figures["instructions"] for layer in compiled]
    assert [layer.figures["instructions"] for layer in counted] == wanted


def test_parts_begin_anew_with_each_inference(build: Build) -> None:
    for emulator in emulators("cortex-m4"):
        once, twice = (emulate(build("cortex-m4", "classifier"), emulator, n) for n in (1, 2))
        parts = {block.part for block in once.run.blocks}
        assert {block.part for block in twice.run.blocks} == parts >= {1, 2, 3}


def test_code_that_calls_something_else_than_the_layers_has_no_figures_by_layer(
    build: Build,
) -> None:
    inference = emulate(build("cortex-m4", "two_branches"), "unicorn")
    layers, [note] = layer_costs(dataclasses.replace(inference, program=GOLDEN["classifier"]))
    assert (layers, note) == ((), "no figures by layer: the code does not call one kernel for each")
