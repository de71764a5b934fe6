"""Will it fit? Asked before any compiler runs, and once more with the linked size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgetool.compilation.patching import Fit, fit_program
from edgetool.errors import DoesNotFitError
from edgetool.kernels import choose_kernels, plan_with_kernels
from edgetool.kernels.choice import scratch_of
from edgetool.packs import Target, kernel_folders
from edgetool.program.memory_plan import MemoryPlan
from edgetool.program.program import Program
from edgetool.program.storage import storage_of

if TYPE_CHECKING:
    from edgetool.compilation.firmware import CompiledC


def plan_of(program: Program, target: Target, optimize: str = "balanced") -> MemoryPlan:
    """The memory plan with the scratch that the target's kernels ask for."""
    return plan_with_kernels(program, kernel_folders(target), optimize)


def constant_bytes(program: Program) -> int:
    """Bytes of weights and biases; tables that kernels add are not in it."""
    return sum(tensor.nbytes for tensor in program.constants())


def io_bytes(program: Program) -> int:
    """Bytes of input and output buffers, which the caller holds beside the arena."""
    return sum(program.tensors[name].nbytes for name in (*program.inputs, *program.outputs))


def check_before_build(
    program: Program, target: Target, optimize: str, can_fit: bool = False
) -> None:
    """Refuse a program whose buffers or constants alone are too large for the target.

    can_fit: the error says what --fit ram would need, where that helps.
    Raises: DoesNotFitError with the layer and the bytes.
    """
    if target.flash_bytes is not None and constant_bytes(program) > target.flash_bytes:
        raise _too_much_flash(program, target, constant_bytes(program), "weights alone need")
    arena_bytes = plan_of(program, target, optimize).arena_bytes
    _check_ram(program, target, optimize, arena_bytes, can_fit)


def check_built(compiled: CompiledC, program: Program, target: Target, optimize: str) -> None:
    """Refuse a linked model that is larger than the target's flash or RAM."""
    flash, ram = compiled.figures.get("flash_bytes"), compiled.figures["ram_bytes"]
    if flash is not None and target.flash_bytes and flash.value > target.flash_bytes:
        raise _too_much_flash(program, target, int(flash.value), "model needs")
    _check_ram(program, target, optimize, int(ram.value))


def _check_ram(
    program: Program, target: Target, optimize: str, ram_bytes: int, can_fit: bool = False
) -> None:
    """ram_bytes: as in the artifact's figures; input and output buffers come on top."""
    buffers = io_bytes(program)
    if target.ram_bytes is None or ram_bytes + buffers <= target.ram_bytes:
        return
    needed, limit = _size(ram_bytes + buffers), _size(target.ram_bytes)
    raise DoesNotFitError(
        f"model needs {needed} of RAM, '{target.name}' has {limit}",
        details=(
            f"arena and static data {ram_bytes:,} bytes, input and output {buffers:,} bytes",
            _largest_layer(program, target, optimize),
        ),
        hints=(
            *(_fit_hint(program, target, optimize) if can_fit else ()),
            "a smaller input, or fewer channels in that layer",
            "edgetool inspect MODEL   shows every layer's bytes",
        ),
    )


def _fit_hint(program: Program, target: Target, optimize: str) -> tuple[str, ...]:
    """--fit ram with the bytes that it would need, where they fit."""
    needed = fit_program(program, target, optimize, Fit()).arena_bytes + io_bytes(program)
    if target.ram_bytes is None or needed > target.ram_bytes:
        return ()
    return (f"--fit ram   needs {needed:,} bytes: the first layers run in strips of rows",)


def _largest_layer(program: Program, target: Target, optimize: str) -> str:
    """The operation with the most bytes live while it runs, and whose they are."""
    plan, roots = plan_of(program, target, optimize), storage_of(program).roots
    scratch = scratch_of(choose_kernels(program, kernel_folders(target), optimize))
    live = []
    for step, operation in enumerate(program.operations):
        touched = [roots[n] for n in (*operation.inputs, *operation.outputs) if n]
        keys = dict.fromkeys((*plan.live_at(program, step), *touched))
        live.append([t for t in map(program.tensors.__getitem__, keys) if not t.is_constant])
    names = [operation.name for operation in program.operations]
    shared = plan.shareable_bytes
    totals = [
        sum(tensor.nbytes for tensor in tensors) + scratch.get(name, 0) - shared.get(name, 0)
        for name, tensors in zip(names, live, strict=True)
    ]
    worst = totals.index(max(totals))
    sizes = [f"{tensor.name} {tensor.nbytes:,}" for tensor in live[worst]]
    if scratch.get(names[worst]):
        sizes.append(f"its kernel's scratch {scratch[names[worst]]:,}")
    text = f"largest: layer {names[worst]}, bytes live at once: {', '.join(sizes)}"
    if shared.get(names[worst]):
        text += f"; {shared[names[worst]]:,} of them twice: its output lies over its input"
    return text


def _too_much_flash(program: Program, target: Target, needed: int, what: str) -> DoesNotFitError:
    constants = sorted(program.constants(), key=lambda tensor: tensor.nbytes)
    details, hints = [], []
    for largest in constants[-1:]:
        layer = next((op.name for op in program.operations if largest.name in op.inputs), "?")
        share = largest.nbytes / constant_bytes(program)
        weights = f"weights {largest.nbytes:,} bytes ({share:.0%} of all)"
        details = [f"largest: layer {layer}, {weights}"]
        hints = ["--precision int8 with --calibrate"] if largest.dtype == "float32" else []
    return DoesNotFitError(
        f"{what} {_size(needed)} of flash, '{target.name}' has {_size(target.flash_bytes or 0)}",
        details=details,
        hints=(*hints, "fewer channels in that layer, or a target with more flash"),
    )


def _size(count: int) -> str:
    return f"{count / 1024:,.0f} KiB" if count >= 10 * 1024 else f"{count:,} bytes"
