"""A channel to a process of this machine: a local program, or a client that speaks to a device."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgetool.errors import LinkError, MissingToolError
from edgetool.transports.stream import CLOSING_S, SEND_TIMEOUT_S, StreamChannel

PIECE_BYTES = 256 * 1024
_SIGNALLED = 128


class ProcessChannel(StreamChannel):
    """A program with pipes, in a session of its own so that it can be ended with its children."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        name: str,
        where: str,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(name, where)
        self._process = _start(command, name, where, folder, environment)
        self._input_open = True
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
        self._output = selectors.DefaultSelector()
        self._output.register(self._fd("stdout"), selectors.EVENT_READ, "stdout")
        self._output.register(self._fd("stderr"), selectors.EVENT_READ, "stderr")

    def send(self, data: bytes) -> None:
        """See Channel."""
        left = memoryview(data)
        deadline = time.monotonic() + SEND_TIMEOUT_S
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._fd("stdin"), selectors.EVENT_WRITE)
                while left:
                    if not selector.select(max(0.0, deadline - time.monotonic())):
                        raise self._lost("writing to", TimeoutError("it takes no input"))
                    with contextlib.suppress(BlockingIOError):
                        left = left[os.write(self._fd("stdin"), left) :]
                        deadline = time.monotonic() + SEND_TIMEOUT_S
        except (OSError, ValueError) as error:
            raise self._lost("writing to", error) from error

    def end_input(self) -> None:
        """See Channel."""
        if self._input_open and self._process.stdin is not None:
            self._input_open = False
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def _receive(self, timeout_s: float) -> bytes | None:
        deadline = time.monotonic() + timeout_s
        try:
            while True:
                ready = self._output.select(max(0.0, deadline - time.monotonic()))
                for key, _ in ready:
                    data = self._read_from(key.fd)
                    if key.data == "stdout" and data is not None:
                        return data
                if not ready and time.monotonic() >= deadline:
                    return None
        except (OSError, ValueError, KeyError) as error:  # closed by another thread
            raise self._lost("reading from", error) from error

    def _read_from(self, fd: int) -> bytes | None:
        """What is there, empty at the end; standard error is kept, and is None."""
        try:
            data = os.read(fd, PIECE_BYTES)
        except BlockingIOError:
            return None
        if fd == self._fd("stdout"):
            return data
        self._keep_stderr(data)
        if not data:
            self._output.unregister(fd)
        return None

    def _end(self) -> int:
        self.end_input()
        deadline = time.monotonic() + CLOSING_S
        with contextlib.suppress(LinkError):
            while time.monotonic() < deadline and self._receive(deadline - time.monotonic()):
                pass
        code = self._wait(max(0.1, deadline - time.monotonic()))
        for number in (signal.SIGTERM, signal.SIGKILL):
            if code is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, number)
                code = self._wait(CLOSING_S)
        self._drain_stderr()
        self._output.close()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        return self._exit_code(code)

    def _exit_code(self, code: int | None) -> int:
        if code is None:
            return _SIGNALLED + signal.SIGKILL
        return _SIGNALLED - code if code < 0 else code

    def _wait(self, timeout_s: float) -> int | None:
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def _drain_stderr(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while data := os.read(self._fd("stderr"), PIECE_BYTES):
                self._keep_stderr(data)

    def _fd(self, name: str) -> int:
        return int(getattr(self._process, name).fileno())


def _start(
    command: Sequence[str],
    name: str,
    where: str,
    folder: Path | None,
    environment: Mapping[str, str] | None,
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=environment,
            bufsize=0,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise MissingToolError(f"{where} has no '{name}'", details=(str(error),)) from error
    except OSError as error:
        raise LinkError(f"cannot start '{name}' on {where}", details=(str(error),)) from error
