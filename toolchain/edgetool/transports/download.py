"""Fetch a file whose name, content and length a device may lie about.

What is done on the device is in download.sh.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from edgetool.errors import DeviceError, LinkError, OutputExistsError, ProtocolError, UsageError
from edgetool.transports.refusals import refusal
from edgetool.transports.transport import EXIT_UNKNOWN, Channel, Transfer, TransferProgress
from edgetool.transports.upload import ANSWER_S, SLOWEST_BYTES_PER_S, path_on_device, script

if TYPE_CHECKING:
    from edgetool.transports.transport import Transport

PIECE_BYTES = 256 * 1024
SILENCE_S = 60.0
_TOO_LONG = 32  # download.sh's exit code


@dataclass(frozen=True)
class Download:
    """What is to be fetched.   source: on the device.   target: a new file here."""

    source: str
    target: Path
    limit_bytes: int


def fetch_file(
    transport: Transport, download: Download, progress: TransferProgress | None
) -> Transfer:
    """See Transport.download."""
    start = time.monotonic()
    source = path_on_device(download.source)
    with _new_file(download.target) as stream:
        size = _fetch(transport, source, download.limit_bytes, stream, progress)
    return Transfer(size, size, time.monotonic() - start)


def _fetch(
    transport: Transport,
    source: str,
    limit_bytes: int,
    stream: BinaryIO,
    progress: TransferProgress | None,
) -> int:
    channel = transport.start(
        ["sh", "-c", script("download.sh"), "download", source, str(limit_bytes)]
    )
    with channel:
        try:
            size = _announced(channel, limit_bytes)
            sha256 = _receive(channel, size, stream, _named(progress, size, source))
            said = channel.read_line(ANSWER_S + size / SLOWEST_BYTES_PER_S)
        except (LinkError, _EndedError) as error:
            raise _why(transport, channel, source, limit_bytes, error) from error
    if said != f"{sha256}\n".encode():
        raise _changed(transport, source)
    return size


class _EndedError(Exception):
    """The device sent less than it announced."""


def _announced(channel: Channel, limit_bytes: int) -> int:
    words = (channel.read_line(ANSWER_S) or b"").split()
    if not words:
        raise _EndedError
    if len(words) != 2 or words[0] != b"size" or not words[1].isdigit() or len(words[1]) > 18:
        raise ProtocolError("the answer to a download is not its size", details=(repr(words),))
    size = int(words[1])
    if size > limit_bytes:
        raise ProtocolError(f"{size} bytes are announced, {limit_bytes} are the limit")
    return size


def _receive(channel: Channel, size: int, stream: BinaryIO, report: TransferProgress | None) -> str:
    digest = hashlib.sha256()
    done = 0
    while done < size:
        piece = channel.read(min(PIECE_BYTES, size - done), SILENCE_S)
        if not piece:
            raise _EndedError
        digest.update(piece)
        stream.write(piece)
        done += len(piece)
        if report is not None:
            report(done, size, "")
    return digest.hexdigest()


def _named(progress: TransferProgress | None, size: int, source: str) -> TransferProgress | None:
    if progress is None:
        return None
    name = source.removeprefix("./")
    progress(0, size, name)
    return lambda done, total, _: progress(done, total, name)


def _why(
    transport: Transport, channel: Channel, source: str, limit_bytes: int, error: Exception
) -> Exception:
    done = channel.close()
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    if done.exit_code == 0:
        return _changed(transport, source)
    if done.exit_code == _TOO_LONG:
        said = [f"{' '.join(said)}, the limit is {limit_bytes} bytes"]
    if done.exit_code != EXIT_UNKNOWN and done.exit_code < 128:
        return refusal(f"read '{source.removeprefix('./')}'", transport.where, said)
    if isinstance(error, LinkError):
        return error
    return LinkError(
        f"lost the link to {transport.where} while fetching '{source}'",
        details=said[-3:],
        hints=("run it again",),
    )


def _changed(transport: Transport, source: str) -> DeviceError:
    return DeviceError(
        f"'{source.removeprefix('./')}' on {transport.where} changed while it was read",
        hints=("fetch it when nothing writes to it",),
    )


@contextlib.contextmanager
def _new_file(target: Path) -> Iterator[BinaryIO]:
    """A file that gets its name when it is whole, and is gone otherwise."""
    aside = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
    try:
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW, 0o600)
    except OSError as error:
        raise UsageError(f"cannot write to '{target.parent}'", details=(str(error),)) from error
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        _name(aside, target)
    finally:
        aside.unlink(missing_ok=True)


def _name(aside: Path, target: Path) -> None:
    """Give a file its name unless that is taken, by a dangling link even."""
    try:
        os.link(aside, target)
    except FileExistsError:
        raise OutputExistsError(f"'{target}' is there already") from None
    except OSError:  # a file system without hard links
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW, 0o600))
        aside.replace(target)


_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)  # Windows has none
