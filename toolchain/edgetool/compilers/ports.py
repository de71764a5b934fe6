"""Ports of edgetool's firmware: which C drives a board's UART, and where its memory lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgetool.compilers.machines import Machine, Region, machine_named
from edgetool.errors import UsageError
from edgetool.packs.finding import built_in_root
from edgetool.packs.schema import Core, Target

QEMU_STACK_BYTES = 16 * 1024
VENDORS = {
    "stm32-hal": "stm32_hal.c",
    "pico-sdk": "pico_sdk.c",
    "zephyr": "zephyr.c",
    "arduino": "arduino.cpp",
    "hooks": "my_board.c",
}
"""Ports inside a vendor's project, by name; hooks: the functions are the user's to fill in."""


@dataclass(frozen=True)
class Port:
    """A board that edgetool can build a whole firmware for.

    name: what the firmware calls itself.   source: targets/firmware/ports/<source>.c.
    defines: C macros that the source needs.   stack_bytes: of the one stack.
    qemu_machine: what runs it, None for a real board.   tried: where the port has run.
    """

    name: str
    source: str
    flash: Region
    ram: Region
    stack_bytes: int
    vectors: Region | None = None
    defines: Mapping[str, str] = field(default_factory=dict)
    qemu_machine: str | None = None
    tried: str = ""


def firmware_folder() -> Path:
    """The firmware's sources that come with edgetool."""
    return built_in_root() / "targets" / "firmware"


def qemu_port(core: Core) -> Port:
    """The QEMU machine that stands in for a board with this core.

    Raises: UsageError where QEMU has none with a UART that the firmware drives.
    """
    machine = machine_named(core.qemu_machine)
    if machine.uart is None or machine.fpgaio is None:
        raise UsageError(
            f"QEMU has no board with a serial line for {core.name}",
            hints=["edgetool profile ARTIFACT, which needs no firmware"],
        )
    return Port(
        name=f"qemu-{machine.name}",
        source="mps2",
        flash=machine.flash,
        ram=machine.ram,
        stack_bytes=QEMU_STACK_BYTES,
        vectors=machine.vectors,
        defines=_mps2_defines(machine),
        qemu_machine=machine.name,
    )


def board_port(target: Target) -> Port | None:
    """The port that the target's pack describes, None without one.

    Raises: UsageError for a source that edgetool does not have.
    """
    described = target.port
    if described is None:
        return None
    if not (firmware_folder() / "ports" / f"{described.source}.c").is_file():
        raise UsageError(f"'{target.name}' names a port that edgetool lacks: '{described.source}'")
    numbers = {name: f"{value:#x}u" for name, value in described.defines.items()}
    return Port(
        name=target.name,
        source=described.source,
        flash=Region(described.flash_start, described.flash_bytes),
        ram=Region(described.ram_start, described.ram_bytes),
        stack_bytes=described.stack_bytes,
        defines={**numbers, "EDGE_PORT_NAME": f'"{target.name}"'},
        tried=described.tried,
    )


def _mps2_defines(machine: Machine) -> dict[str, str]:
    return {
        "EDGE_UART": f"{machine.uart:#x}u",
        "EDGE_FPGAIO": f"{machine.fpgaio:#x}u",
        "EDGE_COUNTER_HZ": f"{machine.counter_hz}u",
        "EDGE_PORT_NAME": f'"qemu-{machine.name}"',
    }
