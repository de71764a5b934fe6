"""A device over SSH by OpenSSH's own client: for hardware keys and unusual configurations.

One connection is made (ControlMaster), every channel is a client process that goes through it.
"""

from __future__ import annotations

import contextlib
import random
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from edgetool.errors import (
    AuthenticationError,
    DeviceError,
    HostKeyError,
    LinkError,
    MissingToolError,
    UsageError,
)
from edgetool.transports.channel_slots import ChannelSlots
from edgetool.transports.endpoint import Endpoint, fingerprint
from edgetool.transports.process import ProcessChannel
from edgetool.transports.transport import EXIT_UNKNOWN, Channel, Completed, Transport

CHANNELS_MAX = 7  # OpenSSH's MaxSessions is 10; the connection itself holds one
TRIES = 8
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 3.0
KEEPALIVE_S = 10
SILENT_KEEPALIVES = 3
ALIAS = "edgetool-device"  # the name under which the pinned keys are known
READY = b"ready\n"
_CLIENT_FAILED = 255
# Holds the connection open as long as we hold its standard input: it ends with us, however we do.
_HOLD = "echo ready; exec cat"
_SOCKET_FOLDER = Path("/tmp")  # a socket's path has room for about a hundred letters

_DROPPED = ("kex_exchange_identification", "banner exchange", "MaxStartups")
_HOST_KEY = ("Host key verification failed", "host key is known", "no matching host key type")
_REFUSED = ("Permission denied", "Too many authentication failures", "authentication methods")


