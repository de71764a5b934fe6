"""What a deployment consists of: an artifact's files by sha256, as one text that can be signed."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgetool.artifact import MANIFEST, Artifact
from edgetool.errors import UsageError
from edgetool.packs.finding import is_id

SCHEMA_VERSION = 1
PACKED_BYTES_MAX = 1 << 20
"""Smaller files are sent end to end as one: each file of its own costs round trips."""


@dataclass(frozen=True)
class ReleaseFile:
    """A file of a release.   path: in the artifact, with "/"."""

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Release:
    """An artifact as it is deployed.   artifact_sha256: names it on the device.

    manifest: the text that is signed, the same bytes for every device.
    """

    folder: Path
    artifact_sha256: str
    files: tuple[ReleaseFile, ...]
    manifest: str

    @property
    def size_bytes(self) -> int:
        """Of all files."""
        return sum(file.size_bytes for file in self.files)


@dataclass(frozen=True)
class Parcel:
    """What is sent.   alone: files of their own.   packed: small ones, end to end in this order."""

    alone: tuple[ReleaseFile, ...]
    packed: tuple[ReleaseFile, ...]

    @property
    def size_bytes(self) -> int:
        """That goes over the link."""
        return sum(file.size_bytes for file in (*self.alone, *self.packed))

    @property
    def disk_bytes(self) -> int:
        """That the device has to have: what is packed is there twice until it is unpacked."""
        return self.size_bytes + sum(file.size_bytes for file in self.packed)


def release_of(artifact: Artifact) -> Release:
    """The release that an artifact makes."""
    hashes = {**artifact.manifest.files, MANIFEST: artifact.sha256}
    files = tuple(
        ReleaseFile(path, sha256, (artifact.folder / path).stat().st_size)
        for path, sha256 in sorted(hashes.items())
    )
    content = {
        "schema_version": SCHEMA_VERSION,
        "kind": "release",
        "artifact": artifact.sha256,
        "files": {f.path: {"sha256": f.sha256, "size": f.size_bytes} for f in files},
    }
    manifest = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return Release(artifact.folder, artifact.sha256, files, manifest)


def parcel_of(release: Release, lacking: Collection[str]) -> Parcel:
    """The files with these hashes, each once."""
    by_hash: Mapping[str, ReleaseFile] = {file.sha256: file for file in release.files}
    wanted = [by_hash[sha256] for sha256 in sorted(lacking)]
    return Parcel(
        alone=tuple(file for file in wanted if file.size_bytes > PACKED_BYTES_MAX),
        packed=tuple(file for file in wanted if file.size_bytes <= PACKED_BYTES_MAX),
    )


def release_name(artifact: Artifact, given: str | None) -> str:
    """The name to deploy under: as given, or the artifact's folder's. Raises: UsageError."""
    name = artifact.folder.resolve().name if given is None else given
    if is_id(name):
        return name
    wanted = "small letters, digits, '.', '_' and '-', at most 63, a letter or digit first"
    raise UsageError(
        f"a release cannot be called {name!r}",
        details=() if given else ("that is the name of the artifact's folder",),
        hints=(f"--name NAME: {wanted}",),
    )
