"""What the atlas reads of a release: rows of the marts it shows, of the focus countries, in a fixed order.

Marts that may not be handed on are not read (``redistribution``); what depends on them is None, and the pages say so.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import duckdb

from agrocluster.atlas.shown import SHOWN
from agrocluster.errors import UsageError
from agrocluster.explain.language import LANGUAGES
from agrocluster.release import reading, redistribution

Row = dict[str, Any]
Cell = tuple[str, str]
"""Country and chain."""

MARKETS = 8
"""Markets shown per country and chain, those of the largest untapped potential."""
PARTNERS = 10
"""Markets shown per country, those it sells most to."""
READ = (
    "dim_baseline", "dim_chain", "dim_country", "mart_baseline_indicators", "mart_baseline_scores",
    "mart_chain_jobs", "mart_chain_trade", "mart_cluster_baseline", "mart_cluster_progress",
    "mart_export_potential_chain", "mart_lifecycle_mobilisation", "mart_lifecycle_support", "mart_market_ease",
    "mart_provenance",
)  # fmt: skip
"""Marts that pages are made of."""
OPTIONAL = {
    "mart_chain_trade", "mart_chain_jobs", "mart_cluster_progress", "mart_export_potential_chain",
    "mart_lifecycle_support", "mart_market_ease",
}  # fmt: skip
"""Marts whose part of a page is left out where they may not be handed on."""

_CELLS = (
    "FROM mart_cluster_baseline WHERE focus AND baseline_id = $baseline ORDER BY iso3, rank_country NULLS LAST, chain"
)
_INDICATORS = (
    "FROM mart_baseline_indicators WHERE focus AND baseline_id = $baseline ORDER BY sub_index DESC, pillar, indicator"
)
_MEDIANS = """
SELECT any_value(median_position) AS position, any_value(median_headroom) AS headroom FROM mart_baseline_scores
WHERE baseline_id = $baseline
"""
_CROSSED = """
SELECT iso3, count(*) FILTER (
    (position >= median_position) <> (position_common >= median_position)
    OR (headroom >= median_headroom) <> (headroom_common >= median_headroom)) AS crossed
FROM mart_baseline_scores WHERE focus AND baseline_id = $baseline GROUP BY iso3 ORDER BY iso3
"""
_TRADE = """
SELECT iso3, chain, stage, year, exports_usd FROM mart_chain_trade
WHERE focus ORDER BY iso3, chain, stage, year
"""
_MARKETS = """
SELECT iso3, chain, market, actual_usd, epi_usd, untapped_usd, realised_share FROM mart_export_potential_chain
WHERE baseline_id = $baseline AND iso3 IN (SELECT iso3 FROM dim_country WHERE focus)
QUALIFY market = 'WLD' OR row_number() OVER (
    PARTITION BY iso3, chain, market = 'WLD' ORDER BY untapped_usd DESC NULLS LAST, market) <= $markets
ORDER BY iso3, chain, market = 'WLD' DESC, untapped_usd DESC NULLS LAST, market
"""
_PARTNERS = """
SELECT iso3, market, first_year, last_year, exports_usd, epi_usd, untapped_usd, realised_share, ease, distance_km
FROM mart_market_ease WHERE baseline_id = $baseline AND exports_usd > 0
QUALIFY row_number() OVER (PARTITION BY iso3 ORDER BY exports_usd DESC, market) <= $partners
ORDER BY iso3, exports_usd DESC, market
"""
_JOBS = "FROM mart_chain_jobs WHERE baseline_id = $baseline ORDER BY iso3, chain"
_SUPPORT = "FROM mart_lifecycle_support WHERE baseline_id = $baseline ORDER BY iso3, chain, cause, place"
_FIRMS = """
FROM mart_lifecycle_mobilisation
WHERE baseline_id = $baseline AND NOT coalesce(list_contains($restricted, source), false)
ORDER BY iso3, position
"""
_PROGRESS = "FROM mart_cluster_progress WHERE baseline_id = $earlier AND followup_id = $baseline ORDER BY iso3, chain"
_PROVENANCE = """
SELECT source, dataset, any_value(title) AS title, vintage_id, any_value(stamp) AS stamp,
    max(retrieved_at) AS retrieved_at, min(first_year) AS first_year, max(last_year) AS last_year,
    sum(rows)::BIGINT AS rows, sum(rows_excluded)::BIGINT AS rows_excluded,
    sum(rows_quarantined)::BIGINT AS rows_quarantined,
    any_value(licence) AS licence, any_value(attribution) AS attribution
