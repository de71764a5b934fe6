"""Run the README's session in an empty folder and write what it printed under each command.

python docs/refresh_readme.py        needs `edgetool` on the path
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"(?<=^```console\n)(.*?)(?=^```$)", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)$", re.MULTILINE)


def run(command: str, folder: str) -> str:
    """stdout of a command, lines without trailing blanks. Raises: CalledProcessError."""
    settings = {"EDGETOOL_DEVICES": f"{folder}/.devices", "XDG_CONFIG_HOME": f"{folder}/.settings"}
    environment = {**os.environ, **settings}
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())


def with_output(block: str, folder: str) -> str:
    """The block's commands, each followed by its output."""
    commands = COMMAND.findall(block)
    return "".join(f"$ {command}\n{run(command, folder)}" for command in commands)


def main() -> None:
    """Rewrite README.md."""
    text = README.read_text("utf-8")
    with tempfile.TemporaryDirectory() as folder:
        README.write_text(BLOCK.sub(lambda m: with_output(m[1], folder), text), "utf-8")


if __name__ == "__main__":
    main()
