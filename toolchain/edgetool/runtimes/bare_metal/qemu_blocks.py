"""Which blocks QEMU executed: our plugin, compiled for this machine when it is first needed."""

from __future__ import annotations

import dataclasses
import re
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from edgetool.compilers import Image
from edgetool.compilers.elf import EM_RISCV, Elf, read_elf
from edgetool.compilers.host import shared_object
from edgetool.runtimes.bare_metal.blocks import instruction_lengths
from edgetool.runtimes.bare_metal.result import Block

_FOLDER = Path(__file__).parent
_SOURCES = (_FOLDER / "qemu_plugin.c", _FOLDER / "block_table.h")
_BLOCK = struct.Struct("<QQQQQ")


@dataclass(frozen=True)
class BlockPlugin:
    """The plugin and the file it writes when QEMU ends."""

    arguments: list[str]
    file: Path
    image: Image

    def read(self) -> tuple[Block, ...]:
        """Blocks that ran; empty if the plugin could not say."""
        content = self.file.read_bytes() if self.file.exists() else b""
        if len(content) < 8 or content[:8] != bytes(8):
            return ()
        elf = read_elf(self.image.elf)
        blocks = (Block(*fields) for fields in _BLOCK.iter_unpack(content[8:]))
        return tuple(_whole(block, elf) for block in blocks if block.executed)


def _whole(block: Block, elf: Elf) -> Block:
    """Without the half instruction that QEMU adds at the end of a page (qemu_plugin.c)."""
    code = elf.read(block.address, block.size)
    lengths = instruction_lengths(code, riscv=elf.machine == EM_RISCV)
    excess = 2 if sum(lengths) > block.size else 0
    return dataclasses.replace(block, size=block.size - excess)


def prepare_plugin(qemu: str, image: Image, directory: Path) -> BlockPlugin | None:
    """The plugin for this QEMU; None where no compiler makes it or QEMU has no plugins."""
    version = _interface_version(qemu)
    library = shared_object(_SOURCES, {"PLUGIN_VERSION": str(version)}) if version else None
    if library is None:
        return None
    file = directory / "blocks"
    start, end = (image.symbols[f"edge_model_{side}"].address for side in ("start", "end"))
    run, limit = image.run_range
    options = f"{library},start={start:#x},end={end:#x},run={run:#x},limit={limit:#x},into={file}"
    return BlockPlugin(["-plugin", options], file, image)


def _interface_version(qemu: str) -> int | None:
    """Version 1 up to QEMU 8, 2 and later from 9 on; all accept the lowest that they know.

    None where QEMU was built without plugins, and for paths that its option syntax cannot say.
    """
    said = subprocess.run([qemu, "--help"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"version (\d+)", said)
    if "-plugin" not in said or not found:
        return None
    return 1 if int(found.group(1)) < 9 else 2
