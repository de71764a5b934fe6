"""Enrol a device: whose key it shows, whether it lets the user in, then its record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgetool.devices.connection import connect, endpoint_of
from edgetool.devices.device import DEFAULT_ROOT, Backend, Device, fingerprint, mistakes
from edgetool.devices.login import parse_login
from edgetool.devices.store import check_new, save_device
from edgetool.errors import HostKeyError, UsageError
from edgetool.packs import Target, find_target

# Shown first: what OpenSSH itself asks for first.
BEST_KEYS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
             "rsa-sha2-512", "ssh-rsa")  # fmt: skip
HOW_TO_SEE = "on the device: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"

Ask = Callable[[str, str], bool]
"""Called with where a device is and its key's fingerprint: whether that is the one."""


@dataclass(frozen=True)
class Enrolment:
    """What a user says of a device.   login: USER@HOST[:PORT], None for this machine.

    host_key: the fingerprint that its key must have, None where the user is asked.
    """

    name: str
    target: str
    login: str | None = None
    host_key: str | None = None
    identity: Path | None = None
    backend: Backend = "paramiko"
    root: str = DEFAULT_ROOT
    force: bool = False


def enrol(enrolment: Enrolment, ask: Ask | None = None) -> Device:
    """Pin the host key, log in, and write the record; nothing is kept where one of it fails.

    ask: None in scripts, where a fingerprint must be given.
    Raises: UsageError; LinkError, HostKeyError, AuthenticationError, DeviceError.
    """
    check_new(enrolment.name, force=enrolment.force)
    device = _described(enrolment)
    _refuse_mistakes(device)
    if device.backend != "local":
        from edgetool.transports.ssh_session import scan_host_keys

        keys = scan_host_keys(endpoint_of(device))
        device = replace(device, host_keys=(_pinned(device, keys, enrolment.host_key, ask),))
    with connect(device) as transport:
        transport.run(["true"])
    save_device(device, force=enrolment.force)
    return device


def _described(enrolment: Enrolment) -> Device:
    """The device without its keys. Raises: UsageError for what does not go together."""
    login = parse_login(enrolment.login) if enrolment.login else None
    if (login is None) != (enrolment.backend == "local"):
        raise UsageError(
            "a device is USER@HOST, or this machine with --backend local",
            hints=("edgetool devices add pi5 pi@pi5.example --target raspberry-pi-5",
                   "edgetool devices add here --backend local --target host"),
        )  # fmt: skip
    device = Device(enrolment.name, _target_name(enrolment.target), root=enrolment.root,
                    backend=enrolment.backend)  # fmt: skip
    if login is None:
        return device
    identity = enrolment.identity.expanduser().absolute() if enrolment.identity else None
    if identity is not None and not identity.is_file():
        raise UsageError(
            f"identity '{identity}' is no file", hints=("--identity FILE: a private key",)
        )
    return replace(device, host=login.host, user=login.user, port=login.port,
                   identity=None if identity is None else str(identity))  # fmt: skip


def _refuse_mistakes(device: Device) -> None:
    """Raise UsageError for what no device can have, before anybody is asked."""
    wrong = [f"{key}: {sentence}" for key, sentence in mistakes(device) if key != "host_keys"]
    if wrong:
        raise UsageError(
            f"'{device.name}' cannot be enrolled so",
            details=wrong,
            hints=("edgetool devices add --help",),
        )


def _target_name(given: str) -> str:
    """A target's name, or where a target of the user's own is. Raises: PackError, UsageError."""
    target: Target = find_target(given)
    if target.family == "microcontroller":
        raise UsageError(
            f"'{target.name}' is a microcontroller: it has no SSH, and is not enrolled",
            hints=("--device /dev/ttyACM0 with `profile` and `verify`: docs/boards.md",),
        )
    return given if given == target.name else str(target.source.path)


def _pinned(device: Device, keys: Sequence[str], wanted: str | None, ask: Ask | None) -> str:
    """The host key that the device is known by from now on."""
    known = {fingerprint(key): key for key in sorted(keys, key=_rank)}
    if not known:
        raise HostKeyError(f"{device.where} shows no host key", hints=("is sshd running there?",))
    if wanted is not None:
        if wanted in known:
            return known[wanted]
        raise HostKeyError(
            f"no host key of {device.where} has the fingerprint {wanted}",
            details=[f"it shows: {key.split()[0]} {shown}" for shown, key in known.items()],
            hints=(f"compare {HOW_TO_SEE}", "is it the right host, and nobody in between?"),
        )
    best, key = next(iter(known.items()))
    if ask is None:
        raise UsageError(
            f"nobody can be asked whether {device.where} is the right device",
            details=(f"it shows: {key.split()[0]} {best}",),
            hints=(f"compare {HOW_TO_SEE}", f"then add --host-key {best}"),
        )
    if not ask(device.where, f"{key.split()[0]} {best}"):
        raise HostKeyError(
            f"{device.where} was not enrolled: its host key was not accepted",
            hints=(f"compare {HOW_TO_SEE}",),
        )
    return key


def _rank(key: str) -> int:
    kind = key.split()[0]
    return BEST_KEYS.index(kind) if kind in BEST_KEYS else len(BEST_KEYS)
