"""The README's commands are run, in its order, in one temporary folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+)[^)]*\)")
LINES_OF_THE_PITCH = 5


def commands_in(text: str) -> list[str]:
    """Lines `$ edgetool …` of ```console blocks; a backslash joins the next line."""
    joined = (block.replace("\\\n", " ") for block in CONSOLE.findall(text))
    lines = (line for block in joined for line in block.splitlines())
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ edgetool")]


def shell_with_edgetool(folder: Path) -> dict[str, str]:
    """An environment whose `edgetool` is this one's, whatever else is installed."""
    launcher = folder / "bin" / "edgetool"
    launcher.parent.mkdir()
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m edgetool "$@"\n')
    launcher.chmod(0o755)
    path = f"{launcher.parent}{os.pathsep}{os.environ['PATH']}"
    settings = {"XDG_CONFIG_HOME": str(folder / "settings"), "EDGETOOL_DEVICES": str(folder / "d")}
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT / "toolchain"), **settings}


def test_readme_commands_succeed_in_order(tmp_path: Path) -> None:
    commands = commands_in(README.read_text("utf-8"))
    assert commands, "the README shows no session"
    environment = shell_with_edgetool(tmp_path)
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "models").symlink_to(ROOT / "models")
    for command in commands:
        done = subprocess.run(
            command, shell=True, cwd=folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
)
def test_links_to_files_lead_somewhere(page: str | Path) -> None:
    source = ROOT / page
    for target in LINK.findall(source.read_text("utf-8")):
        if "://" not in target:
            assert (source.parent / target).exists(), f"{page}: {target}"


def test_readme_names_the_two_commands_and_says_what_it_is_in_five_lines() -> None:
    text = README.read_text("utf-8")
    assert "make demo" in text
    assert "make test" in text
    pitch = text.split("\n\n")[1].splitlines()
    assert len(pitch) == LINES_OF_THE_PITCH


def test_commands_are_taken_from_console_blocks_only() -> None:
    text = "```\n$ edgetool no\n```\n"
    text += "```console\n$ edgetool a \\\n  --b c\nout\n$ ls\n$ edgetool d\n```\n"
    assert commands_in(text) == ["edgetool a    --b c", "edgetool d"]
