"""What each page shows, ready for its template: figures as words, charts as SVG, links. Layout is the template's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from agrocluster.atlas import charts
from agrocluster.atlas.content import Cell, Row
from agrocluster.atlas.shown import PILLARS, SIDE, STAGES, TRADED
from agrocluster.atlas.view import View
from agrocluster.atlas.words import known
from agrocluster.explain.facts import codes
from agrocluster.explain.language import SCALES

WORLD = "WLD"


def rank_bar(view: View, cell: Row) -> Markup:
    """The interval of a rank as a bar; empty where the chain is not ranked."""
    value, low, high = cell["rank_country"], cell["rank_p05"], cell["rank_p95"]
    if value is None:
        return Markup("")
    n = len(view.of_country(cell["iso3"]))
    title = view.words.say("rank_bar", rank=value, low=view.words.number(low), high=view.words.number(high), n=n)
    return charts.interval_bar(low, value, high, (1, n), title)


def stages(view: View, cell: Row) -> Markup:
    """The five stage scores of a cell as small bars."""
    w = view.words
    said = [w.say("stage_value", stage=w.of("stage", s), value=w.points(cell[f"b_{s}"])) for s in STAGES]
    tight = STAGES.index(cell["bottleneck"]) if cell["bottleneck"] in STAGES else None
    title = w.say("stage_bars", stages=", ".join(said))
    return charts.stage_bars([_finite(cell[f"b_{s}"]) for s in STAGES], w.say("stage_letters"), tight, title)


def bottleneck(view: View, cell: Row) -> str:
    """The stage that is clearly the tightest, or that there is none."""
    code = cell["bottleneck"]
    return view.words.of("stage" if code in STAGES else "bottleneck", code)


def bar(view: View, value: float | None, *, tight: bool = False) -> Markup:
    """A score from 0 to 100 as a bar."""
    title = view.words.say("pillar_bar", value=view.words.points(value))
    return charts.score_bar(_finite(value), title, tight=tight)


def side_by_side(view: View, chain: str) -> list[tuple[str, str, list[str]]]:
    """Heading, unit and one figure per country of the table that sets the countries side by side."""
    cells = [view.content.cells.get((c["iso3"], chain)) for c in view.content.countries]
    return [
        (key, unit, [view.words.say("unknown") if cell is None else _FIGURE[kind](view, key, cell) for cell in cells])
        for key, unit, kind in SIDE
    ]


def _within(view: View, key: str, cell: Row) -> str:
    return view.words.within(cell[key], cell[f"{key}_p05"], cell[f"{key}_p95"])


def _rank(view: View, key: str, cell: Row) -> str:
    """``rank_country`` has its interval in ``rank_p05``, ``rank_chain`` in ``rank_chain_p05``."""
    if cell[key] is None:
        return view.words.say("unranked")
    ends = key.removesuffix("_country")
    return view.words.within(cell[key], cell[f"{ends}_p05"], cell[f"{ends}_p95"], 0)


_FIGURE: Mapping[str, Callable[[View, str, Row], str]] = {
    "within": _within,
    "rank": _rank,
    "share": lambda view, key, cell: view.words.share(cell[key]),
    "money": lambda view, key, cell: view.words.money(cell[key]),
    "code": lambda view, key, cell: view.words.of(key, cell[key]),
    "market": lambda view, key, cell: view.country(cell[key]),
    "text": lambda view, key, cell: cell[key] or view.words.say("unknown"),
}


def caveats(view: View, cell: Row) -> list[str]:
    """What has to be known before a cell is read: caveats, signs of re-exports, klaster policy."""
    listed = codes(cell["caveats"], ";") + (["policy_klaster_flag"] if cell["policy_klaster_flag"] else [])
    said = [view.words.caveat(code) for code in dict.fromkeys(listed)]
    return said + [view.words.language.word("reexport", code) for code in codes(cell["reexport_flag"], ";")]


def missing(view: View, cell: Row) -> list[str]:
    """Parts of a cell that are missing, each with its reason."""
    found = []
    for entry in codes(cell["reasons"], ";"):
        part, _, reason = entry.partition(":")
        if reason:
            name = view.words.language.words["part"].get(part, part)
            found.append(f"{name}: {view.words.reason(reason)}")
    return found


def trends(view: View, chain: str) -> list[dict[str, Any]]:
    """Per country the exports by stage: chart, unit of its axis and the figures as rows of a table."""
    return [found for c in view.content.countries if (found := trend(view, (c["iso3"], chain))) is not None]


def trend(view: View, cell: Cell, room: tuple[float, float] = charts.TREND) -> dict[str, Any] | None:
    """The exports of a country and chain by stage (see ``trends``), drawn in ``room``, pixels;
    None where none is known."""
    rows = (view.content.trade or {}).get(cell, [])
    held: dict[str, dict[int, float | None]] = {stage: {} for stage in TRADED}
    for line in rows:
        if line["stage"] in held:
            held[line["stage"]][line["year"]] = _finite(line["exports_usd"])
    years = sorted({year for values in held.values() for year in values})
    lines = {stage: [values.get(year) for year in years] for stage, values in held.items() if values}
    figures = [v for values in lines.values() for v in values if v is not None]
    if not figures:
        return None
    w = view.words
    unit, size = [(name, scale) for name, scale in SCALES if scale <= max(1.0, *figures)][-1]
    tick = {value: w.language.significant(value / size) for value in charts.ticks(figures)}
    last = [w.say("stage_value", stage=w.of("stage", s), value=w.money(values[-1])) for s, values in lines.items()]
    title = w.say(
        "trend_title", country=view.country(cell[0]), chain=view.chain(cell[1]), first=years[0], last=years[-1]
    )
    return {
        "country": view.country(cell[0]),
        "unit": w.of("scale", unit),
        "chart": charts.trend(
            years, lines, tick, title, w.say("trend_desc", last=years[-1], stages=", ".join(last)), room
        ),
        "stages": list(lines),
        "rows": [(year, [values[n] for values in lines.values()]) for n, year in enumerate(years)],
    }


def markets(view: View, chain: str) -> list[dict[str, Any]]:
    """Per country the markets of a chain, all together first."""
    held = view.content.markets or {}
    return [{"country": c, "rows": held.get((c["iso3"], chain), [])} for c in view.content.countries]


def market_name(view: View, market: str) -> str:
    """Name of a market."""
    return view.words.say("markets_total") if market == WORLD else view.country(market)


def jobs(view: View, chain: str) -> list[dict[str, Any]]:
    """Per country the band of jobs in the untapped potential, with a bar on a common scale."""
    cells = [(c, view.content.cells.get((c["iso3"], chain))) for c in view.content.countries]
    highest = max((cell["jobs_high"] or 0.0 for _, cell in cells if cell is not None), default=0.0)
    found = []
    for country, cell in cells:
        low, high = (None, None) if cell is None else (_finite(cell["jobs_low"]), _finite(cell["jobs_high"]))
        ends = {"low": view.words.raw(_round(low)), "high": view.words.raw(_round(high))}
        known_band = low is not None and high is not None
        about = (view.content.jobs or {}).get((country["iso3"], chain))
        found.append(
            {
                "country": country,
                "band": view.words.say("jobs_band", **ends) if known_band else view.words.say("unknown"),
                "bar": charts.interval_bar(low, None, high, (0.0, highest), view.words.say("jobs_bar", **ends)),
                "confidence": view.words.share(about["jobs_confidence"] if about else None),
                "reason": about["reason"] if about else "",
            }
        )
    return found


def indicators(view: View, chain: str) -> list[dict[str, Any]]:
    """One row per indicator with its figures in every country; the reason where one has no score."""
    countries = [c["iso3"] for c in view.content.countries]
    held = {iso3: {i["indicator"]: i for i in view.content.indicators.get((iso3, chain), [])} for iso3 in countries}
    listed: dict[str, Row] = {}
    for lines in held.values():
        listed = {**lines, **listed}
    order = {pillar: n for n, pillar in enumerate(PILLARS)}
    rows = sorted(listed.values(), key=lambda i: (order.get(i["pillar"], len(order)), i["indicator"]))
    return [{"about": row, "cells": [held[iso3].get(row["indicator"]) for iso3 in countries]} for row in rows]


def limits(view: View, chain: str) -> list[dict[str, Any]]:
    """Per country what limits a chain and the support that answers it: its bottleneck, its costliest indicators, what
    the country lacks."""
    held = view.content.support or {}
    return [{"country": c, "rows": needed(held.get((c["iso3"], chain), []))} for c in view.content.countries]


def needed(lines: Sequence[Row]) -> list[Row]:
    """Limits of a chain that call for support: stage, indicators, country."""
    order = ("stage", "indicator", "country")
    listed = [line for line in lines if line["needed"] and line["cause"] in order]
    return sorted(listed, key=lambda line: (order.index(line["cause"]), line["place"]))


def _finite(value: float | None) -> float | None:
    return value if known(value) else None


def _round(value: float | None) -> float | None:
    """Two significant digits: a rough band has no more."""
    return None if value is None else float(f"{value:.2g}")
