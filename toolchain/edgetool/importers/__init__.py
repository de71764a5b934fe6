"""Reading model files: one module or package for each format, found by its name.

A format `<name>` is a module here with `read(data, source, folder) -> Graph`. A file belongs to
it by its magic bytes (`MAGIC = (offset, bytes)`, optional) or its extension (`EXTENSIONS`, by
default `.<name>`).
"""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from edgetool.errors import ModelFormatError, UsageError

if TYPE_CHECKING:
    from edgetool.graph import Graph

MAX_MODEL_BYTES = 1 << 30
_HEAD_BYTES = 64
_TORCH = "torch.onnx.export(model, example, 'model.onnx'), then that file"
_KERAS = "tf.lite.TFLiteConverter.from_keras_model(model).convert(), then that .tflite"
_EXPORTS = {".pt": _TORCH, ".pth": _TORCH, ".h5": _KERAS, ".keras": _KERAS}


def load_model(path: str | Path) -> Graph:
    """Read a model file of any known format.

    Raises: UsageError when there is no such file; ModelFormatError when it is not a model.
    """
    file = Path(path)
    data = _read_bytes(file)
    name, module = _importer_for(file, data[:_HEAD_BYTES])
    from edgetool.graph import ModelSource

    source = ModelSource(str(path), name, hashlib.sha256(data).hexdigest())
    graph: Graph = module.read(data, source, file.resolve().parent)
    return graph


def importer_names() -> list[str]:
    """The formats that can be read, by name."""
    found = pkgutil.iter_modules(__path__)
    return sorted(info.name for info in found if not info.name.startswith("_"))


def _read_bytes(file: Path) -> bytes:
    if file.is_dir():
        raise UsageError(f"model '{file}' is a folder", hints=[_folder_hint(file)])
    if not file.is_file():
        raise UsageError(f"model '{file}' not found", hints=["the path of a .onnx or .tflite file"])
    size = file.stat().st_size
    if size == 0:
        raise ModelFormatError(f"'{file}' is empty", hints=["export or download it again"])
    if size > MAX_MODEL_BYTES:
        raise ModelFormatError(f"'{file}' has {size:,} bytes, the limit is {MAX_MODEL_BYTES:,}")
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_MODEL_BYTES + 1)
    except OSError as error:
        raise UsageError(f"model '{file}' cannot be read: {error.strerror}") from error


def _folder_hint(folder: Path) -> str:
    """The model in an artifact; a folder with one model file; or what a folder may need."""
    models = sorted(p for p in folder.glob("*") if p.suffix in (".onnx", ".tflite"))
    if models:
        return str(models[0])
    if (folder / "saved_model.pb").is_file():
        return "tf.lite.TFLiteConverter.from_saved_model, then its .tflite"
    return "the path of a .onnx or .tflite file"


def _importer_for(file: Path, head: bytes) -> tuple[str, ModuleType]:
    modules = {name: importlib.import_module(f"{__name__}.{name}") for name in importer_names()}
    for name, module in modules.items():
        offset, magic = getattr(module, "MAGIC", (0, b""))
        if magic and head[offset : offset + len(magic)] == magic:
            return name, module
    for name, module in modules.items():
        if file.suffix.lower() in getattr(module, "EXTENSIONS", (f".{name}",)):
            return name, module
    raise ModelFormatError(
        f"'{file}' is of no known model format",
        details=[f"known: {', '.join(modules)}"],
        hints=[_EXPORTS.get(file.suffix.lower(), "a file that ends in .onnx or .tflite")],
    )
