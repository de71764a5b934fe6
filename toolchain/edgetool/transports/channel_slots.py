"""How many programs may run over one connection at a time."""

from __future__ import annotations

import threading
import time

from edgetool.errors import LinkError

WAIT_S = 120.0


class ChannelSlots:
    """A count of channels, which a server's refusals may lower.   where: for messages."""

    def __init__(self, where: str, limit: int) -> None:
        self.where = where
        self._free = threading.Condition()
        self._used = 0
        self._limit = limit

    def acquire(self, deadline: float | None = None) -> None:
        """Wait until there may be one more. Raises: LinkError when none ends in time."""
        until = time.monotonic() + WAIT_S if deadline is None else deadline
        with self._free:
            while self._used >= self._limit:
                if not self._free.wait(max(0.0, until - time.monotonic())):
                    raise LinkError(
                        f"{self.where}: {self._used} programs run there over this connection, "
                        f"and none ended within {WAIT_S:g} s",
                        hints=("raise MaxSessions in the device's sshd_config",),
                    )
            self._used += 1

    def release(self) -> None:
        """One has ended."""
        with self._free:
            self._used -= 1
            self._free.notify()

    def lower(self) -> bool:
        """The server wants no more than there are: whether there are any."""
        with self._free:
            self._limit = min(self._limit, max(1, self._used))
            return self._used > 0
