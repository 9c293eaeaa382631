"""The map of a country from its cells: what each mark is called, says and links to (``quadrants`` draws it)."""

from __future__ import annotations

from markupsafe import Markup

from agrocluster.atlas import quadrants
from agrocluster.atlas.content import Row
from agrocluster.atlas.view import View, page_of
from agrocluster.atlas.words import known

MAPS = {
    "start": {"wide": (560.0, 460.0), "narrow": (330.0, 420.0)},
    "country": {"wide": (980.0, 620.0), "narrow": (330.0, 420.0)},
}
"""Page to the sizes of its maps in pixels by class; the style sheet shows the one that fits."""


def maps(view: View, iso3: str, page: str) -> Markup:
    """The map of a country in every size of a page."""
    sizes = MAPS[page].items()
    return Markup("").join(one(view, iso3, width, height, name) for name, (width, height) in sizes)


def one(view: View, iso3: str, width: float, height: float, class_: str = "") -> Markup:
    """The map of a country, ``width`` by ``height`` pixels; maps of all countries have the same axes."""
    scored = [c for c in view.content.cells.values() if known(c["position"]) and known(c["headroom"])]
    marks = [_mark(view, cell) for cell in scored if cell["iso3"] == iso3]
    w, (position, headroom) = view.words, view.content.medians
    groups = [
        w.say("map_group", quadrant=name, chains=", ".join(m.label for m in marks if m.quadrant == code))
        for code, name in w.texts.quadrant.items()
        if any(m.quadrant == code for m in marks)
    ]
    said = quadrants.Words(
        title=w.say("map_title", country=view.country(iso3), n=len(marks), window=view.window),
        desc=w.say("map_desc", groups=" ".join(groups), position=w.points(position), headroom=w.points(headroom)),
        x_axis=w.column("position"),
        y_axis=w.column("headroom"),
        quadrants=w.texts.quadrant,
    )
    axes = quadrants.Axes(
        x=quadrants.span(cell["position"] for cell in scored),
        y=quadrants.span(cell["headroom"] for cell in scored),
        medians=view.content.medians,
    )
    return quadrants.quadrant_map(marks, axes, said, width=width, height=height, class_=class_)


def _mark(view: View, cell: Row) -> quadrants.Mark:
    w, quadrant = view.words, cell["quadrant"] or "none"
    title = w.say(
        "mark_title",
        chain=view.chain(cell["chain"]),
        quadrant=w.of("quadrant", quadrant),
        rank=rank(view, cell),
        grade=cell["grade"] or w.say("unknown"),
        **{s: w.within(cell[s], cell[f"{s}_p05"], cell[f"{s}_p95"]) for s in ("position", "headroom", "potential")},
    )
    return quadrants.Mark(
        label=view.short(cell["chain"]),
        title=title,
        href=page_of("chain", cell["chain"]),
        x=cell["position"],
        y=cell["headroom"],
        x_range=_interval(cell, "position"),
        y_range=_interval(cell, "headroom"),
        quadrant=quadrant,
        grade=cell["grade"] or "D",
    )


def _interval(cell: Row, score: str) -> tuple[float, float] | None:
    low, high = cell[f"{score}_p05"], cell[f"{score}_p95"]
    return (low, high) if known(low) and known(high) else None


def unmapped(view: View, iso3: str) -> list[str]:
    """Chains of a country that have no place on its map."""
    return [
        view.chain(cell["chain"])
        for cell in view.of_country(iso3)
        if not (known(cell["position"]) and known(cell["headroom"]))
    ]


def rank(view: View, cell: Row) -> str:
    """The rank of a cell with its interval."""
    if cell["rank_country"] is None:
        return view.words.say("unranked")
    ends = {"low": view.words.number(cell["rank_p05"]), "high": view.words.number(cell["rank_p95"])}
    return view.words.say("rank_of", rank=cell["rank_country"], **ends)
