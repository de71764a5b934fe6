"""A device over SSH, by paramiko: one connection, several channels at a time."""

from __future__ import annotations

import contextlib
import itertools
import shlex
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from edgetool.errors import LinkError
from edgetool.transports.channel_slots import WAIT_S, ChannelSlots
from edgetool.transports.endpoint import Endpoint
from edgetool.transports.ssh_session import DEAD_AFTER_S, open_session
from edgetool.transports.stream import CLOSING_S, SEND_TIMEOUT_S, StreamChannel
from edgetool.transports.transport import EXIT_UNKNOWN, Channel, Transport

if TYPE_CHECKING:
    import paramiko

CHANNELS_MAX = 8  # OpenSSH's MaxSessions is 10
REFUSED_PAUSE_S = 0.05
REFUSALS_WITHOUT_CAUSE = 20
PIECE_BYTES = 256 * 1024
_POLL_S = 0.25


class SshTransport(Transport):
    """A session with an SSH server.

    More channels than the server allows (at most CHANNELS_MAX) wait for one to end.
    Raises: MissingToolError, LinkError, HostKeyError, AuthenticationError, DeviceError.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.where = endpoint.where
        self._session = open_session(endpoint)
        self._slots = ChannelSlots(self.where, CHANNELS_MAX)

    def start(self, command: Sequence[str]) -> Channel:
        """See Transport."""
        channel = self._open_channel()
        try:
            channel.settimeout(DEAD_AFTER_S)
            channel.exec_command(command_line(command))
            channel.settimeout(_POLL_S)
        except Exception as error:  # paramiko raises whatever ended its thread
            channel.close()
            self._slots.release()
            raise self._lost(error) from error
        return _SshChannel(channel, command[0], self.where, self._slots.release)

    def close(self) -> None:
        """See Transport."""
        self._session.close()

    def _open_channel(self) -> paramiko.Channel:
        """A channel, as soon as there may be another one. Raises: LinkError."""
        deadline = time.monotonic() + WAIT_S
        for refusals in itertools.count():
            self._slots.acquire(deadline)
            try:
                return self._session.transport.open_session(timeout=DEAD_AFTER_S)
            except Exception as error:  # paramiko raises whatever ended its thread
                self._slots.release()
                if not _is_refusal(error) or not self._may_try_again(refusals):
                    raise self._lost(error) from error
                time.sleep(REFUSED_PAUSE_S)
        raise AssertionError("unreachable")

    def _may_try_again(self, refusals: int) -> bool:
        """Take note that the server wants no channel more. It may still count one that has just
        ended: with none of ours open it is asked a few times more."""
        return self._slots.lower() or refusals < REFUSALS_WITHOUT_CAUSE

    def _lost(self, error: Exception) -> LinkError:
        return LinkError(
            f"lost the link to {self.where}",
            details=(str(error) or type(error).__name__,),
            hints=("check the network and the device's power, then run it again",),
        )


def command_line(command: Sequence[str]) -> str:
    """What a server hands to the user's shell. A shell of ours around the command tells a signal
    that ended it as an exit code, which neither paramiko nor OpenSSH's client does."""
    return shlex.join(["sh", "-c", f"{shlex.join(command)}\nexit $?"])


def _is_refusal(error: Exception) -> bool:
    """Whether the server said no to a channel. Where several threads open one, paramiko gives the
    reason to any of them, and to the others a text."""
    import paramiko

    return isinstance(error, paramiko.ChannelException) or "Unable to open channel" in str(error)


class _SshChannel(StreamChannel):
    """Its timeouts are one for both directions: so the channel is polled, and time is kept here."""

    def __init__(
        self, channel: paramiko.Channel, name: str, where: str, released: Callable[[], None]
    ) -> None:
        super().__init__(name, where)
        self._channel = channel
        self._released = released

    def send(self, data: bytes) -> None:
        """See Channel."""
        left = memoryview(data)
        deadline = time.monotonic() + SEND_TIMEOUT_S
        while left:
            try:
                sent = self._channel.send(left)
            except TimeoutError as error:
                if time.monotonic() > deadline:
                    raise self._lost("writing to", TimeoutError("it takes no input")) from error
                continue
            except Exception as error:  # paramiko raises whatever ended its thread
                raise self._lost("writing to", error) from error
            if not sent:
                raise self._lost("writing to", EOFError("it has ended"))
            left = left[sent:]
            deadline = time.monotonic() + SEND_TIMEOUT_S

    def end_input(self) -> None:
        """See Channel."""
        with contextlib.suppress(Exception):
            self._channel.shutdown_write()

    def _receive(self, timeout_s: float) -> bytes | None:
        deadline = time.monotonic() + timeout_s
        while True:
            self._take_stderr()
            try:
                data = self._channel.recv(PIECE_BYTES)
            except TimeoutError:
                if time.monotonic() >= deadline:
                    return None
                continue
            except Exception as error:  # paramiko raises whatever ended its thread
                raise self._lost("reading from", error) from error
            if not data and self._is_cut():
                raise self._lost("reading from", EOFError("the connection was closed"))
            return bytes(data)

    def _is_cut(self) -> bool:
        transport = self._channel.get_transport()
        return not transport.is_active() and self._channel.exit_status == EXIT_UNKNOWN

    def _take_stderr(self) -> None:
        while self._channel.recv_stderr_ready():
            data = self._channel.recv_stderr(PIECE_BYTES)
            if not data:
                break
            self._keep_stderr(data)

    def _end(self) -> int:
        self.end_input()
        try:
            code = self._wait_for_exit(CLOSING_S)
            if code == EXIT_UNKNOWN and self._channel.get_transport().is_active():
                self._terminate()
                code = self._wait_for_exit(CLOSING_S)
            self._take_stderr()
        except Exception:  # the link is gone
            code = EXIT_UNKNOWN
        with contextlib.suppress(Exception):
            self._channel.close()
        self._released()
        return code

    def _wait_for_exit(self, timeout_s: float) -> int:
        deadline = time.monotonic() + timeout_s
        while not self._channel.status_event.wait(0.02) and time.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):
                if self._channel.recv_ready():
                    self._channel.recv(PIECE_BYTES)  # what nobody reads must not hold it up
            self._take_stderr()
        return int(self._channel.exit_status)

    def _terminate(self) -> None:
        """Ask the server for a SIGTERM (RFC 4254 6.9); OpenSSH does it from 7.9 on."""
        import paramiko

        message = paramiko.Message()
        message.add_byte(paramiko.common.cMSG_CHANNEL_REQUEST)
        message.add_int(self._channel.remote_chanid)
        message.add_string("signal")
        message.add_boolean(False)
        message.add_string("TERM")
        self._channel.get_transport()._send_user_message(message)
