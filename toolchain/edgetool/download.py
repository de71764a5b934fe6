"""Downloads: https, a time limit, a size limit, a hash; never a half-written file."""

from __future__ import annotations

import hashlib
import http.client
import os
import ssl
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from edgetool.errors import UsageError

LARGEST_BYTES = 256 << 20
"""Cap for a file whose size the recipe does not say."""
TIMEOUT_S = 30.0
"""Longest silence of a server."""
DEADLINE_S = 600.0
"""Longest download."""
CHUNK_BYTES = 1 << 16

NETWORK_ERRORS = (
    urllib.error.URLError,
    http.client.HTTPException,
    TimeoutError,
    ConnectionError,
    ssl.SSLError,
)

Progress = Callable[[int, int | None], None]
"""Called with the bytes received so far and the bytes expected, where known."""


def download(
    url: str,
    destination: Path,
    sha256: str,
    size_bytes: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Fetch url into destination, which appears complete and verified, or not at all.

    Raises: UsageError naming the url if it cannot be reached, is too large, stops early, or is
    not the file with this sha256.
    """
    limit = size_bytes or LARGEST_BYTES
    with _translated_errors(url, destination), _aside(destination) as stream:
        with _open(url) as response:
            expected = size_bytes or _content_length(response)
            digest, count = _copy(response, stream, limit, lambda n: _tell(progress, n, expected))
        _refuse_short(url, count, expected)
        if digest != sha256:
            raise UsageError(
                f"{url}: not the expected file",
                details=[f"sha256 expected {sha256}", f"sha256 received {digest}"],
            )


@contextmanager
def _aside(destination: Path) -> Iterator[IO[bytes]]:
    """A temporary file beside destination that takes its name when the block ends well."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".download-", dir=destination.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
        Path(name).chmod(0o644)
        Path(name).replace(destination)
    finally:
        Path(name).unlink(missing_ok=True)


class _StayEncrypted(urllib.request.HTTPRedirectHandler):
    """Refuses a redirect that leaves https."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise UsageError(f"{req.full_url}: redirected to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _open(url: str) -> Any:
    opener = urllib.request.build_opener(_StayEncrypted)
    request = urllib.request.Request(url, headers={"User-Agent": "edgetool"})
    return opener.open(request, timeout=TIMEOUT_S)


def _content_length(response: Any) -> int | None:
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None


def _copy(
    response: Any, stream: IO[bytes], limit: int, tell: Callable[[int], None]
) -> tuple[str, int]:
    """Copy at most limit bytes. Returns: sha256 in hexadecimal, bytes copied."""
    digest, count, deadline = hashlib.sha256(), 0, time.monotonic() + DEADLINE_S
    while chunk := response.read1(CHUNK_BYTES):
        count += len(chunk)
        if count > limit:
            raise UsageError(f"{response.url}: larger than the {limit} bytes allowed")
        if time.monotonic() > deadline:
            raise UsageError(f"{response.url}: took longer than {DEADLINE_S:.0f} s")
        digest.update(chunk)
        stream.write(chunk)
        tell(count)
    return digest.hexdigest(), count


def _tell(progress: Progress | None, count: int, expected: int | None) -> None:
    if progress is not None:
        progress(count, expected)


def _refuse_short(url: str, count: int, expected: int | None) -> None:
    if expected is not None and count < expected:
        raise UsageError(
            f"{url}: ended after {count} of {expected} bytes", hints=["the same command again"]
        )


@contextmanager
def _translated_errors(url: str, destination: Path) -> Iterator[None]:
    hints = ["EDGETOOL_MIRROR=FOLDER, a folder that has the file under any name"]
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        raise UsageError(f"{url}: the server answered {error.code}", hints=hints) from error
    except NETWORK_ERRORS as error:
        reason = getattr(error, "reason", None) or error
        raise UsageError(f"{url}: cannot be downloaded: {reason}", hints=hints) from error
    except OSError as error:
        raise UsageError(f"{destination}: cannot be written: {error.strerror or error}") from error
