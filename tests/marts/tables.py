"""One mart built over tables that a test writes down, without the marts before it."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from agrocluster.marts import build, relations
from agrocluster.model.loader import catalog
from agrocluster.storage.parquet import arrow_schema, conform

Rows = list[dict[str, object]]


def mart_over(mart: str, **inputs: Rows) -> duckdb.DuckDBPyConnection:
    """A connection that holds ``mart``, built over the rows given for its inputs and checked against its contract.

    Columns that a row leaves out are null. Marts of the catalogue alone (method_parameters, dim_country, dim_chain ...)
    are built, other inputs that are not given are empty.
    """
    con = duckdb.connect()
    con.execute("SET threads = 1")
    for name, table in relations.catalog_tables(catalog()).items():
        con.register(name, table)
    static = _static()
    for name in _needed(mart, set(inputs)):
        contract = catalog().marts[name]
        if name in inputs:
            con.register(name, pa.Table.from_pylist(inputs[name], schema=arrow_schema(contract)))
        elif name == mart or name in static:
            rows = con.sql(f"SELECT * FROM ({build._select(name, con)}) ORDER BY {', '.join(contract.sort)}")
            con.register(f"{name}_rows", conform(rows.to_arrow_table(), contract))
            con.execute(f"CREATE TABLE {name} AS SELECT * FROM {name}_rows")
        else:
            con.register(name, arrow_schema(contract).empty_table())
    return con


def broken_rules(con: duckdb.DuckDBPyConnection, mart: str) -> list[str]:
    """Ids of the SQL rules of ``mart`` that its rows break."""
    rules = [rule for rule in catalog().marts[mart].rules if rule.query]
    return [r.id for r in rules if con.sql(str(r.query).replace("{table}", mart)).fetchall()]


def _static() -> dict[str, set[str]]:
    """Marts that rest on the catalogue alone, each with the marts it reads, directly or not."""
    found: dict[str, set[str]] = {}
    for name in catalog().mart_order():
        read = {i for i in catalog().marts[name].inputs if not i.startswith("cat_")}
        if read <= set(found):
            found[name] = read.union(*(found[i] for i in read))
    return found


def _needed(mart: str, given: set[str]) -> list[str]:
    static = _static()
    direct = {mart, *given, *(i for i in catalog().marts[mart].inputs if i in catalog().marts)}
    wanted = direct.union(*(static.get(name, set()) for name in direct))
    return [name for name in catalog().mart_order() if name in wanted]
