"""Shared objects for this machine: small C sources of ours, compiled once and cached."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgetool.compilers.invoke import invoke

_FLAGS = ("-O2", "-g0", "-fPIC", "-shared", "-nostdlib", "-fvisibility=default", "-w")


def shared_object(sources: Sequence[Path], macros: Mapping[str, str]) -> Path | None:
    """Compile sources[0]; the others are what it includes. None where there is no compiler.

    The file lies in the user's cache folder under the hash of everything it is made of.
    Raises: CompilerError.
    """
    compiler = _host_compiler()
    if compiler is None:
        return None
    definitions = [f"-D{name}={value}" for name, value in sorted(macros.items())]
    key = _key(sources, (*compiler, *_FLAGS, *definitions, sys.platform))
    cached = _cache_folder() / f"{sources[0].stem}-{key}.so"
    if not cached.exists():
        _compile([*compiler, *_FLAGS, *definitions], sources[0], cached)
    return cached


def _compile(command: list[str], source: Path, result: Path) -> None:
    """Write aside, then rename: another process may be doing the same."""
    result.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=result.parent) as folder:
        unfinished = Path(folder) / result.name
        invoke(
            [*command, str(source), "-o", str(unfinished)], Path(folder), f"compile {source.name}"
        )
        unfinished.replace(result)


def _host_compiler() -> tuple[str, ...] | None:
    if importlib.util.find_spec("ziglang") is not None:
        return (sys.executable, "-m", "ziglang", "cc", "-fno-sanitize=all")
    for name in ("cc", "gcc", "clang"):
        found = shutil.which(name)
        if found:
            return (found,)
    return None


def _key(sources: Sequence[Path], words: tuple[str, ...]) -> str:
    digest = hashlib.sha256("\0".join(words).encode())
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    preferred = Path(base) / "edgetool"
    if os.access(next(p for p in (preferred, *preferred.parents) if p.exists()), os.W_OK):
        return preferred
    return Path(tempfile.gettempdir()) / f"edgetool-{os.getuid()}"
