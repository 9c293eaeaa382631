"""Places for the labels of a scatter plot such that no label covers another or a mark.

Greedy: the most crowded point first, each label at the free place nearest to its point. It draws nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

STEPS = 24
"""Directions that are tried around a point."""
REACH = (2.0, 6.0, 12.0, 20.0, 30.0, 42.0, 56.0, 72.0, 90.0, 110.0, 132.0, 156.0, 182.0)
"""Distances, in pixels beyond the mark, that are tried one after the other."""
GAP = 1.0
"""Pixels that stay free around a label."""


class Box(NamedTuple):
    """A rectangle in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box, gap: float = 0.0) -> bool:
        """Whether two rectangles come closer than ``gap``."""
        return (
            self.left < other.right + gap
            and other.left < self.right + gap
            and self.top < other.bottom + gap
            and other.top < self.bottom + gap
        )

    def within(self, other: Box) -> bool:
        """Whether it lies inside ``other``."""
        inside = self.left >= other.left and self.right <= other.right
        return inside and self.top >= other.top and self.bottom <= other.bottom


def place(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    frame: Box,
    mark: float,
    reserved: Sequence[Box] = (),
) -> list[Box | None]:
    """A box per point for its label, None where no place is left.

    Args:
        points: centres of the marks, pixels.
        sizes: width and height of each label, pixels.
        frame: where labels may lie.
        mark: half the width of a mark, pixels.
        reserved: where no label may lie either.
    """
    marks = [Box(x - mark, y - mark, x + mark, y + mark) for x, y in points]
    placed: list[Box | None] = [None] * len(points)
    for n in sorted(range(len(points)), key=lambda n: (-_crowd(n, points), n)):
        taken = [*marks, *reserved, *(box for box in placed if box is not None)]
        places = (box for box in _candidates(points[n], sizes[n], mark) if box.within(frame))
        placed[n] = next((box for box in places if not any(box.overlaps(other, GAP) for other in taken)), None)
    return placed


def _crowd(n: int, points: Sequence[tuple[float, float]]) -> int:
    return sum(math.dist(points[n], other) < REACH[6] for other in points)


def _candidates(point: tuple[float, float], size: tuple[float, float], mark: float) -> Iterator[Box]:
    """Boxes around a point, near before far; at each distance to the right first, then turning both ways."""
    (x, y), (width, height) = point, size
    for reach in REACH:
        for step in sorted(range(STEPS), key=lambda s: min(s, STEPS - s)):
            angle = 2 * math.pi * step / STEPS
            dx, dy = math.cos(angle), math.sin(angle)
            left = x + dx * (mark + reach) - width * (1 - dx) / 2
            top = y + dy * (mark + reach) - height * (1 - dy) / 2
            yield Box(left, top, left + width, top + height)
