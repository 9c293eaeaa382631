"""A release of a few rows, published through the project's own writers: every mart is there, most of them empty.

The rows are made by hand for whoever reads releases; they are no figures of any pipeline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from agrocluster.explain.sentences import explain_rows
from agrocluster.model.loader import catalog
from agrocluster.model.specs import TableContract, TableKind
from agrocluster.release import publish
from agrocluster.settings import SAMPLE_LABEL
from agrocluster.storage.kept import Kept
from agrocluster.storage.parquet import arrow_schema, write_table
from agrocluster.storage.paths import layout
from agrocluster.storage.vintages import Vintage

Row = Mapping[str, Any]
EMPTY = {"string": "", "bool": False, "float64": 0.0}
"""What stands in a required column that a row leaves out; 0 in all others."""

CHAINS = {"dairy": 60.72, "honey": 48.5, "nuts": 55.0, "tobacco": None}
WINDOWS = {"B2018_2020": (2018, 2020), "Bcurrent": (2022, 2024)}
_CELL: Row = {
    "iso3": "KGZ", "country_en": "Kyrgyzstan", "country_ru": "Кыргызстан", "focus": True, "panel": True,
    "position": 58.17, "headroom": 63.39, "quadrant": "build", "typology": "build",
    "p1": 61.0, "p2": 55.5, "p3": 58.0, "p4": None, "h1": 70.1, "h2": 60.0, "h3": 62.0, "h4": 61.5,
    "bottleneck": "processed", "bottleneck_margin": 12.04,
    "b_input": 71.5, "b_primary": 55.2, "b_processed": 31.24, "b_final": None, "b_market": 60.0,
    "exports_usd": 41_234_567.0, "largest_market": "KAZ", "share_largest": 0.553, "untapped_usd": 12_300_000.0,
    "realised_share": 0.62, "ssr": 1.12, "jobs_low": 400.0, "jobs_high": 900.0, "grade": "B", "weakest_part": "sources",
    "coverage": 0.81, "confidence": 0.7, "reasons": "p4:no_oblast_data;territory_unknown", "territory_unknown": True,
    "index_version": "v1",
}  # fmt: skip


def baseline() -> list[Row]:
    """Four chains of Kyrgyzstan in two windows, one of them without a score, with their real sentences."""
    scored = sorted((name for name, score in CHAINS.items() if score is not None), key=lambda name: -CHAINS[name])
    rows: list[dict[str, Any]] = []
    for baseline_id, (first, last) in WINDOWS.items():
        for chain, score in CHAINS.items():
            rank = scored.index(chain) + 1 if score is not None else None
            row = {**_CELL, "baseline_id": baseline_id, "first_year": first, "last_year": last, "chain": chain}
            row |= {"potential": score, "rank_country": rank, "chain_en": chain.title(), "chain_ru": f"{chain} (ru)"}
            if score is None:
                row |= {"position": None, "quadrant": "none", "reasons": "position:too_few_pillars"}
            else:
                row |= {"potential_p05": score - 5.5, "potential_p95": score + 5.25, "rank_p05": rank, "rank_p95": 3}
            rows.append(row)
    said = explain_rows(_table(rows, catalog().marts["mart_cluster_baseline"]), sample=True).to_pylist()
    return [{**row, **words} for row, words in zip(rows, said, strict=True)]


def contents() -> dict[str, Sequence[Row]]:
    """Rows of the marts that are not empty."""
    key = {"baseline_id": "B2018_2020", "iso3": "KGZ", "chain": "dairy"}
    sold = {"KAZ": (22.0e6, 0.4e6), "RUS": (12.0e6, 1.9e6), "CHN": (0.0, 10.0e6)}
    markets = [
        {**key, "market": market, "actual_usd": actual, "untapped_usd": left} for market, (actual, left) in sold.items()
    ]
    trade = {"iso3": "KGZ", "chain": "dairy", "stage": "total", "focus": True, "panel": True, "year": 2020}
    trade |= {"exports_usd_w3": 123_703_701.0, "imports_usd_w3": 9_000_000.0, "n_years_w3": 3, "n_markets_w3": 7}
    trade |= {"rca_agri_w3": 1.13, "share_world_w3": 0.00018, "exports_usd": 44.0e6, "imports_usd": 3.1e6}
    return {
        "mart_cluster_baseline": baseline(),
        "mart_export_potential_chain": markets,
        "mart_chain_trade": [trade],
        "dim_baseline": [
            {"baseline_id": name, "first_year": first, "last_year": last, "is_reference": name == "B2018_2020"}
            for name, (first, last) in WINDOWS.items()
        ],
        "dim_country": [
            {"iso3": c.iso3, "name_en": c.name.en, "name_ru": c.name.ru}
            for c in catalog().countries.values()
            if c.iso3 in {"CHN", "KAZ", "KGZ", "RUS"}
        ],
    }


def publish_small(release: str, tables: Mapping[str, Sequence[Row]] | None = None, mode: str = "sample") -> Path:
    """Publish a release in the configured data root and make it the current one; returns its folder."""
    build_small(release, tables, mode)
    publish.publish(release, [vintage(mode)], {}, Kept())
    return layout().releases / release


def build_small(release: str, tables: Mapping[str, Sequence[Row]] | None = None, mode: str = "sample") -> None:
    """Build the marts of a release, as the pipeline does before it publishes them."""
    rows, build = contents() if tables is None else tables, layout().build(release)
    label = SAMPLE_LABEL if mode == "sample" else ""
    for name in catalog().mart_order():
        contract = catalog().marts[name]
        facts = {"release": release, "dataset": name, "data_mode": mode, "label": label}
        write_table(_table(rows.get(name, ()), contract), build / f"{name}.parquet", contract, facts)


def vintage(mode: str = "sample", day: str = "2026-01-01") -> Vintage:
    """An accepted vintage without rows that was fetched on ``day``."""
    report = {"rows": 2, "sha256": "0" * 64, "mode": mode, "files": [{"retrieved_at": f"{day}T06:00:00Z"}]}
    vintage_id = f"faostat__qcl@{day}-aa"
    return Vintage(vintage_id, "faostat__qcl", TableKind.PRODUCTION, day, "full", layout().root, report)


def _table(rows: Sequence[Row], contract: TableContract) -> pa.Table:
    required = {c.name: EMPTY.get(c.type, 0) for c in contract.columns if not c.nullable}
    names = [c.name for c in contract.columns]
    unknown = {name for row in rows for name in row} - set(names)
    assert not unknown, f"{contract.name} has no {unknown}"
    full = [dict.fromkeys(names) | required | dict(row) for row in rows]
    table = pa.Table.from_pylist(full, schema=pa.schema([(f.name, f.type) for f in arrow_schema(contract)]))
    return table.sort_by([(name, "ascending") for name in contract.sort]) if contract.sort else table
