"""Runtimes that a device has, or that are pushed to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgetool.errors import DeviceError, MissingToolError, ProtocolError
from edgetool.packs.finding import is_id
from edgetool.runtimes.board.board import Board
from edgetool.runtimes.board.wheelhouse import Wanted, fill, installable

NATIVE = "c"  # the model as a program of its own: always to be had
LOOK_TIMEOUT_S = 120.0  # a Pi Zero starts Python in seconds, and there may be several folders


@dataclass(frozen=True)
class Provided:
    """python: by runtime, the folder of its packages below the root, None for an installed one.

    lacking: by runtime, why it is not there.   cpus: how many the device has.
    machine, python_version: as the device says.   bits: of its programs.
    """

    python: Mapping[str, str | None]
    lacking: Mapping[str, str]
    cpus: int
    machine: str
    python_version: str
    bits: int


def provide_runtimes(
    board: Board, runtimes: Sequence[str], last_resort: str | None = None
) -> Provided:
    """Find these runtimes on a device; push what it lacks and wheels are to be had for.

    last_resort: NATIVE, to be used where none of them is to be had.
    Raises: LinkError; DeviceError when none of them is to be had.
    """
    answer = board.client.call("runtimes", timeout_s=LOOK_TIMEOUT_S)
    found, wanted = _checked(board.where, answer)
    found[NATIVE] = None
    python = {name: found[name] for name in runtimes if name in found}
    lacking: dict[str, str] = {}
    for name in runtimes:
        if name not in python:
            try:
                python[name] = installable(board, name, fill(name, wanted))
            except (DeviceError, MissingToolError) as error:
                lacking[name] = error.message
    if not python and last_resort is not None:
        python[last_resort] = None
    if not python:
        raise DeviceError(
            f"{board.where} has none of {', '.join(runtimes)}",
            details=[f"{name}: {why}" for name, why in lacking.items()],
            hints=(
                "pip install onnxruntime or ai-edge-litert on the device",
                "EDGETOOL_WHEELS=FOLDER of wheels for the device, on this machine",
            ),
        )
    return Provided(python, lacking, wanted.cpus, wanted.machine, wanted.python, wanted.bits)


def _checked(where: str, answer: Mapping[str, Any]) -> tuple[dict[str, str | None], Wanted]:
    try:
        folders = {str(k): _folder(v) for k, v in dict(answer["runtimes"]).items()}
        version = ".".join(str(int(part)) for part in str(answer["python"]).split(".")[:2])
        libc = [str(part)[:20] for part in answer["libc"]]
        machine = str(answer["machine"])
        if not machine.replace("_", "").isalnum():
            raise ValueError(machine)
        return folders, Wanted(
            machine, version, libc[0], libc[1], int(answer["bits"]), int(answer["cpus"])
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ProtocolError(f"{where} does not say what runtimes it has: {error}") from error


def _folder(value: Any) -> str | None:
    if value is None:
        return None
    head, _, name = str(value).partition("/")
    if head != "python" or not is_id(name):
        raise ValueError(f"a folder called {str(value)[:80]!r}")
    return f"python/{name}"
