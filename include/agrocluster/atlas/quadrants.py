"""The map of POSITION against HEADROOM: marks with labels, panel medians, intervals that show on hover and focus.

Colours come from the style sheet by class, shapes from the grade, so that colour is never the only sign.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from agrocluster.atlas.labels import Box, place
from agrocluster.atlas.svg import element, number, picture

MARK = 5.0
FONT = 11.0
CORNER = 13.0
"""Sizes in pixels of marks, of labels and of the names of the quadrants."""
CORNERS = {"prepare": (False, False), "build": (True, False), "leave": (False, True), "defend": (True, True)}
"""Quadrant to whether its corner is on the right and at the bottom."""
LATIN, OTHER = 0.6, 0.68
"""Width of a letter over the size of the font, on the wide side: Latin letters, Cyrillic and all others."""
TICK = 10
"""Points between two grid lines."""
MARGIN = (34.0, 10.0, 10.0, 34.0)
"""Pixels left of, above, right of and below the frame."""
LEADER = 14.0
"""A label farther from its mark than this gets a line to it."""


@dataclass(frozen=True)
class Mark:
    """A chain on the map. ``x`` is POSITION, ``y`` HEADROOM, in points; intervals are (low, high) or None."""

    label: str
    title: str
    href: str
    x: float
    y: float
    x_range: tuple[float, float] | None
    y_range: tuple[float, float] | None
    quadrant: str
    grade: str


@dataclass(frozen=True)
class Axes:
    """What maps that are to be compared have in common: the points from end to end of each axis, in tens, and the panel
    medians of POSITION and HEADROOM (None where unknown)."""

    x: tuple[int, int]
    y: tuple[int, int]
    medians: tuple[float | None, float | None]


@dataclass(frozen=True)
class Words:
    """What is written on and about a map."""

    title: str
    desc: str
    x_axis: str
    y_axis: str
    quadrants: dict[str, str]


def span(values: Iterable[float]) -> tuple[int, int]:
    """From the ten below the least value to the ten above the largest, within 0 to 100."""
    held = list(values) or [0.0, 100.0]
    low = max(0, min(TICK * math.floor(min(held) / TICK), 100 - TICK))
    return low, min(100, max(TICK * math.ceil(max(held) / TICK), low + TICK))


def quadrant_map(
    marks: Sequence[Mark], axes: Axes, words: Words, *, width: float, height: float, class_: str = ""
) -> Markup:
    """The map as SVG of ``width`` by ``height`` pixels."""
    frame = Box(MARGIN[0], MARGIN[1], width - MARGIN[2], height - MARGIN[3])
    scale = _Scale(frame, axes)
    points = [scale(mark.x, mark.y) for mark in marks]
    sizes = [(_width(mark.label, FONT), FONT + 1) for mark in marks]
    corners = _corners(frame, words)
    boxes = place(points, sizes, frame, MARK, [box for box, _ in corners])
    parts = [*_axes(scale, words), *_medians(scale), *(text for _, text in corners)]
    parts += [_mark(m, p, box, scale) for m, p, box in zip(marks, points, boxes, strict=True)]
    return picture(width, height, words.title, *parts, desc=words.desc, class_=f"map {class_}".strip())


def shape(grade: str, x: float, y: float, size: float = MARK) -> Markup:
    """The mark of a grade: circle A, square B, triangle C, cross D or unknown."""
    if grade == "A":
        return element("circle", cx=x, cy=y, r=size, class_="shape")
    if grade == "B":
        side = 2 * size - 1
        return element("rect", x=x - side / 2, y=y - side / 2, width=side, height=side, class_="shape")
    if grade == "C":
        corners = ((x, y - size), (x + size, y + size), (x - size, y + size))
        return element("path", d=f"M{'L'.join(f'{number(a)} {number(b)}' for a, b in corners)}Z", class_="shape")
    a, b, c, d = (number(v) for v in (x - size, x + size, y - size, y + size))
    return element("path", d=f"M{a} {c}L{b} {d}M{a} {d}L{b} {c}", class_="shape cross")


class _Scale:
    """Points of the index to pixels inside a frame; what lies beyond an axis is held at its end."""

    def __init__(self, frame: Box, axes: Axes) -> None:
        self.frame = frame
        self.axes = axes

    def __call__(self, x: float, y: float) -> tuple[float, float]:
        f = self.frame
        across, up = (_part(value, ends) for value, ends in ((x, self.axes.x), (y, self.axes.y)))
        return f.left + (f.right - f.left) * across, f.bottom - (f.bottom - f.top) * up


def _part(value: float, ends: tuple[int, int]) -> float:
    return min(1.0, max(0.0, (value - ends[0]) / (ends[1] - ends[0])))


def _axes(scale: _Scale, words: Words) -> list[Markup]:
    f, axes = scale.frame, scale.axes
    turn = f"translate(10 {number((f.top + f.bottom) / 2)}) rotate(-90)"
    parts = [
        element("rect", x=f.left, y=f.top, width=f.right - f.left, height=f.bottom - f.top, class_="frame"),
        element("text", words.x_axis, x=(f.left + f.right) / 2, y=f.bottom + 29, text_anchor="middle", class_="axis"),
        element("text", words.y_axis, text_anchor="middle", class_="axis", transform=turn),
    ]
    for tick in range(axes.x[0], axes.x[1] + 1, TICK):
        x, _ = scale(tick, axes.y[0])
        parts.append(element("text", str(tick), x=x, y=f.bottom + 13, text_anchor="middle", class_="tick"))
    for tick in range(axes.y[0], axes.y[1] + 1, TICK):
        _, y = scale(axes.x[0], tick)
        parts.append(element("text", str(tick), x=f.left - 4, y=y + 4, text_anchor="end", class_="tick"))
    return parts


def _medians(scale: _Scale) -> list[Markup]:
    f, axes, parts = scale.frame, scale.axes, []
    if axes.medians[0] is not None:
        x, _ = scale(axes.medians[0], axes.y[0])
        parts.append(element("line", x1=x, x2=x, y1=f.top, y2=f.bottom, class_="median"))
    if axes.medians[1] is not None:
        _, y = scale(axes.x[0], axes.medians[1])
        parts.append(element("line", x1=f.left, x2=f.right, y1=y, y2=y, class_="median"))
    return parts


def _corners(f: Box, words: Words) -> list[tuple[Box, Markup]]:
    """The names of the quadrants with the room they take."""
    found = []
    for quadrant, (right, bottom) in CORNERS.items():
        wide = _width(words.quadrants[quadrant], CORNER) + 6
        left, top = f.right - wide if right else f.left, f.bottom - CORNER - 8 if bottom else f.top
        x, anchor = (f.right - 6, "end") if right else (f.left + 6, "start")
        text = element(
            "text", words.quadrants[quadrant], x=x, y=top + CORNER + 2, text_anchor=anchor, class_=f"corner {quadrant}"
        )
        found.append((Box(left, top, left + wide, top + CORNER + 8), text))
    return found


def _mark(mark: Mark, point: tuple[float, float], box: Box | None, scale: _Scale) -> Markup:
    x, y = point
    parts = [element("title", mark.title)]
    if mark.x_range is not None:
        (low, _), (high, _) = scale(mark.x_range[0], 0), scale(mark.x_range[1], 0)
        parts.append(element("line", x1=low, x2=high, y1=y, y2=y, class_="whisker"))
    if mark.y_range is not None:
        (_, low), (_, high) = scale(0, mark.y_range[0]), scale(0, mark.y_range[1])
        parts.append(element("line", x1=x, x2=x, y1=low, y2=high, class_="whisker"))
    if box is not None:
        parts += _leader(point, box)
        at, anchor = _anchor(x, box)
        parts.append(element("text", mark.label, x=at, y=box.bottom - 3, text_anchor=anchor, class_="label"))
    parts.append(shape(mark.grade, x, y))
    return element("a", *parts, href=mark.href, class_=f"mark {mark.quadrant}", aria_label=mark.title)


def _anchor(x: float, box: Box) -> tuple[float, str]:
    """Where the text starts from inside its room: on the side of its mark."""
    if box.left > x:
        return box.left, "start"
    return (box.right, "end") if box.right < x else ((box.left + box.right) / 2, "middle")


def _width(text: str, size: float) -> float:
    """Room for a text in pixels."""
    return size * sum(LATIN if letter.isascii() else OTHER for letter in text)


def _leader(point: tuple[float, float], box: Box) -> list[Markup]:
    """A line from the mark to the nearest edge of a label that is far away."""
    x, y = point
    near_x, near_y = min(max(x, box.left), box.right), min(max(y, box.top), box.bottom)
    if (near_x - x) ** 2 + (near_y - y) ** 2 < LEADER**2:
        return []
    return [element("line", x1=x, y1=y, x2=near_x, y2=near_y, class_="leader")]
