"""Charts: round steps around any values, marks where the numbers say, texts escaped."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ham_mrc.report.charts import HEIGHT, WIDTH, Chart, Series, draw, even_steps, shape, swatch


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_steps_are_even_round_and_reach_around_the_values(low: float, size: float) -> None:
    high = low + size
    steps = even_steps(low, high)
    gap = steps[1] - steps[0]
    slack = 1e-6 * gap + 1e-9 * abs(low)
    assert steps[0] <= low + slack
    assert steps[-1] >= high - slack
    assert all(abs((b - a) - gap) <= slack for a, b in pairwise(steps))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (57, 74, [55, 60, 65, 70, 75]),
        (3, 3, [3, 4]),
        (0, 0, [0, 0.2]),
        (0.97, 1.0, [0.97, 0.98, 0.99, 1.0]),
    ],
)
def test_steps_by_hand(low: float, high: float, expected: list[float]) -> None:
    assert even_steps(low, high) == pytest.approx(expected)


def marks(chart: Chart) -> list[tuple[float, float, str]]:
    """(x, y, said) of each mark of a drawn chart, read back from its SVG."""
    tree = ElementTree.fromstring(draw(chart))
    found = []
    for path in tree.iter("path"):
        x, y = re.match(r"M([\d.]+) ([\d.]+)", path.attrib["d"]).groups()  # type: ignore[union-attr]
        found.append((float(x), float(y), path.findtext("title") or ""))
    return found


def test_places_are_linear() -> None:
    squares = Series("one", 1, [(1, 0), (2, 5), (3, 10)])
    (x1, y1, said), (x2, y2, _), (x3, y3, _) = marks(Chart("t", "x", "y", [squares], [(1, "1"), (3, "3")]))
    assert said == "one: 0"
    assert x2 - x1 == pytest.approx(x3 - x2, abs=0.11)
    assert y1 - y2 == pytest.approx(y2 - y3, abs=0.11)
    assert 0 < x1 < x3 < WIDTH
    assert 0 < y3 < y1 < HEIGHT


def test_decades_are_even_where_the_axis_is_logarithmic() -> None:
    one = Series("one", 0, [(1, 0.1), (2, 0.01), (3, 0.001), (4, 0.0)])
    places = marks(Chart("t", "x", "y", [one], [(1, "1"), (4, "4")], log=True))
    (_, y1, _), (_, y2, _), (_, y3, _), (_, zero, _) = places
    assert y2 - y1 == pytest.approx(y3 - y2, abs=0.11)
    assert y3 < zero <= HEIGHT, "nothing at all is drawn as very little"


def test_texts_are_escaped() -> None:
    hostile = '<script>"&'
    chart = Chart(hostile, hostile, hostile, [Series(hostile, 0, [(1, 1)])], [(1, hostile)], guide=(1, hostile))
    drawn = draw(chart)
    assert "<script" not in drawn
    tree = ElementTree.fromstring(drawn)
    assert tree.attrib["aria-label"] == f"{hostile}: {hostile} by {hostile}"
    assert [text.text for text in tree.iter("text")].count(hostile) == 3


def test_six_series_have_six_shapes() -> None:
    assert len({shape(number, 5, 5, 2) for number in range(6)}) == 6


def test_a_legend_tells_twelve_series_apart() -> None:
    drawn = [swatch(number) for number in range(12)]
    assert len(set(drawn)) == 12
    # Colour and shape, dashes left away: where a line is short, its dashes do not show.
    assert len({mark.replace(" dashed", "") for mark in drawn}) == 12
    assert [" dashed" in mark for mark in drawn] == [False] * 6 + [True] * 6
