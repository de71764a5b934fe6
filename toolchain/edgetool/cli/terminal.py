"""How every verb speaks: errors, JSON, progress. Results go to stdout, all else to stderr."""

from __future__ import annotations

import functools
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec

import typer

from edgetool import __version__
from edgetool.errors import EdgetoolError

P = ParamSpec("P")

EXIT_BUG = 70
EXIT_INTERRUPTED = 130
PROGRESS_AFTER_S = 1.0

JSON_OPTION = typer.Option(False, "--json", help="Print the result as JSON on stdout.")


def verb(function: Callable[P, None]) -> Callable[P, None]:
    """A verb that ends with a clear message and an exit code, whatever happens in it."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except EdgetoolError as error:
            print_error(error, bool(kwargs.get("json_output")))
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            say("interrupted: nothing half-written is left")
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except OSError as error:
            print_error(_from_os(error), bool(kwargs.get("json_output")))
            raise typer.Exit(2) from None
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            print_bug(error)
            raise typer.Exit(EXIT_BUG) from None

    return guarded


def print_json(content: Mapping[str, Any]) -> None:
    """The result for scripts."""
    print(json.dumps(content, indent=2))


def say(line: str) -> None:
    """A line for the person, not part of the result."""
    print(line, file=sys.stderr)


def print_error(error: EdgetoolError, as_json: bool) -> None:
    """error: what, where, and what to try."""
    print(f"error: {error.message}", file=sys.stderr)
    for detail in error.details:
        print(f"  {detail}", file=sys.stderr)
    for index, hint in enumerate(error.hints):
        print(f"  {'try:' if index == 0 else '    '} {hint}", file=sys.stderr)
    if as_json:
        print_json(
            {
                "schema_version": 1,
                "error": {
                    "kind": error.kind,
                    "message": error.message,
                    "details": list(error.details),
                    "hints": list(error.hints),
                    "exit_code": error.exit_code,
                },
            }
        )


def print_bug(error: Exception) -> None:
    """An error that is edgetool's own fault, with what a report needs."""
    import traceback

    print(f"error: edgetool failed: {type(error).__name__}: {error}", file=sys.stderr)
    print("  this is a bug in edgetool, not in what you did", file=sys.stderr)
    if os.environ.get("EDGETOOL_DEBUG"):
        traceback.print_exception(error, file=sys.stderr)
        return
    place = traceback.extract_tb(error.__traceback__)[-1]
    print(
        f"  at {os.path.basename(place.filename)}:{place.lineno} in {place.name},"  # noqa: PTH119
        f" edgetool {__version__}",
        file=sys.stderr,
    )
    print(
        "  try: EDGETOOL_DEBUG=1 and the same command shows where; please report that",
        file=sys.stderr,
    )


def table(columns: list[str], rows: list[list[str]], title: str | None = None) -> None:
    """A table on stdout; columns of numbers to the right, of words to the left."""
    from rich.console import Console
    from rich.table import Table

    sheet = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        numbers = all(row[index][:1].isdigit() or row[index] == "–" for row in rows)
        sheet.add_column(column, justify="right" if numbers and index else "left")
    for row in rows:
        sheet.add_row(*row)
    width = None if sys.stdout.isatty() else 200
    Console(width=width, highlight=False, markup=False, emoji=False).print(sheet)


class ProgressBar:
    """A bar on stderr for work longer than a second, silent where stderr is not a terminal.

    Called as progress(done, total, label); the label names the step.
    """

    def __init__(self) -> None:
        self._started: dict[str, float] = {}
        self._bar: Any = None
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, done: int, total: int, label: str) -> None:
        """Show that `done` of `total` of step `label` are finished."""
        started = self._started.setdefault(label, time.monotonic())
        if not sys.stderr.isatty():
            return
        if label not in self._tasks and time.monotonic() - started < PROGRESS_AFTER_S:
            return
        if self._bar is None:
            self._bar = _new_bar()
        if label not in self._tasks:
            self._tasks[label] = self._bar.add_task(label, total=total)
        self._bar.update(self._tasks[label], completed=done, total=total)


def _new_bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    bar.start()
    return bar


def _from_os(error: OSError) -> EdgetoolError:
    import errno

    from edgetool.errors import UsageError

    where = f" '{error.filename}'" if error.filename else ""
    reason = error.strerror or str(error)
    if error.errno == errno.ENOSPC:
        return UsageError(f"no space left on the device{where}", hints=("free some, or --output",))
    return UsageError(f"cannot read or write{where}: {reason}")