class OpenSshTransport(Transport):
    """A connection by the user's `ssh`, whose own settings apply but for the host keys.

    Only endpoint's keys are taken; the way there (jumps, ProxyCommand) is what ssh_config says.
    An exit code of 255 cannot be told from a lost link: commands that end with it give 254.
    Raises: MissingToolError, LinkError, HostKeyError, AuthenticationError, DeviceError.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        if sys.platform == "win32":
            raise UsageError("OpenSSH shares no connection on Windows", hints=("paramiko",))
        if not endpoint.host_keys:
            raise HostKeyError(
                f"no host key of {endpoint.where} is pinned", hints=("enrol the device again",)
            )
        self.where = endpoint.where
        self._endpoint = endpoint
        self._ssh = _find_ssh()
        base = _SOCKET_FOLDER if _SOCKET_FOLDER.is_dir() else None
        self._folder = Path(tempfile.mkdtemp(prefix="edgetool-", dir=base))
        self._slots = ChannelSlots(self.where, CHANNELS_MAX)
        try:
            self._write_known_hosts()
            self._master = self._connect()
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def start(self, command: Sequence[str]) -> Channel:
        """See Transport."""
        self._slots.acquire()
        try:
            # Without the shared connection ssh would make one of its own: it is to fail instead.
            way = ["-o", "ControlMaster=no", "-o", "ProxyCommand=false"]
            arguments = self._arguments(way, _command_line(command))
            return _ClientChannel(arguments, command[0], self.where, self._slots.release)
        except BaseException:
            self._slots.release()
            raise

    def close(self) -> None:
        """See Transport."""
        self._master.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _connect(self) -> ProcessChannel:
        for number in range(TRIES):
            master = _ClientChannel(
                self._arguments(["-o", "ControlMaster=yes"], _HOLD), "ssh", self.where, None
            )
            with contextlib.suppress(LinkError):
                if master.read_line(4 * self._endpoint.connect_timeout_s) == READY:
                    return master
            said = master.close().stderr.decode("utf-8", "replace").strip().splitlines()
            dropped = any(sign in line for sign in _DROPPED for line in said)
            if not dropped or number == TRIES - 1:
                raise _why(self._endpoint, said)
            pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**number)
            time.sleep(pause_s * random.uniform(0.5, 1.5))
        raise AssertionError("unreachable")

    def _arguments(self, options: Sequence[str], line: str) -> list[str]:
        endpoint = self._endpoint
        command = [self._ssh, "-T"]
        command += ["-F", str(endpoint.config_file)] if endpoint.config_file else []
        for name, value in self._settings().items():
            command += ["-o", f"{name}={value}"]
        for path in endpoint.identity_files:
            command += ["-i", str(path)]
        command += ["-l", endpoint.user, "-p", str(endpoint.port), *options]
        return [*command, "--", endpoint.alias or endpoint.host, line]

    def _settings(self) -> dict[str, str]:
        return {
            "BatchMode": "yes",
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": str(self._folder / "known_hosts"),
            "GlobalKnownHostsFile": "/dev/null",
            "KnownHostsCommand": "none",
            "HostKeyAlias": ALIAS,
            "UpdateHostKeys": "no",
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            "IdentitiesOnly": "yes" if self._endpoint.identities_only else "no",
            "ControlPath": str(self._folder / "socket"),
            "ControlPersist": "no",
            "ConnectTimeout": str(max(1, int(self._endpoint.connect_timeout_s))),
            "ServerAliveInterval": str(KEEPALIVE_S),
            "ServerAliveCountMax": str(SILENT_KEEPALIVES),
            "ClearAllForwardings": "yes",
            "ForwardAgent": "no",
            "ForwardX11": "no",
            "PermitLocalCommand": "no",
            "RemoteCommand": "none",
            "EscapeChar": "none",
            "LogLevel": "ERROR",
        }

    def _write_known_hosts(self) -> None:
        lines = [f"{ALIAS} {key}\n" for key in self._endpoint.host_keys]
        (self._folder / "known_hosts").write_text("".join(lines))


class _ClientChannel(ProcessChannel):
    """A client of the shared connection, which says with 255 that it is the link that failed."""

    def __init__(
        self, command: Sequence[str], name: str, where: str, released: Callable[[], None] | None
    ) -> None:
        super().__init__(command, name=name, where=where)
        self._released = released

    def close(self) -> Completed:
        """See Channel."""
        done = super().close()
        if self._released is not None:
            self._released()
            self._released = None
        return done

    def _receive(self, timeout_s: float) -> bytes | None:
        data = super()._receive(timeout_s)
        if data == b"" and self._wait(timeout_s) == _CLIENT_FAILED:
            raise self._lost("reading from")
        return data

    def _exit_code(self, code: int | None) -> int:
        return EXIT_UNKNOWN if code in (None, _CLIENT_FAILED) else super()._exit_code(code)


def _command_line(command: Sequence[str]) -> str:
    """See ssh.command_line; 255 is what the client itself says."""
    keep = "s=$?; if [ $s = 255 ]; then s=254; fi; exit $s"
    return shlex.join(["sh", "-c", f"{shlex.join(command)}\n{keep}"])


def _find_ssh() -> str:
    ssh = shutil.which("ssh")
    if ssh is None:
        raise MissingToolError(
            "the OpenSSH backend needs ssh, which is not installed",
            hints=("apt install openssh-client", "the paramiko backend"),
        )
    return ssh


def _why(endpoint: Endpoint, said: Sequence[str]) -> DeviceError:
    text = "\n".join(said)
    details = tuple(said[-3:])
    if any(sign in text for sign in _HOST_KEY):
        enrolled = [f"enrolled: {k.split()[0]} {fingerprint(k)}" for k in endpoint.host_keys]
        return HostKeyError(
            f"{endpoint.where} shows another host key than the one that was enrolled",
            details=(*enrolled, *details),
            hints=("find out why, and enrol the device again if it is rightly so",),
        )
    if any(sign in text for sign in _REFUSED):
        return AuthenticationError(
            f"{endpoint.where} does not let '{endpoint.user}' in",
            details=details,
            hints=(f"ssh-copy-id {endpoint.where.partition(':')[0]}", "ssh-add"),
        )
    return LinkError(
        f"cannot reach {endpoint.where}",
        details=details or ("no answer in time",),
        hints=("see whether the device is up and in the same network",),
    )
