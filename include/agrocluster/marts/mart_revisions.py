"""Differences between vintages of one dataset, for the focus countries (see ``transform.revisions``)."""

from __future__ import annotations

import duckdb

from agrocluster.model.loader import catalog
from agrocluster.transform.revisions import revisions_sql


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per changed, added or removed cell."""
    found = catalog()
    kinds = [f"({revisions_sql(kind, contract, found.focus())})" for kind, contract in found.tables.items()]
    # A key column may not be empty, and only trade has partners.
    named = "SELECT * REPLACE (coalesce(nullif(partner, ''), '-') AS partner) FROM "
    return con.sql("\nUNION ALL\n".join(named + kind for kind in kinds))
