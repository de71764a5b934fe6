"""A Debian for aarch64 as a folder: built once by mmdebstrap, then shared by every board.

Packages are unpacked, not configured: nothing of them has to run under emulation, which takes
seconds instead of minutes. What their scripts would have made (accounts, /bin/sh) is made here.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SUITE = "bookworm"
PYTHON = "python3.11"  # the suite's: the oldest for which onnxruntime has aarch64 wheels today
PACKAGES = (
    "openssh-server",
    "openssh-sftp-server",
    "openssh-client",
    "python3",
    "libstdc++6",
    "libgomp1",
    "coreutils",
    "dash",
    "grep",
    "sed",
    "procps",
    "gzip",
    "tar",
    "findutils",
    "util-linux",
    "login",
    "mount",
)
MADE_ON = "2026-11-30"  # a new date makes every cache build anew
USER = "pi"
ACCOUNTS = f"""\
root:x:0:0:root:/root:/bin/sh
{USER}:x:1000:1000::/home/{USER}:/bin/sh
sshd:x:105:65534::/run/sshd:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
"""
GROUPS = f"root:x:0:\nvideo:x:44:{USER}\n{USER}:x:1000:\nnogroup:x:65534:\n"
NOT_NEEDED = ("doc", "man", "locale", "info", "lintian")


def cached_root_file_system() -> Path:
    """The folder, built first where the cache has none; a second caller waits for the first."""
    folder = cache_folder() / f"aarch64-{_key()}"
    with _locked(folder.with_suffix(".lock")):
        if not folder.is_dir():
            _build(folder)
    return folder


def cache_folder() -> Path:
    """$EDGETOOL_TEST_CACHE, or ~/.cache/edgetool-tests."""
    named = os.environ.get("EDGETOOL_TEST_CACHE")
    folder = Path(named) if named else Path.home() / ".cache" / "edgetool-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _key() -> str:
    facts = "\n".join([SUITE, PYTHON, *PACKAGES, MADE_ON, ACCOUNTS, GROUPS, *NOT_NEEDED])
    return hashlib.sha256(facts.encode()).hexdigest()[:12]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(folder: Path) -> None:
    """Build aside, then rename: a build that was stopped leaves no half of a root behind."""
    aside = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        root = aside / "root"
        _unpack(root)
        _finish(root)
        _compile_standard_library(root)
        root.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _unpack(root: Path) -> None:
    excluded = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in NOT_NEEDED]
    command = ["mmdebstrap", "--mode=root", "--variant=extract", "--architectures=arm64"]
    command += [*excluded, f"--include={','.join(PACKAGES)}", SUITE, str(root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    if done.returncode != 0:
        raise RuntimeError(f"mmdebstrap could not build {root}:\n{done.stderr[-2000:]}")


def _finish(root: Path) -> None:
    """What the packages' scripts would have made."""
    for name in ("proc", "sys", "dev", "run", "root", "tmp", f"home/{USER}", "opt"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    os.chown(root / "home" / USER, 1000, 1000)
    (root / "etc/passwd").write_text(ACCOUNTS)
    (root / "etc/group").write_text(GROUPS)
    (root / "etc/shadow").write_text(f"root:*:20000::::::\n{USER}:*:20000::::::\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
    (root / "etc/ld.so.cache").unlink(missing_ok=True)
    if not (root / "bin/sh").exists():
        (root / "bin/sh").symlink_to("dash")


def _compile_standard_library(root: Path) -> None:
    """As python3's own script would: a board's Python starts in a third of the time then."""
    qemu = str(shutil.which("qemu-aarch64-static"))
    library = root / "usr/lib" / PYTHON
    python = [qemu, "-L", str(root), str(root / "usr/bin" / PYTHON), "-I", "-S"]
    command = [*python, "-m", "compileall", "-q", "-s", str(root), "-p", "/", str(library)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(f"{PYTHON} could not be compiled:\n{done.stdout[-2000:]}")
