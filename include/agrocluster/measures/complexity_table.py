"""Complexity of every country and product, year by year, from a long table of exports to a long Arrow table (3).

Reads pandas, Polars, Arrow, a DuckDB relation or a Parquet file through DuckDB, one year in memory at a time, and
needs nothing else of agrocluster but the formulas. It does not choose the sample: filter countries and products
before, and name in ``outside`` the countries that must not influence the estimate.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agrocluster.measures import complexity_sample as sample
from agrocluster.measures.complexity import UndefinedComplexity, landscape
from agrocluster.measures.safe import Floats

SCHEMA = pa.schema(
    {"year": pa.int32(), "country": pa.dictionary(pa.int32(), pa.string())}
    | {"product": pa.dictionary(pa.int32(), pa.string()), "outside": pa.bool_(), "rca": pa.float64(), "m": pa.int8()}
    | {name: pa.float64() for name in ("density", "cog", "pci", "eci", "coi")}
    | {"diversity": pa.int32(), "ubiquity": pa.int32()}
)
REMOVED = pa.schema({"year": pa.int32()} | {name: pa.string() for name in ("name", "kind", "reason")})


@dataclass(frozen=True)
class Options:
    """How presence and density are made; the defaults are those of the method.

    Attributes:
        threshold: RCA (or exports per head) from which a country has a product.
        neighbours: density over so many nearest products; None takes all.
        population: persons by country or, with years in the data, by (year, country): presence by exports per head
            (``rpop``) instead of RCA. The column rca stays what it is.
        outside: countries that are projected into the estimate of the others (3.3).
    """

    threshold: float = 1.0
    neighbours: int | None = None
    population: dict[Any, float] | None = None
    outside: Collection[str] = ()


@dataclass(frozen=True)
class ComplexityTable:
    """A rectangle of countries and products per year (``SCHEMA``), and what is not in it.

    Attributes:
        table: one row per year, country and product kept. ``rca`` over the totals of the countries estimated on;
            ``density``, ``pci``, ``eci``, ``coi``, ``cog`` in the scales of py-ecomplexity (pci on the scale of eci, so
            that eci is the mean pci of what a country has; coi standardised; cog over the deviation of countries, 0
            where the country has the product). Null is unknown: eci of an outside country that has nothing.
        removed: countries and products left out of a year, with the reason (``REMOVED``).
        duplicates: rows that shared year, country and product with another one, and were added to it.
    """

    table: pa.Table
    removed: pa.Table
    duplicates: int


def complexity_table(
    data: Any,
    *,
    country: str = "country",
    product: str = "product",
    value: str = "value",
    year: str | None = "year",
    options: Options = Options(),
) -> ComplexityTable:
    """Complexity of each year of ``data``, all years in one table; see ``ComplexityTable``.

    Args:
        data: pandas or Polars frame, Arrow table, DuckDB relation, or path of a Parquet file; a row per flow, dollars.
        country, product, value, year: names of its columns; ``year=None`` takes all rows as one sample, without a year.

    ValueError for a value that is missing, infinite or negative; UndefinedComplexity (naming the year) where a sample
    does not determine it.
    """
    years = list(complexity_years(data, country=country, product=product, value=value, year=year, options=options))
    return ComplexityTable(
        pa.concat_tables([y.table for y in years] or [SCHEMA.empty_table()]).unify_dictionaries(),
        pa.concat_tables([y.removed for y in years] or [REMOVED.empty_table()]),
        sum(y.duplicates for y in years),
    )


def complexity_years(
    data: Any,
    *,
    country: str = "country",
    product: str = "product",
    value: str = "value",
    year: str | None = "year",
    options: Options = Options(),
) -> Iterator[ComplexityTable]:
    """As ``complexity_table``, one year after the other, oldest first: memory does not grow with the years."""
    with duckdb.connect() as con:
        _register(con, data, {"c": country, "p": product, "v": value, "y": year})
        _check(con, dated=year is not None)
        for name in "cp":
            con.execute(f"CREATE TYPE label_{name} AS ENUM (SELECT DISTINCT {name} FROM given ORDER BY {name})")
        labels = [_labels(con, name) for name in "cp"]
        for (t,) in con.sql("SELECT DISTINCT y FROM given ORDER BY y").fetchall():
            rows = con.execute(
                "SELECT enum_code(c::label_c) AS c, enum_code(p::label_p) AS p, v::DOUBLE AS v FROM given "
                "WHERE y IS NOT DISTINCT FROM ?",
                [t],
            ).fetchnumpy()
            yield _year(t, rows, labels, options)


def _register(con: duckdb.DuckDBPyConnection, data: Any, columns: dict[str, str | None]) -> None:
    if isinstance(data, str | Path):
        source = con.read_parquet(str(data))
    else:
        kept = data if isinstance(data, pa.Table) else pa.table(data)
        source = con.from_arrow(kept)
    missing = [name for name in columns.values() if name is not None and name not in source.columns]
    if missing:
        raise ValueError(f"no column {', '.join(missing)}; there are {', '.join(source.columns)} (year=None for none)")
    types = {"c": "VARCHAR", "p": "VARCHAR", "y": "INTEGER", "v": "DOUBLE"}
    chosen = ", ".join(
        f"NULL::{types[short]} AS {short}" if name is None else f'"{name}"::{types[short]} AS {short}'
        for short, name in columns.items()
    )
    source.select(chosen).create_view("given")


def _check(con: duckdb.DuckDBPyConnection, *, dated: bool) -> None:
    wrong, unnamed = con.execute(
        "SELECT count(*) FILTER (v IS NULL OR NOT isfinite(v) OR v < 0), "
        "count(*) FILTER (c IS NULL OR p IS NULL OR (? AND y IS NULL)) FROM given",
        [dated],
    ).fetchall()[0]
    if wrong or unnamed:
        raise ValueError(
            f"{wrong} values are missing, infinite or negative and {unnamed} rows have no country, product or year; "
            "leave out what is unknown, or fill it"
        )


def _labels(con: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    return list(con.sql(f"SELECT enum_range(NULL::label_{name})").fetchall()[0][0])


def _year(t: int | None, rows: dict[str, Any], labels: Sequence[list[str]], options: Options) -> ComplexityTable:
    countries, places = _used(rows["c"], len(labels[0]))
    products, goods = _used(rows["p"], len(labels[1]))
    cells = places * len(products) + goods
    x = np.bincount(cells, weights=rows["v"], minlength=len(countries) * len(products)).astype(np.float64, copy=False)
    names = [[labels[n][code] for code in codes.tolist()] for n, codes in enumerate((countries, products))]
    made = _table(x.reshape(len(countries), len(products)), names[0], names[1], options, t)
    repeated = len(cells) - int(np.count_nonzero(np.bincount(cells)))
    return replace(made, duplicates=repeated)


def _used(codes: NDArray[Any], size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The codes that occur, in order, and the place of each given one among them."""
    used = np.flatnonzero(np.bincount(codes, minlength=size))
    place = np.zeros(size, dtype=np.intp)
    place[used] = np.arange(len(used))
    return used, place[codes]


