"""Where the records of devices are: one TOML file each, for its user's eyes only."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any

from edgetool.devices.device import Device, mistakes
from edgetool.errors import OutputExistsError, UsageError
from edgetool.packs.convert import Problems, build, nearest
from edgetool.packs.finding import is_id, read_table

FOLDER = "EDGETOOL_DEVICES"
SUFFIX = ".toml"


def config_folder() -> Path:
    """Where this user's settings of edgetool are, as the system has it."""
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming") / "edgetool"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "edgetool"
    base = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".config") / "edgetool"


def devices_folder() -> Path:
    """$EDGETOOL_DEVICES, or devices/ in the user's settings."""
    named = os.environ.get(FOLDER)
    return Path(named).expanduser() if named else config_folder() / "devices"


def find_device(name: str) -> Device:
    """The device of this name. Raises: UsageError with what is close; PackError for a record
    that has mistakes, naming each."""
    path = devices_folder() / f"{name}{SUFFIX}"
    if not is_id(name) or not path.is_file():
        raise _not_enrolled(name)
    return read_record(path)


def list_devices() -> list[Device]:
    """Every device, by name. Raises: PackError on the first broken record."""
    return [read_record(path) for path in _records()]


def save_device(device: Device, *, force: bool = False) -> Path:
    """Write a device's record, whole and readable to its user alone; the file.

    Raises: PackError for a device that cannot be; OutputExistsError where the name is taken and
    force is not given.
    """
    path = devices_folder() / f"{device.name}{SUFFIX}"
    problems = Problems(path)
    _note_mistakes(device, problems)
    check_new(device.name, force=force)
    write_private(path, _as_toml(device).encode())
    return path


def check_new(name: str, *, force: bool = False) -> None:
    """Raise OutputExistsError where a device's name is taken and force is not given."""
    if not force and (devices_folder() / f"{name}{SUFFIX}").exists():
        raise OutputExistsError(
            f"device '{name}' is enrolled already",
            hints=("another name", "--force to replace it"),
        )


def remove_device(name: str) -> Path:
    """Forget a device, also one whose record is broken; the file that was. Raises: UsageError."""
    path = devices_folder() / f"{name}{SUFFIX}"
    if not is_id(name) or not path.is_file():
        raise _not_enrolled(name)
    path.unlink()
    return path


def read_record(path: Path) -> Device:
    """A device from its file. Raises: PackError with every mistake."""
    table, _ = read_table(path)
    problems = Problems(path)
    if "name" in table:
        problems.add("name", "unknown key; the file's name is the device's")
    device: Device = build(Device, table, {"name": path.stem}, problems)
    _note_mistakes(device, problems)
    return device


def write_private(path: Path, content: bytes) -> None:
    """Write a file in one step, for its user's eyes only (mode 0600, its folder 0700)."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, aside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(aside).replace(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def _records() -> list[Path]:
    found = devices_folder().glob(f"*{SUFFIX}")
    return sorted(path for path in found if is_id(path.stem) and path.is_file())


def _note_mistakes(device: Device, problems: Problems) -> None:
    for key, sentence in mistakes(device):
        problems.add(key, sentence)
    problems.refuse()


def _not_enrolled(name: str) -> UsageError:
    names = [path.stem for path in _records()]
    close = nearest(name.lower(), names)
    details = [f"looked in: {devices_folder()} ({len(names)} device{'s' * (len(names) != 1)})"]
    details += [f"did you mean: {close}"] if close else []
    hints = ["edgetool devices"] if names else []
    hints += [f"edgetool devices add {name if is_id(name) else 'NAME'} USER@HOST --target TARGET"]
    return UsageError(f"device {name!r} is not enrolled", details=details, hints=hints)


def _as_toml(device: Device) -> str:
    """The record's text. Strings of JSON without escapes for other scripts are strings of TOML."""
    lines = []
    for f in fields(device):
        value = getattr(device, f.name)
        if f.name != "name" and value != f.default:
            lines.append(f"{f.name} = {_toml_value(value)}\n")
    return "".join(lines)


def _toml_value(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml_value(part) for part in value) + "]"
    return json.dumps(value, ensure_ascii=False)
