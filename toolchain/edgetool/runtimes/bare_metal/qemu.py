"""Run an image in qemu-system-arm or -riscv32: the harness in the image does the work.

Instructions are exact: with -icount every instruction takes the same virtual time, the harness
reads a clock of the machine before and after the call; an empty call gives the clock's own cost.
"""

from __future__ import annotations

import functools
import re
import shutil
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from edgetool.compilers import Image
from edgetool.compilers.machines import Machine, is_known_to_qemu
from edgetool.errors import DeviceError, MissingToolError
from edgetool.packs.schema import Core
from edgetool.runtimes.bare_metal.outputs import split_outputs
from edgetool.runtimes.bare_metal.process import Finished, run_to_end
from edgetool.runtimes.bare_metal.qemu_blocks import BlockPlugin, prepare_plugin
from edgetool.runtimes.bare_metal.result import (
    EmulatedRun,
    Fault,
    Inference,
    damage_error,
    stack_error,
    status_error,
    timeout_error,
)

_CALIBRATION, _INFERENCE, _FAULT = 1, 2, 3  # record.h
_EXIT_FILES = 2
_NO_DAMAGE = 0xFFFF_FFFF
_RECORD = struct.Struct("<IiIIIIII")

ARM_SHIFT = 8
"""An instruction takes 2**8 ns of virtual time: several ticks of the 20 to 32 MHz counters, so that
a count is exact and not within one."""
COARSE_HZ = 100


@dataclass(frozen=True)
class _Record:
    kind: int
    status: int
    elapsed_low: int
    elapsed_high: int
    stack_bytes: int
    arena_bytes: int
    damaged: int
    known: int


def run_in_qemu(
    image: Image, core: Core, inputs: tuple[Inference, ...], count: bool, timeout_s: float
) -> EmulatedRun:
    """As edgetool.runtimes.bare_metal.run; blocks come from all inferences."""
    if not is_known_to_qemu(image.machine):
        raise DeviceError(
            f"QEMU cannot run {core.name}: its pack names no machine that edgetool knows",
            hints=["--emulator unicorn"],
        )
    qemu = find_qemu(core)
    with tempfile.TemporaryDirectory(prefix="edgetool-qemu-") as folder:
        directory = Path(folder)
        plugin = prepare_plugin(qemu, image, directory) if count else None
        _write_request(directory, inputs)
        command = _command(qemu, image, plugin)
        finished = run_to_end(command, directory, timeout_s)
        records = _read_records(directory)
        _refuse_failure(image, finished, records, timeout_s)
        outputs = split_outputs((directory / "outputs").read_bytes(), image.plan, len(inputs))
        blocks = plugin.read() if plugin else ()
    inferences = [record for record in records if record.kind == _INFERENCE]
    return EmulatedRun(
        outputs=outputs,
        instructions=_instructions(image.machine, records) if count else (),
        stack_bytes=max(record.stack_bytes for record in inferences),
        arena_used_bytes=max(record.arena_bytes for record in inferences),
        emulator=_version(qemu),
        blocks=blocks,
        counted=len(inferences) if blocks else 0,
    )


def find_qemu(core: Core) -> str:
    """Path of the emulator. Raises: MissingToolError with the install line."""
    name = "qemu-system-riscv32" if core.isa.startswith("rv") else "qemu-system-arm"
    found = shutil.which(name)
    if found is None:
        package = "qemu-system-misc" if core.isa.startswith("rv") else "qemu-system-arm"
        raise MissingToolError(
            f"no {name} to run {core.name}",
            details=[f"looked for: {name} on PATH"],
            hints=[f"apt install {package}", "--emulator unicorn"],
        )
    return found


def _write_request(directory: Path, inputs: tuple[Inference, ...]) -> None:
    parts = [struct.pack("<I", len(inputs)), *(part for inference in inputs for part in inference)]
    (directory / "request").write_bytes(b"".join(parts))


