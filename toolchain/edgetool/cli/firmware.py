"""edgetool firmware: a compiled model as firmware for a board."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edgetool.cli.progress import ProgressBar
from edgetool.cli.terminal import (
    ARTIFACT_ARGUMENT,
    COMPILER_OPTION,
    JSON_OPTION,
    print_json,
    verb,
)

if TYPE_CHECKING:
    from edgetool.compilation.board_firmware import BoardFirmware

EXAMPLE = """\b
Examples:
  edgetool firmware build/kws-cortex-m4 --port qemu
  edgetool firmware build/kws-nucleo-l4r5zi --port hooks
"""


@verb
def run(
    artifact: Path = ARTIFACT_ARGUMENT,
    port: str = typer.Option(
        None,
        metavar="NAME",
        help="qemu: the core's emulated board; hooks: for a vendor's project, with four functions "
        "to fill in (default).",
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

    opened = Artifact.open(artifact)
    folder = output or opened.folder.with_name(f"{opened.folder.resolve().name}-firmware")
    with ProgressBar() as progress:
        made = make_firmware(
            opened, folder, port=port, compiler=compiler, force=force, progress=progress
        )
    if json_output:
        print_json(summary(made))
    else:
        _print(made)


def summary(made: BoardFirmware) -> dict[str, Any]:
    """What `firmware --json` prints."""
    return made.to_json() | {"folder": str(made.folder)}


def _print(made: BoardFirmware) -> None:
    if made.image is None:
        print(f"sources for your board's own project: see {made.folder / 'README.md'}")
    else:
        print(f"{made.image.elf} for {made.port}, linked by {made.image.compiler}")
    if made.qemu_machine:
        print(
            f"run it: qemu-system-arm -M {made.qemu_machine} -kernel {made.folder}/firmware.elf "
            "-serial pty -display none -monitor none -icount shift=8"
        )
    print(f"wrote {made.folder}")
