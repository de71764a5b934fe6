"""Wheels for devices: those that fit, and only what inference reads."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from edgetool.errors import MissingToolError
from edgetool.runtimes.board import wheelhouse
from edgetool.runtimes.board.wheelhouse import Wanted, fill, merge

PI = Wanted("aarch64", "3.11", "glibc", "2.36", 64, 4)
RUNTIME = "onnxruntime-1.2-cp311-cp311-manylinux_2_28_aarch64.whl"
NUMPY = "numpy-2.0-cp311-cp311-manylinux_2_17_aarch64.whl"


def make_wheel(folder: Path, name: str, files: dict[str, str]) -> None:
    package, version = name.split("-")[:2]
    about = f"{package}-{version}.dist-info"
    tag = "-".join(name.removesuffix(".whl").split("-")[2:])
    content = {
        **files,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n",
        f"{about}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n",
        f"{about}/RECORD": "",
    }
    with zipfile.ZipFile(folder / name, "w") as archive:
        for path, text in content.items():
            archive.writestr(path, text)


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that EDGETOOL_WHEELS names, and an empty cache."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    make_wheel(folder, RUNTIME, {"onnxruntime/__init__.py": "x = 1\n"})
    make_wheel(folder, NUMPY, {"numpy/__init__.py": "", "numpy/tests/test_x.py": "big\n"})
    monkeypatch.setenv("EDGETOOL_WHEELS", str(folder))
    monkeypatch.setenv("EDGETOOL_CACHE", str(tmp_path / "cache"))
    return folder


def test_wheels_that_fit_the_device_are_found_without_internet(wheels: Path) -> None:
    assert {path.name for path in fill("onnxruntime", PI)} == {RUNTIME, NUMPY}


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted("armv7l", "3.11", "glibc", "2.36", 32, 4),
        Wanted("aarch64", "3.11", "glibc", "2.36", 32, 4),
        Wanted("aarch64", "3.12", "glibc", "2.36", 64, 4),
        Wanted("aarch64", "3.11", "glibc", "2.27", 64, 4),
        Wanted("aarch64", "3.11", "musl", "1.2", 64, 4),
    ],
    ids=["32-bit Arm", "32-bit programs", "newer Python", "older glibc", "musl"],
)
def test_wheels_that_do_not_fit_are_refused(wheels: Path, wanted: Wanted) -> None:
    with pytest.raises(MissingToolError, match="onnxruntime"):
        fill("onnxruntime", wanted)


def test_one_archive_holds_what_the_wheels_install_without_their_tests(
    wheels: Path, tmp_path: Path
) -> None:
    merge(sorted(wheels.glob("*.whl")), tmp_path / "packages.zip")
    with zipfile.ZipFile(tmp_path / "packages.zip") as archive:
        names = set(archive.namelist())
    assert {"onnxruntime/__init__.py", "numpy/__init__.py"} <= names
    assert "numpy/tests/test_x.py" not in names


def test_a_cache_that_is_whole_asks_nobody(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = fill("onnxruntime", PI)
    monkeypatch.delenv("EDGETOOL_WHEELS")
    monkeypatch.setattr(wheelhouse, "_pip_download", None)
    assert fill("onnxruntime", PI) == found
