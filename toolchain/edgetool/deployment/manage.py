"""What can be done with the releases on a device: see them, go back, clean up, change trust."""

from __future__ import annotations

from dataclasses import dataclass

from edgetool.deployment.answers import Collected, Listing, Reader, Switched
from edgetool.deployment.deploy import who
from edgetool.deployment.session import open_session
from edgetool.devices import Device
from edgetool.errors import UsageError


@dataclass(frozen=True)
class Trusted:
    """The keys a device trusts.   check: how it checks releases: see answers.CHECKS."""

    keys: tuple[str, ...]
    check: str


def list_deployments(device: Device) -> Listing:
    """Every release on a device, and its store. Raises: DeviceError."""
    with open_session(device) as session:
        return Reader(device.name).listing(session.call("deployments"))


def roll_back(device: Device, release: str | None, artifact: str | None = None) -> Switched:
    """Make current what was before, or the stored artifact whose sha256 starts so.

    release: None: the only one there is. Raises: UsageError where that is not clear; DeviceError.
    """
    with open_session(device) as session:
        reader = Reader(device.name)
        listing = reader.listing(session.call("deployments"))
        name = release if release is not None else _only_release(device, listing)
        wanted = None if artifact is None else _stored(device, listing, artifact)
        answer = session.call("rollback", release=name, artifact=wanted, by=who())
        return reader.switched(answer)


def collect(device: Device, keep: int) -> Collected:
    """Remove from a device's store what nothing needs. Raises: DeviceError."""
    with open_session(device) as session:
        return Reader(device.name).collected(session.call("collect", keep=keep))


def change_trust(device: Device, key: str, *, revoke: bool = False) -> Trusted:
    """Let a device trust a public key for releases, or no longer. Raises: DeviceError."""
    with open_session(device) as session:
        answer = session.call("trust", key=key, revoke=revoke)
        reader = Reader(device.name)
        return Trusted(reader.keys(answer), reader.check(answer))


def _only_release(device: Device, listing: Listing) -> str:
    names = [state.name for state in listing.releases]
    if len(names) == 1:
        return names[0]
    raise UsageError(
        f"'{device.name}' has {len(names)} releases"
        if names
        else f"'{device.name}' has no release",
        details=(f"they are: {', '.join(names)}",) if names else (),
        hints=("--name RELEASE",) if names else (f"edgetool deploy … --device {device.name}",),
    )


def _stored(device: Device, listing: Listing, prefix: str) -> str:
    """The one artifact of the store whose sha256 starts so."""
    found = [each.artifact for each in listing.store if each.artifact.startswith(prefix.lower())]
    if len(found) == 1 and prefix:
        return found[0]
    raise UsageError(
        f"{len(found) or 'no'} artifact{'s' * (len(found) > 1)} on '{device.name}' "
        f"with a sha256 that starts with '{prefix}'",
        hints=(f"edgetool deployments list --device {device.name} shows each's",),
    )
