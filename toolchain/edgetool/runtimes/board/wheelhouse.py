"""Wheels for a device that has no internet: this machine finds them, the device unpacks them.

Only what importing a runtime takes is pushed: NumPy and the runtime itself. Their other
dependencies (flatbuffers, protobuf, packaging, …) belong to tools that no device runs.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgetool.errors import DeviceError, MissingToolError

if TYPE_CHECKING:
    from edgetool.runtimes.board.board import Board

WHEELS = "EDGETOOL_WHEELS"
PIP_TIMEOUT_S = 600
# What importing each takes, best first. tflite-runtime has no wheels for Python 3.12 and later,
# and was built against NumPy 1.
CLOSURES: dict[str, tuple[tuple[str, ...], ...]] = {
    "onnxruntime": (("onnxruntime", "numpy"),),
    "litert": (("ai-edge-litert", "numpy"), ("tflite-runtime", "numpy<2")),
}
# Parts of the wheels that inference never reads.
LEFT_OUT = (
    "/tests/",
    "/transformers/",
    "/quantization/",
    "/vendors/",
    "/aot/",
    "/f2py/",
    "libLiteRtWebGpuAccelerator",
    "apply_plugin_main",
)
GLIBC_MINORS = range(40, 16, -1)


@dataclass(frozen=True)
class Wanted:
    """What a wheel must fit.   machine: as uname has it.   python: "3.11"."""

    machine: str
    python: str
    libc: str
    libc_version: str
    bits: int
    cpus: int

    @property
    def tag(self) -> str:
        """For names of folders."""
        return f"cp{self.python.replace('.', '')}-{self.platform_machine}".replace("_", "-")

    @property
    def platform_machine(self) -> str:
        """As wheels spell it: 32-bit programs on a 64-bit kernel take 32-bit wheels."""
        return "armv7l" if self.machine == "aarch64" and self.bits == 32 else self.machine

    @property
    def platforms(self) -> tuple[str, ...]:
        """Tags of platforms that its glibc runs, the newest first."""
        major, _, minor = self.libc_version.partition(".")
        newest = int(minor) if major == "2" and minor.isdigit() else 17
        tags = [
            f"manylinux_2_{each}_{self.platform_machine}" for each in GLIBC_MINORS if each <= newest
        ]
        if newest >= 17:
            tags += [f"manylinux2014_{self.platform_machine}"]
        return (*tags, f"linux_{self.platform_machine}")


def fill(runtime: str, wanted: Wanted) -> list[Path]:
    """Wheels of a runtime for a device: from $EDGETOOL_WHEELS, else from the cache or by pip.

    Raises: MissingToolError when there are none to be had, with pip's last line.
    """
    if wanted.libc != "glibc":
        raise MissingToolError(f"{runtime} has wheels for glibc alone, the device has another libc")
    said = ""
    for closure in CLOSURES[runtime]:
        folder = cache_folder() / f"{wanted.tag}-{closure[0]}"
        if not os.environ.get(WHEELS) and len(list(folder.glob("*.whl"))) == len(closure):
            return sorted(folder.glob("*.whl"))
        done = _pip_download(closure, wanted, folder)
        if done.returncode == 0:
            return sorted(folder.glob("*.whl"))
        said = (done.stderr.strip().splitlines() or [""])[-1][:200]
    raise MissingToolError(
        f"no wheels of {runtime} for Python {wanted.python} on {wanted.platform_machine}: {said}",
        hints=(f"{WHEELS}=FOLDER with them",),
    )


def cache_folder() -> Path:
    """Where wheels for devices are kept on this machine."""
    base = os.environ.get("EDGETOOL_CACHE") or os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "edgetool" / "wheels"


def _pip_download(
    closure: Sequence[str], wanted: Wanted, folder: Path
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--disable-pip-version-check", "--only-binary", ":all:", "--dest", str(folder)]
    command += ["--implementation", "cp", "--python-version", wanted.python]
    for platform in wanted.platforms:
        command += ["--platform", platform]
    named = os.environ.get(WHEELS)
    if named:
        command += ["--no-index", "--find-links", named]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return subprocess.run(
            [*command, *closure], capture_output=True, text=True, timeout=PIP_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise MissingToolError(
            f"pip did not find wheels within {PIP_TIMEOUT_S} s", hints=(f"{WHEELS}=FOLDER",)
        ) from error


def installable(board: Board, runtime: str, wheels: Sequence[Path]) -> str:
    """Push wheels as one archive and have the device unpack them; the folder below the root.

    Raises: DeviceError, LinkError.
    """
    import tempfile

    name = f"{runtime}-{_fingerprint(wheels)}"
    with tempfile.TemporaryDirectory(prefix="edgetool-wheels-") as aside:
        archive = Path(aside) / "packages.zip"
        merge(wheels, archive)
        path = f"files/{hashlib.sha256(archive.read_bytes()).hexdigest()}"
        board.transport.upload(archive, f"{board.root}/{path}")
    answer = board.client.call("unpack", timeout_s=PIP_TIMEOUT_S, archive=path, name=name)
    folder = answer.get("folder")
    if folder != f"python/{name}":
        raise DeviceError(f"{board.where} unpacked {runtime} to somewhere else")
    return f"python/{name}"


def merge(wheels: Sequence[Path], archive: Path) -> None:
    """One zip of what the wheels would install, without what inference never reads."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as target:
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as source:
                for entry in source.infolist():
                    if not entry.is_dir() and _is_read(entry.filename):
                        target.writestr(entry, source.read(entry))


def _is_read(name: str) -> bool:
    return not any(part in f"/{name}" for part in LEFT_OUT)


def _fingerprint(wheels: Sequence[Path]) -> str:
    version = wheels[0].name.split("-")[1] if wheels else "0"
    for wheel in wheels:
        if not wheel.name.startswith("numpy-"):
            version = wheel.name.split("-")[1]
    digest = hashlib.sha256(" ".join(wheel.name for wheel in wheels).encode()).hexdigest()
    return f"{version}-{digest[:8]}"
