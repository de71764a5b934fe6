"""What ran in each part of an inference: its instructions, and the functions they are in.

A part ends where a kernel that `<name>_run` called has returned (Block.part).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from edgetool.compilers import Image
from edgetool.compilers.elf import EM_RISCV, Symbol, read_elf
from edgetool.runtimes.bare_metal.blocks import instruction_lengths
from edgetool.runtimes.bare_metal.result import EmulatedRun


def instructions_by_part(run: EmulatedRun, image: Image) -> dict[int, float]:
    """Executed instructions per inference; empty where no blocks were counted."""
    elf = read_elf(image.elf)
    found: dict[int, float] = {}
    for block in run.blocks:
        code = elf.read(block.address, block.size)
        length = len(instruction_lengths(code, riscv=elf.machine == EM_RISCV))
        found[block.part] = found.get(block.part, 0) + length * block.executed / run.counted
    return found


def functions_by_part(run: EmulatedRun, image: Image) -> dict[int, frozenset[Symbol]]:
    """The functions that ran, `<name>_run` itself left out."""
    functions = sorted(read_elf(image.elf).functions, key=lambda symbol: symbol.address)
    start, _ = image.run_range
    found: dict[int, set[Symbol]] = {}
    for block in run.blocks:
        owner = _owner(functions, block.address)
        if owner is not None and owner.address != start:
            found.setdefault(block.part, set()).add(owner)
    return {part: frozenset(owners) for part, owners in found.items()}


def _owner(functions: Sequence[Symbol], address: int) -> Symbol | None:
    """The function that holds an address. functions: by rising address."""
    index = bisect_right(functions, address, key=lambda symbol: symbol.address) - 1
    if index < 0 or address >= functions[index].address + functions[index].size:
        return None
    return functions[index]
