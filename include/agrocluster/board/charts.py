"""Small pictures as inline SVG: the history of a rule, counts over runs, and the graph of a mart's lineage.

Colours and strokes are classes of the style sheet, because the page allows no inline style. Every picture says in
words what it shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from agrocluster.atlas.svg import element, picture
from agrocluster.board.checks import Point
from agrocluster.board.lineage import Graph

WIDTH, HEIGHT = 132.0, 34.0
EDGE = 5.0
DOTS = HEIGHT - 6.0
OUTCOME = {True: "holds", False: "broken", None: "unjudged"}
NODE_WIDTH, NODE_HEIGHT, GAP_X, GAP_Y = 208.0, 28.0, 72.0, 9.0


def history(points: Sequence[Point], what: str) -> Markup:
    """A line of what was counted in each run and a dot per run: holds, broken or not judged."""
    if not points:
        return Markup("")
    xs, line = _places(len(points)), _line(_places(len(points)), [p.value for p in points])
    low = DOTS if line else HEIGHT / 2
    drawn = [
        element("circle", element("title", _said(p)), cx=x, cy=low, r=2.8, class_=f"dot {OUTCOME[p.success]}")
        for x, p in zip(xs, points, strict=True)
    ]
    broken = sum(p.success is False for p in points)
    words = f"{what}: broken in {broken} of the last {len(points)} run{'s' if len(points) > 1 else ''}"
    known = [p.value for p in points if p.value is not None]
    if known and (max(known) != 0 or len(known) > 1):
        words += f"; last {_short(known[-1])}, highest {_short(max(known))}"
    return picture(WIDTH, HEIGHT, words, line, *drawn, class_="spark")


def runs(tally: Sequence[Mapping[str, Any]], what: str) -> Markup:
    """Broken rules in each run of a dataset or mart, as ``checks.last_checks`` counts them; a dot is red where a
    critical rule was among them."""
    return history([_run(run) for run in tally], what)


def counts(values: Sequence[float | None], what: str, unit: str = "") -> Markup:
    """A line of numbers, oldest first."""
    known = [value for value in values if value is not None]
    if not known:
        return Markup("")
    words = f"{what}: last {_short(known[-1])}{unit}, highest {_short(max(known))}{unit}, {len(known)} values"
    return picture(WIDTH, HEIGHT, words, _line(_places(len(values)), values, HEIGHT - 4), class_="spark")


def lineage(graph: Graph, links: Mapping[str, str]) -> Markup:
    """The graph from datasets on the left to the mart on the right; a node with an entry in ``links`` leads there."""
    columns = [names for kind in ("dataset", "staged", "input", "asked") if (names := graph.of(kind))]
    height = max(len(names) for names in columns) * (NODE_HEIGHT + GAP_Y) + GAP_Y
    place: dict[str, tuple[float, float]] = {}
    for level, names in enumerate(columns):
        step = height / len(names)
        for n, name in enumerate(names):
            place[name] = (level * (NODE_WIDTH + GAP_X) + 4, (n + 0.5) * step - NODE_HEIGHT / 2)
    edges = [_edge(place[a], place[b], "edge marked" if {a, b} <= graph.marked else "edge") for a, b in graph.edges]
    nodes = [_node(name, graph, at, links.get(name)) for name, at in place.items()]
    width = len(columns) * (NODE_WIDTH + GAP_X) - GAP_X + 8
    told = f"Lineage of {graph.mart}: {len(nodes)} tables, {len(edges)} connections; the tables below say the same"
    return picture(width, height, told, *edges, *nodes, desc=told, class_="lineage")


def _places(count: int) -> list[float]:
    step = min(14.0, (WIDTH - 2 * EDGE) / max(1, count - 1))
    return [EDGE + step * n for n in range(count)]


def _line(xs: Sequence[float], values: Sequence[float | None], floor: float = DOTS - 6.0) -> Markup:
    """The line through known values; it breaks where a value is missing, for missing is not zero."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return Markup("")
    low, high = min(0.0, *known), max(known)
    scale = (floor - 4.0) / (high - low) if high > low else 0.0
    parts, begun = [], False
    for x, value in zip(xs, values, strict=True):
        if value is not None:
            parts.append(f"{'L' if begun else 'M'}{x:.1f} {floor - (value - low) * scale:.1f}")
        begun = value is not None
    return element("path", d="".join(parts), class_="line")


def _edge(start: tuple[float, float], end: tuple[float, float], class_: str) -> Markup:
    x1, y1, x2, y2 = start[0] + NODE_WIDTH, start[1] + NODE_HEIGHT / 2, end[0], end[1] + NODE_HEIGHT / 2
    bend = (x2 - x1) / 2 if x2 - x1 < 2 * GAP_X else GAP_X
    way = f"M{x1:.1f} {y1:.1f}C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    return element("path", d=way, class_=class_)


def _node(name: str, graph: Graph, at: tuple[float, float], link: str | None) -> Markup:
    x, y = at
    kind = graph.kind[name]
    box = element("rect", x=x, y=y, width=NODE_WIDTH, height=NODE_HEIGHT, rx=5.0, class_="box")
    label = element("text", name, x=x + 9, y=y + NODE_HEIGHT / 2 + 4, class_="label")
    marked = " marked" if name in graph.marked else ""
    node = element("g", box, label, class_=f"node {kind}{marked}")
    return element("a", node, href=link) if link else node


def _run(run: Mapping[str, Any]) -> Point:
    success = False if run["critical"] else None if run["broken"] else True
    return Point(run["subject_id"], run["checked_at"], success, float(run["broken"]), f"{run['broken']} broken")


def _said(point: Point) -> str:
    return f"{point.subject_id}, {point.checked_at}: {OUTCOME[point.success]}, {point.observed}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:.3g}"
