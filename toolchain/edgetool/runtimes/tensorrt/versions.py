"""Which TensorRT a board has, from what it says about itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgetool.errors import ProtocolError

# trtexec prints NV_TENSORRT_VERSION: major*1000 + minor*100 + patch until TensorRT 9,
# major*10000 + minor*100 + patch since 10 (include/NvInferVersion.h of each).
BANNER = re.compile(r"TensorRT\.trtexec \[TensorRT v(\d{4,6})\]")
# "8.2.1", "libnvinfer.so.8.5.2", "8.2.1-1+cuda10.2", "10.3.0.30-1+cuda12.5", "TensorRT 10.3.0"
DOTTED = re.compile(r"(?<!\d)(?<!\d\.)(\d{1,3})\.(\d{1,3})(?:\.(\d{1,4}))?(?:\.\d+)*(?!\d)")
FIRST_WIDE_BANNER = 100_000
OLDEST_MAJOR = 7
NEWEST_MAJOR = 99


@dataclass(frozen=True, order=True)
class TensorRtVersion:
    """A version of TensorRT; later ones are greater."""

    major: int
    minor: int
    patch: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


def parse_version(text: str) -> TensorRtVersion:
    """The version in a trtexec banner, a library's file name or a package's version.

    Raises: ProtocolError where there is none.
    """
    banner = BANNER.search(text)
    found = _from_banner(int(banner[1])) if banner else _from_dotted(text)
    if found is None or not OLDEST_MAJOR <= found.major <= NEWEST_MAJOR:
        raise ProtocolError(f"no TensorRT version in {text[:80]!r}")
    return found


def _from_banner(number: int) -> TensorRtVersion:
    if number >= FIRST_WIDE_BANNER:
        return TensorRtVersion(number // 10_000, number // 100 % 100, number % 100)
    return TensorRtVersion(number // 1000, number // 100 % 10, number % 100)


def _from_dotted(text: str) -> TensorRtVersion | None:
    match = DOTTED.search(text)
    if match is None:
        return None
    return TensorRtVersion(int(match[1]), int(match[2]), int(match[3] or 0))
