"""Annual customs reports in the codes of HS2012 (see ``hs_conversion``)."""

from __future__ import annotations

import duckdb

from agrocluster.marts.hs_conversion import converted


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per reporter, partner, flow, year and code."""
    return converted(con, "A").select("* EXCLUDE (period)")
