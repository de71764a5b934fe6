"""A link to an enrolled device, by whichever backend its record names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgetool.devices.device import Device
from edgetool.transports.transport import Transport

if TYPE_CHECKING:
    from edgetool.transports.endpoint import Endpoint


def connect(device: Device) -> Transport:
    """Open a link to a device.

    Raises: LinkError when it cannot be reached, HostKeyError when it shows another key than the
    one that was pinned, AuthenticationError when it does not let the user in, MissingToolError
    without what the backend needs.
    """
    if device.backend == "local":
        from edgetool.transports.local import LocalTransport

        return LocalTransport()
    if device.backend == "openssh":
        from edgetool.transports.openssh import OpenSshTransport

        return OpenSshTransport(endpoint_of(device))
    from edgetool.transports.ssh import SshTransport

    return SshTransport(endpoint_of(device))


def endpoint_of(device: Device) -> Endpoint:
    """How to reach a device over SSH, as the user's ssh_config has it. Raises: UsageError."""
    from edgetool.transports.ssh_config import Login, resolve

    identity = Path(device.identity) if device.identity else None
    return resolve(Login(device.host, device.user, device.port, identity), device.host_keys)
