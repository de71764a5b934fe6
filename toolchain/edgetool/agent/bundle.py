"""The agent as one file that Python runs: its modules in a zip, the same bytes every time."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from edgetool.packs.finding import built_in_root

SOURCES = Path("targets", "linux", "agent")
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # of a zip's dates
_READABLE = 0o644 << 16


@dataclass(frozen=True)
class Bundle:
    """content: the zip.   sha256: of it, in hexadecimal."""

    content: bytes
    sha256: str

    @property
    def name(self) -> str:
        """What the agent calls itself: 16 digits of its sha256."""
        return self.sha256[:16]

    @property
    def path(self) -> str:
        """Where it lies on a device, below the device's root."""
        return f"agent/{self.name}.pyz"


@cache
def agent_bundle() -> Bundle:
    """The agent that comes with this edgetool."""
    return bundle_of(built_in_root() / SOURCES)


def bundle_of(folder: Path) -> Bundle:
    """The modules of a folder as a zip: sorted, stored, without dates."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for source in sorted(folder.glob("*.py")):
            entry = zipfile.ZipInfo(source.name, _EARLIEST)
            entry.create_system = 3  # Unix, whatever this machine is
            entry.external_attr = _READABLE
            archive.writestr(entry, source.read_bytes())
    content = stream.getvalue()
    return Bundle(content, hashlib.sha256(content).hexdigest())
