"""How every verb speaks: errors, JSON, progress. Results go to stdout, all else to stderr."""

from __future__ import annotations

import functools
import json
import os
import shutil
import sys
import textwrap
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, ParamSpec

import typer

from edgetool import __version__
from edgetool.errors import EdgetoolError, UsageError

if TYPE_CHECKING:
    from edgetool.artifact import Artifact
    from edgetool.figures import Figure

P = ParamSpec("P")

EXIT_USAGE = 2
EXIT_BUG = 70
EXIT_INTERRUPTED = 130
PROGRESS_AFTER_S = 1.0
WIDEST_TEXT = 100
WIDEST_TABLE = 200
COLUMN_GAP = 2

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


def print_json(content: Mapping[str, Any]) -> None:
    """The result for scripts."""
    print(json.dumps(content, indent=2))


def save_result(artifact: Artifact, name: str, content: Mapping[str, Any]) -> None:
    """Keep a result with its artifact for `edgetool compare`; only a note where that fails."""
    try:
        artifact.save_result(name, content)
    except OSError as error:
        say(f"note: {name} is not kept in '{artifact.folder}': {error.strerror}")


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
        print_json(_error_json(error))


def _error_json(error: EdgetoolError) -> dict[str, Any]:
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


def table(columns: list[str], rows: list[list[str]], *, fold: bool = False) -> None:
    """A table on stdout; columns of numbers to the right, of words to the left.

    Where it is wider than the terminal, words wrap; with fold, columns go on below instead, the
    first one repeated.
    """
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDEST_TABLE
    widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
    parts = _fitting(widths, width) if fold else [range(1, len(columns))]
    for number, part in enumerate(parts):
        if number:
            print()
        shown = [0, *part]
        _print_table([columns[i] for i in shown], [[row[i] for i in shown] for row in rows], width)


def _fitting(widths: Sequence[int], width: int) -> list[list[int]]:
    """Columns but the first, parted so that each part and the first column fit into width."""
    parts: list[list[int]] = [[]]
    used = widths[0]
    for index, wanted in enumerate(widths[1:], start=1):
        if parts[-1] and used + COLUMN_GAP + wanted > width:
            parts.append([])
            used = widths[0]
        parts[-1].append(index)
        used += COLUMN_GAP + wanted
    return parts


def _print_table(columns: list[str], rows: list[list[str]], width: int) -> None:
    from rich.console import Console
    from rich.table import Table

    sheet = Table(box=None, pad_edge=False, header_style="bold", padding=(0, COLUMN_GAP // 2))
    for index, column in enumerate(columns):
        numbers = all(row[index][:1].isdigit() or row[index] == "–" for row in rows)
        justify: Literal["right", "left"] = "right" if numbers and index else "left"
        sheet.add_column(column, justify=justify, no_wrap=index == 0)
    for row in rows:
        sheet.add_row(*row)
    console = Console(width=width, highlight=False, markup=False, emoji=False)
    with console.capture() as text:
        console.print(sheet)
    print("\n".join(line.rstrip() for line in text.get().splitlines()))


def print_figures(figures: Mapping[str, Figure]) -> None:
    """Figures by name, one a line, with how each was obtained; sources as numbered footnotes."""
    from edgetool.figures import format_figure

    sources = list(dict.fromkeys(figure.source for figure in figures.values() if figure.source))
    name_width = max(map(len, figures), default=0)
    value_width = max((len(format_figure(figure)) for figure in figures.values()), default=0)
    for name, figure in figures.items():
        mark = f" [{sources.index(figure.source) + 1}]" if figure.source else ""
        value = format_figure(figure)
        print(f"  {name:<{name_width}}  {value:>{value_width}}  {figure.kind}{mark}")
    for index, source in enumerate(sources):
        print_wrapped(f"  [{index + 1}] ", source)


def print_wrapped(label: str, text: str) -> None:
    """A text on stdout as wide as the terminal, its further lines indented as far as its first."""
    width = min(shutil.get_terminal_size().columns, WIDEST_TEXT)
    print(textwrap.fill(text, width, initial_indent=label, subsequent_indent=" " * len(label)))


class ProgressBar:
    """A bar on stderr for work longer than a second, silent where stderr is not a terminal.

    Called as progress(done, total, label); the label names the step. A total of 0 is a step whose
    length is not known: its bar only moves.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._timers: dict[str, threading.Timer] = {}
        self._state: dict[str, tuple[int, int]] = {}
        self._tasks: dict[str, Any] = {}
        self._bar: Any = None

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        for timer in self._timers.values():
            timer.cancel()
        with self._lock:
            self._timers.clear()
            if self._bar is not None:
                self._bar.stop()

    def __call__(self, done: int, total: int, label: str) -> None:
        """Show that `done` of `total` of step `label` are finished."""
        if not sys.stderr.isatty():
            return
        with self._lock:
            self._state[label] = (done, total)
            if label in self._tasks:
                going_on = not total or done < total
                self._bar.update(
                    self._tasks[label], completed=done, total=total or None, visible=going_on
                )
            elif label not in self._timers:
                # A step that is over within a second never shows.
                self._timers[label] = threading.Timer(PROGRESS_AFTER_S, self._show, [label])
                self._timers[label].daemon = True
                self._timers[label].start()

    def _show(self, label: str) -> None:
        with self._lock:
            done, total = self._state[label]
            if label not in self._timers or (total and done >= total):
                return
            if self._bar is None:
                self._bar = _new_bar()
            self._tasks[label] = self._bar.add_task(label, completed=done, total=total or None)


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
