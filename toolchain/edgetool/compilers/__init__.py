"""C compilers: from a folder of generated C to an ELF file for a microcontroller core.

Firmware goes in, Image comes out; nothing here runs what it built.
"""

from __future__ import annotations

from edgetool.compilers.build import build
from edgetool.compilers.firmware import COMPILERS, Compiler, Firmware, Image, MemoryPlan

__all__ = ["COMPILERS", "Compiler", "Firmware", "Image", "MemoryPlan", "build"]
