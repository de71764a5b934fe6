"""Where packs are looked for, and how one becomes a frozen noun. Nothing here runs a pack's code.

Search order: a path on the command line, $EDGETOOL_PATH, entry points "edgetool.packs", built in.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetool.errors import PackError
from edgetool.packs.convert import nearest

ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
BUILT_IN = "built in"
COMMAND_LINE = "command line"
SEARCH_PATH = "$EDGETOOL_PATH"
ENTRY_POINTS = "edgetool.packs"
LARGEST_FILE_BYTES = 1 << 20
"""A pack is a page of text; more is a mistake or an attack."""


@dataclass(frozen=True)
class Kind:
    """A kind of pack: its noun, its folder in a root, and its file in a folder of its own.

    file: None where a pack is <folder>/<name>.toml instead of <folder>/<name>/<file>.
    """

    noun: str
    folder: str
    file: str | None

    def path(self, folder: Path, name: str) -> Path:
        """Where the pack called name lies in such a folder."""
        return folder / name / self.file if self.file else folder / f"{name}.toml"

    def name(self, path: Path) -> str:
        """The inverse of path."""
        return path.parent.name if self.file else path.stem


TARGET = Kind("target", "targets", "target.toml")
RECIPE = Kind("model", "models", "recipe.toml")
PROFILE = Kind("profile", "profiles", None)


@dataclass(frozen=True)
class Root:
    """A folder that has targets/, models/ or profiles/, and how it was found."""

    path: Path
    origin: str

    def folder(self, kind: Kind) -> Path:
        """The folder with packs of this kind; a root may itself be a folder of targets."""
        named = self.path / kind.folder
        if kind is TARGET and not any((self.path / k.folder).is_dir() for k in KINDS):
            return self.path
        return named


KINDS = (TARGET, RECIPE, PROFILE)


@dataclass(frozen=True)
class Found:
    """A pack's file before it is read."""

    path: Path
    origin: str


def is_id(name: str) -> bool:
    """Whether name may name a pack."""
    return ID.fullmatch(name) is not None


def built_in_root() -> Path:
    """The folder with the packs that come with edgetool: in the wheel, or the checkout's."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_packs"
    return installed if installed.is_dir() else package.parents[1]


def roots() -> Iterator[Root]:
    """Every root in search order."""
    for entry in filter(None, os.environ.get("EDGETOOL_PATH", "").split(os.pathsep)):
        yield Root(Path(entry).expanduser(), SEARCH_PATH)
    yield from _entry_point_roots()
    yield Root(built_in_root(), BUILT_IN)


def _entry_point_roots() -> Iterator[Root]:
    for entry in importlib.metadata.entry_points(group=ENTRY_POINTS):
        folder = _package_folder(entry.module)
        if folder is not None:
            distribution = entry.dist.name if entry.dist else entry.name
            yield Root(folder, f"entry point {distribution}")


def _package_folder(module: str) -> Path | None:
    """The folder of a module, without importing it: only the top-level name is asked for."""
    top, *inner = module.split(".")
    spec = importlib.util.find_spec(top)
    places = spec.submodule_search_locations if spec else None
    return Path(next(iter(places)), *inner) if places else None


def find(kind: Kind, name_or_path: str | os.PathLike[str]) -> Found:
    """The file of a pack. Raises: PackError saying where it was looked for and what is close."""
    text = os.fspath(name_or_path)
    if isinstance(name_or_path, Path) or _looks_like_path(text):
        return Found(_file_at(kind, text), COMMAND_LINE)
    if not is_id(text):
        raise PackError(
            f"{kind.noun} name {text!r} is not valid",
            details=_close_to(kind, text.lower()),
            hints=[
                f"edgetool {kind.folder}",
                "small letters, digits, '.', '_' and '-', at most 63, a letter or digit first",
            ],
        )
    found = find_named(kind, text, list(roots()))
    if found is None:
        raise _not_found(kind, text)
    return found


def find_named(kind: Kind, name: str, places: list[Root]) -> Found | None:
    """The first file for this name in these roots."""
    for root in places:
        path = kind.path(root.folder(kind), name)
        if path.is_file():
            return Found(path, root.origin)
    return None


def find_all(kind: Kind) -> list[Found]:
    """Every pack of a kind; of two with one name the first in search order. Sorted by name."""
    found: dict[str, Found] = {}
    for root in roots():
        for path in _files_in(kind, root):
            found.setdefault(kind.name(path), Found(path, root.origin))
    return [found[name] for name in sorted(found)]


def read_table(file: Path) -> tuple[dict[str, Any], str]:
    """A TOML file's table and the sha256 of its bytes. Raises: PackError naming the file."""
    try:
        with file.open("rb") as stream:
            text = stream.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise PackError(f"{file}: cannot be read: {error.strerror}") from error
    if len(text) > LARGEST_FILE_BYTES:
        raise PackError(f"{file}: larger than {LARGEST_FILE_BYTES} bytes, so it is not a pack")
    try:
        return tomllib.loads(text.decode()), hashlib.sha256(text).hexdigest()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PackError(f"{file}: not valid TOML: {error}") from error


def _files_in(kind: Kind, root: Root) -> Iterator[Path]:
    folder = root.folder(kind)
    return folder.glob(f"*/{kind.file}" if kind.file else "*.toml")


def _looks_like_path(text: str) -> bool:
    separators = filter(None, (os.sep, os.altsep, "/"))
    return any(s in text for s in separators) or text.endswith(".toml") or text in {".", ".."}


def _file_at(kind: Kind, text: str) -> Path:
    path = Path(text).expanduser()
    file = path / kind.file if kind.file and path.is_dir() else path
    if not file.is_file():
        shape = f"a folder with {kind.file}, or that file" if kind.file else "a .toml file"
        raise PackError(f"{kind.noun} '{text}' not found", hints=[shape])
    return file.resolve()


def _not_found(kind: Kind, name: str) -> PackError:
    places = list(roots())
    details = ["looked in: " + ", ".join(_describe(kind, places)), *_close_to(kind, name)]
    hints = [f"edgetool {kind.folder}"]
    if kind.file and Path(name, kind.file).is_file():
        hints.insert(0, f"./{name} for the folder here")
    return PackError(f"{kind.noun} '{name}' not found", details=details, hints=hints)


def _close_to(kind: Kind, name: str) -> list[str]:
    names = [kind.name(path) for root in roots() for path in _files_in(kind, root)]
    close = nearest(name, names)
    return [f"did you mean: {close}"] if close else []


def _describe(kind: Kind, places: list[Root]) -> Iterator[str]:
    if not os.environ.get("EDGETOOL_PATH"):
        yield f"{SEARCH_PATH} (empty)"
    for root in places:
        count = sum(1 for _ in _files_in(kind, root))
        label = f"{root.origin} {root.path}" if root.origin == SEARCH_PATH else root.origin
        yield f"{label} ({count} {kind.noun}{'' if count == 1 else 's'})"
