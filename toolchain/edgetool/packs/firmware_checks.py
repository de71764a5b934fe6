"""Rules for [flash] and [port]: a pack says where firmware goes, never what is run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from edgetool.packs.checks import Problem
from edgetool.packs.schema import FirmwarePort, Flash, Target

PYOCD_TARGET = re.compile(r"[a-z0-9_]+")
OPENOCD_SCRIPT = re.compile(r"(board|interface|target)(/[a-z0-9_-]+){1,2}\.cfg")  # OpenOCD's own
PORT_SOURCE = re.compile(r"[a-z][a-z0-9_]*")
DEFINE = re.compile(r"EDGE_[A-Z0-9_]+")
LARGEST_ADDRESS = 2**32


def check_only_microcontrollers_are_flashed(target: Target) -> Iterator[Problem]:
    """Firmware is for boards without an operating system."""
    for key in ("flash", "port"):
        if getattr(target, key) is not None and target.family != "microcontroller":
            yield key, f"must not be given for family {target.family!r}"


def check_flash_tools_have_what_they_need(target: Target) -> Iterator[Problem]:
    """Every tool that is listed can be called."""
    flash = target.flash or Flash(())
    if target.flash is not None and (not flash.tools or len(set(flash.tools)) < len(flash.tools)):
        yield "flash.tools", "must name at least one, and none twice"
    if "pyocd" in flash.tools and not flash.pyocd_target:
        yield "flash.pyocd_target", "missing: pyocd needs it"
    if "openocd" in flash.tools and not flash.openocd_config:
        yield "flash.openocd_config", "missing: openocd needs it"
    if "st-flash" in flash.tools and flash.address is None:
        yield "flash.address", "missing: st-flash needs it"


def check_flash_words_are_safe(target: Target) -> Iterator[Problem]:
    """They go to command lines, and OpenOCD runs its scripts."""
    flash = target.flash or Flash(())
    if flash.pyocd_target is not None and not PYOCD_TARGET.fullmatch(flash.pyocd_target):
        yield "flash.pyocd_target", f"{flash.pyocd_target!r} is not {PYOCD_TARGET.pattern}"
    for script in flash.openocd_config:
        if not OPENOCD_SCRIPT.fullmatch(script):
            yield "flash.openocd_config", f"{script!r} is not a script of OpenOCD's own"
    if flash.openocd_speed_khz is not None and not 1 <= flash.openocd_speed_khz <= 100_000:
        yield "flash.openocd_speed_khz", f"is {flash.openocd_speed_khz}, must be 1 to 100000"


def check_port_words_are_safe(target: Target) -> Iterator[Problem]:
    """They go to the compiler's command line and into a linker script."""
    port = target.port
    if port is None:
        return
    if not PORT_SOURCE.fullmatch(port.source):
        yield "port.source", f"{port.source!r} is not {PORT_SOURCE.pattern}"
    for name in port.defines:
        if not DEFINE.fullmatch(name):
            yield f"port.defines.{name}", f"is not {DEFINE.pattern}"


def check_addresses_have_32_bits(target: Target) -> Iterator[Problem]:
    """Start and end of every region."""
    port, flash = target.port, target.flash
    if flash is not None and flash.address is not None and not _fits(flash.address):
        yield "flash.address", "must be 0 to 0xffffffff"
    for key, value in _numbers(port):
        if not _fits(value):
            yield f"port.{key}", f"is {value}, must be 0 to 0xffffffff"
    if port is not None and min(port.flash_bytes, port.ram_bytes, port.stack_bytes) < 1:
        yield "port", "flash_bytes, ram_bytes and stack_bytes must be positive"


def _numbers(port: FirmwarePort | None) -> Iterator[tuple[str, int]]:
    if port is None:
        return
    for key, value in vars(port).items():
        if isinstance(value, int):
            yield key, value
    yield from ((f"defines.{name}", value) for name, value in port.defines.items())


def _fits(address: int) -> bool:
    return 0 <= address < LARGEST_ADDRESS


FIRMWARE_CHECKS: Sequence[Callable[[Target], Iterable[Problem]]] = (
    check_only_microcontrollers_are_flashed,
    check_flash_tools_have_what_they_need,
    check_flash_words_are_safe,
    check_port_words_are_safe,
    check_addresses_have_32_bits,
)