def _table(x: Floats, countries: list[str], products: list[str], options: Options, year: int | None) -> ComplexityTable:
    persons = None if options.population is None else _persons(options.population, countries, year)
    chosen = sample.choose(
        x, countries, products, outside=options.outside, threshold=options.threshold, population=persons
    )
    try:
        found = landscape(chosen.m[: chosen.size], chosen.m[chosen.size :], options.neighbours)
    except UndefinedComplexity as error:
        raise UndefinedComplexity(f"year {year}: {error}") from error
    rows, columns = chosen.m.shape
    cells = rows * columns
    wide = (rows, columns)
    place, good = np.arange(rows, dtype=np.int32), np.arange(columns, dtype=np.int32)
    arrays = [
        _column(np.full(cells, year or 0, dtype=np.int32)) if year is not None else pa.nulls(cells, pa.int32()),
        _labels_of(np.repeat(place, columns), [countries[n] for n in chosen.rows.tolist()]),
        _labels_of(np.tile(good, rows), [products[n] for n in chosen.columns.tolist()]),
        _column(np.repeat(place >= chosen.size, columns)),
        _column(chosen.advantage[np.ix_(chosen.rows, chosen.columns)]),
        _column(chosen.m.astype(np.int8)),
        _column(found.density),
        _column(found.cog_pkg),
        _column(np.broadcast_to(found.found.pci, wide)),
        _column(np.repeat(found.eci, columns)),
        _column(np.repeat(found.coi, columns)),
        _column(np.repeat(chosen.m.sum(axis=1).astype(np.int32), columns)),
        _column(np.broadcast_to(chosen.m[: chosen.size].sum(axis=0).astype(np.int32), wide)),
    ]
    listed = [{"year": year, "name": r.name, "kind": r.kind, "reason": r.reason} for r in chosen.removed]
    return ComplexityTable(
        pa.Table.from_arrays(arrays, schema=SCHEMA), pa.Table.from_pylist(listed, schema=REMOVED), duplicates=0
    )


def _persons(population: dict[Any, float], countries: list[str], year: int | None) -> Floats:
    keys = [c if year is None else (year, c) for c in countries]
    unknown = [c for c, key in zip(countries, keys, strict=True) if key not in population]
    if unknown:
        raise ValueError(f"no population of {', '.join(unknown)}" + ("" if year is None else f" in {year}"))
    return np.array([population[key] for key in keys], dtype=np.float64)


_ARROW: dict[np.dtype[Any], pa.DataType] = {
    np.dtype(np.int8): pa.int8(),
    np.dtype(np.int32): pa.int32(),
    np.dtype(np.float64): pa.float64(),
}


def _column(values: NDArray[Any]) -> pa.Array:
    """An Arrow array over the same memory, nan as null; ``pa.array`` would import pandas for it."""
    flat = np.ascontiguousarray(values).reshape(-1)
    if flat.dtype == np.bool_:
        bits = pa.py_buffer(np.packbits(flat, bitorder="little"))
        return pa.Array.from_buffers(pa.bool_(), len(flat), [None, bits])
    unknown = np.isnan(flat) if flat.dtype == np.float64 else np.zeros(0, dtype=np.bool_)
    valid = pa.py_buffer(np.packbits(~unknown, bitorder="little")) if unknown.any() else None
    return pa.Array.from_buffers(_ARROW[flat.dtype], len(flat), [valid, pa.py_buffer(flat)])


def _labels_of(codes: NDArray[np.int32], labels: list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(_column(codes), pa.array(labels, pa.string()))
