"""Files compiled apart, then linked: what images for emulators and firmware for boards share."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from edgetool.compilers.invoke import invoke, undefined_symbols
from edgetool.compilers.toolchain import Toolchain
from edgetool.errors import CompilerError

PARALLEL_COMPILERS = 2


@dataclass(frozen=True)
class Unit:
    """One file to compile: its object's name ends in what the linker script tells it by."""

    source: Path
    object: str
    flags: tuple[str, ...]


@dataclass(frozen=True)
class UnitBuilder:
    """Compiles and links with one toolchain for one core.

    core: its name, for messages.   directory: where objects and the linked file go; absolute.
    """

    toolchain: Toolchain
    core: str
    directory: Path

    def compile(self, units: Sequence[Unit]) -> list[str]:
        """Names of the objects, in order. Raises: CompilerError."""
        with ThreadPoolExecutor(PARALLEL_COMPILERS) as pool:
            list(pool.map(self._compile_unit, units))
        return [unit.object for unit in units]

    def _compile_unit(self, unit: Unit) -> None:
        folder = unit.source.parent
        command = [*self.toolchain.compile, *unit.flags, f"-ffile-prefix-map={folder}=."]
        command += ["-c", unit.source.name, "-o", str(self.directory / unit.object)]
        invoke(command, folder, f"compile {unit.source.name} for {self.core}")

    def link(self, objects: Sequence[str], script: str, name: str) -> Path:
        """Link objects by a script in directory. Raises: CompilerError, DoesNotFitError."""
        try:
            self._link(self.toolchain.link, objects, script, name)
        except CompilerError as error:
            missing = undefined_symbols(error)
            if not missing or self.toolchain.run_time_link is None:
                raise
            self._link(self.toolchain.run_time_link, objects, script, name)
        return self.directory / name

    def _link(
        self, command: tuple[str, ...], objects: Sequence[str], script: str, name: str
    ) -> None:
        arguments = [*command, "-T", script, *objects, *self.toolchain.libraries, "-o", name]
        invoke(arguments, self.directory, f"link {name} for {self.core}")
