"""load_data: what the user names after --calibrate and --evaluate, as a Dataset."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgetool.data.archive import Archive, read_npy, require_numbers
from edgetool.data.conversion import Encoding, Given, check_finite, convert
from edgetool.data.dataset import Array, Dataset, InputSpec
from edgetool.data.folder import folder_sha256, read_folder
from edgetool.data.function import call_function, find_function, is_function_reference
from edgetool.errors import DataError

_SLICE = re.compile(r"(?P<source>.+)\[(?P<start>-?\d*):(?P<stop>-?\d*)\]")


@dataclass(frozen=True, eq=False)
class Source:
    """arrays: by name, perhaps read when asked for.   sha256: of the content."""

    path: str
    arrays: Mapping[str, Array]
    sha256: str


def load_data(spec: str, graph_inputs: Sequence[InputSpec]) -> Dataset:
    """The samples that spec names, checked against the model's inputs and in their types.

    spec: an .npz or .npy file, a folder of images or .npy files, or module:function, which
    returns a dict of arrays or (x, y). `[start:stop]` behind it takes a part of the samples:
    data.npz[:200].
    Arrays are named as the inputs; a model with one input may call it x. y holds labels.
    <name>_scale and <name>_zero_point say what integers stand for.
    Raises: DataError, saying what is wrong with which array and what to try; MissingToolError
    for images without Pillow; UsageError for a function that cannot be called.
    """
    text, part = split_slice(spec)
    source = open_source(text, graph_inputs)
    inputs: dict[str, Array] = {}
    notes: tuple[str, ...] = ()
    counts: dict[str, int] = {}
    for wanted in graph_inputs:
        given = take_input(source, wanted, single=len(graph_inputs) == 1)
        counts[wanted.name] = len(given.array) if given.array.ndim else 0
        given = Given(given.label, _sliced(given, part, spec), given.encoding)
        inputs[wanted.name], more = convert(given, wanted)
        notes += more
    total = _common_count(source, counts)
    labels = take_labels(source, graph_inputs, total)
    return Dataset(
        inputs=inputs,
        labels=None if labels is None else labels[part],
        samples=len(next(iter(inputs.values()))),
        path=spec,
        sha256=source.sha256,
        notes=notes,
    )


def split_slice(spec: str) -> tuple[str, slice]:
    """(source, slice) of a spec; a path that exists as it stands is not split."""
    found = _SLICE.fullmatch(spec)
    if found is None or Path(spec).exists():
        return spec, slice(None)
    bounds = [int(found[name]) if found[name] else None for name in ("start", "stop")]
    return found["source"], slice(*bounds)


def open_source(text: str, graph_inputs: Sequence[InputSpec]) -> Source:
    """The arrays behind a file, a folder or a function."""
    path = Path(text)
    if path.is_dir():
        if len(graph_inputs) != 1:
            raise DataError(
                f"folder '{path}' holds samples of one input, the model has {len(graph_inputs)}",
                hints=("an .npz file with one array an input",),
            )
        return Source(text, read_folder(path, graph_inputs[0]), folder_sha256(path))
    if path.suffix == ".npz" and path.is_file():
        return Source(text, Archive(path), file_sha256(path))
    if path.suffix == ".npy" and path.is_file():
        return Source(text, {"x": read_npy(path)}, file_sha256(path))
    if is_function_reference(text) and not path.exists():
        return _from_function(text)
    raise _unknown_source(path)


def take_input(source: Source, spec: InputSpec, single: bool) -> Given:
    """The array for an input: named as the input, or x where the model has only one."""
    name = spec.name if spec.name in source.arrays else "x"
    if name not in source.arrays or (name == "x" and spec.name != "x" and not single):
        raise DataError(
            f"'{source.path}' has no array for input '{spec.name}'",
            details=(f"it has: {', '.join(source.arrays) or 'nothing'}",),
            hints=(f"name the array '{spec.name}'" + (" or 'x'" if single else ""),),
        )
    label = f"array '{name}' of {source.path}"
    return Given(label, source.arrays[name], _encoding(source, name))


def take_labels(source: Source, inputs: Sequence[InputSpec], samples: int) -> Array | None:
    """The labels y, one a sample; None without. An input that is called y is no label."""
    if "y" not in source.arrays or any(spec.name == "y" for spec in inputs):
        return None
    labels = source.arrays["y"]
    count = len(labels) if labels.ndim else 0
    if count != samples:
        raise DataError(
            f"'{source.path}' has {count} labels in 'y' for {samples} samples",
            hints=("one label a sample, in the same order",),
        )
    check_finite(Given(f"array 'y' of {source.path}", labels, None))
    return labels


def file_sha256(path: Path) -> str:
    """The file's digest, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


