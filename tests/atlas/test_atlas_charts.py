"""Charts as pure functions: labels keep apart, bars are as long as their figures, unknown years are gaps."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agrocluster.atlas import charts, quadrants
from agrocluster.atlas.labels import Box, place
from agrocluster.atlas.svg import element

FRAME = Box(0, 0, 560, 460)
CORNER = Box(0, 0, 60, 20)
POINT = st.tuples(st.floats(10, 550), st.floats(10, 450))


@given(st.lists(st.tuples(POINT, st.floats(15, 90)), min_size=1, max_size=23))
def test_no_label_covers_another_or_a_mark(cells: list[tuple[tuple[float, float], float]]) -> None:
    points = [point for point, _ in cells]
    boxes = place(points, [(width, 12.0) for _, width in cells], FRAME, 5.0, [CORNER])
    placed = [box for box in boxes if box is not None]
    marks = [Box(x - 5, y - 5, x + 5, y + 5) for x, y in points]
    for n, box in enumerate(placed):
        assert box.within(FRAME)
        assert not any(box.overlaps(other) for other in (*placed[:n], *marks, CORNER))
    assert len(placed) == len(points)


def test_a_label_without_room_is_left_out() -> None:
    assert place([(5.0, 5.0)], [(80.0, 12.0)], Box(0, 0, 40, 40), 5.0) == [None]


def test_a_lone_label_stands_right_of_its_mark() -> None:
    (box,) = place([(100.0, 100.0)], [(50.0, 12.0)], FRAME, 5.0)
    assert box is not None
    assert (box.left, (box.top + box.bottom) / 2) == (107.0, 100.0)


def attribute(svg: str, class_: str, name: str) -> list[float]:
    tags = re.findall(rf'<[a-z]+ [^>]*class="{class_}"[^>]*>', svg)
    return [float(re.search(rf' {name}="([^"]+)"', tag).group(1)) for tag in tags]  # type: ignore[union-attr]


def test_bars_are_as_long_as_their_figures() -> None:
    width = charts.BAR[0]
    assert attribute(charts.score_bar(25.0, "x"), "fill", "width") == [width / 4]
    assert attribute(charts.score_bar(25.0, "x", tight=True), "tight", "width") == [width / 4]
    whole = charts.interval_bar(1, 1, 23, (1, 23), "x")
    assert attribute(whole, "band", "x") == [1.0]
    assert attribute(whole, "band", "width") == [width - 2]
    stages = charts.stage_bars([100.0, None, 50.0], "abc", 2, "x")
    assert (attribute(stages, "fill", "height"), attribute(stages, "tight", "height")) == ([26.0], [13.0])
    assert len(attribute(stages, "none", "x1")) == 1


@pytest.mark.parametrize(("low", "high"), [(None, 3.0), (3.0, None)])
def test_what_is_unknown_is_not_drawn(low: float | None, high: float | None) -> None:
    assert charts.interval_bar(low, 3.0, high, (1, 9), "x") == ""
    assert charts.score_bar(None, "x") == ""


def test_an_unknown_year_is_a_gap_and_a_lone_year_a_dot() -> None:
    ticks = dict.fromkeys(charts.ticks([10.0]), "")
    svg = charts.trend([2019, 2020, 2021, 2022, 2023], {"final": [1.0, 2.0, None, 3.0, None]}, ticks, "t", "d")
    (path,) = re.findall(r' d="([^"]+)" class="line final"', svg)
    assert re.findall("[ML]", path) == ["M", "L", "M", "L"]
    dot = path[path.rindex("M") + 1 :].split("L")
    assert dot[0] == dot[1]


@given(st.lists(st.floats(0, 1e12), min_size=1, max_size=9))
def test_the_grid_holds_all_figures_in_few_round_steps(values: list[float]) -> None:
    ticks = charts.ticks(values)
    assert ticks[0] == 0
    assert ticks[-1] >= max(values) * (1 - 1e-9)
    assert 2 <= len(ticks) <= 6
    assert ticks == sorted(ticks)


def test_maps_share_round_axes_that_hold_every_score() -> None:
    assert quadrants.span([12.0, 75.5]) == (10, 80)
    assert quadrants.span([40.0, 40.0]) == (40, 50)
    assert quadrants.span([100.0]) == (90, 100)
    assert quadrants.span([]) == (0, 100)


def test_content_is_escaped_and_unknown_attributes_are_left_out() -> None:
    assert element("text", "<&>", class_='"', x=1.25, y=None) == '<text class="&#34;" x="1.2">&lt;&amp;&gt;</text>'
