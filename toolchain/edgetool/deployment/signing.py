"""The key that signs this user's releases: made on first use, kept in the user's settings."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from edgetool.devices.store import config_folder
from edgetool.errors import MissingToolError
from edgetool.transports import ssh_keygen

NAMESPACE = "edgetool"
KEY_FILE = "signing_key"


@dataclass(frozen=True)
class Signed:
    """A release's signature, or why there is none."""

    signature: str | None
    why_not: str = ""


def sign_release(manifest: str) -> Signed:
    """The manifest signed with this user's key; without ssh-keygen, why it is not.

    Raises: UsageError for a key that cannot be used.
    """
    try:
        signature = ssh_keygen.sign(signing_key(), NAMESPACE, manifest.encode())
    except MissingToolError as error:
        return Signed(None, error.message)
    return Signed(signature)


def public_key() -> str:
    """The half that devices trust, "ssh-ed25519 AAAA…". Raises: MissingToolError, UsageError."""
    return ssh_keygen.public_half(signing_key())


def signing_key() -> Path:
    """The private half's file, made where there is none. Raises: as public_key."""
    path = config_folder() / KEY_FILE
    if not path.exists():
        _make(path)
    return path


def _make(path: Path) -> None:
    """Make a key aside and link it into place: of two makers one wins, with a whole key."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix=f".{KEY_FILE}.", dir=path.parent) as folder:
        made = Path(folder) / KEY_FILE
        ssh_keygen.make_key(made, "edgetool")
        with contextlib.suppress(FileExistsError):
            os.link(made, path)
