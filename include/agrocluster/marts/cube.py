"""Yearly values of countries and products as one array, and the windows over it, for marts that need whole matrices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agrocluster.model.arrays import to_numpy


@dataclass(frozen=True)
class Cube:
    """``values`` are years by countries by products; nan where no row was given. All labels are sorted.

    ``years`` has no gaps: a year without rows is there and holds nothing.
    """

    years: NDArray[np.int64]
    countries: list[str]
    products: list[str]
    values: NDArray[np.float64]

    def windows(self, span: int, least: int) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Last year and values of each window of up to ``span`` years, of which at least ``least`` hold anything."""
        held: NDArray[np.bool_] = ~np.all(np.isnan(self.values), axis=(1, 2))
        for n, year in enumerate(self.years.tolist()):
            window = slice(max(0, n - span + 1), n + 1)
            if held[n] and held[window].sum() >= least:
                yield year, self.values[window][held[window]]

    def of_countries(self, con: duckdb.DuckDBPyConnection, query: str) -> NDArray[np.float64]:
        """Another figure (rows iso3, year, value) for the same years and countries; nan where there is none."""
        table = con.sql(query).to_arrow_table()
        place = {name: n for n, name in enumerate(self.countries)}
        result = np.full((len(self.years), len(self.countries)), np.nan)
        for iso3, year, value in zip(*(table[name].to_pylist() for name in ("iso3", "year", "value")), strict=True):
            if iso3 in place and self.years[0] <= year <= self.years[-1]:
                result[year - self.years[0], place[iso3]] = np.nan if value is None else value
        return result


def cube(con: duckdb.DuckDBPyConnection, query: str) -> Cube | None:
    """The cube of a query with rows iso3, product, year, value, one per key; None without any."""
    table = con.sql(query).to_arrow_table()
    if not table.num_rows:
        return None
    country, countries = _codes(table["iso3"])
    product, products = _codes(table["product"])
    year = to_numpy(table["year"]).astype(np.int64)
    years = np.arange(year.min(), year.max() + 1)
    values = np.full((len(years), len(countries), len(products)), np.nan)
    values[year - years[0], country, product] = to_numpy(table["value"])
    return Cube(years, countries, products, values)


def _codes(column: pa.ChunkedArray) -> tuple[NDArray[np.intp], list[str]]:
    encoded = column.combine_chunks().dictionary_encode()
    labels = encoded.dictionary.to_pylist()
    order = sorted(range(len(labels)), key=labels.__getitem__)
    place = np.empty(len(labels), dtype=np.intp)
    place[order] = np.arange(len(labels))
    return place[to_numpy(encoded.indices)], [labels[n] for n in order]
