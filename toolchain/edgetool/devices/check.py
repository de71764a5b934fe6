"""Whether what a target's description says is true of a device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from edgetool.agent import AgentClient
from edgetool.agent.facts import Facts, probe_device
from edgetool.agent.shell import probe_by_shell
from edgetool.devices.connection import connect
from edgetool.devices.device import Device
from edgetool.errors import NoPythonError
from edgetool.figures import Figure
from edgetool.packs import Target, find_target
from edgetool.transports.transport import Transport

Verdict = Literal["true", "untrue", "can be sent", "not known"]

# The kernel, the GPU and the firmware keep a part of the RAM for themselves: a Raspberry Pi with
# 512 MiB shows about 416 with the default split.
LEAST_RAM_SHOWN = 0.75
MOST_RAM_SHOWN = 1.02
ALSO = {"litert": ("litert", "tflite-runtime")}
SENT_RUNTIMES = ("onnxruntime", "litert")  # as wheels, where the device has none
# NVIDIA TensorRT support matrix, "Hardware and precision": INT8 on GPUs without DP4A is not there.
WITHOUT_INT8 = ("5.3", "6.0", "6.2")
CLOCK_OFF_S = 2.0
SAME_MACHINES = {"arm64": "aarch64", "amd64": "x86_64"}


@dataclass(frozen=True)
class Judged:
    """One thing that a target's description says.   fix: what to do where it is untrue."""

    name: str
    said: str
    found: str | None
    verdict: Verdict
    fix: str = ""


