"""Whether a device can take a release, before a byte of it is sent."""

from __future__ import annotations

from edgetool.artifact import Artifact
from edgetool.deployment.answers import Preflight
from edgetool.deployment.release import Parcel
from edgetool.devices import Device
from edgetool.errors import DeviceError, NoSpaceError, UsageError

SPARE_BYTES = 1 << 20  # for folders, the manifest and the agent's own files
SAME_MACHINES = {"arm64": "aarch64", "amd64": "x86_64"}


def refuse_microcontroller(artifact: Artifact) -> None:
    """Raise UsageError for an artifact that runs on no Linux board."""
    target = artifact.manifest.target
    if target["family"] == "microcontroller":
        raise UsageError(
            f"'{artifact.folder}' is for '{target['name']}', a microcontroller: it is not deployed "
            "but flashed",
            hints=(f"edgetool firmware {artifact.folder}",),
        )


def refuse_wrong_machine(artifact: Artifact, device: Device, found: Preflight) -> None:
    """Raise DeviceError where the artifact's target has another architecture than the device."""
    target = artifact.target()
    machine = SAME_MACHINES.get(found.machine, found.machine)
    if target.arch in (None, machine):
        return
    raise DeviceError(
        f"'{device.name}' is {found.machine}, and the artifact is for {target.arch}",
        details=(f"compiled for '{target.name}'; the device is enrolled as '{device.target}'",),
        hints=(
            f"edgetool compile MODEL --target {device.target}, then deploy that",
            f"edgetool devices check {device.name}",
        ),
    )


def refuse_full_disk(parcel: Parcel, device: Device, found: Preflight) -> None:
    """Raise NoSpaceError where what is to be sent does not fit."""
    needed = parcel.disk_bytes + SPARE_BYTES if parcel.size_bytes else 0
    if needed > found.free_bytes:
        raise NoSpaceError(
            f"no space left on '{device.name}' below {device.root}",
            details=(f"{needed:,} bytes are needed, {found.free_bytes:,} are free",),
            hints=(
                f"edgetool deployments collect --device {device.name} removes what nothing needs",
                "edgetool devices add … --root DIR for a folder on another disk",
            ),
        )
