"""What stands on the four pages of a country's brief: summary, limits, markets and environment, methods.

Figures, names and charts come from the atlas, sentences from ``explain``; a part that may not be handed on says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from agrocluster.atlas import maps, quadrants, svg, views
from agrocluster.atlas.content import Row
from agrocluster.atlas.shown import TRADED
from agrocluster.atlas.view import View
from agrocluster.brief import blocks
from agrocluster.brief.blocks import Block
from agrocluster.brief.words import texts

FIRST = 6
"""Chains of the table on the first page."""
LEADING = 3
"""Chains that are looked at closely."""
LIMITS = 3
"""Indicators per chain that cost it most."""
PARTNERS = 3
"""Markets per chain."""
MAP = (620.0, 415.0)
"""Size of the map in pixels; its labels need that much room."""
TREND = (215.0, 135.0)
"""Size of a chart of exports, three of which stand side by side."""
ENVIRONMENT = (
    "IC.BUS.NDNS.ZS", "IC.FRM.CMPU.ZS", "SL.EMP.SELF.ZS", "IC.FRM.FIN.FIN16", "fin22e.t.d", "IC.FRM.INNOV.T1",
    "IC.FRM.TRD.TR16", "IC.FRM.TRNG.ZS", "IC.FRM.FEMO.ZS",
)  # fmt: skip
"""Indicators of the environment on the third page, of those in mart_lifecycle_mobilisation."""
NONE = "–"
"""Where there can be no figure."""
GRADES = ("A", "B", "C", "D")


def brief(view: View, iso3: str) -> dict[str, Any]:
    """Everything the layout needs, as JSON-able values."""
    t, w = texts(view.words.lang), view.words
    country = view.country(iso3)
    return {
        "lang": w.lang,
        "title": t["title"].format(country=country),
        "kicker": t["kicker"],
        "country": country,
        "window": view.window,
        "author": t["author"],
        "font": blocks.FONT,
        "sample": w.say("sample") if view.content.sample else "",
        "footer": w.say("release", release=view.content.manifest["release"], window=view.window),
        "page": t["page"],
        "date": _date(view),
        "pages": [_summary(view, iso3), _limits(view, iso3), _markets(view, iso3), _methods(view, iso3)],
    }


def _summary(view: View, iso3: str) -> list[Block]:
    t, w = texts(view.words.lang), view.words
    cells, ranked = view.of_country(iso3), _ranked(view, iso3)
    front = [view.chain(cell["chain"]) for cell in ranked[:LEADING]]
    lead = w.say("country_lead", ranked=len(ranked), n=len(cells), window=view.window)
    if front:
        lead += " " + w.say("country_first", chains=", ".join(front))
    said = {"all": len(cells), "ranked": len(ranked), "n": min(FIRST, len(ranked))}
    parts = [
        blocks.heading(t["title"].format(country=view.country(iso3)), 1),
        blocks.text(lead, "lead"),
        blocks.text(w.say("start_caution")),
        blocks.heading(t["leading"].format(**said)),
        _first(view, ranked[:FIRST], t["leading_caption"].format(**said))
        if ranked
        else blocks.text(t["unranked_all"], "note"),
        blocks.heading(t["position"]),
        _signs(view),
        blocks.figure(maps.one(view, iso3, *MAP)),
    ]
    if without := maps.unmapped(view, iso3):
        parts.append(blocks.text(w.say("map_missing", chains=", ".join(without)), "note"))
    crossed = {"crossed": view.content.crossed.get(iso3, 0), "n": len(cells)}
    return [*parts, blocks.text(t["map_note"].format(**crossed), "note")]


def _first(view: View, cells: Sequence[Row], caption: str) -> Block:
    w = view.words
    columns = [(w.column("rank_country"), "auto", "left"), (w.column("chain"), "2.4fr", "left")]
    columns += [(f"{w.column('potential')}, {w.unit('points')}", "auto", "left")]
    columns += [(w.column(name), "auto", "left") for name in ("quadrant", "bottleneck", "grade")]
    rows = [
        [
            blocks.picture(views.rank_bar(view, cell), _rank(view, cell)),
            view.chain(cell["chain"]),
            w.within(cell["potential"], cell["potential_p05"], cell["potential_p95"]),
            w.of("quadrant", cell["quadrant"] or "none"),
            views.bottleneck(view, cell),
            cell["grade"] or w.say("unknown"),
        ]
        for cell in cells
    ]
    return blocks.table(columns, rows, caption)


def _rank(view: View, cell: Row) -> str:
    return view.words.within(cell["rank_country"], cell["rank_p05"], cell["rank_p95"], 0)


def _signs(view: View) -> Block:
    """The shapes of the grades and the line of the medians."""
    entries = [(_sign(quadrants.shape(g, 7.0, 7.0)), view.words.say("legend_grade", grade=g)) for g in GRADES]
    line = svg.element("line", x1=0.0, x2=14.0, y1=7.0, y2=7.0, class_="median")
    return blocks.key([*entries, (_sign(line), view.words.say("map_median"))])


def _sign(drawn: Markup) -> str:
    picture = svg.picture(14.0, 14.0, "", drawn, class_="mark plain")
    return svg.standalone(picture, blocks.FONT)


def _limits(view: View, iso3: str) -> list[Block]:
    t, w = texts(view.words.lang), view.words
    parts = [blocks.heading(t["limits"], 1)]
    leading = _ranked(view, iso3)[:LEADING]
    parts.append(blocks.text(t["limits_lead"] if leading else t["unranked_all"], "note"))
    for n, cell in enumerate(leading, 1):
        grade = w.say("legend_grade", grade=cell["grade"] or w.say("unknown"))
        said = blocks.text(cell[f"explain_{w.lang}"] or w.say("unknown"))
        bars = blocks.figure(views.stages(view, cell))
        parts += [
            blocks.heading(f"{n}. {view.chain(cell['chain'])}", 2, grade),
            blocks.columns([[bars], [said]], ["1fr", "5fr"]),
            _limits_of(view, cell),
        ]
    return parts


def _limits_of(view: View, cell: Row) -> Block:
    t, w = texts(view.words.lang), view.words
    if view.content.support is None:
        return blocks.text(w.say("left_out"), "note")
    held = view.content.support.get((cell["iso3"], cell["chain"]), [])
    tight = [line for line in held if line["cause"] == "stage" and line["needed"]]
    costly = [line for line in held if line["cause"] == "indicator" and line["place"] <= LIMITS]
    columns = [(t["limit"], "2.3fr", "left"), (w.column("score"), "auto", "right"), (t["lost"], "auto", "right")]
    columns.append((t["support"], "3fr", "left"))
    rows = []
    for line in (*tight, *costly):
        name = w.name(line)
        rows.append(
            [
                t["stage_limit"].format(stage=name) if line["cause"] == "stage" else name,
                w.points(line["score"]),
                w.points(line["loss"]) if line["cause"] == "indicator" else NONE,
                f"{w.name(line, 'support')}: {w.name(line, 'why')}",
            ]
        )
    return blocks.table(columns, rows)


def _markets(view: View, iso3: str) -> list[Block]:
    t = texts(view.words.lang)
    leading = _ranked(view, iso3)[:LEADING]
    return [
        blocks.heading(t["markets"], 1),
        *_trends(view, leading),
        blocks.heading(t["partners"]),
        _partners(view, leading),
        blocks.heading(t["firms"]),
        *_environment(view, iso3),
    ]


def _trends(view: View, leading: Sequence[Row]) -> list[Block]:
    t, w = texts(view.words.lang), view.words
    head = blocks.heading(t["trends"])
    if view.content.trade is None or not leading:
        return [head, blocks.text(w.say("left_out") if view.content.trade is None else w.say("trend_none"), "note")]
    parts = []
    for cell in leading:
        name, found = view.short(cell["chain"]), views.trend(view, (cell["iso3"], cell["chain"]), TREND)
        if found is None:
            parts.append([blocks.text(t["trend_unknown"].format(chain=name), "note")])
            continue
        parts.append([blocks.text(f"{name}, {found['unit']}", "note"), blocks.figure(found["chart"])])
    entries = [
        (_sign(svg.element("path", d="M0 7L14 7", class_=f"line {stage}")), w.of("stage", stage)) for stage in TRADED
    ]
    note = blocks.text(t["trend_note"], "note")
    return [head, blocks.key(entries), blocks.columns(parts, ["1fr"] * LEADING), note]


def _partners(view: View, leading: Sequence[Row]) -> Block:
    t, w = texts(view.words.lang), view.words
    if view.content.markets is None:
        return blocks.text(w.say("left_out"), "note")
    rows = []
    for cell in leading:
        held = view.content.markets.get((cell["iso3"], cell["chain"]), [])[: PARTNERS + 1]
        for n, line in enumerate(held):
            money = [w.thousands(line[name]) for name in ("actual_usd", "epi_usd", "untapped_usd")]
            name = view.chain(cell["chain"]) if n == 0 else ""
            rows.append([name, views.market_name(view, line["market"]), *money, w.share(line["realised_share"])])
    if not rows:
        return blocks.text(t["partners_none"], "note")
    columns = [(w.column("chain"), "2fr", "left"), (w.column("market"), "1.5fr", "left")]
    columns += [(w.column(name), "auto", "right") for name in ("actual_usd", "epi_usd", "untapped", "realised")]
    return blocks.table(columns, rows, t["partners_caption"].format(window=view.window))


def _environment(view: View, iso3: str) -> list[Block]:
    t, w = texts(view.words.lang), view.words
    held = {line["indicator"]: line for line in view.content.firms.get(iso3, [])}
    columns = [(w.column("indicator"), "5fr", "left"), (w.column("value"), "auto", "right")]
    columns += [(w.column("unit"), "1.7fr", "left"), (w.column("year"), "auto", "right"), (t["peers"], "auto", "right")]
    rows = []
    for code in ENVIRONMENT:
        if (line := held.get(code)) is not None:
            year = str(line["value_year"]) if line["value_year"] is not None else w.say("unknown")
            figures = [w.raw(line["value"]), w.unit(line["unit"]), year, w.raw(line["peer_median"])]
            rows.append([w.name(line), *figures])
    if not rows:
        return [blocks.text(w.say("unknown"), "note")]
    return [blocks.table(columns, rows, t["firms_caption"])]


def _methods(view: View, iso3: str) -> list[Block]:
    t, w = texts(view.words.lang), view.words
    *sections, last = w.texts.methods
    told = [blocks.together(blocks.heading(s.heading), blocks.text(s.text)) for s in sections]
    half = (len(told) + 1) // 2
    columns = [(w.column("source"), "auto", "left"), (w.column("dataset"), "3fr", "left")]
    columns += [
        (t["vintage"], "auto", "left"),
        (w.column("years"), "auto", "left"),
        (w.column("licence"), "auto", "left"),
    ]
    rows = [
        [
            line["source"],
            view.dataset(line),
            (line["stamp"] or w.say("unknown"))[:10],
            w.window(line) if line["first_year"] is not None else w.say("unknown"),
            line["licence"] or w.say("unknown"),
        ]
        for line in view.content.provenance
    ]
    more = {"chains": len(view.content.chains), "release": view.content.manifest["release"]}
    return [
        blocks.heading(t["methods"], 1),
        blocks.columns([told[:half], told[half:]], ["1fr", "1fr"]),
        blocks.text(_confidence(view, iso3)),
        blocks.heading(w.say("sources_heading")),
        blocks.table(columns, rows, t["sources_caption"]),
        blocks.text(" ".join(dict.fromkeys(line["attribution"] for line in view.content.provenance)), "note"),
        blocks.text(f"{t['cannot']}. {last.text} {t['more'].format(**more)}", "boxed"),
    ]


def _confidence(view: View, iso3: str) -> str:
    """How many chains have each grade."""
    t = texts(view.words.lang)
    held = [cell["grade"] for cell in view.of_country(iso3)]
    counted = [f"{letter} {held.count(letter)}" for letter in GRADES if letter in held]
    if lacking := held.count(None):
        counted.append(t["confidence_ungraded"].format(n=lacking))
    return t["confidence"].format(grades=", ".join(counted))


def _ranked(view: View, iso3: str) -> list[Row]:
    return [cell for cell in view.of_country(iso3) if cell["rank_country"] is not None]


def _date(view: View) -> list[int]:
    """Year, month and day of the newest input; empty where none is on record."""
    known = [line["retrieved_at"][:10] for line in view.content.provenance if line["retrieved_at"]]
    return [int(part) for part in max(known).split("-")] if known else []
