"""A recipe's files: shipped, from EDGETOOL_MIRROR, from the cache, or downloaded. All by sha256."""

from __future__ import annotations

import hashlib
import importlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from edgetool.download import download
from edgetool.errors import OutputExistsError, PackError, UsageError
from edgetool.packs import Recipe, RecipeFile, find_recipe

MIRROR = "EDGETOOL_MIRROR"
LARGEST_MIRRORED_BYTES = 1 << 30
"""Larger files of a mirror are not looked into."""

Progress = Callable[[str, int, int | None], None]
"""Called with a file's name, the bytes received so far and the bytes expected, where known."""


def get_model(
    name: str | os.PathLike[str],
    directory: Path | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """The files of a recipe that can be had, in the recipe's order, each with the right sha256.

    directory: they are copied there under their names; None: they stay where they are, or in the
    cache. Files that only a mirror has are left out where there is none (see missing_files).
    Raises: PackError for the recipe; UsageError where a download fails or no model can be had;
    OutputExistsError where directory has another file of that name.
    """
    recipe = find_recipe(name)
    if recipe.builder and not recipe.files:
        return _build(recipe, directory or cache_folder() / "built" / recipe.name)
    paths = [_obtain(recipe, file, progress) for file in recipe.files]
    had = [(file, path) for file, path in zip(recipe.files, paths, strict=True) if path]
    if not any(file.role in {"model", "float-model"} for file, _ in had):
        raise _nothing_to_offer(recipe)
    return [_place(file, path, directory) for file, path in had]


def missing_files(recipe: Recipe) -> list[RecipeFile]:
    """Files of a recipe that get_model leaves out: without url, and found nowhere."""
    return [file for file in recipe.files if not file.url and _at_hand(recipe, file) is None]


def find_in_mirror(sha256: str, size_bytes: int | None = None) -> Path | None:
    """The file with this hash under the folder EDGETOOL_MIRROR, whatever its name; else None.

    size_bytes: only files of this size are hashed; without it all are, the smallest first.
    Raises: UsageError if EDGETOOL_MIRROR is set, but is not a folder.
    """
    for size, path in sorted(_mirrored_files()):
        if size_bytes in (None, size) and sha256_of(path) == sha256:
            return path
    return None


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/edgetool, or ~/.cache/edgetool."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if base.startswith("/") else Path.home() / ".cache"
    return root / "edgetool"


def sha256_of(path: Path) -> str | None:
    """The file's sha256 in hexadecimal, None if it cannot be read. Hashed once while unchanged."""
    try:
        state = path.stat()
        return _hash(path, state.st_size, state.st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=4096)
def _hash(path: Path, size: int, modified_ns: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _mirrored_files() -> Iterator[tuple[int, Path]]:
    mirror = os.environ.get(MIRROR, "")
    if not mirror:
        return
    if not Path(mirror).expanduser().is_dir():
        raise UsageError(f"{MIRROR}: '{mirror}' is not a folder")
    for folder, _, names in os.walk(Path(mirror).expanduser()):
        for path in (Path(folder, name) for name in names):
            with suppress(OSError):  # a file may vanish, or be a broken link
                state = path.stat()
                if stat.S_ISREG(state.st_mode) and state.st_size <= LARGEST_MIRRORED_BYTES:
                    yield state.st_size, path


def _obtain(recipe: Recipe, file: RecipeFile, progress: Progress | None) -> Path | None:
    path = _at_hand(recipe, file)
    if path is None and file.url is not None:
        path = _cached_path(file)
        download(file.url, path, file.sha256, file.size_bytes, _named(progress, file.name))
    return path


def _named(progress: Progress | None, name: str) -> Callable[[int, int | None], None] | None:
    return None if progress is None else lambda count, total: progress(name, count, total)


def _at_hand(recipe: Recipe, file: RecipeFile) -> Path | None:
    """The file without a download: shipped, mirrored, or cached."""
    if file.shipped:
        return _shipped(recipe, file)
    mirrored = find_in_mirror(file.sha256, file.size_bytes)
    if mirrored is not None:
        return mirrored
    cached = _cached_path(file)
    return cached if sha256_of(cached) == file.sha256 else None


def _shipped(recipe: Recipe, file: RecipeFile) -> Path:
    path = recipe.source.path.parent / file.name
    found = sha256_of(path)
    if found != file.sha256:
        reason = "is missing" if found is None else f"has sha256 {found}"
        raise PackError(f"{path}: {reason}", details=[f"{recipe.source.path}: {file.sha256}"])
    return path


def _cached_path(file: RecipeFile) -> Path:
    return cache_folder() / "models" / file.sha256 / file.name


def _place(file: RecipeFile, path: Path, directory: Path | None) -> Path:
    """The file under its own name: in directory, or where it is if its suffix is right."""
    if directory is None and path.suffix == Path(file.name).suffix:
        return path
    destination = _cached_path(file) if directory is None else directory / file.name
    if sha256_of(destination) == file.sha256:
        return destination
    if directory is not None and (destination.exists() or destination.is_symlink()):
        raise OutputExistsError(
            f"{destination} exists and is another file", hints=["another folder"]
        )
    _copy(path, destination)
    return destination


def _copy(path: Path, destination: Path) -> None:
    """Copy aside, then rename, so that no half-written file is left."""
    aside = destination.with_name(f".{destination.name}.{os.getpid()}")
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, aside)
        aside.replace(destination)
    except OSError as error:
        raise UsageError(f"{destination}: cannot be written: {error.strerror}") from error
    finally:
        aside.unlink(missing_ok=True)


def _build(recipe: Recipe, folder: Path) -> list[Path]:
    """Run the toolchain function that makes the files in folder."""
    module, function = str(recipe.builder).split(":")
    try:
        builder = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise PackError(f"{recipe.source.path}: builder: {recipe.builder!r}: {error}") from error
    folder.mkdir(parents=True, exist_ok=True)
    builder(folder)
    return sorted(path for path in folder.iterdir() if path.is_file())


def _nothing_to_offer(recipe: Recipe) -> UsageError:
    details = [f"{file.name}: no address, and not in {MIRROR}" for file in recipe.files]
    details += [f"{file.name}: {file.why}" for file in recipe.unoffered]
    hints = [f"{MIRROR}=FOLDER, a folder that has the file under any name"]
    return UsageError(f"model '{recipe.name}' cannot be had here", details=details, hints=hints)
