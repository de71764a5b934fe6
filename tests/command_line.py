"""The command line as a user has it, run in this process, and what a folder holds before it."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetool.cli import main

ROOT = Path(__file__).parents[1]
DIGITS = ROOT / "models" / "digits-cnn"
MODEL = DIGITS / "model.onnx"
CALIBRATION = f"{DIGITS / 'calibration.npz'}[:20]"
EVALUATION = f"{DIGITS / 'evaluation.npz'}[:50]"


@dataclass(frozen=True)
class Finished:
    """A command that has ended: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


def edgetool(*arguments: object) -> Finished:
    """Run `edgetool` with these arguments."""
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int)
    return Finished(code, out.getvalue(), err.getvalue())


def succeed(*arguments: object) -> Finished:
    """Run `edgetool`, which must end with 0."""
    finished = edgetool(*arguments)
    assert finished.code == 0, finished.err
    return finished


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file and folder below a folder, hidden ones too."""
    found = {path: path.lstat() for path in sorted(folder.rglob("*"))}
    return {
        str(path.relative_to(folder)): (status.st_size, status.st_mtime_ns)
        for path, status in found.items()
    }


@contextlib.contextmanager
def nothing_changes(*folders: Path) -> Iterator[None]:
    """Fail if the block writes, changes or removes anything in these folders."""
    before = [contents(folder) for folder in folders]
    yield
    for folder, old in zip(folders, before, strict=True):
        assert contents(folder) == old
