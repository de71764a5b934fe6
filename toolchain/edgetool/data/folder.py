"""A folder of samples: one image or .npy file a sample, subfolders as classes."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from edgetool.data.archive import MAX_BYTES, read_npy, too_large
from edgetool.data.dataset import Array, InputSpec
from edgetool.errors import DataError, MissingToolError

IMAGES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".webp", ".tif", ".tiff"})
# Describe the samples' encoding, as the arrays of these names in an .npz do.
ENCODING_FILES = ("x_scale.npy", "x_zero_point.npy")


def read_folder(folder: Path, spec: InputSpec) -> dict[str, Array]:
    """Arrays as an .npz would hold them: x, y if there are classes, x_scale, x_zero_point.

    Files are taken in the order of their names; class subfolders, sorted by name, are labelled
    0, 1, … Images become uint8 in the input's layout, resized to it.
    Raises: DataError for no samples, files of different shapes or damaged ones;
    MissingToolError for images without Pillow.
    """
    classes = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    files = [(path, -1) for path in sample_files(folder)]
    files += [(path, i) for i, sub in enumerate(classes) for path in sample_files(sub)]
    if not files:
        raise DataError(
            f"folder '{folder}' holds no samples",
            details=(f"looked for: .npy {' '.join(sorted(IMAGES))}",),
            hints=("one file a sample, in the folder or in one subfolder for each class",),
        )
    labels = [label for _, label in files]
    if min(labels) < 0 <= max(labels):
        raise DataError(f"folder '{folder}' holds samples both beside and inside class folders")
    arrays = {"x": _stack(folder, [path for path, _ in files], spec)}
    if labels[0] >= 0:
        arrays["y"] = np.array(labels, np.int64)
    for name in ENCODING_FILES:
        if (folder / name).is_file():
            arrays[name.removesuffix(".npy")] = read_npy(folder / name)
    return arrays


def sample_files(folder: Path) -> list[Path]:
    """The samples directly in folder, sorted by name; hidden files do not count."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file()
        and not path.name.startswith(".")
        and path.name not in ENCODING_FILES
        and (path.suffix.lower() in IMAGES or path.suffix == ".npy")
    )


def folder_sha256(folder: Path) -> str:
    """One digest over names and contents of all files below folder."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def _stack(folder: Path, paths: list[Path], spec: InputSpec) -> Array:
    first = _read(paths[0], spec)
    if first.nbytes * len(paths) > MAX_BYTES:
        raise too_large(folder, first.nbytes * len(paths))
    stacked = np.empty((len(paths), *first.shape), first.dtype)
    for index, path in enumerate(paths):
        sample = first if index == 0 else _read(path, spec)
        if sample.shape != first.shape or sample.dtype != first.dtype:
            raise DataError(
                f"'{path}' is {sample.dtype} {sample.shape},"
                f" '{paths[0].name}' is {first.dtype} {first.shape}"
            )
        stacked[index] = sample
    return stacked


def _read(path: Path, spec: InputSpec) -> Array:
    return read_npy(path) if path.suffix == ".npy" else read_image(path, spec.sample_shape)


def read_image(path: Path, shape: tuple[int, ...]) -> Array:
    """An image as uint8 of that shape, (H, W, C) or (C, H, W) with 1 or 3 channels.

    Raises: MissingToolError without Pillow; DataError for a shape that is no image's, or a
    damaged file.
    """
    channels_last = len(shape) == 3 and shape[2] in (1, 3)
    if len(shape) != 3 or not (channels_last or shape[0] in (1, 3)):
        raise DataError(f"'{path}' is an image, but the input takes {shape}")
    height, width, channels = shape if channels_last else (*shape[1:], shape[0])
    pixels = _decode(path, "RGB" if channels == 3 else "L", (width, height))
    pixels = pixels.reshape(height, width, channels)
    return pixels if channels_last else pixels.transpose(2, 0, 1)


def _decode(path: Path, mode: str, size: tuple[int, int]) -> Array:
    image_module = _pillow()
    try:
        with warnings.catch_warnings():
            # Pillow warns of images that unpack to more than it thinks decent.
            warnings.simplefilter("error", image_module.DecompressionBombWarning)
            with image_module.open(path) as image:
                converted = image.convert(mode)
                if converted.size != size:
                    converted = converted.resize(size, image_module.Resampling.BILINEAR)
                return np.asarray(converted, np.uint8)
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        image_module.DecompressionBombError,
        image_module.DecompressionBombWarning,
    ) as error:
        raise DataError(
            f"image '{path}' cannot be read", details=(f"{type(error).__name__}: {error}",)
        ) from error


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingToolError(
            "reading images needs Pillow, which is not installed",
            hints=("pip install 'edgetool[images]'",),
        ) from error
    return Image
