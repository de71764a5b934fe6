"""Will it fit? Asked before any compiler runs, and once more with the linked size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgetool.errors import DoesNotFitError
from edgetool.kernels import plan_with_kernels
from edgetool.packs import Target, kernel_folders
from edgetool.program.memory_plan import MemoryPlan
from edgetool.program.program import Program

if TYPE_CHECKING:
    from edgetool.compilation.firmware import CompiledC


def plan_of(program: Program, target: Target) -> MemoryPlan:
    """The memory plan with the scratch that the target's kernels ask for."""
    return plan_with_kernels(program, kernel_folders(target))


def constant_bytes(program: Program) -> int:
    """Bytes of weights and biases; tables that kernels add are not in it."""
    return sum(tensor.nbytes for tensor in program.constants())


def check_before_build(program: Program, target: Target) -> None:
    """Refuse a program whose arena or constants alone are too large for the target.

    Raises: DoesNotFitError with the layer and the bytes.
    """
    if target.flash_bytes is not None and constant_bytes(program) > target.flash_bytes:
        raise _too_much_flash(program, target, constant_bytes(program), "weights alone need")
    if target.ram_bytes is None:
        return
    plan = plan_of(program, target)
    if plan.arena_bytes > target.ram_bytes:
        raise _too_much_ram(program, target, plan)


def check_built(compiled: CompiledC, program: Program, target: Target) -> None:
    """Refuse a linked model that is larger than the target's flash or RAM."""
    flash, ram = compiled.figures.get("flash_bytes"), compiled.figures["ram_bytes"]
    if flash is not None and target.flash_bytes and flash.value > target.flash_bytes:
        raise _too_much_flash(program, target, int(flash.value), "model needs")
    if target.ram_bytes and ram.value > target.ram_bytes:
        raise _too_much_ram(program, target, plan_of(program, target))


def _too_much_ram(program: Program, target: Target, plan: MemoryPlan) -> DoesNotFitError:
    names = [operation.name for operation in program.operations]
    details = []
    if plan.peak_operation in names:
        index = names.index(plan.peak_operation)
        live = plan.live_at(program, index)
        sizes = ", ".join(
            f"{n} {program.tensors[n].nbytes:,}" for n in live if n in program.tensors
        )
        details.append(f"largest: layer {plan.peak_operation}, bytes live at once: {sizes}")
    limit = target.ram_bytes or 0
    return DoesNotFitError(
        f"model needs {_size(plan.arena_bytes)} of RAM, '{target.name}' has {_size(limit)}",
        details=details,
        hints=(
            "a smaller input or fewer channels in that layer",
            "edgetool inspect MODEL --target " + target.name + "   shows every layer's bytes",
        ),
    )


def _too_much_flash(program: Program, target: Target, needed: int, what: str) -> DoesNotFitError:
    largest = max(program.constants(), key=lambda tensor: tensor.nbytes)
    users = [op.name for op in program.operations if largest.name in op.inputs]
    share = largest.nbytes / max(constant_bytes(program), 1)
    hints = ["--precision int8 with --calibrate"] if largest.dtype == "float32" else []
    return DoesNotFitError(
        f"{what} {_size(needed)} of flash, '{target.name}' has {_size(target.flash_bytes or 0)}",
        details=(
            f"largest: layer {users[0] if users else '?'}, weights {largest.nbytes:,} bytes "
            f"({share:.0%} of all)",
        ),
        hints=(*hints, "fewer channels in that layer, or a target with more flash"),
    )


def _size(count: int) -> str:
    return f"{count / 1024:,.0f} KiB" if count >= 10 * 1024 else f"{count:,} bytes"