# --- inside --------------------------------------------------------------------------------------


def _sliced(given: Given, part: slice, spec: str) -> Array:
    if given.array.ndim == 0:
        return given.array
    sliced = given.array[part]
    if len(given.array) and not len(sliced):
        raise DataError(
            f"'{spec}' takes none of the {len(given.array)} samples",
            hints=(f"a slice within [0:{len(given.array)}]",),
        )
    return sliced


def _common_count(source: Source, counts: Mapping[str, int]) -> int:
    if len(set(counts.values())) > 1:
        found = ", ".join(f"'{name}' {count}" for name, count in counts.items())
        raise DataError(f"'{source.path}': inputs differ in their number of samples: {found}")
    if not counts:
        raise DataError("the model has no inputs to feed")
    return next(iter(counts.values()))


def _encoding(source: Source, name: str) -> Encoding | None:
    """Scale and zero point of an array of integers; both or neither."""
    keys = (f"{name}_scale", f"{name}_zero_point")
    found = [key for key in keys if key in source.arrays]
    if not found:
        return None
    if len(found) == 1:
        missing = next(key for key in keys if key not in found)
        raise DataError(
            f"'{source.path}' has '{found[0]}' but no '{missing}'",
            hints=(f"add {missing}: real = (x - zero_point) * scale",),
        )
    scale, zero_point = (_scalar(source, key) for key in keys)
    if not scale > 0:
        raise DataError(f"'{keys[0]}' of {source.path} is {scale}, not a positive number")
    if zero_point != int(zero_point):
        raise DataError(f"'{keys[1]}' of {source.path} is {zero_point}, not an integer")
    return Encoding(scale, int(zero_point))


def _scalar(source: Source, key: str) -> float:
    array = source.arrays[key]
    if array.size != 1 or not np.isfinite(array).all():
        raise DataError(
            f"'{key}' of {source.path} must be one finite number",
            details=(f"it is {array.dtype} of shape {array.shape}",),
        )
    return float(array.reshape(-1)[0])


def _from_function(reference: str) -> Source:
    result = call_function(find_function(reference), reference)
    if isinstance(result, tuple) and len(result) == 2:
        result = {"x": result[0]} if result[1] is None else dict(zip("xy", result, strict=True))
    if not isinstance(result, Mapping):
        raise DataError(
            f"'{reference}' returned {type(result).__name__}",
            hints=("return a dict of arrays by input name, or (x, y)",),
        )
    arrays = {str(name): np.asarray(value) for name, value in result.items()}
    for name, array in arrays.items():
        require_numbers(array.dtype, f"array '{name}' of {reference}")
    return Source(reference, arrays, _arrays_sha256(arrays))


def _arrays_sha256(arrays: Mapping[str, Array]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array: np.ndarray[Any, Any] = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _unknown_source(path: Path) -> DataError:
    if not path.exists():
        return DataError(
            f"data '{path}' not found",
            hints=("an .npz file, a folder of images or .npy files, or module:function",),
        )
    return DataError(
        f"'{path}' is no data that edgetool reads",
        hints=("an .npz or .npy file, a folder of images or .npy files, or module:function",),
    )
