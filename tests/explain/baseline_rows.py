"""Rows of the baseline as the sentences read them, made by hand: one whole row, and what a test changes in it."""

from __future__ import annotations

import pyarrow as pa

from agrocluster.explain.facts import COLUMNS
from agrocluster.explain.sentences import explain_rows

DAIRY = {
    "baseline_id": "B2018_2020", "first_year": 2018, "last_year": 2020, "iso3": "KGZ", "chain": "dairy", "focus": True,
    "position": 58.17, "headroom": 63.39, "potential": 60.72, "potential_p05": 55.14, "potential_p95": 65.96,
    "rank_country": 3, "rank_p05": 2.0, "rank_p95": 6.0, "tied_with": None,
    "quadrant": "build", "p_build": 0.76, "p_defend": 0.13, "p_prepare": 0.09, "p_leave": 0.02,
    "typology": "build", "ssr": 1.12,
    "bottleneck": "processed", "bottleneck_margin": 12.04,
    "b_input": 71.5, "b_primary": 55.2, "b_processed": 31.24, "b_final": 43.28, "b_market": 60.0,
    "exports_usd": 41_234_567.0, "largest_market": "KAZ", "share_largest": 0.553, "untapped_usd": 12_300_000.0,
    "grade": "B", "weakest_part": "sources", "coverage": 0.81,
    "reasons": "", "territory_unknown": False, "policy_klaster_flag": False, "reexport_flag": "", "caveats": None,
}  # fmt: skip
TYPES = {
    **dict.fromkeys(COLUMNS, pa.float64()),
    **dict.fromkeys(("first_year", "last_year"), pa.int16()),
    **dict.fromkeys(("baseline_id", "iso3", "chain", "tied_with", "quadrant", "typology", "bottleneck"), pa.string()),
    **dict.fromkeys(("largest_market", "grade", "weakest_part", "reasons", "reexport_flag", "caveats"), pa.string()),
    **dict.fromkeys(("focus", "territory_unknown", "policy_klaster_flag"), pa.bool_()),
    "rank_country": pa.int64(),
}


def table(*changes: dict[str, object]) -> pa.Table:
    """A baseline of rows like ``DAIRY``, each with its changes."""
    return pa.Table.from_pylist([{**DAIRY, **change} for change in changes], schema=pa.schema(list(TYPES.items())))


def said(change: dict[str, object] | None = None, *, ranked: int = 21, sample: bool = False) -> dict[str, str]:
    """What is said in each language about ``DAIRY`` with a change, in a country with ``ranked`` ranked chains."""
    own = {**DAIRY, **(change or {})}
    fill = ranked - (own["rank_country"] is not None)
    others = [{**own, "rank_country": 9} for _ in range(fill)]
    line = explain_rows(table(own, *others), sample=sample).slice(0, 1).to_pylist()[0]
    return {"en": line["explain_en"], "ru": line["explain_ru"]}
