"""Small charts as SVG: bars of intervals, scores and stages, and lines over years. Pure functions of figures and words.

A missing figure is a gap, never zero; every chart carries its text alternative.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from agrocluster.atlas.svg import element, number, picture

BAR = (96.0, 14.0)
"""Width and height of a bar in a table cell, pixels."""
TREND = (340.0, 210.0)
TREND_MARGIN = (44.0, 12.0, 12.0, 22.0)
"""Pixels left of, above, right of and below the lines."""
NICE = (1.0, 2.0, 2.5, 5.0, 10.0)
TICKS = 4


def interval_bar(
    low: float | None, value: float | None, high: float | None, span: tuple[float, float], title: str
) -> Markup:
    """A band from ``low`` to ``high`` with a mark at ``value`` on an axis from ``span[0]`` to ``span[1]``.

    Empty where ``low`` or ``high`` is unknown.
    """
    if low is None or high is None:
        return Markup("")
    width, height = BAR
    first, last = span

    def at(v: float) -> float:
        return 3 + (width - 6) * (v - first) / max(last - first, 1e-9)

    parts = [
        element("line", x1=3.0, x2=width - 3, y1=height / 2, y2=height / 2, class_="rail"),
        element("rect", x=at(low) - 2, y=4.0, width=at(high) - at(low) + 4, height=height - 8, rx=2.0, class_="band"),
    ]
    if value is not None:
        parts.append(element("rect", x=at(value) - 2, y=1.0, width=4.0, height=height - 2, class_="spot"))
    return picture(width, height, title, *parts, class_="bar")


def score_bar(value: float | None, title: str, *, tight: bool = False) -> Markup:
    """A bar from 0 to 100 points; ``tight`` marks the bottleneck. Empty where the score is unknown."""
    if value is None:
        return Markup("")
    width, height = BAR
    parts = [
        element("rect", x=0.0, y=3.0, width=width, height=height - 6, class_="rail-fill"),
        element(
            "rect", x=0.0, y=3.0, width=width * value / 100, height=height - 6, class_="tight" if tight else "fill"
        ),
    ]
    return picture(width, height, title, *parts, class_="bar")


def stage_bars(scores: Sequence[float | None], letters: str, tight: int | None, title: str) -> Markup:
    """One upright bar per stage with its letter below, 0 to 100 points; a dash where the score is unknown.

    Args:
        tight: number of the stage that is the bottleneck.
    """
    wide, tall, foot = 13.0, 26.0, 10.0
    parts = []
    for n, (score, letter) in enumerate(zip(scores, letters, strict=True)):
        x = n * (wide + 4)
        parts.append(element("rect", x=x, y=0.0, width=wide, height=tall, class_="rail-fill"))
        if score is None:
            parts.append(element("line", x1=x + 3, x2=x + wide - 3, y1=tall / 2, y2=tall / 2, class_="none"))
        else:
            high = tall * score / 100
            kind = "tight" if n == tight else "fill"
            parts.append(element("rect", x=x, y=tall - high, width=wide, height=high, class_=kind))
        parts.append(element("text", letter, x=x + wide / 2, y=tall + foot - 1, text_anchor="middle", class_="letter"))
    return picture(len(scores) * (wide + 4) - 4, tall + foot, title, *parts, class_="bar")


def trend(
    years: Sequence[int],
    lines: Mapping[str, Sequence[float | None]],
    tick: Mapping[float, str],
    title: str,
    desc: str,
    size: tuple[float, float] = TREND,
) -> Markup:
    """Lines over years, one per stage (its class draws it); a gap where a year is unknown.

    Args:
        years: ascending.
        lines: stage to one value per year.
        tick: value to the text of its grid line, from ``ticks``.
        size: width and height in pixels.
    """
    width, height = size
    left, top, right, bottom = TREND_MARGIN
    highest = max(tick)

    def at(year: float, value: float) -> tuple[float, float]:
        across = (year - years[0]) / max(years[-1] - years[0], 1)
        return left + (width - left - right) * across, height - bottom - (height - top - bottom) * value / highest

    parts = []
    for value, text in tick.items():
        _, y = at(years[0], value)
        parts.append(element("line", x1=left, x2=width - right, y1=y, y2=y, class_="grid"))
        parts.append(element("text", text, x=left - 4, y=y + 4, text_anchor="end", class_="tick"))
    for year in sorted({years[0], years[len(years) // 2], years[-1]}):
        x, _ = at(year, 0)
        anchor = "start" if year == years[0] else "end" if year == years[-1] else "middle"
        parts.append(element("text", str(year), x=x, y=height - 6, text_anchor=anchor, class_="tick"))
    for stage, values in lines.items():
        points = [None if v is None else at(year, v) for year, v in zip(years, values, strict=True)]
        parts.append(element("path", d=_path(points), class_=f"line {stage}"))
    return picture(width, height, title, *parts, desc=desc, class_="trend")


def ticks(values: Sequence[float]) -> list[float]:
    """Round values from 0 to at least the largest of ``values``, and to 1, for the grid of an axis of dollars."""
    largest = max(1.0, *values)
    size = 10 ** math.floor(math.log10(largest / TICKS))
    step = next(size * nice for nice in NICE if size * nice * TICKS >= largest)
    return [step * n for n in range(math.ceil(largest / step - 1e-9) + 1)]


def _path(points: Sequence[tuple[float, float] | None]) -> str:
    """Moves and lines through the points; a lone point between gaps becomes a dot (a line of no length)."""
    text, pen = [], False
    for n, point in enumerate(points):
        if point is None:
            pen = False
            continue
        here = f"{number(point[0])} {number(point[1])}"
        alone = not pen and (n + 1 == len(points) or points[n + 1] is None)
        text.append(f"{'L' if pen else 'M'}{here}" + (f"L{here}" if alone else ""))
        pen = True
    return "".join(text)
