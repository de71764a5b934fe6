"""edgetool firmware: a compiled model as firmware for a board."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edgetool.cli.progress import ProgressBar
from edgetool.cli.terminal import (
    ARTIFACT_ARGUMENT,
    COMPILER_OPTION,
    JSON_OPTION,
    print_json,
    say,
    verb,
)

if TYPE_CHECKING:
    from edgetool.compilation.board_firmware import BoardFirmware
    from edgetool.transports.flashing import Flashed

EXAMPLE = """\b
Examples:
  edgetool firmware build/kws-arduino-nano-33-ble --flash
  edgetool firmware build/kws-cortex-m4 --port qemu
  edgetool firmware build/kws-nucleo-l4r5zi        # sources for STM32CubeIDE, then
  edgetool firmware build/kws-nucleo-l4r5zi --flash --image Debug/project.elf
"""


@verb
def run(
    artifact: Path = ARTIFACT_ARGUMENT,
    port: str = typer.Option(
        None,
        metavar="NAME",
        help="board: the target's own; qemu: the core's emulated board; for a vendor's project: "
        "stm32-hal, pico-sdk, zephyr, arduino, or hooks: four functions to fill in. Default: board "
        "where there is one, else hooks.",
    ),
    mlperf_tiny: str = typer.Option(
        None,
        metavar="MODEL",
        help="Answer MLPerf Tiny's runner instead, as kws01, ic01, vww01 or ad01.",
    ),
    flash: bool = typer.Option(False, "--flash", help="Write it to the board that is plugged in."),
    tool: str = typer.Option(
        None,
        metavar="NAME",
        help="pyocd, openocd, st-flash or picotool; default: the target's first that is installed.",
    ),
    image: Path = typer.Option(
        None, metavar="FILE", help="What --flash writes: .elf, .hex, .bin or .uf2 of your project."
    ),
    compiler: str = COMPILER_OPTION,
    output: Path = typer.Option(
        None, metavar="FOLDER", help="Where the firmware goes; default <ARTIFACT>-firmware."
    ),
    force: bool = typer.Option(False, "--force", help="Replace a firmware that is there."),
    json_output: bool = JSON_OPTION,
) -> None:
    """Write firmware that runs an artifact's model on a board.

    It answers `profile --device` and `verify --device` over a serial line. For a board that
    edgetool has a port for it is built; else its sources go into a vendor's project.
    """
    from edgetool.artifact import Artifact
    from edgetool.compilation.board_firmware import make_firmware
    from edgetool.compilation.board_flash import (
        check_flash_options,
        flash_made,
        flash_user_image,
    )

    opened = Artifact.open(artifact)
    check_flash_options(flash, tool, image)
    folder = output or opened.folder.with_name(f"{opened.folder.resolve().name}-firmware")
    made, flashed = None, None
    with ProgressBar() as progress:
        if image is None:
            made = make_firmware(
                opened,
                folder,
                port=port,
                mlperf_tiny=mlperf_tiny,
                compiler=compiler,
                force=force,
                progress=progress,
            )
            if flash:
                flashed = flash_made(opened, made, tool, progress)
        else:
            flashed = flash_user_image(opened, image, tool, progress)
    if json_output:
        print_json(summary(made, flashed))
    else:
        _print(made, flashed)


def summary(made: BoardFirmware | None, flashed: Flashed | None) -> dict[str, Any]:
    """What `firmware --json` prints."""
    content: dict[str, Any] = {"schema_version": 1}
    if made is not None:
        content |= made.to_json() | {"folder": str(made.folder)}
    if flashed is not None:
        content["flashed"] = {"tool": flashed.tool, "command": list(flashed.command)}
    return content


def _print(made: BoardFirmware | None, flashed: Flashed | None) -> None:
    if made is not None:
        _print_made(made)
    if flashed is not None:
        print(f"flashed: {shlex.join(flashed.command)}")
        print("next: edgetool profile ARTIFACT --device PORT")


def _print_made(made: BoardFirmware) -> None:
    if made.image is None:
        print(f"sources for your board's own project: see {made.folder / 'README.md'}")
    else:
        print(f"{made.image.elf} for {made.port}, linked by {made.image.compiler}")
    if made.tried:
        say(f"note: port {made.port}: {made.tried}")
    if made.qemu_machine:
        print(
            f"run it: qemu-system-arm -M {made.qemu_machine} -kernel {made.folder}/firmware.elf "
            "-serial pty -display none -monitor none -icount shift=8"
        )
    print(f"wrote {made.folder}")
