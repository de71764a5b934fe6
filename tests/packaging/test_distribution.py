"""What is shipped: the wheel's and the sdist's file lists, and installs that work."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

import edgetool
import needs

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "toolchain" / "edgetool"
PACK_FOLDERS = ("targets", "models", "profiles")


def run(*command: str | Path, folder: Path) -> str:
    """stdout of a command that must succeed, run without this process's import path."""
    environment = {key: os.environ[key] for key in os.environ if key != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def files_under(folder: Path) -> set[str]:
    """Relative paths of the files that belong to the project."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {path.as_posix() for path in files if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of the checkout and the wheel that is built from that sdist."""
    for module in ("build", "hatchling"):
        needs.require_module(module, f"pip install {module}")
    folder = tmp_path_factory.mktemp("distributions")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, folder=folder)
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """An empty virtual environment that sees this one's packages, but not its edgetool."""
    folder = tmp_path / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", folder, folder=tmp_path)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    (site_packages / "outer.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def install(environment: Path, *what: str | Path) -> None:
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        environment / "bin" / "python",
        "install",
    ]
    offline = ["--no-deps", "--no-index", "--no-build-isolation", "--ignore-installed", "--quiet"]
    run(*pip, *offline, *what, folder=environment)


def wheel_files(distributions: Path) -> set[str]:
    (wheel,) = distributions.glob("*.whl")
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


def test_wheel_holds_the_package_and_the_packs_and_nothing_else(distributions: Path) -> None:
    expected = {f"edgetool/{file}" for file in files_under(PACKAGE)}
    for folder in PACK_FOLDERS:
        expected |= {f"edgetool/_packs/{folder}/{file}" for file in files_under(ROOT / folder)}
    assert wheel_files(distributions) == expected


def test_wheel_has_one_top_level_name_and_no_tests(distributions: Path) -> None:
    files = wheel_files(distributions)
    assert {file.split("/")[0] for file in files} == {"edgetool"}
    assert not [file for file in files if "test" in Path(file).name]
    assert "edgetool/py.typed" in files
    assert "edgetool/_packs/models/digits-cnn/model.onnx" in files


def test_packs_hold_no_python_but_what_is_sent_to_boards(distributions: Path) -> None:
    packs = [file for file in wheel_files(distributions) if "/_packs/" in file]
    agent = [file for file in packs if "/targets/linux/agent/" in file]
    assert "edgetool/_packs/targets/linux/agent/__main__.py" in agent
    assert not [
        file for file in packs if file.endswith((".py", ".pyc", ".so")) and file not in agent
    ]


def test_wheel_carries_its_licence(distributions: Path) -> None:
    (wheel,) = distributions.glob("*.whl")
    archive = zipfile.ZipFile(wheel)
    (licence,) = (name for name in archive.namelist() if name.endswith("/licenses/LICENSE"))
    assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()


def test_sdist_holds_what_a_reader_and_a_builder_need(distributions: Path) -> None:
    (sdist,) = distributions.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for file in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "Makefile"):
        assert file in names
    for folder in PACK_FOLDERS:
        assert {f"{folder}/{file}" for file in files_under(ROOT / folder)} <= names
    assert not [name for name in names if name.startswith((".venv", "build/", ".git/"))]


def test_installed_wheel_finds_its_packs(
    distributions: Path, environment: Path, tmp_path: Path
) -> None:
    (wheel,) = distributions.glob("*.whl")
    install(environment, wheel)
    python, tool = environment / "bin" / "python", environment / "bin" / "edgetool"
    where = run(python, "-c", "import edgetool; print(edgetool.__file__)", folder=tmp_path)
    assert Path(where.strip()).is_relative_to(environment)
    assert run(tool, "--version", folder=tmp_path).strip() == f"edgetool {edgetool.__version__}"
    assert "nucleo-l4r5zi" in run(tool, "targets", folder=tmp_path)


def test_editable_install_reads_the_checkout_in_place(environment: Path, tmp_path: Path) -> None:
    needs.require_module("hatchling", "pip install hatchling")
    install(environment, "--editable", ROOT)
    python, tool = environment / "bin" / "python", environment / "bin" / "edgetool"
    where = run(python, "-c", "import edgetool; print(edgetool.__file__)", folder=tmp_path)
    assert Path(where.strip()) == PACKAGE / "__init__.py"
    assert "nucleo-l4r5zi" in run(tool, "targets", folder=tmp_path)
