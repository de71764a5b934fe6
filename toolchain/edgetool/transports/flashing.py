"""Write firmware to a board's flash with the tool that the user has for it.

Command lines as their documentation gives them:
pyocd: pyOCD documentation, "Command reference", `pyocd flash`, of which `load` is the newer name.
openocd: OpenOCD User's Guide, "Flash Programming": program <file> verify reset exit [address].
st-flash: st-flash(1): st-flash --reset write FILE ADDR, with a flat image.
picotool: `picotool help load`: -v verify, -x execute; the board must be in BOOTSEL mode.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgetool.errors import DeviceError, MissingToolError, UsageError
from edgetool.packs.schema import Flash

TIMEOUT_S = 180.0
LINES_SHOWN = 8
NAME = "firmware"  # tools see this name: what a user calls a file need not survive their quoting
FLAT = ".bin"
INSTALL = {
    "pyocd": "pip install pyocd, then pyocd pack install TARGET where it does not know the target",
    "openocd": "apt install openocd",
    "st-flash": "apt install stlink-tools",
    "picotool": "apt install picotool, or a release of github.com/raspberrypi/picotool",
}
HINTS = {
    "pyocd": "pyocd list shows the probes it sees",
    "openocd": "check cable and probe; another debugger may hold the probe",
    "st-flash": "st-info --probe shows the boards it sees",
    "picotool": "hold BOOTSEL while plugging the board in, then run it again",
}


@dataclass(frozen=True)
class FlashFile:
    """What is written.   elf: with addresses, or None.   flat: bytes from address on, or None."""

    elf: Path | None = None
    flat: Path | None = None
    address: int | None = None


@dataclass(frozen=True)
class Flashed:
    """What has been done.   command: as a user would type it in the folder of the files."""

    tool: str
    command: tuple[str, ...]


def flash_board(
    flash: Flash, file: FlashFile, wanted: str | None = None, timeout_s: float = TIMEOUT_S
) -> Flashed:
    """Write a file to the board that is plugged in, verify it there and start it.

    wanted: the tool; None: the first of the target's that is installed.
    Raises: UsageError, MissingToolError; DeviceError with what the tool said.
    """
    tool = choose_tool(flash, file, wanted)
    path = shutil.which(tool)
    if path is None:
        raise _missing((tool,))
    command = COMMANDS[tool](flash, file)
    with tempfile.TemporaryDirectory(prefix="edgetool-flash-") as folder:
        for source in filter(None, (file.elf, file.flat)):
            shutil.copy(source, Path(folder) / f"{NAME}{source.suffix}")
        _run([path, *command[1:]], Path(folder), tool, timeout_s)
    return Flashed(tool, command)


def choose_tool(flash: Flash, file: FlashFile, wanted: str | None) -> str:
    """The tool to use. Raises: UsageError, MissingToolError."""
    able = [tool for tool in flash.tools if tool != "st-flash" or file.flat is not None]
    if wanted is not None:
        if wanted in able:
            return wanted
        raise UsageError(
            f"'{wanted}' is not among the tools that this target and file can be flashed with",
            hints=(f"one of: {', '.join(able) or 'none'}",),
        )
    installed = [tool for tool in able if shutil.which(tool)]
    if not installed:
        raise _missing(tuple(able))
    return installed[0]


def _missing(tools: tuple[str, ...]) -> MissingToolError:
    return MissingToolError(
        f"no tool to write the board's flash: {', '.join(tools) or 'none is known'}",
        details=(f"looked for on PATH: {', '.join(tools)}",) if tools else (),
        hints=tuple(f"{tool}: {INSTALL[tool]}" for tool in tools),
    )


def _run(command: list[str], folder: Path, tool: str, timeout_s: float) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DeviceError(
            f"{tool} did not finish within {timeout_s:g} s", hints=(HINTS[tool],)
        ) from error
    if done.returncode != 0:
        lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
        raise DeviceError(
            f"{tool} could not write the board's flash (exit code {done.returncode})",
            details=lines[-LINES_SHOWN:],
            hints=(HINTS[tool],),
        )


def _best(file: FlashFile) -> tuple[str, tuple[str, ...]]:
    """(file's name, its address for tools that cannot read one from it)."""
    if file.elf is not None:
        return f"{NAME}{file.elf.suffix}", ()
    if file.flat is None or file.address is None:
        raise UsageError("a flat image needs the address that the target's [flash] gives")
    return f"{NAME}{FLAT}", (f"{file.address:#010x}",)


def _pyocd(flash: Flash, file: FlashFile) -> tuple[str, ...]:
    name, address = _best(file)
    base = ("--base-address", *address) if address else ()
    return ("pyocd", "flash", "--target", str(flash.pyocd_target), *base, name)


def _openocd(flash: Flash, file: FlashFile) -> tuple[str, ...]:
    name, address = _best(file)
    scripts = tuple(word for script in flash.openocd_config for word in ("-f", script))
    speed = flash.openocd_speed_khz
    adapter = ("-c", f"adapter speed {speed}") if speed is not None else ()
    program = " ".join(("program", name, "verify", "reset", "exit", *address))
    return ("openocd", *scripts, *adapter, "-c", program)


def _st_flash(flash: Flash, file: FlashFile) -> tuple[str, ...]:
    address = flash.address if file.address is None else file.address
    return ("st-flash", "--reset", "write", f"{NAME}{FLAT}", f"{address:#010x}")


def _picotool(flash: Flash, file: FlashFile) -> tuple[str, ...]:
    name, address = _best(file)
    offset = ("-o", *address) if address else ()
    return ("picotool", "load", "-v", "-x", name, *offset)


COMMANDS: Mapping[str, Callable[[Flash, FlashFile], tuple[str, ...]]] = {
    "pyocd": _pyocd,
    "openocd": _openocd,
    "st-flash": _st_flash,
    "picotool": _picotool,
}
