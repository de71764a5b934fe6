"""A figure says its unit and kind, and is shown the way people read numbers."""

from __future__ import annotations

import pytest

from edgetool.figures import Figure, format_figure


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (2_959_811.5, "1", "2,959,812"),
        (35_031_924, "1", "35,031,924"),
        (16_000, "B", "16,000 B"),
        (0, "B", "0 B"),
        (0.901, "1", "0.901"),
        (1, "1", "1"),
        (0, "1", "0"),
        (3, "LSB", "3 LSB"),
        (0.03466, "s", "34.66 ms"),
        (4.7e-5, "s", "47 µs"),
        (2.5e-8, "s", "25 ns"),
        (1.5, "J", "1.5 J"),
        (0, "s", "0 s"),
    ],
)
def test_figures_are_shown_as_people_read_them(value: float, unit: str, text: str) -> None:
    assert format_figure(Figure(value, unit, "computed")) == text


def test_a_figure_survives_json_with_and_without_its_source() -> None:
    for source in ("", "some table"):
        figure = Figure(1.5, "W", "estimated", source)
        assert Figure.from_json(figure.to_json()) == figure
