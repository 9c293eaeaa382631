"""One country and chain at a glance: score, rank, bottleneck, trade, markets and the sentence, as published.

Nothing is computed here that a mart does not hold; ``decomposition`` says where a score comes from.
"""

from __future__ import annotations

from typing import Any

from agrocluster.explain.facts import STAGES, codes
from agrocluster.explain.lookup import find_chain, find_country
from agrocluster.release.decomposition import find_cell, records
from agrocluster.release.opened import open_release
from agrocluster.storage.places import Root

MARKETS = 4
"""Markets that are named by what they buy, and as many by what they could."""
SCORES = ("potential", "potential_p05", "potential_p95", "position", "headroom", "quadrant", "typology")
CONFIDENCE = ("grade", "weakest_part", "coverage", "confidence")
TRADED = ("exports_usd", "untapped_usd", "realised_share", "largest_market", "share_largest", "ssr")

NOT_TRADED = dict.fromkeys(("year", "n_years", "imports_usd", "rca_agri", "share_world", "n_markets"))

_RANKED = """
SELECT count(rank_country) AS ranked FROM mart_cluster_baseline WHERE baseline_id = $baseline_id AND iso3 = $iso3
"""
_TRADE = """
SELECT year, n_years_w3 AS n_years, imports_usd_w3 / n_years_w3 AS imports_usd, rca_agri_w3 AS rca_agri,
    share_world_w3 AS share_world, n_markets_w3 AS n_markets
FROM mart_chain_trade WHERE iso3 = $iso3 AND chain = $chain AND stage = 'total' AND year = $last_year
"""
_MARKETS = """
WITH judged AS (
    SELECT market, actual_usd, untapped_usd,
        row_number() OVER (ORDER BY actual_usd DESC NULLS LAST, market) AS by_sales,
        row_number() OVER (ORDER BY untapped_usd DESC NULLS LAST, market) AS by_room
    FROM mart_export_potential_chain
    WHERE baseline_id = $baseline_id AND iso3 = $iso3 AND chain = $chain AND market <> 'WLD'
)
SELECT market, name_en, name_ru, actual_usd, untapped_usd
FROM judged LEFT JOIN dim_country ON dim_country.iso3 = market
WHERE (by_sales <= $top AND actual_usd > 0) OR (by_room <= $top AND untapped_usd > 0)
ORDER BY actual_usd DESC NULLS LAST, untapped_usd DESC NULLS LAST, market
"""


def profile(
    country: str, chain: str, *, baseline: str | None = None, release: str | None = None, root: Root = None
) -> dict[str, Any]:
    """What a release says about a country's chain.

    Args:
        country, chain: codes or names (see ``explain.lookup``).
        baseline: id of the baseline; the reference baseline when left out.
        release, root: see ``agrocluster.open``.

    Returns ``headline``, the cell's keys and names, ``score`` and ``confidence`` (columns of mart_cluster_baseline),
    ``rank`` (``rank``, ``low``, ``high``, ``of``, ``tied_with``), ``stages`` (stage -> points, 0 tight, 100 easy),
    ``bottleneck``, ``bottleneck_margin``, ``trade`` (dollars are yearly; None where the release has no row),
    ``markets`` (largest by sales and by untapped potential; empty where none are published), ``reasons`` (part ->
    reason of what is missing), ``explain_en``, ``explain_ru``. Raises UsageError for what is not there.
    """
    iso3, code = find_country(country), find_chain(chain)
    with open_release(release, root=root) as found, found.duckdb() as con:
        cell = find_cell(con, iso3, code, baseline)
        key = {name: cell[name] for name in ("baseline_id", "iso3")}
        ranked = records(con, _RANKED, key)[0]["ranked"]
        window = {"iso3": iso3, "chain": code, "last_year": cell["last_year"]}
        trade = records(con, _TRADE, window)
        markets = records(con, _MARKETS, {**key, "chain": code, "top": MARKETS})
        names = ("baseline_id", "first_year", "last_year", "iso3", "country_en", "country_ru")
        return {
            "release": found.id,
            "data_mode": found.data_mode,
            "headline": found.headline,
            **{name: cell[name] for name in (*names, "chain", "chain_en", "chain_ru")},
            "score": {name: cell[name] for name in SCORES},
            "confidence": {name: cell[name] for name in CONFIDENCE},
            "rank": _rank(cell, ranked),
            "stages": {stage: cell[f"b_{stage}"] for stage in STAGES},
            "bottleneck": cell["bottleneck"],
            "bottleneck_margin": cell["bottleneck_margin"],
            "trade": {name: cell[name] for name in TRADED} | (trade[0] if trade else NOT_TRADED),
            "markets": markets,
            "reasons": dict((entry.partition(":")[::2]) for entry in codes(cell["reasons"], ";")),
            "explain_en": cell["explain_en"],
            "explain_ru": cell["explain_ru"],
        }


def _rank(cell: dict[str, Any], ranked: int) -> dict[str, Any]:
    ends = {"low": cell["rank_p05"], "high": cell["rank_p95"]}
    return {"rank": cell["rank_country"], **ends, "of": ranked, "tied_with": codes(cell["tied_with"])}
