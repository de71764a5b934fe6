"""Artifact: what compile produces, a folder that can prove itself on any device.

manifest.json names every file with its sha256; it holds no time, host name or absolute path, so
that the same input, options and version give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from edgetool.errors import OutputExistsError, UsageError
from edgetool.figures import Figure

if TYPE_CHECKING:
    import numpy.typing as npt

    from edgetool.packs import Target
    from edgetool.program.program import Program

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
PROGRAM = "program.npz"
GOLDEN = "golden.npz"
ONNX = "model.onnx"
TFLITE = "model.tflite"
SOURCES = "c"
TARGET = "target.json"
QUANTIZATION = "quantization.json"
# What verify and profile leave beside the manifest; not part of the artifact's identity.
INTERRUPTED = "profile-interrupted.json"
RESULTS = ("verify.json", "profile.json", INTERRUPTED)
# JSON types of the manifest's parts, of those that are not objects.
_PARTS: Mapping[str, tuple[type, str]] = {
    **dict.fromkeys(("name", "precision", "io", "edgetool"), (str, "text")),
    **dict.fromkeys(("inputs", "outputs", "passes", "notes"), (list, "list")),
}


@dataclass(frozen=True)
class Port:
    """An input or output of an artifact, and of the source model behind it.

    shape, dtype: as the artifact takes it (channels last).   scale, zero_point: where integer.
    source_shape, source_dtype: the source model's own.   layout: artifact axis i is source axis
    layout[i].
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    source_shape: tuple[int, ...]
    source_dtype: str
    layout: tuple[int, ...]
    scale: float | None = None
    zero_point: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Every field that is known."""
        return {key: value for key, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class Manifest:
    """What an artifact is and where it came from.

    name: C-safe model name.   precision, io: as in design's conventions.
    source, target, calibration: provenance with sha256.   passes: reports without times.
    figures: macs, parameters, ram_bytes, flash_bytes … by name.   metric: accuracy by name.
    aims: by aim of --optimize, what is known of it before a build.
    budget: what --budget asked for, and the networks that were measured for it.
    recovery: what each step that recovers what rounding lost gained, without its time.
    files: relative path → sha256.   options: what the user chose that changed the result.
    """

    name: str
    precision: str
    io: str
    source: Mapping[str, Any]
    target: Mapping[str, Any]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    passes: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    figures: Mapping[str, Figure] = field(default_factory=dict)
    metric: Mapping[str, Figure] = field(default_factory=dict)
    calibration: Mapping[str, Any] | None = None
    evaluation: Mapping[str, Any] | None = None
    compiler: Mapping[str, Any] | None = None
    memory: Mapping[str, Any] | None = None
    aims: Mapping[str, Mapping[str, Figure]] = field(default_factory=dict)
    budget: Mapping[str, Any] = field(default_factory=dict)
    recovery: Mapping[str, Any] = field(default_factory=dict)
    golden: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    edgetool: str = ""

    @property
    def optimize(self) -> str:
        """What the C kernels were chosen for."""
        return str(self.options.get("optimize", "balanced"))

    def to_json(self) -> dict[str, Any]:
        """The manifest as JSON types; absent parts are left out."""
        content: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "kind": "artifact"}
        for key, value in vars(self).items():
            if value is None or value in ({}, (), ""):
                continue
            content[key] = _jsonable(value)
        return content


@dataclass(frozen=True)
class Artifact:
    """A folder with a manifest."""

    folder: Path
    manifest: Manifest

    @classmethod
    def open(cls, folder: Path) -> Artifact:
        """Read an artifact and check that its files are the ones it was made with.

        Raises: UsageError when the folder is no artifact, is of another schema, or was changed.
        """
        if not (folder / MANIFEST).is_file():
            raise _no_artifact(folder)
        manifest = _manifest_from(folder / MANIFEST)
        _check_files(folder, manifest)
        return cls(folder, manifest)

    def path(self, name: str) -> Path | None:
        """A file or folder of the artifact, None when it has no such part."""
        path = self.folder / name
        return path if path.exists() else None

    @property
    def sha256(self) -> str:
        """Of the manifest, which holds the sha256 of every other file."""
        return hashlib.sha256((self.folder / MANIFEST).read_bytes()).hexdigest()

    def program(self) -> Program | None:
        """The lowered model, None for a model that only an ONNX runtime runs."""
        from edgetool.program.serialize import load_program

        path = self.path(PROGRAM)
        return None if path is None else load_program(path.read_bytes())

    def c_program(self) -> Program | None:
        """The lowered model as its C runs it: in strips where --fit ram made some."""
        from edgetool.program.patches import Patches, in_patches

        program, patches = self.program(), (self.manifest.memory or {}).get("patches")
        if program is None or not patches:
            return program
        return in_patches(program, Patches(patches["operations"], patches["rows"]))

    def target(self) -> Target:
        """The target as it was when the artifact was made."""
        from edgetool.packs import recorded_target

        return recorded_target(self.folder / TARGET)

    def golden(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, npt.NDArray[Any]]]:
        """(inputs, expected outputs) by port name, each (samples, *shape)."""
        import numpy as np

        with np.load(self.folder / GOLDEN, allow_pickle=False) as stored:
            inputs = {
                port.name: stored[f"input_{i}"] for i, port in enumerate(self.manifest.inputs)
            }
            outputs = {
                port.name: stored[f"output_{i}"] for i, port in enumerate(self.manifest.outputs)
            }
        return inputs, outputs

    def quantization(self) -> dict[str, Any]:
        """What quantization costs, layer by layer.

        Raises: UsageError where compile did not measure it.
        """
        path = self.path(QUANTIZATION)
        if path is None:
            raise UsageError(
                f"artifact '{self.folder}' has no quantization report",
                details=("it needs the float model and samples, which an artifact does not hold",),
                hints=("edgetool compile MODEL --calibrate DATA --report",),
            )
        content: dict[str, Any] = json.loads(path.read_text())
        return content

    def save_result(self, name: str, content: Mapping[str, Any]) -> Path:
        """Write a result (verify.json, profile.json) beside the manifest, in one step."""
        path = self.folder / name
        _write_aside(path, json.dumps(content, indent=2).encode() + b"\n")
        return path

    def result(self, name: str) -> dict[str, Any] | None:
        """A stored result, None when that verb has not run or the artifact changed since.

        Raises: UsageError for a result that is damaged.
        """
        path = self.folder / name
        if not path.is_file():
            return None
        try:
            content = json.loads(path.read_text())
        except (ValueError, RecursionError) as error:
            raise UsageError(
                f"'{path}' is damaged: {error}", hints=(f"edgetool {path.stem} {self.folder}",)
            ) from error
        current = isinstance(content, dict) and content.get("artifact_sha256") == self.sha256
        return content if current else None


@contextmanager
def new_folder(output: Path, force: bool, marker: str = MANIFEST) -> Iterator[Path]:
    """A folder to fill that becomes output when the block ends well, and vanishes otherwise.

    marker: the file by which a folder that force may replace is known.

    Folders above it that were made for it vanish too. An artifact that force replaces is there,
    whole, until the new one is.
    Raises: as check_output.
    """
    check_output(output, force, marker)
    made = [folder for folder in output.parents if not folder.exists()]
    aside = None
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.parent))
        filled = aside / "new"
        filled.mkdir()
        yield filled
        if output.exists():
            output.rename(aside / "old")
        _put_in_place(filled, output, aside / "old")
    except BaseException:
        _remove(aside, made)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def check_output(output: Path, force: bool, marker: str = MANIFEST) -> None:
    """Refuse an output that is in the way, or that cannot be written.

    Raises: OutputExistsError when output is there and force is not given, or when it is there
    and has no marker (force never deletes what edgetool did not write); UsageError when no
    folder can be made there.
    """
    if not output.exists():
        _check_parent(output)
        return
    if not force:
        raise OutputExistsError(
            f"output '{output}' already exists",
            hints=("--force to replace it", "--output FOLDER for another place"),
        )
    if not (output / marker).is_file() and not (output.is_dir() and not any(output.iterdir())):
        wanted = "not an artifact" if marker == MANIFEST else f"without {marker}"
        raise OutputExistsError(
            f"'{output}' is {wanted}: --force does not replace it",
            hints=("another --output, or remove it yourself",),
        )
    _check_parent(output)


def _check_parent(output: Path) -> None:
    there = next(folder for folder in output.absolute().parents if folder.exists())
    if not there.is_dir():
        raise UsageError(
            f"output '{output}' cannot be made: '{there}' is a file",
            hints=("--output FOLDER in another place",),
        )
    if not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(
            f"output '{output}' cannot be made: no permission to write to '{there}'",
            hints=("--output FOLDER in a place that you may write to",),
        )


def _put_in_place(filled: Path, output: Path, replaced: Path) -> None:
    """Rename filled to output; if that fails, what was there comes back."""
    try:
        filled.rename(output)
    except BaseException:
        if replaced.exists():
            replaced.rename(output)
        raise


def _remove(aside: Path | None, made: Sequence[Path]) -> None:
    """Remove what is half-written and the folders made for it, innermost first, if empty."""
    if aside is not None:
        shutil.rmtree(aside, ignore_errors=True)
    for folder in made:
        with suppress(OSError):
            folder.rmdir()


def _no_artifact(folder: Path) -> UsageError:
    if not folder.exists():
        return UsageError(
            f"artifact '{folder}' not found",
            hints=("a folder written by `edgetool compile MODEL --target TARGET`",),
        )
    if not folder.is_dir():
        return UsageError(
            f"'{folder}' is a file, not an artifact's folder",
            hints=(f"edgetool compile {folder} --target TARGET, then that artifact",),
        )
    return UsageError(
        f"'{folder}' is not an artifact: it has no {MANIFEST}",
        hints=("a folder written by `edgetool compile MODEL --target TARGET`",),
    )


def write_file(path: Path, content: bytes, force: bool) -> None:
    """Write a file outside an artifact in one step.

    Raises: OutputExistsError when it is there and force is not given; OSError.
    """
    if path.exists() and not force:
        raise OutputExistsError(f"output '{path}' already exists", hints=("--force to replace it",))
    _check_parent(path)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_bytes(content)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write manifest.json with the sha256 of every file in folder."""
    content = manifest.to_json()
    content["files"] = {
        path.relative_to(folder).as_posix(): file_sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    (folder / MANIFEST).write_text(json.dumps(content, indent=2) + "\n")


def file_sha256(path: Path) -> str:
    """Of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _manifest_from(path: Path) -> Manifest:
    try:
        content = json.loads(path.read_text())
        if not isinstance(content, dict):
            raise TypeError("it is no object")
        if content["schema_version"] != SCHEMA_VERSION:
            raise UsageError(
                f"'{path}' has schema version {content['schema_version']}, this edgetool reads "
                f"{SCHEMA_VERSION}",
                hints=("compile the model again",),
            )
        _check_types(content)
        known = {key: content[key] for key in Manifest.__dataclass_fields__ if key in content}
        for ports in ("inputs", "outputs"):
            known[ports] = tuple(_port_from(port) for port in content.get(ports, ()))
        for figures in ("figures", "metric"):
            stored = content.get(figures, {})
            known[figures] = {name: Figure.from_json(figure) for name, figure in stored.items()}
        known["aims"] = {
            aim: {name: Figure.from_json(figure) for name, figure in stored.items()}
            for aim, stored in content.get("aims", {}).items()
        }
        return Manifest(**known)
    except KeyError as error:
        raise _damaged(path, f"it has no {error}") from error
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, why: str) -> UsageError:
    return UsageError(f"'{path}' is damaged: {why}", hints=("compile the model again",))


def _check_types(content: Mapping[str, Any]) -> None:
    """Refuse parts of other types than Manifest.to_json writes: other rooms rely on them."""
    for key in Manifest.__dataclass_fields__:
        wanted, noun = _PARTS.get(key, (dict, "object"))
        if key in content and not isinstance(content[key], wanted):
            raise TypeError(f"'{key}' is no {noun}")
    for part, keys in (("target", ("name", "family")), ("source", ("path",))):
        for key in keys:
            if not isinstance(content[part][key], str):
                raise TypeError(f"'{key}' of '{part}' is no text")
    if not all(isinstance(sha256, str) for sha256 in content.get("files", {}).values()):
        raise TypeError("'files' holds something else than sha256")


def _port_from(port: Mapping[str, Any]) -> Port:
    known: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in port.items()}
    return Port(**known)


def _check_files(folder: Path, manifest: Manifest) -> None:
    for name, sha256 in manifest.files.items():
        parts = PurePosixPath(name)
        if parts.is_absolute() or ".." in parts.parts:
            raise _damaged(folder / MANIFEST, f"it names a file outside the artifact: '{name}'")
        path = folder / parts
        if not path.is_file():
            raise UsageError(
                f"artifact '{folder}' lacks its file '{name}'", hints=("compile the model again",)
            )
        if file_sha256(path) != sha256:
            raise UsageError(
                f"'{path}' was changed after the artifact was made",
                hints=("compile the model again; edit C in a copy outside of the artifact",),
            )


def _write_aside(path: Path, content: bytes) -> None:
    handle, aside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(aside).replace(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def _jsonable(value: Any) -> Any:
    if isinstance(value, (Figure, Port)):
        return value.to_json()
    if isinstance(value, Mapping):
        return {key: _jsonable(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_jsonable(entry) for entry in value]
    return value
