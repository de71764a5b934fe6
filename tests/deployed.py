"""Artifacts to deploy, and what must hold on a device whatever happened to a deployment."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from dataclasses import replace
from pathlib import Path

from edgetool.artifact import MANIFEST, Artifact, write_manifest
from edgetool.devices import Device
from ssh_server import SshServer

RELEASE = "model"


def device_of(server: SshServer, name: str = "board", port: int | None = None) -> Device:
    """The server as an enrolled device.   port: of a link in between."""
    return Device(
        name,
        "host",
        host=server.host,
        user=server.user,
        port=port or server.port,
        host_keys=(server.host_key,),
        identity=str(server.identity),
    )


def with_weights(artifact: Path, folder: Path, seed: int, size: int) -> Artifact:
    """A copy of an artifact with random weights beside its model."""
    copy = Path(shutil.copytree(artifact, folder))
    (copy / "weights.bin").write_bytes(random.Random(seed).randbytes(size))
    (copy / MANIFEST).unlink()  # it lists every other file
    manifest = Artifact.open(artifact).manifest
    write_manifest(copy, replace(manifest, name=f"seed_{seed}"))
    return Artifact.open(copy)


def assert_sound(root: Path) -> None:
    """Fail unless every artifact of the store is whole, and every release points at one."""
    for stored in (root / "store").glob("*"):
        listed = json.loads((stored / ".release.json").read_text())["files"]
        assert listed["manifest.json"]["sha256"] == stored.name
        for path, entry in listed.items():
            content = (stored / path).read_bytes()
            assert hashlib.sha256(content).hexdigest() == entry["sha256"], stored / path
    for current in (root / "releases").glob("*/current"):
        assert current.resolve().parent == (root / "store").resolve(), current
        assert (current / "manifest.json").is_file(), current


def current(root: Path, release: str = RELEASE) -> str | None:
    """sha256 of the artifact that a release points at."""
    link = root / "releases" / release / "current"
    return link.readlink().name if link.is_symlink() else None
