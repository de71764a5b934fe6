"""Run a firmware image in an emulator and measure it exactly: outputs, instructions, stack, arena.

Two emulators: unicorn from a pip wheel, in a process of its own; QEMU when it is asked for.
Executed instructions are exact ("emulated"); cycles come from a core's timing table ("estimated").
"""

from __future__ import annotations

from edgetool.runtimes.bare_metal.cycles import cycles_by_part, estimate_cycles
from edgetool.runtimes.bare_metal.flash_stalls import flash_stalls
from edgetool.runtimes.bare_metal.parts import functions_by_part, instructions_by_part
from edgetool.runtimes.bare_metal.result import EMULATORS, Block, EmulatedRun, Emulator
from edgetool.runtimes.bare_metal.run import run

__all__ = [
    "EMULATORS",
    "Block",
    "EmulatedRun",
    "Emulator",
    "cycles_by_part",
    "estimate_cycles",
    "flash_stalls",
    "functions_by_part",
    "instructions_by_part",
    "run",
]
