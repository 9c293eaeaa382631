"""Differences between vintages of one dataset, for the focus countries (see ``transform.revisions``)."""

from __future__ import annotations

import duckdb

from agrocluster.model.loader import catalog
from agrocluster.transform.revisions import revisions_sql

_QUERY = """
    SELECT r.* REPLACE (coalesce(nullif(r.partner, ''), '-') AS partner)
    FROM ({kinds}) r JOIN vintages v ON v.vintage_id = r.vintage_new
    WHERE (r.status <> 'added' OR v.scope = 'full') AND r.iso3 <> 'WLD'
"""
"""A selection (a file, a period on request) that brings cells along is no revision: the publisher may have had them.
An importer's total is the sum of flows that stand here one by one. A key column may not be empty, and not every kind
has partners."""


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per changed, added or removed cell."""
    found = catalog()
    kinds = [f"({revisions_sql(kind, contract, found.focus())})" for kind, contract in found.tables.items()]
    return con.sql(_QUERY.format(kinds=" UNION ALL ".join(kinds)))
