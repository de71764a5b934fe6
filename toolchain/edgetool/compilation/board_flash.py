"""From a firmware to a board's flash: what is written, and what cannot be."""

from __future__ import annotations

from pathlib import Path

from edgetool.artifact import Artifact
from edgetool.compilation.board_firmware import BoardFirmware
from edgetool.errors import UsageError
from edgetool.packs.schema import FLASH_TOOLS, Flash
from edgetool.runtimes.session import Progress, step
from edgetool.transports.flashing import FLAT, Flashed, FlashFile, flash_board

IMAGES = (".elf", ".hex", ".bin", ".uf2")


def check_flash_options(flash: bool, tool: str | None, image: Path | None) -> None:
    """Raises: UsageError for options that do not go together, before anything is written."""
    if (tool is not None or image is not None) and not flash:
        option = "--tool" if tool is not None else "--image"
        raise UsageError(f"{option} says how to flash", hints=("add --flash",))
    if tool is not None and tool not in FLASH_TOOLS:
        raise UsageError(
            f"tool '{tool}' is not known", hints=(f"one of: {', '.join(FLASH_TOOLS)}",)
        )
    if image is not None and (not image.is_file() or image.suffix not in IMAGES):
        raise UsageError(
            f"'{image}' is no image that can be flashed",
            hints=(f"a file that ends in one of: {', '.join(IMAGES)}",),
        )


def flash_made(
    artifact: Artifact, made: BoardFirmware, tool: str | None, progress: Progress | None = None
) -> Flashed:
    """Write a firmware that edgetool has built.

    Raises: UsageError where nothing was built or nothing can be flashed; MissingToolError,
    DeviceError.
    """
    if made.qemu_machine is not None:
        raise UsageError(
            f"'{made.port}' is emulated: it has no flash to write",
            hints=(f"qemu-system-arm -M {made.qemu_machine} -kernel {made.folder}/firmware.elf …",),
        )
    if made.image is None:
        raise UsageError(
            f"nothing was built to flash: '{made.folder}' holds sources for a vendor's project",
            hints=("build them there, then: --flash --image FILE",),
        )
    file = FlashFile(made.image.elf, made.image.flat, made.image.address)
    return _flash(artifact, file, tool, progress)


def flash_user_image(
    artifact: Artifact, image: Path, tool: str | None, progress: Progress | None = None
) -> Flashed:
    """Write what the user has built in a vendor's project. Raises: as flash_made."""
    address = _flash_of(artifact).address
    is_flat = image.suffix == FLAT
    file = FlashFile(None if is_flat else image, image if is_flat else None, address)
    return _flash(artifact, file, tool, progress)


def _flash(
    artifact: Artifact, file: FlashFile, tool: str | None, progress: Progress | None
) -> Flashed:
    with step(progress, "write the board's flash"):
        return flash_board(_flash_of(artifact), file, tool)


def _flash_of(artifact: Artifact) -> Flash:
    target = artifact.target()
    if target.flash is None:
        raise UsageError(
            f"'{target.name}' does not say how it is flashed",
            hints=(
                "flash it with its vendor's own tool",
                "a target of your own with a [flash] table: docs/boards.md",
            ),
        )
    return target.flash
