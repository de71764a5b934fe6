"""Firmware that runs an artifact's model on a board: a folder of C, built where a port exists."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgetool import __version__
from edgetool.artifact import SOURCES, Artifact, file_sha256, new_folder
from edgetool.compilation.board_readme import board_readme
from edgetool.compilation.firmware import core_of
from edgetool.compilation.fitting import plan_of
from edgetool.compilers.board import BoardImage, BoardSources, build_board, linker_script
from edgetool.compilers.firmware import Compiler
from edgetool.compilers.ports import VENDORS, Port, board_port, firmware_folder, qemu_port
from edgetool.errors import ModelError, UsageError
from edgetool.exporters.c import (
    COMPILER_FLAGS,
    Interface,
    board_model,
    generated_name,
    include_folders,
    mlperf_model,
    observed_copy,
)
from edgetool.exporters.c.board_model import LAYERS_MAX, MODEL
from edgetool.packs import Target
from edgetool.runtimes.session import Progress, step

DESCRIPTION = "firmware.json"
START = "start_arm.c"
BOARD = "board"
HOOKS = "hooks"
QEMU = "qemu"


@dataclass(frozen=True)
class BoardFirmware:
    """A written firmware folder.

    image: None where it is to be built in a vendor's project.   tried: where the port has run.
    mlperf_tiny: what MLPerf Tiny's runner calls the model, None: it answers edgetool.
    """

    folder: Path
    port: str
    image: BoardImage | None
    qemu_machine: str | None
    tried: str = ""
    mlperf_tiny: str | None = None

    def to_json(self) -> dict[str, Any]:
        """What `firmware --json` prints and firmware.json holds."""
        content: dict[str, Any] = {"schema_version": 1, "port": self.port}
        if self.image is not None:
            content["elf"] = self.image.elf.name
            content["elf_sha256"] = file_sha256(self.image.elf)
            content["compiler"] = self.image.compiler
            content["address"] = f"{self.image.address:#010x}"
        if self.image is not None and self.image.flat is not None:
            content["bin"] = self.image.flat.name
        if self.mlperf_tiny:
            content["mlperf_tiny"] = self.mlperf_tiny
        if self.tried:
            content["tried"] = self.tried
        if self.qemu_machine is not None:
            content["qemu_machine"] = self.qemu_machine
        return content


def make_firmware(
    artifact: Artifact,
    output: Path,
    *,
    port: str | None = None,
    mlperf_tiny: str | None = None,
    compiler: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> BoardFirmware:
    """Write the firmware of an artifact's model into output, and build it for its port.

    port: "board" (the target's own), "qemu", or one of VENDORS, for which nothing is built; None:
    board where the target has a port, else hooks.
    mlperf_tiny: answer MLPerf Tiny's runner instead of edgetool, as the model of this name.
    Raises: UsageError, OutputExistsError, MissingToolError, CompilerError, DoesNotFitError.
    """
    target = artifact.target()
    chosen = _port_of(target, port)
    vendor = port if port in VENDORS else HOOKS
    with new_folder(output, force, DESCRIPTION) as folder:
        sources = write_sources(artifact, target, chosen or vendor, folder, mlperf_tiny)
        image = None
        if chosen is not None:
            family = _compiler_of(artifact, compiler)
            with (
                tempfile.TemporaryDirectory(prefix="edgetool-") as work,
                step(progress, f"build with {family}"),
            ):
                image = build_board(sources, core_of(target), chosen, family, folder, Path(work))
        made = BoardFirmware(
            folder,
            chosen.name if chosen else vendor,
            image,
            chosen.qemu_machine if chosen else None,
            chosen.tried if chosen else "",
            mlperf_tiny,
        )
        _describe(artifact, made)
    return _moved(made, output)


def _compiler_of(artifact: Artifact, wanted: str | None) -> Compiler:
    """The one asked for, else the one that the artifact was built with. Raises: UsageError."""
    name = wanted or str((artifact.manifest.compiler or {}).get("family", "clang"))
    if name == "gcc":
        return "gcc"
    if name == "clang":
        return "clang"
    raise UsageError(f"compiler '{name}' is not known", hints=("one of: clang, gcc",))


def _port_of(target: Target, wanted: str | None) -> Port | None:
    """The port to build for, None for a vendor's project. Raises: UsageError."""
    core = core_of(target)
    if not core.isa.startswith("arm"):
        raise UsageError(
            f"there is no firmware for {core.name}: only Cortex-M boards have one",
            hints=("edgetool profile ARTIFACT, which runs the model in an emulator",),
        )
    if wanted == QEMU:
        return qemu_port(core)
    own = board_port(target)
    if wanted is None or wanted in VENDORS:
        return own if wanted is None else None
    if wanted == BOARD and own is not None:
        return own
    known = [*([BOARD] if own else []), QEMU, *VENDORS]
    raise UsageError(
        f"port '{wanted}' is not known for '{target.name}'", hints=(f"one of: {', '.join(known)}",)
    )


def write_sources(
    artifact: Artifact,
    target: Target,
    port: Port | str,
    folder: Path,
    mlperf_tiny: str | None = None,
) -> BoardSources:
    """The firmware's C in folder/src: edgetool's own, the artifact's, and what ties them together.

    port: one that is built for, or the name of one of VENDORS.
    Raises: UsageError for an artifact without C sources.
    """
    program, generated = artifact.c_program(), artifact.path(SOURCES)
    if program is None or generated is None:
        raise UsageError(f"'{artifact.folder}' has no C sources for a firmware")
    if len(program.operations) > LAYERS_MAX:
        raise ModelError(f"a firmware can tell {LAYERS_MAX} layers apart at most")
    ours, model = folder / "src", folder / "src" / MODEL
    shutil.copytree(include_folders(generated)[0], model)
    name = generated_name(generated)
    arena_bytes = plan_of(program, target, artifact.manifest.optimize).arena_bytes
    interface = Interface(program, name, arena_bytes)
    tied = {
        "edge_model.c": board_model(interface, artifact.sha256, core_of(target).name),
        f"{name}_observed.c": observed_copy(name),
    }
    if mlperf_tiny is not None:
        tied["edge_mlperf_model.c"] = mlperf_model(interface, mlperf_tiny)
    for file, text in tied.items():
        (ours / file).write_text(text)
    firmware = _copy_firmware(ours, port, mlperf_tiny is not None)
    if isinstance(port, Port):
        sections = (firmware_folder() / "firmware.ld").read_text()
        (folder / "firmware.ld").write_text(linker_script(sections, port))
    (folder / "README.md").write_text(board_readme(name, port, mlperf_tiny))
    return BoardSources(
        model=(*sorted(model.rglob("*.c")), *(ours / file for file in tied)),
        firmware=firmware,
        include=(ours,),
        optimize=COMPILER_FLAGS[artifact.manifest.optimize],
    )


def _copy_firmware(folder: Path, port: Port | str, mlperf: bool) -> tuple[Path, ...]:
    """Copy edgetool's own C files; those of them to compile. A vendor brings its own start-up."""
    origin = firmware_folder()
    files = [*origin.glob("edge_*.[ch]")]
    if isinstance(port, Port):
        files += [origin / START, origin / "ports" / f"{port.source}.c"]
    else:
        files.append(origin / "ports" / VENDORS[port])
    if mlperf:
        files += (origin / "mlperf").glob("*.[ch]" if isinstance(port, Port) else "edge_*.[ch]")
    copied = [Path(shutil.copy(file, folder / file.name)) for file in sorted(files)]
    return tuple(file for file in copied if file.suffix == ".c")


def _describe(artifact: Artifact, made: BoardFirmware) -> None:
    content = made.to_json()
    content["edgetool"] = __version__
    content["artifact_sha256"] = artifact.sha256
    (made.folder / DESCRIPTION).write_text(json.dumps(content, indent=2) + "\n")


def _moved(made: BoardFirmware, output: Path) -> BoardFirmware:
    """The same, where the folder has been renamed to."""
    image = made.image
    if image is not None:
        flat = output / image.flat.name if image.flat else None
        image = replace(image, elf=output / image.elf.name, flat=flat)
    return replace(made, folder=output, image=image)
