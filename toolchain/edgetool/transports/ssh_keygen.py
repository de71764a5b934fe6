"""Keys and signatures through OpenSSH's ssh-keygen: ssh-keygen(1), -Y sign.

Signing is there from OpenSSH 8.1 on.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from edgetool.errors import MissingToolError, UsageError

TIMEOUT_S = 30.0
PROGRAM = "ssh-keygen"


def make_key(path: Path, comment: str) -> None:
    """Write an ed25519 key without a passphrase to path and path.pub. Raises: as sign."""
    _run(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)], b"")


def public_half(key: Path) -> str:
    """The public key of a private one, "ssh-ed25519 AAAA…". Raises: as sign."""
    return " ".join(_run(["-y", "-f", str(key)], b"").decode("ascii").split()[:2])


def sign(key: Path, namespace: str, message: bytes) -> str:
    """An armoured signature of a message.

    Raises: MissingToolError without an ssh-keygen that can; UsageError with what it said.
    """
    return _run(["-q", "-Y", "sign", "-n", namespace, "-f", str(key)], message).decode("ascii")


def _run(arguments: list[str], stdin: bytes) -> bytes:
    program = shutil.which(PROGRAM)
    if program is None:
        raise _missing("is not installed")
    try:
        done = subprocess.run(
            [program, *arguments], input=stdin, capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise UsageError(f"{PROGRAM} did not finish within {TIMEOUT_S:g} s") from error
    said = done.stderr.decode("utf-8", "replace").strip()
    if "unknown option" in said or "illegal option" in said:
        raise _missing("is older than OpenSSH 8.1")
    if done.returncode != 0:
        raise UsageError(
            f"{PROGRAM} failed (exit code {done.returncode})",
            details=said.splitlines()[-4:],
            hints=("check the key's file and its permissions; without it, a new key is made",),
        )
    return done.stdout


def _missing(why: str) -> MissingToolError:
    return MissingToolError(
        f"{PROGRAM} {why}", hints=("install OpenSSH's client (apt install openssh-client)",)
    )
