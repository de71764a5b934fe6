"""What the command-line tests share: a folder to stand in, and artifacts to look at."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

import needs
from command_line import CALIBRATION, EVALUATION, MODEL, succeed

INSTALL_CLANG = "pip install 'edgetool[mcu]'"
INSTALL_EMULATOR = "pip install 'edgetool[mcu]'"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, empty."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture(scope="session")
def clang() -> None:
    """Go on with clang, else skip."""
    needs.require_module("ziglang", INSTALL_CLANG)


@pytest.fixture(scope="session")
def emulator(clang: None) -> None:
    """Go on with clang and an emulator, else skip."""
    needs.require_module("unicorn", INSTALL_EMULATOR)
    needs.require_module("capstone", INSTALL_EMULATOR)


@pytest.fixture(scope="session")
def sources_only(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """digits-cnn for a bare cortex-m4, C sources that no compiler has seen. Not to be changed."""
    folder = tmp_path_factory.mktemp("sources") / "digits"
    arguments = ["--calibrate", CALIBRATION, "--compiler", "none", "--output", folder]
    succeed("compile", MODEL, "--target", "cortex-m4", *arguments)
    return folder


@pytest.fixture
def copied(sources_only: Path, here: Path) -> Path:
    """A copy of sources_only in the working folder, to be damaged."""
    return Path(shutil.copytree(sources_only, here / "copied"))


@pytest.fixture(scope="session")
def for_linux(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """digits-cnn for a Linux board, scored. Not to be changed."""
    folder = tmp_path_factory.mktemp("linux") / "digits-pi"
    succeed("compile", MODEL, "--target", "raspberry-pi-5", "--evaluate", EVALUATION,
            "--output", folder)  # fmt: skip
    return folder
