"""The architecture as a test: which room of the house may import which, read from the sources."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import edgetool

PACKAGE = Path(edgetool.__file__).parent
TESTS = Path(__file__).parents[1]
MODULES = sorted(PACKAGE.rglob("*.py"))

LONGEST_FILE_LINES = 600
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "misc", "common", "manager"}

# Room → the rooms it may import. The order is from the bottom to the top: a room may only name
# rooms above its line, so the house has no cycles. A new room is a new line here.
ROOMS: dict[str, set[str]] = {
    "deferred_imports": set(),
    "errors": set(),
    "figures": set(),
    "measure": set(),
    "packs": {"errors"},
    "download": {"errors"},
    "models": {"errors", "packs", "download"},
    "builders": {"errors"},
    "data": {"errors"},
    "metrics": {"errors", "figures", "data"},
    "graph": {"errors"},
    "quantization": {"errors", "graph"},
    "importers": {"errors", "graph"},
    "program": {"errors", "graph"},
    "passes": {"errors", "graph", "quantization", "program"},
    "pipeline": {"errors", "figures", "measure", "graph", "quantization", "passes"},
    "kernels": {"errors", "program"},
    "exporters": {"errors", "graph", "program", "kernels"},
    "artifact": {"errors", "figures", "packs", "program"},
    "compilers": {"errors", "packs", "program", "artifact"},
    "transports": {"errors", "packs"},
    "agent": {"errors", "packs", "transports"},
    "devices": {"errors", "figures", "packs", "transports", "agent"},
    "deployment": {"errors", "packs", "artifact", "transports", "agent", "devices"},
    "runtimes": {
        "errors",
        "figures",
        "packs",
        "program",
        "artifact",
        "compilers",
        "transports",
        "agent",
    },
    "reports": {"errors", "figures"},
    "comparison": {"errors", "figures", "artifact"},
    "doctor": {"errors", "packs", "compilers", "runtimes"},
    "inspection": {
        "errors",
        "figures",
        "packs",
        "graph",
        "importers",
        "passes",
        "pipeline",
        "program",
    },
}
# These tie rooms together, so they may import any of ROOMS, and of each other those before them.
ON_TOP = ["compilation", "evaluation", "verification", "profiling", "cli", "__main__"]

# Module → the rooms that may import it.
CONFINED = {
    "paramiko": {"transports"},
    "subprocess": {"transports", "compilers", "runtimes"},
    "typer": {"cli"},
    "rich": {"cli"},
}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def names_in(source: str, package: list[str]) -> Iterator[str]:
    """Dotted names that a module of this package imports, anywhere in it; relative ones made
    absolute."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            prefix = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{prefix}.{alias.name}" for alias in node.names)


def imported_modules(path: Path) -> list[str]:
    package = ["edgetool", *path.relative_to(PACKAGE).parent.parts]
    return list(names_in(path.read_text("utf-8"), package))


def imported_rooms(path: Path) -> set[str]:
    """Rooms other than its own that a file imports."""
    parts = [name.split(".") for name in imported_modules(path)]
    rooms = {part[1] for part in parts if part[0] == "edgetool" and len(part) > 1}
    return rooms - {room_of(path), "__version__"}


def allowed_rooms(room: str) -> set[str]:
    if room in ON_TOP:
        return {*ROOMS, *ON_TOP[: ON_TOP.index(room)]}
    return ROOMS[room]


def modules(room: str) -> list[Path]:
    return [path for path in MODULES if room_of(path) == room]


@pytest.mark.parametrize("room", sorted({room_of(path) for path in MODULES} - {"__init__"}))
def test_room_imports_only_what_the_table_allows(room: str) -> None:
    assert room in {*ROOMS, *ON_TOP}, f"{room} is new: give it a line in ROOMS, at its height"
    for path in modules(room):
        surplus = imported_rooms(path) - allowed_rooms(room)
        assert not surplus, f"{path}: {room} may not import {', '.join(sorted(surplus))}"


def test_table_has_no_cycles() -> None:
    below: set[str] = set()
    for room, allowed in ROOMS.items():
        assert allowed <= below, f"{room} names a room that is not below it"
        below.add(room)


def test_package_itself_imports_nothing_but_what_defers_imports() -> None:
    assert imported_rooms(PACKAGE / "__init__.py") <= {"__init__", "deferred_imports"}


@pytest.mark.parametrize("banned", sorted(CONFINED))
def test_confined_module_stays_in_its_rooms(banned: str) -> None:
    for path in MODULES:
        if banned in {name.split(".")[0] for name in imported_modules(path)}:
            assert room_of(path) in CONFINED[banned], f"{path} imports {banned}"


def test_unicorn_is_imported_only_by_a_process_of_its_own() -> None:
    """unicorn is GPL-2: what imports it is run, and imported by nothing of ours."""
    importing = [
        path
        for path in MODULES
        if "unicorn" in {name.split(".")[0] for name in imported_modules(path)}
    ]
    for path in importing:
        assert 'if __name__ == "__main__":' in path.read_text("utf-8"), path
        name = ".".join(["edgetool", *path.relative_to(PACKAGE).with_suffix("").parts])
        for other in MODULES:
            assert name not in imported_modules(other), f"{other} imports {name}"


def calls(path: Path) -> Iterator[str]:
    """Names of the functions that a file calls, as written."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def test_print_is_called_only_in_cli() -> None:
    for path in MODULES:
        assert room_of(path) == "cli" or "print" not in calls(path), path


def test_no_shell_is_called() -> None:
    for path in MODULES:
        assert not {"os.system", "os.popen"} & set(calls(path)), path


@pytest.mark.parametrize("root", [PACKAGE, TESTS], ids=["toolchain", "tests"])
def test_no_file_is_longer_than_600_lines(root: Path) -> None:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in root.rglob("*.py")}
    assert {path: n for path, n in lengths.items() if n > LONGEST_FILE_LINES} == {}


@pytest.mark.parametrize("root", [PACKAGE, TESTS], ids=["toolchain", "tests"])
def test_no_file_has_a_name_that_says_nothing(root: Path) -> None:
    assert [path for path in root.rglob("*") if path.stem in NAMES_THAT_SAY_NOTHING] == []


def test_every_form_of_import_is_seen() -> None:
    source = "import edgetool.cli\nfrom edgetool import program\nfrom ..exporters import c\n"
    source += "from . import contract\ndef f():\n    from edgetool.runtimes.litert import run\n"
    assert list(names_in(source, ["edgetool", "passes"])) == [
        "edgetool.cli",
        "edgetool.program",
        "edgetool.exporters.c",
        "edgetool.passes.contract",
        "edgetool.runtimes.litert.run",
    ]
