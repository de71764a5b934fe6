"""The network between a client and a server on loopback, with its faults: a TCP proxy.

with Link(server.port) as link:
    link.delay_s = 0.01                    # each way
    link.cut_after(1_000_000)              # the connection ends when so many bytes went up
    SshTransport(server.endpoint(port=link.port))
    link.blackhole()                       # nothing arrives any more, nobody is told
    link.heal()                            # what comes from now on arrives
    link.reset()                           # every connection ends with a TCP reset
    link.carried                           # bytes that went up and down so far
"""

from __future__ import annotations

import contextlib
import queue
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

PIECE_BYTES = 64 * 1024
HELD_PIECES = 1024  # on their way in one direction: 64 MiB, more than any window


@dataclass
class _Connection:
    client: socket.socket
    server: socket.socket

    def end(self, *, reset: bool) -> None:
        for side in (self.client, self.server):
            with contextlib.suppress(OSError):
                if reset:
                    side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    side.shutdown(socket.SHUT_RDWR)
            if reset:
                with contextlib.suppress(OSError):
                    side.shutdown(socket.SHUT_RD)  # wakes the thread that reads it
                side.close()


@dataclass
class Link:
    """A way to a port of this machine, by way of another port."""

    target_port: int
    delay_s: float = 0.0
    port: int = 0
    up: int = 0
    down: int = 0
    connections: int = 0
    _cut_at: int | None = None
    _silent: bool = False
    _open: list[_Connection] = field(default_factory=list)
    _listener: socket.socket = field(default_factory=socket.socket)

    def __enter__(self) -> Self:
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen(64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.reset()

    @property
    def carried(self) -> int:
        """Bytes in both directions, over all connections."""
        return self.up + self.down

    def cut_after(self, size: int) -> None:
        """End the connection as soon as `size` bytes more have gone up; not a byte more goes."""
        self._cut_at = self.up + size

    def blackhole(self) -> None:
        """Swallow everything, tell nobody."""
        self._silent = True

    def heal(self) -> None:
        """Undo blackhole() and cut_after() for what comes from now on."""
        self._silent = False
        self._cut_at = None

    def reset(self) -> None:
        """End every connection with a TCP reset."""
        connections, self._open = self._open, []
        for connection in connections:
            connection.end(reset=True)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target_port), timeout=10.0)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            for side in (client, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            connection = _Connection(client, server)
            self._open.append(connection)
            self._carry(connection, client, server, upwards=True)
            self._carry(connection, server, client, upwards=False)

    def _carry(
        self, connection: _Connection, source: socket.socket, sink: socket.socket, *, upwards: bool
    ) -> None:
        held: queue.Queue[tuple[float, bytes]] = queue.Queue(HELD_PIECES)
        threading.Thread(target=self._take, args=(source, held), daemon=True).start()
        arguments = (connection, sink, held, upwards)
        threading.Thread(target=self._deliver, args=arguments, daemon=True).start()

    def _take(self, source: socket.socket, held: queue.Queue[tuple[float, bytes]]) -> None:
        while True:
            try:
                data = source.recv(PIECE_BYTES)
            except OSError:
                data = b""
            held.put((time.monotonic() + self.delay_s, data))
            if not data:
                return

    def _deliver(
        self,
        connection: _Connection,
        sink: socket.socket,
        held: queue.Queue[tuple[float, bytes]],
        upwards: bool,
    ) -> None:
        while True:
            due, data = held.get()
            time.sleep(max(0.0, due - time.monotonic()))
            if self._silent:
                if not data:
                    return
                continue
            if upwards and self._cut_at is not None and self.up + len(data) >= self._cut_at:
                self._send(sink, data[: self._cut_at - self.up], upwards)
                connection.end(reset=False)
                return
            if not self._send(sink, data, upwards):
                return

    def _send(self, sink: socket.socket, data: bytes, upwards: bool) -> bool:
        """Whether more may come."""
        if upwards:
            self.up += len(data)
        else:
            self.down += len(data)
        try:
            if data:
                sink.sendall(data)
            else:
                sink.shutdown(socket.SHUT_WR)
        except OSError:
            return False
        return bool(data)
