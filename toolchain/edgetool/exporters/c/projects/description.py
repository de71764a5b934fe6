"""What every build system has to say about a generated model."""

from __future__ import annotations

from dataclasses import dataclass

from edgetool.exporters.c.source import Interface

COMPILER_FLAGS = {"balanced": "-O2", "speed": "-O2", "size": "-Os"}  # by what --optimize aims at

EXACT_FLOATS = "-ffp-contract=off"
"""A fused multiply-add rounds once: float results would depend on the compiler."""

VERSION = "1.0.0"
"""Of the library, as Arduino and PlatformIO want one; a model's own version is its owner's."""


@dataclass(frozen=True)
class Library:
    """A generated model as a library.

    sources: the .c files, from the folder.   optimize: the flag that its sizes and cycles are
    stated for.
    """

    interface: Interface
    sources: tuple[str, ...]
    optimize: str

    @property
    def name(self) -> str:
        """Name of the library: the C prefix."""
        return self.interface.name

    @property
    def sentence(self) -> str:
        """One line for people who look through libraries."""
        macs = self.interface.program.total_macs()
        return f"A neural network as plain C99, {macs:,} multiply-accumulates, without a heap."
