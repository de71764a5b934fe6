"""A channel whose output comes in pieces: lines and bytes out of them."""

from __future__ import annotations

import time
from abc import abstractmethod

from edgetool.errors import LinkError, ProtocolError
from edgetool.transports.transport import OUTPUT_LIMIT_BYTES, Channel, Completed

SEND_TIMEOUT_S = 120.0  # an SD card that writes back what it cached takes nothing for long
CLOSING_S = 2.0
STDERR_KEPT_BYTES = 64 * 1024


class StreamChannel(Channel):
    """What channels share that differ in where pieces come from.

    name: the program, for messages.   where: the device.
    """

    def __init__(self, name: str, where: str) -> None:
        self.name = name
        self.where = where
        self._unread = bytearray()
        self._stderr = bytearray()
        self._completed: Completed | None = None

    @abstractmethod
    def _receive(self, timeout_s: float) -> bytes | None:
        """A piece of standard output, empty at its end, None when none came within timeout_s.

        What comes on standard error meanwhile goes to _keep_stderr. Raises: LinkError.
        """

    @abstractmethod
    def _end(self) -> int:
        """Let the program end, or end it: its exit code. Raises nothing."""

    def read(self, size_max: int, timeout_s: float) -> bytes:
        """See Channel."""
        if not self._unread:
            data = self._receive(timeout_s)
            if data is None:
                raise self._silent(timeout_s)
            if len(data) <= size_max:
                return data
            self._unread += data
        taken = bytes(self._unread[:size_max])
        del self._unread[:size_max]
        return taken

    def read_line(self, timeout_s: float) -> bytes | None:
        """See Channel."""
        deadline = time.monotonic() + timeout_s
        seen = 0
        while True:
            end = self._unread.find(b"\n", seen) + 1
            if end:
                return self._take(end)
            if len(self._unread) > OUTPUT_LIMIT_BYTES:
                raise ProtocolError(
                    f"{self.where}: '{self.name}' wrote a line of more than "
                    f"{OUTPUT_LIMIT_BYTES} bytes"
                )
            seen = len(self._unread)
            data = self._receive(max(0.0, deadline - time.monotonic()))
            if data is None:
                raise self._silent(timeout_s)
            if not data:
                return self._take(seen) if seen else None
            self._unread += data

    def close(self) -> Completed:
        """See Channel."""
        if self._completed is None:
            code = self._end()
            self._completed = Completed(code, b"", bytes(self._stderr))
        return self._completed

    def _take(self, size: int) -> bytes:
        taken = bytes(self._unread[:size])
        del self._unread[:size]
        return taken

    def _keep_stderr(self, data: bytes) -> None:
        """The last of it, which is where programs say why they ended."""
        self._stderr += data
        del self._stderr[:-STDERR_KEPT_BYTES]

    def _silent(self, timeout_s: float) -> LinkError:
        return LinkError(
            f"{self.where}: nothing from '{self.name}' within {timeout_s:g} s",
            hints=("see whether the device is up and not overloaded, then run it again",),
        )

    def _lost(self, doing: str, error: BaseException | None = None) -> LinkError:
        return LinkError(
            f"lost the link to {self.where} while {doing} '{self.name}'",
            details=(str(error),) if error is not None and str(error) else (),
            hints=("check the network and the device's power, then run it again",),
        )
