"""Specialisation of millions of rows: the formulas of ``specialisation`` and ``two_way`` on long relations, in DuckDB.

A relation has one row per country and product, or several (partners, months), which are added up. It may be a pandas
DataFrame, an Arrow Table or RecordBatchReader, anything with an Arrow stream (a Polars DataFrame), a DuckDB relation,
or the path of Parquet files. Rows are read once and aggregated out of core, so memory does not grow with them. Results
equal those of the array functions on the matrix of the same cells; what a relation has no row for is no cell, and
neither a zero nor missing. Which countries belong to the reference world is decided by who is in the relation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from typing import Any

import duckdb
import pyarrow as pa

_INPUT = "given_relation"
_NULL_KEY = "a row of the relation has an empty key"
_TOO_MANY = "more members have a value than n says there can be"
_WITH_IMPORTS = """
    if(thin, NULL, rca_x - rca_m) AS rta,
    100 * ((x - m) / nullif(trade, 0) - balance / nullif(trade, 0) * ((x + m) / nullif(trade, 0))) AS lafay,
    1 - abs(x - m) / nullif(x + m, 0) AS grubel_lloyd
"""


def specialisation(
    data: Any,
    *,
    country: str = "country",
    product: str = "product",
    value: str = "value",
    year: str | None = None,
    imports: str | None = None,
    world_min: float = 5e6,
    country_min: float = 1e4,
    connection: duckdb.DuckDBPyConnection | None = None,
) -> pa.Table:
    """Advantage, share and, with imports, two-way trade of every country and product, of each year apart.

    Args:
        data: the relation; a RecordBatchReader is used up.
        country, product, value, year, imports: names of its columns; value and imports are dollars. Without ``year``
            all rows are one period. A null or nan value is missing: it is left out of sums, and a country or cell
            without any value is missing itself.
        world_min, country_min: dollars a year below which ``rca``, ``rsca`` and ``rta`` are null and ``thin_market`` is
            true (1.1; ``specialisation.thin_market``); 0 keeps everything.
        connection: where to run, for a memory limit or threads of your own; by default a new one in memory. A DuckDB
            relation is computed where it lives.

    Returns:
        One row per year, country and product in no order: ``value``, ``market_share``, ``rca``, ``rsca``, ``nrca``,
        ``thin_market``, and with imports ``imports``, ``rta``, ``lafay``, ``grubel_lloyd``. Keys keep names and types.

    ValueError if a column is absent or a key is null; TypeError for data of another kind.
    """
    names = {"country": country, "product": product, "value": value, "year": year, "imports": imports}
    with _readable_errors():
        table: pa.Table = _found(data, names, world_min, country_min, connection).to_arrow_table()
    return table


def specialisation_batches(
    data: Any,
    *,
    country: str = "country",
    product: str = "product",
    value: str = "value",
    year: str | None = None,
    imports: str | None = None,
    world_min: float = 5e6,
    country_min: float = 1e4,
    connection: duckdb.DuckDBPyConnection | None = None,
    batch_rows: int = 100_000,
) -> pa.RecordBatchReader:
    """The same as ``specialisation``, batch by batch, for results that are too large to hold.

    With a ``connection`` of limited memory neither rows nor cells nor results have to fit into it. The connection
    serves nothing else until the reader is used up.
    """
    names = {"country": country, "product": product, "value": value, "year": year, "imports": imports}
    with _readable_errors():
        found = _found(data, names, world_min, country_min, connection)
        reader: pa.RecordBatchReader = found.to_arrow_reader(batch_rows)
    return reader


def concentration(
    data: Any,
    *,
    by: Sequence[str],
    over: str,
    value: str = "value",
    n: int | None = None,
    connection: duckdb.DuckDBPyConnection | None = None,
) -> pa.Table:
    """How concentrated each group is over products or markets, as ``concentration`` has it for arrays (1.8).

    Args:
        data: the relation.
        by: columns that make a group, such as country and year; over: column of what the value is spread over; value:
            dollars, not negative. Rows of the same group and member are added up.
        n: number of possible members, fixed over time; by default the members with a row in the group.

    Returns:
        One row per group in no order: the columns ``by``, ``value``, ``members`` (with a value above zero),
        ``largest_share``, ``hhi``, ``hhi_norm``, ``effective_number``, ``theil``, ``theil_between``, ``theil_within``;
        null where a value of the group is missing or all are zero.

    ValueError if a column is absent, a key is null, or a group has more members than ``n``.
    """
    if not by:
        raise ValueError("A group is made by at least one column.")
    with _readable_errors():
        relation = _relation(data, connection or duckdb.connect())
        _require(relation, [*by, over, value])
        found: Any = relation.query(_INPUT, _concentration_query([_quoted(name) for name in by], over, value, n))
        table: pa.Table = found.to_arrow_table()
    return table


def _found(
    data: Any,
    names: Mapping[str, str | None],
    world_min: float,
    country_min: float,
    connection: duckdb.DuckDBPyConnection | None,
) -> duckdb.DuckDBPyRelation:
    relation = _relation(data, connection or duckdb.connect())
    given = {role: name for role, name in names.items() if name is not None}
    _require(relation, given.values())
    found: duckdb.DuckDBPyRelation = relation.query(  # type: ignore[assignment]  # None is for statements without rows
        _INPUT, _query(given, world_min, country_min)
    )
    return found


def _require(relation: duckdb.DuckDBPyRelation, columns: Iterable[str]) -> None:
    absent = sorted(set(columns) - set(relation.columns))
    if absent:
        raise ValueError(f"The relation has no column {', '.join(absent)}; it has {', '.join(relation.columns)}.")


@contextmanager
def _readable_errors() -> Iterator[None]:
    try:
        yield
    except duckdb.InvalidInputException as error:
        for reason in (_NULL_KEY, _TOO_MANY):
            if reason in str(error):
                raise ValueError(reason) from error
        raise


def _relation(data: Any, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    if isinstance(data, duckdb.DuckDBPyRelation):
        return data
    if isinstance(data, str | PathLike):
        return connection.read_parquet(str(data))
    if not hasattr(data, "__arrow_c_stream__"):
        raise TypeError(f"{type(data).__name__} is no relation; see the module for what is.")
    return connection.from_arrow(data)


def _query(names: dict[str, str], world_min: float, country_min: float) -> str:
    """The statement over the named columns; roles are the keys of ``names``."""
    column = {role: _quoted(name) for role, name in names.items()}
    period = [column["year"]] if "year" in column else []
    keys, by_country, by_product = (
        ", ".join(period + [column[role] for role in roles])
        for roles in (("country", "product"), ("country",), ("product",))
    )
    sides = [("x", "value")] + [("m", "imports")] * ("imports" in column)
    cells = "".join(f", sum({_known(column[role])}) AS {side}" for side, role in sides)
    pairs = ", sum(x - m) AS balance, sum(x + m) AS trade" if len(sides) == 2 else ""
    keyless = " OR ".join(f"{key} IS NULL" for key in [*period, column["country"], column["product"]])

    def totals(of: str, keys: str, table: str = "cell") -> str:
        sums = ", ".join(f"sum({side}{'' if table == 'cell' else '_c'}) AS {side}_{of}" for side, _ in sides)
        grouping = f" GROUP BY {keys}" if keys else ""
        return f"SELECT {keys + ', ' if keys else ''}{sums}{pairs if of == 'c' else ''} FROM {table}{grouping}"

    world = ", ".join(period)
    results = [
        keys,
        f"x AS {column['value']}",
        f"m AS {column['imports']}" if pairs else "",
        "x / nullif(x_k, 0) AS market_share",
        "if(thin, NULL, rca_x) AS rca, if(thin, NULL, (rca_x - 1) / (rca_x + 1)) AS rsca",
        "x / nullif(x_w, 0) - (x_c / nullif(x_w, 0)) * (x_k / nullif(x_w, 0)) AS nrca",
        "thin AS thin_market",
        _WITH_IMPORTS if pairs else "",
    ]
    advantage = ", ".join(
        f"({side} / nullif({side}_c, 0)) / (nullif({side}_k, 0) / nullif({side}_w, 0)) AS rca_{side}"
        for side, _ in sides
    )
    return f"""
        WITH cell AS MATERIALIZED (
            SELECT {keys}{cells}, if({keyless}, error('{_NULL_KEY}'), false) AS keyless FROM {_INPUT} GROUP BY {keys}
        ),
        of_country AS MATERIALIZED ({totals("c", by_country)}),
        of_product AS ({totals("k", by_product)}),
        of_world AS ({totals("w", world, "of_country")})
        SELECT {", ".join(filter(None, results))}
        FROM (
            SELECT *, {advantage},
                coalesce(x_k < '{float(world_min)}'::DOUBLE, false)
                    OR coalesce(x > 0 AND x < '{float(country_min)}'::DOUBLE, false) AS thin
            FROM cell JOIN of_country USING ({by_country}) JOIN of_product USING ({by_product})
            {f"JOIN of_world USING ({world})" if world else "CROSS JOIN of_world"}
            WHERE NOT keyless
        )
    """


def _concentration_query(groups: list[str], over: str, value: str, n: int | None) -> str:
    keys = ", ".join([*groups, _quoted(over)])
    keyless = " OR ".join(f"{key} IS NULL" for key in keys.split(", "))
    amount, by = _known(_quoted(value)), ", ".join(groups)
    possible = f"{int(n)}" if n is not None else "count(*)"
    return f"""
        WITH cell AS (
            SELECT {keys}, if({keyless}, error('{_NULL_KEY}'), if(count({amount}) < count(*), NULL, sum({amount}))) AS x
            FROM {_INPUT} GROUP BY {keys}
        ),
        whole AS (
            SELECT {by}, if(count(x) < count(*), NULL, sum(x)) AS total, {possible} AS n,
                count(*) FILTER (x > 0) AS members
            FROM cell GROUP BY {by}
        ),
        share AS (SELECT *, x / nullif(total, 0) AS s FROM cell JOIN whole USING ({by})),
        found AS (
            SELECT {by}, any_value(total) AS total, any_value(n) AS n, any_value(members) AS members, max(s) AS largest,
                sum(s * s) AS hhi, sum(if(s > 0, s * ln(s * members), 0)) AS within
            FROM share GROUP BY {by}
        )
        SELECT {by}, total AS {_quoted(value)}, members, largest AS largest_share, hhi,
            (hhi - 1 / n) / nullif(1 - 1 / n, 0) AS hhi_norm, 1 / hhi AS effective_number,
            within + between AS theil, between AS theil_between, within AS theil_within
        FROM (
            SELECT * REPLACE (if(hhi IS NULL, NULL, within) AS within),
                if(hhi IS NULL, NULL, if(members > n, error('{_TOO_MANY}'), ln(n / members))) AS between
            FROM found
        )
    """


def _known(column: str) -> str:
    return f"nullif({column}::DOUBLE, 'nan'::DOUBLE)"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
