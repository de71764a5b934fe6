"""A serial line between edgetool and a program: a pseudo-terminal whose wire can be bad."""

from __future__ import annotations

import os
import select
import subprocess
import threading
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from edgetool.compilers.ports import firmware_folder
from needs import require_tool

Change = Callable[[bytes], bytes]
C = Path(__file__).parent / "firmware" / "c"
HOST_FLAGS = ("-std=c99", "-D_POSIX_C_SOURCE=200809L", "-Wall", "-Wextra", "-Werror",
              "-Wconversion", "-g", "-O1")  # fmt: skip
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def unchanged(data: bytes) -> bytes:
    """A good wire."""
    return data


class Line:
    """A program that speaks on standard input and output, behind a pseudo-terminal.

    path: of the port.   to_board, to_host: what the wire makes of bytes; may be set at any time.
    """

    def __init__(self, command: Sequence[str | Path]) -> None:
        self.command = [str(word) for word in command]
        self.to_board: Change = unchanged
        self.to_host: Change = unchanged
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._lock = threading.Lock()
        self._wake, self._awake = os.pipe()
        self._process = self._start()
        self._thread = threading.Thread(target=self._relay, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cut()
        for end in (self._wake, self._awake):
            os.close(end)

    def cut(self) -> None:
        """Unplug the board, for good."""
        if self._thread.is_alive():
            os.write(self._awake, b"x")
            if threading.current_thread() is not self._thread:
                self._thread.join(10)
        for end in (self._master, self._slave):
            with suppress(OSError):
                os.close(end)
        self._stop()

    def reset(self) -> None:
        """Let the board start anew, as if its supply had failed for a moment."""
        with self._lock:
            self._stop()
            self._process = self._start()

    @property
    def returncode(self) -> int | None:
        """Of the program, if it has ended."""
        return self._process.poll()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )

    def _stop(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with suppress(OSError):
                stream.close()

    def _relay(self) -> None:
        while True:
            with self._lock:
                process = self._process
                assert process.stdin is not None
                assert process.stdout is not None
                ends = [self._wake, self._master]
                if process.poll() is None:
                    ends.append(process.stdout.fileno())
                ready, _, _ = select.select(ends, [], [], 0.05)
                if self._wake in ready:
                    return
                with suppress(OSError):
                    if self._master in ready:
                        process.stdin.write(self.to_board(os.read(self._master, 4096)))
                    if len(ends) > 2 and ends[2] in ready:
                        os.write(self._master, self.to_host(process.stdout.read(4096) or b""))


def host_board(folder: Path, *options: str) -> Path:
    """The firmware and a model of three layers as a program of this machine, sanitized."""
    gcc = require_tool("gcc", "apt install gcc")
    origin = firmware_folder()
    program = folder / "host_board"
    sources = [*sorted(origin.glob("edge_*.c")), C / "host_board.c", C / "host_port.c"]
    if options:
        sources.append(origin / "mlperf" / "edge_mlperf.c")
    command = [gcc, *HOST_FLAGS, *options, *SANITIZERS, f"-I{origin}", *sources, "-o", program]
    subprocess.run([str(word) for word in command], check=True)
    return program


def qemu_command(machine: str, elf: Path) -> list[str]:
    """QEMU with its UART on standard input and output and an instruction clock."""
    qemu = require_tool("qemu-system-arm", "apt install qemu-system-arm")
    return [str(qemu), "-M", machine, "-kernel", str(elf), "-display", "none", "-monitor", "none",
            "-nodefaults", "-serial", "stdio", "-icount", "shift=8"]  # fmt: skip


@contextmanager
def qemu_on_a_pty(machine: str, elf: Path) -> Iterator[str]:
    """The path of the pseudo-terminal that QEMU itself opens, as a user starts it."""
    command = qemu_command(machine, elf)
    command[command.index("stdio")] = "pty"
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    try:
        said = process.stdout.readline().decode()
        assert "/dev/" in said, said
        yield said.split(" to ")[1].split()[0]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
