"""What --optimize trades: each aim's bytes, known before any build."""

from __future__ import annotations

from collections.abc import Mapping

from edgetool.compilation.fitting import plan_of
from edgetool.exporters.c import COMPILER_FLAGS, memory_by_layer
from edgetool.figures import Figure
from edgetool.kernels import OPTIMIZE, choose_kernels
from edgetool.packs import Target, kernel_folders
from edgetool.program.operator import KernelCall
from edgetool.program.program import Program

BEFORE_LINKING = "arrays and parameters, before linking"


def aim_figures(program: Program, target: Target) -> dict[str, dict[str, Figure]]:
    """By aim, the bytes of constants and arena. What code and instructions an aim takes, only a
    build and an emulated run tell.
    """
    folders, found = kernel_folders(target), {}
    for aim in OPTIMIZE:
        plan, kernels = plan_of(program, target, aim), choose_kernels(program, folders, aim)
        layers = memory_by_layer(program, kernels, plan).values()
        constants = sum(layer.constant_bytes for layer in layers)
        found[aim] = {
            "constant_bytes": Figure(constants, "B", "computed", BEFORE_LINKING),
            "arena_bytes": Figure(plan.arena_bytes, "B", "computed"),
        }
    return found


def aim_note(program: Program, target: Target, optimize: str) -> tuple[str, ...]:
    """A note where --optimize changes nothing, so that nobody thinks it did."""
    if optimize == "balanced":
        return ()
    if target.family != "microcontroller":
        return (f"--optimize {optimize} changed nothing: '{target.name}' runs no generated C",)
    folders = kernel_folders(target)
    wanted, usual = (choose_kernels(program, folders, aim) for aim in (optimize, "balanced"))
    if COMPILER_FLAGS[optimize] != COMPILER_FLAGS["balanced"] or _names(wanted) != _names(usual):
        return ()
    return (f"--optimize {optimize} changed nothing: no kernel for this model serves it alone",)


def _names(calls: Mapping[str, KernelCall | None]) -> list[str]:
    return [call.function if call is not None else "" for call in calls.values()]
