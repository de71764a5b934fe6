"""Send a file so that it is whole or not there: resumed, hashed, synced, renamed.

What is done on the device is in upload.sh, for any POSIX shell; every transport only carries it.
"""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from edgetool.errors import DeviceError, EdgetoolError, LinkError, ProtocolError, UsageError
from edgetool.transports.refusals import refusal
from edgetool.transports.transport import EXIT_UNKNOWN, Channel, Transfer, TransferProgress

if TYPE_CHECKING:
    from edgetool.transports.transport import Transport

PIECE_BYTES = 256 * 1024
ROUNDS = 6  # other hosts that upload the same file may each spoil one
PART_DIGITS = 16
# How long a device may take to answer: a slow SD card under load. A lost link shows earlier.
ANSWER_S = 60.0
SLOWEST_BYTES_PER_S = 2e6

# upload.sh's exit codes; every other than these and 0 is an error that standard error tells.
_SHORT, _MIXED = 22, 23


@dataclass(frozen=True)
class Upload:
    """What is to be sent where.   target: on the device.   sha256: None when not known."""

    source: Path
    target: str
    sha256: str | None
    mode: int


@dataclass
class _Sending:
    """An upload under way.   stamp: what shows that the source was written to."""

    transport: Transport
    stream: BinaryIO
    target: str
    size: int
    sha256: str
    mode: int
    stamp: tuple[int, int]
    progress: TransferProgress | None
    moved: int = 0


def send_file(transport: Transport, upload: Upload, progress: TransferProgress | None) -> Transfer:
    """See Transport.upload."""
    start = time.monotonic()
    target = path_on_device(upload.target)
    try:
        with upload.source.open("rb") as stream:
            stamp = _stamp(stream)
            sha256 = upload.sha256 or _hash(stream, stamp[0])
            sending = _Sending(
                transport, stream, target, stamp[0], sha256, upload.mode, stamp, progress
            )
            _send_until_there(sending)
    except OSError as error:
        raise UsageError(f"cannot read '{upload.source}'", details=(str(error),)) from error
    return Transfer(stamp[0], sending.moved, time.monotonic() - start)


def path_on_device(path: str) -> str:
    """A path that no command takes for an option. Raises: UsageError for one of no file."""
    if not path or "\0" in path or path.endswith("/") or path.rsplit("/", 1)[-1] in (".", ".."):
        raise UsageError(f"{path!r} is not a file's path on a device")
    return path if path.startswith("/") else f"./{path}"


def _send_until_there(sending: _Sending) -> None:
    for _ in range(ROUNDS):
        if _send_once(sending):
            return
        _refuse_other_content(sending)
    raise DeviceError(
        f"what arrived as '{_shown(sending.target)}' on {sending.transport.where} is not what was "
        f"sent, {ROUNDS} times",
        hints=(
            "see whether something else writes there, or the device's disk or memory is failing",
        ),
    )


def _send_once(sending: _Sending) -> bool:
    """Whether the file is there now; False when what is there is not what was sent."""
    part = f"{sending.target}.{sending.sha256[:PART_DIGITS]}.part"
    arguments = (sending.target, str(sending.size), sending.sha256, f"{sending.mode:o}", part)
    channel = sending.transport.start(["sh", "-c", script("upload.sh"), "upload", *arguments])
    try:
        with channel:
            return _talk(sending, channel)
    except (LinkError, _UnexpectedError) as error:
        return _why(sending, channel, error)


class _UnexpectedError(Exception):
    """The script said something else, or ended."""


def _talk(sending: _Sending, channel: Channel) -> bool:
    patience_s = ANSWER_S + sending.size / SLOWEST_BYTES_PER_S
    line = channel.read_line(patience_s)
    if line == b"there\n":
        _report(sending, sending.size)
        return True
    offset, goes_on = _resume_at(sending, line)
    channel.send(b"go\n" if goes_on else b"again\n")
    _send_from(sending, channel, offset if goes_on else 0)
    channel.end_input()
    if channel.read_line(patience_s) != b"done\n":
        raise _UnexpectedError
    return True


def _resume_at(sending: _Sending, line: bytes | None) -> tuple[int, bool]:
    """(bytes on the device, whether they are the file's first)."""
    words = (line or b"").decode("ascii", "replace").split()
    if len(words) != 3 or words[0] != "have" or not words[1].isdigit():
        raise _UnexpectedError
    offset = int(words[1])
    sending.stream.seek(0)
    known = offset <= sending.size and _hash(sending.stream, offset) == words[2]
    return offset, offset == 0 or known


def _send_from(sending: _Sending, channel: Channel, offset: int) -> None:
    sending.stream.seek(offset)
    _report(sending, offset)
    while offset < sending.size:
        piece = sending.stream.read(min(PIECE_BYTES, sending.size - offset))
        if not piece or _stamp(sending.stream) != sending.stamp:
            raise UsageError(f"'{sending.stream.name}' changed while it was sent")
        channel.send(piece)
        offset += len(piece)
        sending.moved += len(piece)
        _report(sending, offset)


def _why(sending: _Sending, channel: Channel, error: Exception) -> bool:
    """False for content that is to be sent again. Raises: why the upload ended."""
    done = channel.close()
    where = sending.transport.where
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    if done.exit_code == _MIXED:
        return False
    if done.exit_code == _SHORT and isinstance(error, _UnexpectedError):
        return False  # all was sent: another host's upload took the part's place meanwhile
    if done.exit_code in (EXIT_UNKNOWN, _SHORT) or done.exit_code >= 128:
        if isinstance(error, EdgetoolError):
            raise error
        raise LinkError(
            f"lost the link to {where} while sending '{_shown(sending.target)}'",
            details=said[-3:],
            hints=("run it again: it goes on where it stopped",),
        ) from error
    if done.exit_code == 0:
        raise ProtocolError(f"{where} ended an upload without a word", details=said[-3:])
    raise refusal(f"write '{_shown(sending.target)}'", where, said) from error


def _refuse_other_content(sending: _Sending) -> None:
    """Raises: UsageError when it is the file here that is not as announced."""
    sending.stream.seek(0)
    if _hash(sending.stream, sending.size) != sending.sha256:
        raise UsageError(
            f"'{sending.stream.name}' does not have the sha256 {sending.sha256}",
            hints=("see whether something writes to it",),
        )


def _report(sending: _Sending, done: int) -> None:
    if sending.progress is not None:
        sending.progress(done, sending.size, _shown(sending.target))


def _shown(path: str) -> str:
    return path.removeprefix("./")


def _stamp(stream: BinaryIO) -> tuple[int, int]:
    status = os.fstat(stream.fileno())
    return status.st_size, status.st_mtime_ns


def _hash(stream: BinaryIO, size: int) -> str:
    digest = hashlib.sha256()
    while size > 0:
        piece = stream.read(min(PIECE_BYTES, size))
        if not piece:
            break
        digest.update(piece)
        size -= len(piece)
    return digest.hexdigest()


def script(name: str) -> str:
    """A shell script of this room without its comments."""
    lines = files(__package__).joinpath(name).read_text("utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("#"))
