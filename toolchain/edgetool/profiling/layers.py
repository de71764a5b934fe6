"""What each layer costs, out of one emulated inference.

The emulator counts blocks of instructions apart for each part of the inference, and `<name>_run`
calls the layers' kernels one after the other: part and layer correspond. A layer includes the few
instructions of `<name>_run` that prepare its call, so that the layers add up to the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgetool.compilation.firmware import core_of
from edgetool.compilers.firmware import Image
from edgetool.errors import MissingToolError
from edgetool.exporters.c import LayerMemory, called_operations, memory_by_layer
from edgetool.figures import Figure
from edgetool.kernels import choose_kernels
from edgetool.packs import Target, kernel_folders
from edgetool.profiling.layer_cost import LayerCost, with_shares
from edgetool.program.memory_plan import MemoryPlan
from edgetool.program.program import Program
from edgetool.program.storage import storage_of
from edgetool.runtimes.bare_metal import (
    EmulatedRun,
    cycles_by_part,
    estimate_cycles,
    functions_by_part,
    instructions_by_part,
)

FUNCTIONS = "functions that run; layers share them"
COPIES = "copies to outputs"
"""Stands for a layer where outputs are copied after the last one."""


@dataclass(frozen=True)
class Inference:
    """One emulated inference and what it ran.   run: of one sample, its blocks counted."""

    program: Program
    target: Target
    optimize: str
    plan: MemoryPlan
    image: Image
    run: EmulatedRun


def layer_costs(inference: Inference) -> tuple[tuple[LayerCost, ...], tuple[str, ...]]:
    """(costs in the order of execution, notes that say why there are none)."""
    program, run = inference.program, inference.run
    kernels = choose_kernels(program, kernel_folders(inference.target), inference.optimize)
    layers = called_operations(program, kernels)
    parts = instructions_by_part(run, inference.image)
    copies = len(storage_of(program).copies)
    if not layers or not parts:
        return (), ("no figures by layer: no kernel is called, or no blocks were counted",)
    if not len(layers) <= max(parts) <= len(layers) + copies + 1:
        return (), ("no figures by layer: the code does not call one kernel for each",)
    if sum(parts.values()) != run.instructions[0]:
        return (), ("no figures by layer: the emulator's blocks do not add up to its instructions",)
    taken = _taken(inference, len(layers) + bool(copies))
    memory = memory_by_layer(program, kernels, inference.plan)
    rows = [
        LayerCost.of(program, operation, taken[part] | _memory(memory[operation.name]))
        for part, operation in enumerate(layers, start=1)
    ]
    if copies:
        rows.append(LayerCost(COPIES, "copy", (), taken[len(layers) + 1]))
    return with_shares(rows, "instructions"), ()


def _taken(inference: Inference, last: int) -> dict[int, dict[str, Figure]]:
    """Figures of each part; what comes after the last layer, the return, belongs to it."""
    run, image = inference.run, inference.image
    instructions = _merged(instructions_by_part(run, image), last)
    cycles, source = _cycles(inference)
    cycles = _merged(cycles, last)
    code = {
        part: sum(f.size for f in owners) for part, owners in functions_by_part(run, image).items()
    }
    found = {}
    for part in range(1, last + 1):
        count = instructions.get(part, 0)
        found[part] = {
            "instructions": Figure(count, "1", "emulated", run.emulator),
            "code_bytes": Figure(code.get(part, 0), "B", "computed", FUNCTIONS),
        }
        if part in cycles:
            found[part]["cycles"] = Figure(cycles[part], "1", "estimated", source)
    return found


def _cycles(inference: Inference) -> tuple[dict[int, float], str]:
    """(by part, source); nothing where there is no timing table or no decoder."""
    core = core_of(inference.target)
    try:
        estimate = estimate_cycles(inference.run, inference.image, core)
        by_part = cycles_by_part(inference.run, inference.image, core)
    except MissingToolError:
        return {}, ""
    return by_part, estimate[1] if estimate else ""


def _merged(values: Mapping[int, float], last: int) -> dict[int, float]:
    """Parts behind the last one added to it."""
    found: dict[int, float] = {}
    for part, value in values.items():
        found[min(part, last)] = found.get(min(part, last), 0) + value
    return found


def _memory(memory: LayerMemory) -> dict[str, Figure]:
    return {
        "constant_bytes": Figure(memory.constant_bytes, "B", "computed"),
        "scratch_bytes": Figure(memory.scratch_bytes, "B", "computed"),
        "live_bytes": Figure(memory.live_bytes, "B", "computed"),
    }
