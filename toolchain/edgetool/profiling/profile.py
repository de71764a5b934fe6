"""Profile an artifact by every means at hand here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgetool.artifact import Artifact
from edgetool.devices import Device
from edgetool.errors import UsageError
from edgetool.figures import Figure, Series
from edgetool.measure import Interval, Verdict
from edgetool.profiling.layer_cost import LayerCost
from edgetool.runtimes.serial_board import SerialBoard
from edgetool.runtimes.session import Progress
from edgetool.verification.verify import refuse_wrong_device

if TYPE_CHECKING:
    from edgetool.profiling.device_options import DeviceOptions


@dataclass(frozen=True)
class Profiled:
    """Figures of one artifact.

    figures: by name; each says how it was obtained.   runtimes: figures of each runtime that ran
    on this machine, by its name.   details: tools and flags.   notes: for people.
    sections: bytes of the model's code, constants and static data.
    layers: of generated C, in the order of execution; views cost nothing and are left out.
    samples: raw counts behind figures, by their name.   aims: figures by aim of --optimize.
    verdict: what the figures are worth, verdicts by runtime; None where nothing judges.
    intervals: of figures, by their name.
    """

    figures: Mapping[str, Figure]
    runtimes: Mapping[str, Mapping[str, Figure]] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    sections: Mapping[str, Figure] = field(default_factory=dict)
    layers: tuple[LayerCost, ...] = ()
    samples: Mapping[str, Series] = field(default_factory=dict)
    aims: Mapping[str, Mapping[str, Figure]] = field(default_factory=dict)
    verdict: Verdict | None = None
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    intervals: Mapping[str, Interval] = field(default_factory=dict)


def profile_artifact(
    artifact: Artifact,
    *,
    compiler: str | None = None,
    emulator: str | None = None,
    device: SerialBoard | Device | None = None,
    options: DeviceOptions | None = None,
    repeats: int | None = None,
    aims: bool = False,
    progress: Progress | None = None,
) -> Profiled:
    """Instructions, cycles, stack and sizes of C; latencies of host runtimes.

    device: a board that runs edgetool's firmware with this artifact, repeats: its inferences; or
    an enrolled device, options: how it is to be measured.
    aims: build and emulate for the other aims of --optimize too.
    Raises: MissingToolError, CompilerError, DeviceError, UsageError for options that do not
    go together.
    """
    if device is not None:
        if compiler or emulator or aims:
            raise UsageError(
                "--device and --compiler, --emulator or --aims are two ways to profile",
                hints=("leave out --device to emulate", "or keep it, and leave out the others"),
            )
        refuse_wrong_device(artifact, device)
        if isinstance(device, Device):
            return _on_device(artifact, device, options, repeats, progress)
        from edgetool.profiling.board import REPEATS, profile_on_board

        return profile_on_board(artifact, device, repeats or REPEATS, progress)
    if repeats is not None:
        raise UsageError(
            f"--repeats {repeats} counts inferences on a board, and none is named",
            hints=("add --device PORT", "leave out --repeats: the emulator counts exactly"),
        )
    if artifact.manifest.target["family"] == "microcontroller":
        from edgetool.profiling.emulated import profile_firmware

        return profile_firmware(artifact, artifact.target(), compiler, emulator, aims, progress)
    if compiler or emulator or aims:
        raise UsageError(
            "--compiler, --emulator and --aims are for microcontroller artifacts",
            hints=("without them, runtimes on this machine are measured",),
        )
    from edgetool.profiling.host import profile_on_host

    return profile_on_host(artifact, progress)


def _on_device(
    artifact: Artifact,
    device: Device,
    options: DeviceOptions | None,
    repeats: int | None,
    progress: Progress | None,
) -> Profiled:
    from edgetool.profiling.device import profile_on_device
    from edgetool.profiling.device_options import DeviceOptions

    if repeats is not None:
        raise UsageError(
            f"--repeats {repeats} is for boards on a serial port",
            hints=("--protocol FILE says how many windows and inferences",),
        )
    return profile_on_device(artifact, device, options or DeviceOptions(), progress)
