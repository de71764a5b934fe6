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
EXIT_UNKNOWN = -1
FILES_AT_ONCE = 4

# Called with bytes done, bytes in all and what is moved.
TransferProgress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Completed:
    """A command that has ended.

    exit_code: 128 + n when signal n ended it, EXIT_UNKNOWN when the link was lost before the
    device could say.
    """

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
    """A program on the device.   One thread may write to it while another reads.

    Lines and bytes come from one stream, in order. Closing the channel closes the program's
    standard input; what the program wrote to standard error is in the Completed.
    """

    @abstractmethod
    def send(self, data: bytes) -> None:
        """Write to the program's standard input, all of it. Raises: LinkError."""

    @abstractmethod
    def end_input(self) -> None:
        """Close the program's standard input, and go on reading; harmless when done before."""

    @abstractmethod
    def read(self, size_max: int, timeout_s: float) -> bytes:
        """Some of standard output, as soon as there is any; empty at its end.

        Raises: LinkError when the link is gone or nothing came within timeout_s.
        """

    @abstractmethod
    def read_line(self, timeout_s: float) -> bytes | None:
        """The next line of standard output with its newline; None at the end of output.

        Raises: LinkError when the link is gone or no whole line came within timeout_s (what has
        come of it is kept for the next call); ProtocolError for a line of more than
        OUTPUT_LIMIT_BYTES.
        """

    @abstractmethod
    def close(self) -> Completed:
        """Close standard input, wait a little, end the program: exit code and standard error.

        A second call returns the same. Raises nothing.
        """

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
    The device needs a POSIX shell and the usual commands (BusyBox has them), and no Python.
    """

    where: str

    @abstractmethod
    def start(self, command: Sequence[str]) -> Channel:
        """Start a program (argument by argument, nothing is expanded) in the home folder.

        Raises: LinkError.
        """

    @abstractmethod
    def close(self) -> None:
        """Give the connection up; harmless when it is gone."""

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
        from edgetool.transports.command import run_command

        return run_command(self, command, stdin, timeout_s)

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

        It grows as `target`.<16 digits of its sha256>.part, which a later call takes up after
        hashing what is there; its sha256 is checked on the device, it is synced, then renamed.
        Missing folders are made. Several may upload the same target at once, from anywhere: each
        writes a whole file, the last one stays.
        sha256: of the file, when it is known already.   progress: counts what was there as done.
        Raises: LinkError, to be tried again; NoSpaceError; NotPermittedError; DeviceError when
        what arrived is not what was sent; UsageError when `source`
        cannot be read, changes meanwhile or has another sha256.
        """
        from edgetool.transports.upload import Upload, send_file

        return send_file(self, Upload(source, target, sha256, mode), progress)

    def upload_many(
        self, files: Sequence[tuple[Path, str]], *, mode: int = 0o644
    ) -> list[Transfer]:
        """Copy files, (source, target) each, several at a time, each as upload() does.

        Raises: what upload() raises for the first that fails; files before it are there, what of
        the others has arrived is taken up by the next call.
        """
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
            tasks = [pool.submit(self.upload, *file, mode=mode) for file in files]
            try:
                return [task.result() for task in tasks]
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def download(
        self,
        source: str,
        target: Path,
        *,
        limit_bytes: int,
        progress: TransferProgress | None = None,
    ) -> Transfer:
        """Copy a file from the device to a new file that the caller has named.

        It appears whole or not at all. Nothing at or outside `target` is overwritten or followed.
        Raises: LinkError; OutputExistsError; NotPermittedError; DeviceError when it is not a
        regular file, longer than limit_bytes, or changed while it was read.
        """
        from edgetool.transports.download import Download, fetch_file

        return fetch_file(self, Download(source, target, limit_bytes), progress)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