def _command(qemu: str, image: Image, plugin: BlockPlugin | None) -> list[str]:
    machine = image.machine
    command = [qemu, "-M", machine.name, "-kernel", str(image.elf)]
    if machine.fpgaio is None:
        command += ["-bios", "none", "-m", "64M"]
    command += ["-display", "none", "-monitor", "none", "-serial", "none", "-nodefaults"]
    command += ["-semihosting-config", "enable=on,target=native"]
    command += ["-icount", f"shift={ARM_SHIFT if machine.fpgaio else 0},sleep=off"]
    return command + (plugin.arguments if plugin else [])


def _read_records(directory: Path) -> list[_Record]:
    path = directory / "records"
    content = path.read_bytes() if path.exists() else b""
    whole = len(content) - len(content) % _RECORD.size
    return [_Record(*fields) for fields in _RECORD.iter_unpack(content[:whole])]


def _refuse_failure(
    image: Image, finished: Finished, records: list[_Record], timeout_s: float
) -> None:
    inferences = [record for record in records if record.kind == _INFERENCE]
    for index, record in enumerate(inferences):
        _refuse_bad_inference(image, record, index)
    if finished.returncode == 0:
        return
    if finished.returncode is None:
        raise timeout_error(image, timeout_s, f"inference: {len(inferences)}")
    if any(record.kind == _FAULT and record.known for record in records):
        raise stack_error(image, len(inferences))
    fault = _fault(finished, records, len(inferences))
    if fault:
        raise fault.error(image)
    said = finished.stderr.strip().splitlines()[:8]
    reason = "cannot use its files" if finished.returncode == _EXIT_FILES else "ended early"
    raise DeviceError(f"QEMU {reason} (exit code {finished.returncode})", details=said)


def _refuse_bad_inference(image: Image, record: _Record, index: int) -> None:
    if record.stack_bytes >= image.stack_bytes:
        raise stack_error(image, index)
    if record.damaged != _NO_DAMAGE:
        raise damage_error(image, record.damaged, index)
    if record.status != 0:
        raise status_error(image, record.status, index)


def _fault(finished: Finished, records: list[_Record], inference: int) -> Fault | None:
    for record in records:
        if record.kind == _FAULT:
            cause = record.status & 0xFFFF_FFFF
            what = f"faulted (cause {cause:#010x}, address {record.stack_bytes:#010x})"
            return Fault(what, record.elapsed_low, record.elapsed_high, inference)
    lockup = re.search(r"Lockup.*?R14=([0-9a-f]{8}) R15=([0-9a-f]{8})", finished.stderr, re.DOTALL)
    if lockup:
        lr, pc = (int(register, 16) for register in lockup.groups())
        return Fault("faulted twice: the stack pointer is outside RAM", pc, lr, inference)
    return None


def _instructions(machine: Machine, records: list[_Record]) -> tuple[int, ...]:
    """Executed by each inference: two calls of known length show the clock's own cost, and that it
    tells instructions exactly.
    """
    empty, loop = (record for record in records if record.kind == _CALIBRATION)
    cost = _elapsed(machine, empty) - empty.known
    if _elapsed(machine, loop) - cost != loop.known:
        raise DeviceError(
            f"this QEMU's {machine.name} has a clock that does not tell executed instructions",
            details=[f"counted {_elapsed(machine, loop) - cost} instead of {loop.known}"],
            hints=["--emulator unicorn", "another version of QEMU (7.2 is known to work)"],
        )
    return tuple(_elapsed(machine, r) - cost for r in records if r.kind == _INFERENCE)


def _elapsed(machine: Machine, record: _Record) -> int:
    """Instructions between two readings of the clock.

    The counter wraps every few minutes of virtual time; the 100 Hz counter tells how often it did.
    """
    if machine.fpgaio is None:
        return record.elapsed_low | record.elapsed_high << 32
    wrap_s = 2**32 / machine.counter_hz
    fine_s = record.elapsed_low / machine.counter_hz
    wraps = round((record.elapsed_high / COARSE_HZ - fine_s) / wrap_s)
    ticks = record.elapsed_low + (wraps << 32)
    return round(ticks * 1_000_000_000 / (machine.counter_hz << ARM_SHIFT))


@functools.cache
def _version(qemu: str) -> str:
    said = subprocess.run([qemu, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"version (\d[\d.]*)", said)
    return f"qemu {found.group(1) if found else '?'}"
