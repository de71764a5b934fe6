"""What every link to a device can do: run a command, talk to a program, move files.

A transport knows nothing of models, stores or agents. One connection serves many channels at a
time; every method may be called from several threads.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

OUTPUT_LIMIT_BYTES = 4 * 1024 * 1024  # what a device may answer to one command
COMMAND_TIMEOUT_S = 30.0

# Called with bytes done, bytes in all and what is moved.
TransferProgress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Completed:
    """A command that has ended.   exit_code: 128 + n when signal n ended it."""

    exit_code: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """stdout as text, without the white space at its end."""
        return self.stdout.decode("utf-8", "replace").rstrip()


@dataclass(frozen=True)
class Transfer:
    """A file that has been moved and whose sha256 was checked on the other side.

    size_bytes: of the file.   moved_bytes: that went over the link in this call, less than
    size_bytes after a resume, 0 when it was already there.   seconds: in all, hashing included.
    """

    size_bytes: int
    moved_bytes: int
    seconds: float


class Channel(ABC):
    """A program on the device, line by line.   Closing it closes the program's standard input."""

    @abstractmethod
    def send(self, data: bytes) -> None:
        """Write to the program's standard input, all of it. Raises: LinkError."""

    @abstractmethod
    def read_line(self, timeout_s: float) -> bytes | None:
        """The next line of standard output with its newline; None at the end of output.

        Raises: LinkError when the link is gone or nothing came within timeout_s; ProtocolError
        for a line of more than OUTPUT_LIMIT_BYTES.
        """

    @abstractmethod
    def close(self) -> Completed:
        """Close standard input, wait a little, end the program: exit code and standard error."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Transport(ABC):
    """A device over one link.

    where: for messages, as the user would type it ("pi@pi5.example", "this machine").
    Paths on the device are POSIX strings, absolute or relative to the user's home folder there.
    """

    where: str

    @abstractmethod
    def run(
        self,
        command: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_s: float = COMMAND_TIMEOUT_S,
    ) -> Completed:
        """Run a command (argument by argument, nothing is expanded) in the home folder.

        Raises: LinkError when the link is gone or the time is over; ProtocolError for more than
        OUTPUT_LIMIT_BYTES of output. An exit code is no error.
        """

    @abstractmethod
    def start(self, command: Sequence[str]) -> Channel:
        """Start a program to talk to. Raises: LinkError."""

    @abstractmethod
    def upload(
        self,
        source: Path,
        target: str,
        *,
        sha256: str | None = None,
        mode: int = 0o644,
        progress: TransferProgress | None = None,
    ) -> Transfer:
        """Copy a file to the device; at `target` there is the whole file or what was before.

        It grows as `target`.part, which a later call takes up after hashing what is there;
        its sha256 is checked on the device, it is synced, then renamed. Missing folders are made.
        sha256: of the file, when it is known already.
        Raises: LinkError, to be tried again; DeviceError: no space, not permitted, not as sent.
        """

    @abstractmethod
    def download(
        self,
        source: str,
        target: Path,
        *,
        limit_bytes: int,
        progress: TransferProgress | None = None,
    ) -> Transfer:
        """Copy a file from the device to a new file that the caller has named.

        Nothing at or outside `target` is overwritten or followed. Raises: LinkError; DeviceError
        when it is not a regular file, or longer than limit_bytes.
        """

    @abstractmethod
    def close(self) -> None:
        """Give the connection up; harmless when it is gone."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
