"""A link to an enrolled device, by whichever backend its record names."""

from __future__ import annotations

from edgetool.devices.device import Device
from edgetool.errors import MissingToolError
from edgetool.transports.transport import Transport


def connect(device: Device) -> Transport:
    """Open a link to a device.

    Raises: LinkError when it cannot be reached, HostKeyError when it shows another key than the
    one that was pinned, AuthenticationError when it does not let the user in, MissingToolError
    without what the backend needs.
    """
    if device.backend == "local":
        from edgetool.transports.local import LocalTransport

        return LocalTransport()
    raise MissingToolError(
        f"'{device.name}' needs the backend {device.backend}, which this edgetool does not have",
        hints=("--backend local for this machine",),
    )
