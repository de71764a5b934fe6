"""The emulated machines: where their memory lies and how their clock counts instructions.

Memory is generous, so that large models run on a bare core; a board's own limits are checked
elsewhere. Addresses: QEMU 7.2, hw/arm/mps2.c, hw/arm/mps2-tz.c, hw/arm/armsse.c, hw/riscv/virt.c.
"""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class Region:
    """A range of addresses that holds memory."""

    start: int
    size: int

    @property
    def end(self) -> int:
        """First address behind the region."""
        return self.start + self.size


@dataclass(frozen=True)
class Machine:
    """An emulated board.

    vectors: where the core finds its first instruction; it may be the start of flash.
    fpgaio: address of the block whose counters tell executed instructions; None: RISC-V, which has
    an instruction counter, or a core that only unicorn runs.   counter_hz: rate of its counter.
    uart: address of its CMSDK UART 0; None: it has none that a port in targets/firmware drives.
    """

    name: str
    flash: Region
    ram: Region
    vectors: Region | None = None
    fpgaio: int | None = None
    counter_hz: int = 0
    uart: int | None = None

    @property
    def regions(self) -> tuple[Region, ...]:
        """Every range of memory, none overlapping."""
        return tuple(filter(None, (self.vectors, self.flash, self.ram)))


def _mps2(name: str, psram: int) -> Machine:
    return Machine(
        name,
        flash=Region(0x0000_0000, 4 * MIB),
        ram=Region(psram, 16 * MIB),
        fpgaio=0x4002_8000,
        counter_hz=25_000_000,
        uart=0x4000_4000,
    )


_AN505 = Machine(
    "mps2-an505",
    flash=Region(0x1000_0000, 4 * MIB),
    ram=Region(0x8000_0000, 16 * MIB),
    fpgaio=0x5030_2000,
    counter_hz=20_000_000,
    uart=0x5020_0000,
)
_AN547 = Machine(
    "mps3-an547",
    vectors=Region(0x0000_0000, 4096),
    flash=Region(0x6000_0000, 16 * MIB),
    ram=Region(0x6200_0000, 16 * MIB),
    fpgaio=0x5930_2000,
    counter_hz=20_000_000,
    uart=0x5930_3000,
)
_VIRT = Machine(
    "virt",
    flash=Region(0x8000_0000, 16 * MIB),
    ram=Region(0x8200_0000, 16 * MIB),
)
_UNICORN_ONLY = Machine(
    "unicorn",
    flash=Region(0x0000_0000, 16 * MIB),
    ram=Region(0x2000_0000, 16 * MIB),
)
_MACHINES = {
    machine.name: machine
    for machine in (
        _mps2("mps2-an385", 0x2100_0000),
        _mps2("mps2-an386", 0x2100_0000),
        _mps2("mps2-an500", 0x6000_0000),
        _AN505,
        _AN547,
        _VIRT,
    )
}


def machine_named(qemu_machine: str | None) -> Machine:
    """The memory map for a QEMU machine; one for unicorn alone where QEMU has none, or we do not
    know its map.
    """
    return _MACHINES.get(qemu_machine or "", _UNICORN_ONLY)


def is_known_to_qemu(machine: Machine) -> bool:
    """Whether QEMU can run what is linked for this machine."""
    return machine.name in _MACHINES


def memory_command(flash: Region, ram: Region, vectors: Region | None) -> str:
    """A linker script's MEMORY command. Vectors share flash where the machine starts there."""
    regions = {"FLASH": flash, "RAM": ram} | ({"VECTORS": vectors} if vectors else {})
    lines = [
        f"  {name} (rwx) : ORIGIN = {region.start:#x}, LENGTH = {region.size:#x}\n"
        for name, region in regions.items()
    ]
    alias = "" if vectors else 'REGION_ALIAS("VECTORS", FLASH)\n'
    return f"MEMORY {{\n{''.join(lines)}}}\n{alias}"
