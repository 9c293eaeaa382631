"""Trade of every exporting economy by chain, stage and year, annual and in windows of several years.

Chains and stages are measured on summed values (method 0.5); a reporter without a code in a year that it filed
exported zero, a reporter that did not file is unknown (0.4). The statements lie in ``chain_trade/``, one file per
question, each building on the tables of those before it; this module only runs them in order. They are separate because
one statement of this length could not be followed, and one mart because readers want one row per chain stage.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

PARTS = ("formulas", "flows", "evidence", "specialisation", "basket", "markets", "reach", "uncertainty", "growth")
"""Files that make the tables which ``result.sql`` puts side by side."""

HERE = Path(__file__).resolve().parent / "chain_trade"


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per country, chain, stage and year."""
    con.execute("DROP SCHEMA IF EXISTS chain_trade CASCADE")
    con.execute("CREATE SCHEMA chain_trade")
    for part in PARTS:
        con.execute(_text(part))
    return con.sql(_text("result"))


def _text(part: str) -> str:
    return (HERE / f"{part}.sql").read_text(encoding="utf-8")
