"""One release to many devices at once: what fails on one does not stop the others."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from edgetool.deployment.deploy import Deployed, Deployment, Progress
from edgetool.devices import Device
from edgetool.errors import EdgetoolError

AT_ONCE = 32  # as many SSH connections as one process still serves quickly


@dataclass(frozen=True)
class Outcome:
    """What came of one device: one of the two is there."""

    device: str
    deployed: Deployed | None = None
    error: EdgetoolError | None = None


def deploy_to_all(
    deployment: Deployment, devices: Sequence[Device], progress: Progress | None = None
) -> list[Outcome]:
    """Deploy to every device, in parallel; outcomes in the order of the devices."""

    def deploy(device: Device) -> Outcome:
        try:
            return Outcome(device.name, deployed=deployment.to(device, progress))
        except EdgetoolError as error:
            return Outcome(device.name, error=error)

    if len(devices) == 1:
        return [deploy(devices[0])]
    with ThreadPoolExecutor(min(AT_ONCE, len(devices))) as threads:
        return list(threads.map(deploy, devices))