FROM mart_provenance GROUP BY source, dataset, vintage_id ORDER BY source, dataset, vintage_id
"""


@dataclass(frozen=True)
class Content:
    """One release as the pages need it.

    ``baseline`` is the newest window with data, ``earlier`` the reference window where that is another one. ``trade``,
    ``markets``, ``partners``, ``jobs``, ``support`` and ``progress`` are None where they may not be shown; ``firms`` is
    the enabling environment by country, without rows that may not be handed on.
    """

    manifest: Row
    baseline: Row
    earlier: Row | None
    countries: list[Row]
    chains: list[Row]
    names: dict[str, Row]
    cells: dict[Cell, Row]
    medians: tuple[float | None, float | None]
    crossed: dict[str, int]
    indicators: dict[Cell, list[Row]]
    trade: dict[Cell, list[Row]] | None
    markets: dict[Cell, list[Row]] | None
    partners: dict[str, list[Row]] | None
    jobs: dict[Cell, Row] | None
    support: dict[Cell, list[Row]] | None
    firms: dict[str, list[Row]]
    progress: dict[Cell, Row] | None
    provenance: list[Row]
    left_out: list[str]

    @property
    def sample(self) -> bool:
        """Whether the release is made of sample data."""
        return bool(self.manifest["data_mode"] == "sample")


def read(release: str | None = None) -> Content:
    """The release called ``release``, the current one by default.

    Raises UsageError where there is none, where it lacks what is shown or has no window with data, or where its scores
    may not be handed on.
    """
    manifest = reading.release(release)
    _must_hold(manifest)
    closed = redistribution.closed_marts(manifest)
    if barred := sorted(closed & set(READ) - OPTIONAL):
        raise UsageError(
            f"{', '.join(barred)} of {manifest['release']} may not be handed on.",
            remedy="Publish an open release first.",
        )
    with reading.connect(manifest) as con:
        baseline, earlier = _windows(con)
        at = {"baseline": baseline["baseline_id"]}
        before = {**at, "earlier": (earlier or baseline)["baseline_id"]}
        shown = _rows(con, "FROM dim_country WHERE focus ORDER BY iso3")
        medians = _rows(con, _MEDIANS, at)[0]
        return Content(
            manifest=manifest,
            baseline=baseline,
            earlier=earlier,
            countries=shown,
            chains=_rows(con, "FROM dim_chain ORDER BY chain"),
            names={line["iso3"]: line for line in _rows(con, "SELECT iso3, name_en, name_ru FROM dim_country")},
            cells=_one_per_cell(_rows(con, _CELLS, at)),
            medians=(medians["position"], medians["headroom"]),
            crossed={line["iso3"]: line["crossed"] for line in _rows(con, _CROSSED, at)},
            indicators=_per_cell(_rows(con, _INDICATORS, at)),
            trade=None if "mart_chain_trade" in closed else _per_cell(_rows(con, _TRADE)),
            markets=None
            if "mart_export_potential_chain" in closed
            else _per_cell(_rows(con, _MARKETS, {**at, "markets": MARKETS})),
            partners=None
            if "mart_market_ease" in closed
            else _per_country(_rows(con, _PARTNERS, {**at, "partners": PARTNERS})),
            jobs=None if "mart_chain_jobs" in closed else _one_per_cell(_rows(con, _JOBS, at)),
            support=None if "mart_lifecycle_support" in closed else _per_cell(_rows(con, _SUPPORT, at)),
            firms=_per_country(_rows(con, _FIRMS, {**at, "restricted": redistribution.restricted_sources()})),
            progress=None
            if "mart_cluster_progress" in closed or earlier is None
            else _one_per_cell(_rows(con, _PROGRESS, before)),
            provenance=_rows(con, _PROVENANCE),
            left_out=sorted(closed),
        )


def _must_hold(manifest: Row) -> None:
    """UsageError where a mart or column that is shown is not in the release, because an older version made it."""
    held = {mart["name"]: {column["name"] for column in mart["columns"]} for mart in manifest["marts"]}
    wanted = {name: {c.format(lang=lang) for c in SHOWN.get(name, ()) for lang in LANGUAGES} for name in READ}
    lacking = {name for name in READ if not wanted[name] <= held.get(name, set()) or name not in held}
    if lacking:
        raise UsageError(
            f"{manifest['release']} is older than the atlas; it lacks (columns of) {', '.join(sorted(lacking))}.",
            remedy="Name a newer release, or publish one.",
        )


def _windows(con: duckdb.DuckDBPyConnection) -> tuple[Row, Row | None]:
    """The newest window with data, and the reference window where that is another one."""
    known = _rows(con, "FROM dim_baseline WHERE last_year IS NOT NULL ORDER BY last_year DESC, baseline_id")
    if not known:
        raise UsageError(
            "No baseline of this release has a window with data.", remedy="Fetch more years and publish again."
        )
    reference = next((line for line in known if line["is_reference"] and line != known[0]), None)
    return known[0], reference


def _rows(con: duckdb.DuckDBPyConnection, query: str, values: dict[str, Any] | None = None) -> list[Row]:
    return list(con.sql(query, params=values or {}).to_arrow_table().to_pylist())


def _one_per_cell(rows: list[Row]) -> dict[Cell, Row]:
    return {(line["iso3"], line["chain"]): line for line in rows}


def _per_cell(rows: list[Row]) -> dict[Cell, list[Row]]:
    found: dict[Cell, list[Row]] = defaultdict(list)
    for line in rows:
        found[line["iso3"], line["chain"]].append(line)
    return dict(found)


def _per_country(rows: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for line in rows:
        found[line["iso3"]].append(line)
    return dict(found)
