"""How every verb speaks: errors, JSON, exit codes. Results go to stdout, all else to stderr."""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ParamSpec

import typer

from edgetool import __version__
from edgetool.errors import EdgetoolError, UsageError

if TYPE_CHECKING:
    from edgetool.artifact import Artifact
    from edgetool.devices import Device
    from edgetool.runtimes.serial_board import SerialBoard

P = ParamSpec("P")

EXIT_USAGE = 2
EXIT_BUG = 70
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143

JSON_OPTION = typer.Option(False, "--json", help="Print the result as JSON on stdout.")
ARTIFACT_ARGUMENT = typer.Argument(
    ..., metavar="ARTIFACT", help="A folder written by `edgetool compile`."
)
COMPILER_OPTION = typer.Option(
    None, metavar="NAME", help="clang or gcc; default: the one it was built with."
)
EMULATOR_OPTION = typer.Option(
    None, metavar="NAME", help="unicorn or qemu; default: what the core can use."
)
DEVICE_OPTION = typer.Option(
    None,
    metavar="NAME",
    help="An enrolled device (`edgetool devices`), or the serial port (/dev/ttyACM0) of a board "
    "with `edgetool firmware` of this artifact on it.",
)
BAUD_OPTION = typer.Option(115_200, min=1200, metavar="N", help="Of --device, bits a second.")
TIMEOUT_OPTION = typer.Option(
    60.0, min=0.1, metavar="S", help="Seconds that one inference on --device may take."
)


def verb(function: Callable[P, None]) -> Callable[P, None]:
    """A verb that ends with a clear message and an exit code, whatever happens in it."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        as_json = bool(kwargs.get("json_output"))
        try:
            function(*args, **kwargs)
            sys.stdout.flush()  # a reader that has gone away is found out here, not at exit
        except EdgetoolError as error:
            print_error(error, as_json)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            say("interrupted: nothing half-written is left")
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except OSError as error:
            print_error(_from_os(error), as_json)
            raise typer.Exit(EXIT_USAGE) from None
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            print_bug(error, as_json)
            raise typer.Exit(EXIT_BUG) from None

    return guarded


@contextmanager
def ends_tidily_when_terminated() -> Iterator[None]:
    """Let SIGTERM (a CI job's end, `docker stop`) unwind, so that nothing half-written is left."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_TERMINATED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def print_json(content: Mapping[str, Any]) -> None:
    """The result for scripts."""
    print(json.dumps(content, indent=2))


def save_result(artifact: Artifact, name: str, content: Mapping[str, Any]) -> None:
    """Keep a result with its artifact for `edgetool compare`; only a note where that fails."""
    try:
        artifact.save_result(name, content)
    except OSError as error:
        say(f"note: {name} is not kept in '{artifact.folder}': {error.strerror}")


def device_at(name: str | None, baud: int, timeout_s: float) -> SerialBoard | Device | None:
    """What --device names: a serial port by its path, or an enrolled device; None without it."""
    if name is None:
        return None
    if "/" in name or name.upper().startswith("COM"):
        from edgetool.runtimes.serial_board import SerialBoard

        return SerialBoard(name, baud, timeout_s)
    from edgetool.devices import find_device

    return find_device(name)


def say(line: str) -> None:
    """A line for the person, not part of the result."""
    print(line, file=sys.stderr)


def refuse_command_line(message: str, words: Sequence[str]) -> int:
    """Print what is wrong with a command line, in the words of its parser; the exit code."""
    unknown = [word for word in words if message.startswith(f"No such command '{word}'")]
    verb_given = [word for word in words[:1] if word[:1] != "-" and word not in unknown]
    text = message[:1].lower() + message[1:].rstrip(".")
    help_line = " ".join(["edgetool", *verb_given, "--help"])
    print_error(UsageError(text, hints=(help_line,)), "--json" in words)
    return EXIT_USAGE


def print_error(error: EdgetoolError, as_json: bool) -> None:
    """error: what, where, and what to try."""
    print(f"error: {error.message}", file=sys.stderr)
    for detail in error.details:
        print(f"  {detail}", file=sys.stderr)
    for index, hint in enumerate(error.hints):
        print(f"  {'try:' if index == 0 else '    '} {hint}", file=sys.stderr)
    if as_json:
        print_json(error_json(error))


def error_json(error: EdgetoolError) -> dict[str, Any]:
    """The document that a verb prints with --json where it fails."""
    return {
        "schema_version": 1,
        "error": {
            "kind": error.kind,
            "message": error.message,
            "details": list(error.details),
            "hints": list(error.hints),
            "exit_code": error.exit_code,
        },
    }


def print_bug(error: Exception, as_json: bool) -> None:
    """An error that is edgetool's own fault, with what a report needs."""
    import traceback

    place = traceback.extract_tb(error.__traceback__)[-1]
    file = os.path.basename(place.filename)  # noqa: PTH119
    found = EdgetoolError(
        f"edgetool failed: {type(error).__name__}: {error}",
        details=(
            "this is a bug in edgetool, not in what you did",
            f"at {file}:{place.lineno} in {place.name}, edgetool {__version__}",
        ),
        hints=("EDGETOOL_DEBUG=1 and the same command shows where; please report that",),
    )
    found.kind = "bug"
    print_error(found, as_json)
    if os.environ.get("EDGETOOL_DEBUG"):
        traceback.print_exception(error, file=sys.stderr)


def _from_os(error: OSError) -> EdgetoolError:
    import errno

    where = f" '{error.filename}'" if error.filename else ""
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return UsageError(
            f"no space left for{where or ' the output'}: {reason}",
            hints=("free some, or --output on another disk",),
        )
    return UsageError(
        f"cannot read or write{where}: {reason}",
        hints=("check the path and its permissions",),
    )
