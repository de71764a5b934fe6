"""Links to this machine that are lost after a number of bytes, and agents that die with them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

from edgetool.errors import LinkError
from edgetool.transports.local import LocalTransport
from edgetool.transports.transport import Channel, Completed


class CutChannel(Channel):
    """A channel whose link is lost after some bytes from the device, in a line or between two."""

    def __init__(self, inner: Channel, bytes_left: int, kill: bool) -> None:
        self._inner = inner
        self._left = bytes_left
        self._kill = kill
        self._lines = b""

    def send(self, data: bytes) -> None:
        self._inner.send(data)

    def end_input(self) -> None:
        self._inner.end_input()

    def read(self, size_max: int, timeout_s: float) -> bytes:
        data = self._inner.read(size_max, timeout_s)
        self._left -= len(data)
        if self._left < 0:
            self._cut()
        return data

    def read_line(self, timeout_s: float) -> bytes | None:
        line = self._inner.read_line(timeout_s)
        self._left -= len(line or b"")
        if self._left < 0:
            self._cut()
        return line

    def _cut(self) -> None:
        if self._kill:
            os.killpg(self._inner._process.pid, signal.SIGKILL)  # type: ignore[attr-defined]
        self._inner.close()
        raise LinkError("cut by the test")

    def close(self) -> Completed:
        return self._inner.close()


class CutTransport(LocalTransport):
    """This machine behind links each of which bears a number of bytes from the agent."""

    def __init__(self, home: Path, bears: Iterator[int], kill: bool) -> None:
        super().__init__(home)
        self._bears = bears
        self._kill = kill

    def start(self, command: Sequence[str]) -> Channel:
        channel = super().start(command)
        return CutChannel(channel, next(self._bears), self._kill) if "-I" in command else channel
