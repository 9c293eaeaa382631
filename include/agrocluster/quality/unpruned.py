"""A DuckDB connection that sees not-a-number in Parquet files.

Parquet statistics leave NaN out of min and max, and DuckDB takes them at their word: with its default
optimizers ``where isnan(x)`` finds nothing in a file written by Arrow (duckdb/duckdb issue 25521, open on
2026-09-09, seen with 2.0). Rules that look for such values must therefore not run on a plain connection.
"""

from __future__ import annotations

import duckdb


def connect() -> duckdb.DuckDBPyConnection:
    """A connection of its own that evaluates every condition on every row; joins may be slow on it."""
    con = duckdb.connect()
    con.execute("set disabled_optimizers = 'filter_pushdown,statistics_propagation'")
    return con
