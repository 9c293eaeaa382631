"""A score taken apart: from potential to pillars, indicators, columns of marts, and the vintages behind them.

Everything is read from the release itself, so it explains the published score and not a new computation of it.
Geometric means add up in logarithms and pillars in points; both sums are the score (method 9.1, step 8).
"""

from __future__ import annotations

import math
import re
from typing import Any

import duckdb

from agrocluster.errors import UsageError
from agrocluster.explain.lookup import find_chain, find_country
from agrocluster.marts.relations import catalog_tables
from agrocluster.model.loader import catalog
from agrocluster.release import reading
from agrocluster.release.origins import indicator_sources, sources

PILLARS = {"position": ("p1", "p2", "p3", "p4"), "headroom": ("h1", "h2", "h3", "h4")}
KEPT = (
    "indicator", "sub_index", "pillar", "name_en", "name_ru", "basis", "raw_value", "unit", "transform",
    "goalpost_low", "goalpost_high", "score", "weight_in_pillar", "effective_weight", "reason",
)  # fmt: skip
"""Columns of mart_baseline_indicators that are handed on."""
CELL = "baseline_id = $baseline AND iso3 = $iso3 AND chain = $chain"


def decompose(country: str, chain: str, *, baseline: str | None = None, release: str | None = None) -> dict[str, Any]:
    """Everything behind one cell of a release.

    Args:
        country, chain: codes or names (see ``explain.lookup``).
        baseline: id of the baseline; the reference baseline when left out.
        release: id of a release; the current one when left out.

    Returns ``release``, ``label``, ``same_catalogue``, ``cell`` (row of mart_cluster_baseline), ``pillars``
    (``score``, ``share`` of its sub-index, ``ln_contribution``; those of all pillars add up to ln of the potential, and
    twice those of a sub-index to ln of the sub-index), ``indicators`` (``contribution`` in points, adding up to the
    pillar's score; ``raw_value`` with unit; ``inputs``, the values of the mart's columns; ``measured_from`` and
    ``also_read``, datasets) and ``sources`` (vintages, licence, citation). Raises UsageError for what is not there.
    """
    iso3, code = find_country(country), find_chain(chain)
    found = reading.release(release)
    with reading.connect(found) as con:
        cell = find_cell(con, iso3, code, baseline)
        where = {"baseline": cell["baseline_id"], "iso3": iso3, "chain": code}
        lines = records(
            con, f"FROM mart_baseline_indicators WHERE {CELL} ORDER BY sub_index DESC, pillar, indicator", where
        )
        behind = sources(con, cell)
        defined = {i["indicator"]: i for i in catalog_tables(catalog())["cat_index_indicator"].to_pylist()}
        indicators = [_indicator(con, line, defined.get(line["indicator"], {}), cell, behind) for line in lines]
    named = {name for line in indicators for name in (*line["measured_from"], *line["also_read"])}
    return {
        "release": found["release"],
        "label": found["label"],
        "headline": reading.headline(found),
        "same_catalogue": found["catalog"] == catalog().fingerprint,
        "cell": cell,
        "pillars": _pillars(cell, lines),
        "indicators": indicators,
        "sources": [source for source in behind if source["dataset_id"] in named],
    }


def find_cell(con: duckdb.DuckDBPyConnection, iso3: str, chain: str, baseline: str | None) -> dict[str, Any]:
    known = {line["baseline_id"]: line["is_reference"] for line in records(con, "FROM dim_baseline", {})}
    asked = baseline or next(name for name, is_reference in known.items() if is_reference)
    rows = records(con, f"FROM mart_cluster_baseline WHERE {CELL}", {"baseline": asked, "iso3": iso3, "chain": chain})
    if not rows:
        raise UsageError(
            f"This release has no row for {iso3}, {chain} in baseline {asked!r}.",
            remedy=f"Baselines are: {', '.join(sorted(known))}.",
        )
    return rows[0]


def _pillars(cell: dict[str, Any], lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = {line["pillar"]: line for line in catalog_tables(catalog())["cat_pillar"].to_pylist()}
    done = []
    for sub, pillars in PILLARS.items():
        for pillar in pillars:
            share = math.fsum(line["effective_weight"] for line in lines if line["pillar"] == pillar)
            counts = cell["potential"] is not None and share > 0
            done.append(
                {
                    "pillar": pillar,
                    "sub_index": sub,
                    "name_en": names[pillar]["en"],
                    "name_ru": names[pillar]["ru"],
                    "score": cell[pillar],
                    "share": share,
                    "ln_contribution": share * math.log(cell[pillar]) / 2 if counts else None,
                }
            )
    return done


def _indicator(
    con: duckdb.DuckDBPyConnection,
    line: dict[str, Any],
    spec: dict[str, Any],
    cell: dict[str, Any],
    behind: list[dict[str, Any]],
) -> dict[str, Any]:
    """An indicator's row with what its definition ``spec`` says about its origin."""
    carried = line["score"] is not None and line["weight_in_pillar"] > 0
    measured, also = indicator_sources(spec.get("mart"), line["basis"], behind)
    return {
        **{name: line[name] for name in KEPT},
        "contribution": line["weight_in_pillar"] * line["score"] if carried else None,
        "mart": spec.get("mart"),
        "row_filter": spec.get("row_filter"),
        "inputs": _inputs(con, spec, cell),
        "measured_from": measured,
        "also_read": also,
    }


def _inputs(con: duckdb.DuckDBPyConnection, spec: dict[str, Any], cell: dict[str, Any]) -> dict[str, Any]:
    """The values of the columns that the indicator's expression names, from the row of the mart it reads."""
    if not spec.get("expression"):
        return {}
    held = {name for (name, *_) in con.execute(f"DESCRIBE {spec['mart']}").fetchall()}
    keys = {"iso3": cell["iso3"], "chain": cell["chain"], "year": cell["last_year"], "baseline_id": cell["baseline_id"]}
    words = dict.fromkeys(re.findall(r"[a-z_][a-z0-9_]*", spec["expression"]))
    columns = [word for word in words if word in held and word not in keys]
    keys = {name: value for name, value in keys.items() if name in held}
    where = " AND ".join([f"({spec['row_filter']})", *(f"{name} = ${name}" for name in keys)])
    rows = records(con, f"SELECT {', '.join(columns)} FROM {spec['mart']} WHERE {where}", keys) if columns else []
    return rows[0] if rows else dict.fromkeys(columns)


def records(con: duckdb.DuckDBPyConnection, query: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    return list(con.sql(query, params=values).to_arrow_table().to_pylist())
