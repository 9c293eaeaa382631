"""Where the figures of a cell come from: vintages with licence and citation, and which marts read them.

Facts carry the vintage in each row, so trade and farm figures are named by the rows that the cell has. Of what is
kept without its vintage (customs reports, World Bank series) all vintages of the release are named.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import duckdb

from agrocluster.marts.relations import catalog_tables
from agrocluster.model.loader import catalog
from agrocluster.model.specs import TableKind

_ROWS = """
SELECT source || '__' || dataset AS dataset_id, vintage_id, count(*) AS raw_rows
FROM fact_trade JOIN dim_product USING (hs_edition, hs_code)
WHERE $iso3 IN (exporter, importer) AND chain = $chain AND year BETWEEN $first AND $last
GROUP BY ALL
UNION ALL
SELECT source || '__' || dataset, vintage_id, count(*)
FROM fact_production
WHERE iso3 = $iso3 AND year BETWEEN $first AND $last
    AND item_code IN (SELECT item_code FROM chain_item WHERE chain = $chain)
GROUP BY ALL
"""
_VINTAGES = """
SELECT source || '__' || dataset AS dataset_id, vintage_id, any_value(title) AS title, any_value(stamp) AS stamp,
    any_value(licence) AS licence, any_value(attribution) AS attribution, max(retrieved_at) AS retrieved_at
FROM mart_provenance GROUP BY ALL ORDER BY dataset_id, stamp, vintage_id
"""


def sources(con: duckdb.DuckDBPyConnection, cell: dict[str, Any]) -> list[dict[str, Any]]:
    """One entry per dataset and vintage that a cell of mart_cluster_baseline can rest on.

    ``con`` holds the marts of the release. Keys: ``dataset_id``, ``title``, ``vintage_id``, ``stamp``,
    ``retrieved_at``, ``licence``, ``attribution``, ``citation``, ``kind``, ``raw_rows`` (rows of the chain in the
    window; None where facts do not carry the vintage).
    """
    con.register("chain_item", catalog_tables(catalog())["cat_production_item"])
    window = {"first": cell["first_year"], "last": cell["last_year"]}
    rows = con.execute(_ROWS, {"iso3": cell["iso3"], "chain": cell["chain"], **window}).fetchall()
    counted = {(dataset_id, vintage_id): n for dataset_id, vintage_id, n in rows}
    held = con.sql(_VINTAGES).to_arrow_table().to_pylist()
    return [entry for line in held if (entry := _entry(line, counted)) is not None]


def indicator_sources(mart: str | None, basis: str, behind: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """Ids of the datasets that an indicator of ``mart`` is measured from, and of those read on the way.

    ``basis`` (trade or production) says which statistics the indicator rests on; ``behind`` is what ``sources`` gave.
    """
    held = kinds(mart) if mart else frozenset()
    read = [s for s in behind if s["kind"] in held and (s["kind"] != "indicator" or s["dataset_id"] in _series())]
    measured = list(dict.fromkeys(s["dataset_id"] for s in read if s["kind"] == basis))
    return measured, list(dict.fromkeys(s["dataset_id"] for s in read if s["dataset_id"] not in measured))


@cache
def _series() -> frozenset[str]:
    """Datasets of the World Bank series that marts of trade and production name, all of them in parameters."""
    named = {str(parameter.value) for parameter in catalog().parameters.values()}
    return frozenset(i.dataset for listed in catalog().indicators.values() for i in listed if i.code in named)


def _entry(line: dict[str, Any], counted: dict[tuple[str, str], int]) -> dict[str, Any] | None:
    """The vintage with its citation; None for a vintage of trade or farm figures that the cell has no row of."""
    spec = catalog().datasets.get(line["dataset_id"])
    kind = str(spec.kind) if spec else ""
    n = counted.get((line["dataset_id"], line["vintage_id"]))
    if n is None and kind in (TableKind.TRADE, TableKind.PRODUCTION):
        return None
    return {**line, "kind": kind, "citation": spec.citation if spec else line["attribution"], "raw_rows": n}


@cache
def kinds(mart: str) -> frozenset[str]:
    """Kinds of staged statistics that a mart reads, itself or through other marts."""
    found: set[str] = set()
    for name in catalog().marts[mart].inputs:
        if name in catalog().marts:
            found |= kinds(name)
        elif name.startswith(("current_", "all_")):
            found.add(name.partition("_")[2])
    return frozenset(found)
