"""Plots as inline SVG. They take their colours from the page's style, so that it can be dark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

ROW = 22
LABEL_WIDTH, PLOT_WIDTH, VALUE_WIDTH = 250, 470, 120
WIDTH = LABEL_WIDTH + PLOT_WIDTH + VALUE_WIDTH
LONGEST_LABEL = 34


@dataclass(frozen=True)
class Bar:
    """label at the left, text at the right; value from 0 to the plot's largest."""

    label: str
    value: float
    text: str


@dataclass(frozen=True)
class Span:
    """What is held and what was seen, drawn as shares of what the two span together."""

    label: str
    held: tuple[float, float]
    seen: tuple[float, float]
    text: str


def bars(title: str, rows: Sequence[Bar]) -> str:
    """Horizontal bars, one a row."""
    largest = max((row.value for row in rows), default=0.0) or 1.0
    drawn = []
    for index, row in enumerate(rows):
        width = max(row.value / largest * PLOT_WIDTH, 0.5)
        shape = f'<rect class="bar" x="{LABEL_WIDTH}" y="{index * ROW + 4}" '
        shape += f'width="{width:.1f}" height="{ROW - 8}"/>'
        drawn.append(_row(index, row.label, row.text, shape))
    return _svg(title, "".join(drawn), len(rows) * ROW)


def spans(title: str, rows: Sequence[Span]) -> str:
    """Intervals: an outline for what is held, a filled line for what was seen."""
    drawn = []
    for index, row in enumerate(rows):
        low = min(row.held[0], row.seen[0])
        width = max(row.held[1], row.seen[1]) - low or 1.0
        shapes = [
            _interval("held", index, [(end - low) / width for end in row.held], 4),
            _interval("seen", index, [(end - low) / width for end in row.seen], 9),
        ]
        drawn.append(_row(index, row.label, row.text, "".join(shapes)))
    return _svg(title, "".join(drawn), len(rows) * ROW)


def lines(
    title: str, labels: Sequence[str], series: Sequence[tuple[str, Sequence[float | None]]]
) -> str:
    """Values along the layers, a line for each series; its name is the line's style class.

    None leaves a gap. Gridlines are every 10.
    """
    known = [value for _, values in series for value in values if value is not None]
    if not known:
        return ""
    low, high = min(0.0, min(known) // 10 * 10), (max(known) // 10 + 1) * 10
    height, left = 220, 44
    step = (WIDTH - left - 10) / max(len(labels) - 1, 1)

    def y(value: float) -> float:
        return 8 + (high - value) / (high - low) * (height - 16)

    parts = []
    for tick in range(int(low), int(high) + 1, 10):
        parts.append(
            f'<line class="grid" x1="{left}" x2="{WIDTH}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
        )
        parts.append(f'<text x="{left - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick}</text>')
    for name, values in series:
        places = [(left + i * step, v, labels[i]) for i, v in enumerate(values) if v is not None]
        path = " ".join(f"{x:.1f},{y(v):.1f}" for x, v, _ in places)
        parts.append(f'<polyline class="line {name}" points="{path}"/>')
        parts += [
            f'<circle class="dot {name}" cx="{x:.1f}" cy="{y(v):.1f}" r="3">'
            f"<title>{escape(label)}: {v:.1f} dB</title></circle>"
            for x, v, label in places
        ]
    return _svg(title, "".join(parts), height)


def _row(index: int, label: str, text: str, shape: str) -> str:
    middle = index * ROW + ROW / 2 + 4
    short = label if len(label) <= LONGEST_LABEL else f"…{label[1 - LONGEST_LABEL :]}"
    return (
        f"<g><title>{escape(label)}: {escape(text)}</title>"
        f'<text x="{LABEL_WIDTH - 8}" y="{middle}" text-anchor="end">{escape(short)}</text>{shape}'
        f'<text x="{LABEL_WIDTH + PLOT_WIDTH + 8}" y="{middle}">{escape(text)}</text></g>'
    )


def _interval(style: str, index: int, shares: Sequence[float], inset: int) -> str:
    start, end = (LABEL_WIDTH + share * PLOT_WIDTH for share in shares)
    return (
        f'<rect class="{style}" x="{start:.1f}" y="{index * ROW + inset}" '
        f'width="{max(end - start, 1):.1f}" height="{ROW - 2 * inset}"/>'
    )


def _svg(title: str, content: str, height: int) -> str:
    return (
        f'<svg role="img" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">'
        f"<title>{escape(title)}</title>{content}</svg>"
    )
