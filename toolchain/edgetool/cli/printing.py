"""Results on a person's terminal: tables, figures and wrapped text on stdout."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from edgetool.figures import Figure

WIDEST_TEXT = 100
WIDEST_TABLE = 200
COLUMN_GAP = 2


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