@dataclass(frozen=True)
class Checked:
    """A device beside its target.

    clock_offset_s: how far its clock is ahead of this machine's, give or take clock_uncertainty_s;
    None where there was only a shell to ask.
    """

    facts: Facts
    judged: tuple[Judged, ...]
    clock_offset_s: float | None = None
    clock_uncertainty_s: float | None = None

    @property
    def untrue(self) -> tuple[Judged, ...]:
        """What the description says and the device does not."""
        return tuple(each for each in self.judged if each.verdict == "untrue")

    @property
    def state(self) -> tuple[tuple[str, str | None], ...]:
        """(name, text) of what else the device said, in the order in which people read it."""
        facts, conditions = self.facts, self.facts.conditions
        governors = {cluster.governor for cluster in facts.cpu_clusters if cluster.governor}
        degrees = [f"{zone} {celsius:.1f} °C" for zone, celsius in conditions.temperatures_c]
        mode = conditions.power_mode
        return (
            ("board", facts.board_model),
            ("system", ", ".join(filter(None, (facts.os, facts.kernel, facts.libc)))),
            ("python", facts.python),
            ("openssh", facts.openssh),
            ("cpus", f"{len(facts.cpus_online)} online" if facts.cpus_online else None),
            ("governor", ", ".join(sorted(governors))),
            ("power mode", mode.name if mode else None),
            ("temperature", ", ".join(degrees)),
            ("root rights", facts.root_rights),
        )

    @property
    def figures(self) -> dict[str, Figure]:
        """What was measured of it."""
        found = {
            "disk_free_bytes": self.facts.disk_free_bytes,
            "memory_available_bytes": self.facts.memory_available_bytes,
            "clock_offset_s": self.clock_offset_s,
            "clock_uncertainty_s": self.clock_uncertainty_s,
        }
        return {
            name: Figure(value, "s" if name.endswith("_s") else "B", "measured")
            for name, value in found.items()
            if value is not None
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """What is no untruth and still worth knowing."""
        notes = []
        if self.facts.python is None:
            notes.append(
                "it has no Python 3: a shell answered, which knows less; deploy, verify and "
                "profile need it there (apt install python3)"
            )
        if self.clock_offset_s is not None and abs(self.clock_offset_s) > CLOCK_OFF_S:
            notes.append(
                f"its clock is {self.clock_offset_s:+.1f} s off: dates there are wrong, durations "
                "are not (timedatectl set-ntp true, or a clock battery)"
            )
        if self.facts.writable is False:
            notes.append("its folder cannot be written to: nothing can be deployed")
        return tuple(notes)


def check_device(device: Device) -> Checked:
    """Ask a device what it is. Raises: DeviceError and its kin; PackError for its target."""
    target = find_target(device.target)
    with connect(device) as transport:
        facts, *clock = _ask(transport, device.root)
    return Checked(facts, tuple(judge_target(target, facts)), *clock)


def _ask(transport: Transport, root: str) -> tuple[Facts] | tuple[Facts, float, float]:
    """What the agent says of a device and its clock, or where it cannot run, the shell."""
    try:
        with AgentClient(transport, root) as agent:
            return probe_device(agent), *agent.clock_offset()
    except NoPythonError:
        return (probe_by_shell(transport, root),)


def judge_target(target: Target, facts: Facts) -> list[Judged]:
    """Each fact of the description beside what the device says."""
    judged = [*_machine(target, facts), *_ram(target, facts)]
    judged += [_runtime(name, facts) for name in target.runtimes]
    judged += [*_precisions(target, facts), *_sensors(target, facts), *_power_modes(target, facts)]
    return judged


def _machine(target: Target, facts: Facts) -> Iterator[Judged]:
    if target.arch is None:
        return
    same = SAME_MACHINES.get(facts.machine, facts.machine) == target.arch
    fix = "enrol it with the target that it is: edgetool targets"
    found = facts.machine
    if target.arch == "aarch64" and (facts.bits == 32 or found.startswith("armv")):
        same, found = False, f"{found} with programs of 32 bits"
        fix = "install the board's 64-bit system, or enrol it with a target of your own for 32 bits"
    yield _fact("architecture", target.arch, found, same, fix)


def _ram(target: Target, facts: Facts) -> Iterator[Judged]:
    if target.ram_bytes is None:
        return
    found = facts.memory_bytes
    fits = found is not None and (
        LEAST_RAM_SHOWN * target.ram_bytes <= found <= MOST_RAM_SHOWN * target.ram_bytes
    )
    shown = None if found is None else f"{found / 2**20:,.0f} MiB to programs"
    fix = "a target of your own with ram_bytes of this board: docs/targets.md"
    yield _fact("RAM", f"{target.ram_bytes / 2**20:,.0f} MiB", shown, fits, fix)


def _runtime(name: str, facts: Facts) -> Judged:
    found = _installed(name, facts)
    if found is None and name in SENT_RUNTIMES and facts.python is not None:
        return Judged(f"runtime {name}", "runs", "not there", "can be sent")
    fix = "install JetPack's TensorRT: apt install tensorrt, trtexec is in /usr/src/tensorrt/bin"
    if name in SENT_RUNTIMES:
        fix = "apt install python3 there: its runtimes need it"
    return _fact(f"runtime {name}", "runs", found or "not there", found is not None, fix)


def _installed(name: str, facts: Facts) -> str | None:
    """A runtime's version on the device."""
    if name == "tensorrt":
        return None if facts.trtexec is None else f"{facts.tensorrt or '?'}, {facts.trtexec}"
    names = ALSO.get(name, (name,))
    found = [each for each in facts.runtimes if each.name in names]
    return f"{found[0].name} {found[0].version}" if found else None


def _precisions(target: Target, facts: Facts) -> Iterator[Judged]:
    if facts.compute_capability is None or "tensorrt" not in target.runtimes:
        return
    has = "int8" not in target.precisions or facts.compute_capability not in WITHOUT_INT8
    found = f"compute capability {facts.compute_capability}"
    fix = "a target without int8: this GPU has no instructions for it"
    yield _fact("precisions", " ".join(target.precisions), found, has, fix)


def _sensors(target: Target, facts: Facts) -> Iterator[Judged]:
    there = {rail.name for rail in facts.rails}
    for sensor in target.sensors:
        missing = [rail for rail in sensor.rails if rail not in there]
        found = ", ".join(rail for rail in sensor.rails if rail in there) or "none of them"
        fix = f"{', '.join(missing)} cannot be read: see the board's kernel and permissions"
        yield _fact(f"sensor {sensor.meter}", ", ".join(sensor.rails), found, not missing, fix)


def _power_modes(target: Target, facts: Facts) -> Iterator[Judged]:
    said = [mode.name for mode in target.power_modes]
    if not said:
        return
    there = [mode.name for mode in facts.power_modes]
    has = set(said) <= set(there)
    found = ", ".join(there) or "none"
    fix = "the board's nvpmodel has other modes: a target of your own with those"
    yield _fact("power modes", ", ".join(said), found, has, fix)


def _fact(name: str, said: str, found: str | None, holds: bool, fix: str) -> Judged:
    if found is None:
        return Judged(name, said, None, "not known")
    if holds:
        return Judged(name, said, found, "true")
    return Judged(name, said, found, "untrue", fix)
