"""Whose releases this device takes: keys below trust/, asked through OpenSSH's ssh-keygen.

ssh-keygen -Y verify is there from OpenSSH 8.1 on: ssh-keygen(1). Before, the sha256 of every file
is all that can be checked, and that is said.
"""

import os
import re
import subprocess
import tempfile

from refusal import Refused

FOLDER = "trust"
ALLOWED = "allowed_signers"  # its format: ssh-keygen(1), ALLOWED SIGNERS
NAMESPACE = "edgetool"
SIGNER = "edgetool"
KEY = re.compile(r"(ssh-ed25519|ecdsa-sha2-nistp\d{3}|ssh-rsa) [A-Za-z0-9+/]+={0,2}")
TIMEOUT_S = 20
_verifies = []  # what _can_verify has found out, once a session


def allowed_file(root):
    """The file with the keys."""
    return os.path.join(root, FOLDER, ALLOWED)


def state(root):
    """ "signature", or why only sha256 stands for a release: "no-key" or "no-tool"."""
    if not os.path.isfile(allowed_file(root)):
        return "no-key"
    return "signature" if _can_verify() else "no-tool"


def check(root, text, signature):
    """How a manifest was checked: as state says. Raises: Refused where a signature must be and
    is none of a key that is trusted here."""
    found = state(root)
    if found != "signature":
        return found
    if signature is None:
        raise Refused("signature", "the release is not signed, and this device asks for it")
    if not _verify(root, text, signature):
        raise Refused("signature", "no key that is trusted here has signed this release")
    return found


def keys(root):
    """The trusted keys, each "ssh-ed25519 AAAA…"."""
    try:
        with open(allowed_file(root)) as stream:
            lines = stream.read().splitlines()
    except FileNotFoundError:
        return []
    return [line.split(" ", 2)[2] for line in lines if line.count(" ") >= 3]


def change(root, key, revoke):
    """Trust a key, or trust it no longer; the keys that are trusted then."""
    if not KEY.fullmatch(key):
        raise Refused("key", "this is no public key of ssh-keygen's")
    left = [other for other in keys(root) if other != key]
    if not revoke:
        left.append(key)
    lines = [f'{SIGNER} namespaces="{NAMESPACE}" {other}\n' for other in left]
    _replace(allowed_file(root), "".join(lines))
    return left


def _can_verify():
    """Whether there is an ssh-keygen that knows -Y verify; an older one takes it for a mistake."""
    if not _verifies:
        said = _run(["ssh-keygen", "-Y", "verify"], b"")
        known = said is not None and not re.search(b"unknown option|illegal option", said[1])
        _verifies.append(known)
    return _verifies[0]


def _verify(root, text, signature):
    with tempfile.NamedTemporaryFile(suffix=".sig") as stored:
        stored.write(signature.encode("utf-8"))
        stored.flush()
        command = ["ssh-keygen", "-Y", "verify", "-f", allowed_file(root), "-I", SIGNER]
        command += ["-n", NAMESPACE, "-s", stored.name]
        done = _run(command, text.encode("utf-8"))
    return done is not None and done[0] == 0


def _run(command, stdin):
    """(exit code, standard error), None where there is no such program."""
    try:
        done = subprocess.run(
            command,
            input=stdin,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=TIMEOUT_S,
        )
    except OSError:
        return None
    except subprocess.TimeoutExpired:
        raise Refused("signature", "ssh-keygen on the device did not finish") from None
    return done.returncode, done.stderr


def _replace(path, text):
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=folder)
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.rename(aside, path)
    except BaseException:
        os.unlink(aside)
        raise
