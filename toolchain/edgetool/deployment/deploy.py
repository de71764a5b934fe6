"""Deploy a release to a device: ask what it lacks, send that, let it check and switch."""

from __future__ import annotations

import getpass
import hashlib
import socket
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgetool.artifact import Artifact
from edgetool.deployment import judge
from edgetool.deployment.answers import Preflight, Reader
from edgetool.deployment.release import Parcel, Release, parcel_of, release_name, release_of
from edgetool.deployment.session import Session, open_session
from edgetool.deployment.signing import Signed, sign_release
from edgetool.devices import Device
from edgetool.errors import LinkError

ATTEMPTS = 3  # a lost link costs nothing but time: what was sent is taken up
State = Literal["deployed", "already there", "dry-run"]
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Deployed:
    """A release on a device.

    state: "already there" where it was current, and nothing had to change.
    release_bytes: of all its files; moved_bytes: of those that were sent, or would be.
    previous: sha256 of another artifact that was current before.   check: see answers.CHECKS.
    """

    device: str
    release: str
    state: State
    release_bytes: int
    moved_bytes: int
    seconds: float
    previous: str | None
    check: str


@dataclass(frozen=True)
class Deployment:
    """What is to be deployed, the same to every device."""

    artifact: Artifact
    release: Release
    name: str
    signed: Signed
    dry_run: bool = False

    @classmethod
    def prepare(
        cls, artifact: Artifact, name: str | None = None, *, dry_run: bool = False
    ) -> Deployment:
        """Name and sign an artifact. Raises: UsageError for one that cannot be deployed."""
        judge.refuse_microcontroller(artifact)
        release = release_of(artifact)
        called = release_name(artifact, name)
        return cls(artifact, release, called, sign_release(release.manifest), dry_run)

    def to(self, device: Device, progress: Progress | None = None) -> Deployed:
        """Deploy to a device; a link that is lost is made anew, and what was sent stays sent.

        Raises: LinkError when it is lost again and again, DeviceError when the device cannot take
        the release. Whatever happens, what was current stays so until the new release is whole.
        """
        for _ in range(ATTEMPTS - 1):
            try:
                return self._once(device, progress)
            except LinkError:
                continue
        return self._once(device, progress)

    def _once(self, device: Device, progress: Progress | None) -> Deployed:
        started = time.monotonic()
        with open_session(device) as session:
            found = self._preflight(session)
            parcel = parcel_of(self.release, found.lacks)
            judge.refuse_wrong_machine(self.artifact, device, found)
            judge.refuse_full_disk(parcel, device, found)
            if self.dry_run:
                return self._result(device, "dry-run", found, parcel.size_bytes, started)
            if found.current == self.release.artifact_sha256 and not found.lacks:
                return self._result(device, "already there", found, 0, started)
            moved = self._send(session, found, parcel, progress)
            self._install(session, found, parcel)
            return self._result(device, "deployed", found, moved, started)

    def _preflight(self, session: Session) -> Preflight:
        answer = session.call(
            "preflight",
            manifest=self.release.manifest,
            release=self.name,
            reserve=not self.dry_run,
        )
        asked = frozenset(file.sha256 for file in self.release.files)
        return Reader(session.device.name).preflight(answer, asked)

    def _send(
        self, session: Session, found: Preflight, parcel: Parcel, progress: Progress | None
    ) -> int:
        """Upload what is lacking; the bytes that went over the link."""
        folder = f"{session.device.root}/{found.incoming}"

        def show(done: int, total: int, _: str) -> None:
            if progress:
                progress(done, total, session.device.name)

        moved = 0
        for file in parcel.alone:
            source = self.release.folder / file.path
            target = f"{folder}/{file.sha256}"
            sent = session.transport.upload(source, target, sha256=file.sha256, progress=show)
            moved += sent.moved_bytes
        if parcel.packed:
            with tempfile.TemporaryDirectory(prefix="edgetool-deploy-") as aside:
                packed = self._pack(parcel, Path(aside))
                sent = session.transport.upload(packed, f"{folder}/{packed.name}", progress=show)
                moved += sent.moved_bytes
        return moved

    def _pack(self, parcel: Parcel, folder: Path) -> Path:
        content = b"".join((self.release.folder / f.path).read_bytes() for f in parcel.packed)
        path = folder / pack_name(parcel)
        path.write_bytes(content)
        return path

    def _install(self, session: Session, found: Preflight, parcel: Parcel) -> None:
        packed = None
        if parcel.packed:
            packed = {"file": pack_name(parcel), "files": [f.sha256 for f in parcel.packed]}
        answer = session.call(
            "install",
            manifest=self.release.manifest,
            signature=self.signed.signature,
            release=self.name,
            incoming=found.incoming,
            packed=packed,
            by=who(),
        )
        reader = Reader(session.device.name)
        if reader.switched(answer).artifact != self.release.artifact_sha256:
            reader.refuse("it installed another artifact")

    def _result(
        self, device: Device, state: State, found: Preflight, moved: int, started: float
    ) -> Deployed:
        return Deployed(
            device.name,
            self.name,
            state,
            self.release.size_bytes,
            moved,
            time.monotonic() - started,
            None if found.current == self.release.artifact_sha256 else found.current,
            found.check,
        )


def pack_name(parcel: Parcel) -> str:
    """Of the file that small files are sent as: the same files give the same name."""
    names = "".join(file.sha256 for file in parcel.packed)
    return f"pack-{hashlib.sha256(names.encode()).hexdigest()}"


def who() -> str:
    """Who deploys from where, for the device's history."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "?"
    text = f"{user}@{socket.gethostname()}"
    return "".join(c for c in text if c.isprintable())[:100]
