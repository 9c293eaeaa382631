"""Complexity of every window of exports: who is estimated, who is projected, what came out (method 3.3).

Marts choose from it what they publish. The focus countries never influence an estimate, and neither does any other
country that fails the sample rule: all of them are projected. Products that the sample trades too little are dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
from numpy.typing import NDArray

from agrocluster.marts.cube import Cube, cube
from agrocluster.marts.parameters import Parameters, parameters
from agrocluster.measures.complexity import Fitness, Landscape, UndefinedComplexity, fitness, landscape
from agrocluster.measures.complexity_sample import Sample, choose
from agrocluster.model.arrays import settled

_EXPORTS = """
SELECT exporter AS iso3, left(hs_code, 4) AS product, year, sum(value_usd) AS value
FROM fact_trade f
WHERE importer = 'WLD' AND exporter <> 'WLD' AND value_usd IS NOT NULL
    AND hs_edition = parameter_text('hs_edition')
    AND flow_variant = parameter_text('flow_variant')
    AND NOT list_contains(string_split(parameter_text('complexity_excluded_chapters'), ','), left(hs_code, 2))
GROUP BY ALL ORDER BY ALL
"""
_POPULATION = """
SELECT iso3, year, any_value(value) AS value FROM fact_indicator
WHERE indicator = parameter_text('population_indicator')
GROUP BY ALL ORDER BY ALL
"""

FOCUS, SMALL, UNCOUNTED, POOR, SHORT, THIN = (
    "focus",
    "small_population",
    "population_unknown",
    "small_exports",
    "window_too_short",
    "thin_product",
)


@dataclass(frozen=True)
class Year:
    """One window. Arrays follow ``countries`` and ``products``, which are all that trade in it.

    Attributes:
        year, n_years: last year of the window, and how many of its years are held.
        x: dollars summed over the window, countries by products. population: mean of the window, nan if unknown.
        years_present: years of the window in which the country trades.
        why_country, why_product: why it is not among those estimated; empty where it is.
        sample: positions of what was estimated and projected. found, fit: the result; None where undetermined.
    """

    year: int
    n_years: int
    countries: list[str]
    products: list[str]
    x: NDArray[np.float64]
    population: NDArray[np.float64]
    years_present: NDArray[np.int64]
    why_country: NDArray[np.object_]
    why_product: NDArray[np.object_]
    sample: Sample
    found: Landscape | None
    fit: Fitness | None

    def per_country(self, values: NDArray[np.float64] | None) -> NDArray[np.float64]:
        """Values of the sample's rows, settled, at their place among all countries; nan elsewhere."""
        result = np.full(len(self.countries), np.nan)
        if values is not None:
            result[self.sample.rows] = settled(values)
        return result

    def per_product(self, values: NDArray[np.float64] | None) -> NDArray[np.float64]:
        """Values of the sample's columns, settled, at their place among all products; nan elsewhere."""
        result = np.full(len(self.products), np.nan)
        if values is not None:
            result[self.sample.columns] = settled(values)
        return result

    def per_cell(self, values: NDArray[np.float64] | None) -> NDArray[np.float64]:
        """Values of the sample's cells at their place among all; nan elsewhere."""
        result = np.full(self.x.shape, np.nan)
        if values is not None:
            result[np.ix_(self.sample.rows, self.sample.columns)] = values
        return result


def population(con: duckdb.DuckDBPyConnection, of: Cube) -> NDArray[np.float64]:
    """Persons, years by countries."""
    return of.of_countries(con, _POPULATION)


def mean_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the first axis of what is known; nan where nothing is."""
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0).sum(axis=0)
    return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)


def focus_countries(con: duckdb.DuckDBPyConnection) -> set[str]:
    """The four."""
    return {iso3 for (iso3,) in con.sql("SELECT iso3 FROM dim_country WHERE focus").fetchall()}


def years(con: duckdb.DuckDBPyConnection) -> Iterator[Year]:
    """Every window of ``window_years`` that holds at least ``window_min_years``, oldest first."""
    exports = cube(con, _EXPORTS)
    if exports is None:
        return
    method, focus, persons = parameters(con), focus_countries(con), population(con, exports)
    span, least = int(method["window_years"]), int(method["window_min_years"])
    for year, values in exports.windows(span, least):
        last = year - int(exports.years[0])
        people = mean_known(persons[max(0, last - span + 1) : last + 1])
        yield _estimate(year, values, people, exports, focus, method)


def _estimate(
    year: int,
    values: NDArray[np.float64],
    people: NDArray[np.float64],
    exports: Cube,
    focus: set[str],
    method: Parameters,
) -> Year:
    known = ~np.isnan(values)
    traders: NDArray[np.bool_] = np.any(known, axis=(0, 2))
    goods: NDArray[np.bool_] = np.any(known, axis=(0, 1))
    x = np.where(known, values, 0).sum(axis=0)[np.ix_(traders, goods)]
    years_present = np.any(known, axis=2).sum(axis=0)[traders]
    countries = [name for name, trades in zip(exports.countries, traders.tolist(), strict=True) if trades]
    products = [name for name, traded in zip(exports.products, goods.tolist(), strict=True) if traded]
    why = _why(countries, x.sum(axis=1) / years_present, people[traders], years_present, focus, method)
    dropped = x[why == ""].sum(axis=0) / len(values) < method["complexity_min_product_usd"]
    asked = np.where(dropped | (why == SHORT)[:, None], 0.0, x)
    sample = choose(
        asked,
        countries,
        products,
        outside=[name for name, reason in zip(countries, why.tolist(), strict=True) if reason],
        threshold=method["rca_threshold"],
        thin_below=method["thin_market_country_usd"],
    )
    why_product = np.where(dropped, THIN, np.full(len(products), "", dtype=object))
    for removed in sample.removed:
        names, reasons = (countries, why) if removed.kind == "country" else (products, why_product)
        reasons[names.index(removed.name)] = reasons[names.index(removed.name)] or removed.reason
    found, fit = None, None
    if sample.size:
        inside = sample.m[: sample.size]
        try:
            found = landscape(inside, sample.m[sample.size :])
            fit = fitness(inside, int(method["fitness_updates"]))
        except UndefinedComplexity:
            found, fit = None, None
    return Year(
        year,
        len(values),
        countries,
        products,
        x,
        people[traders],
        years_present,
        why,
        why_product,
        sample,
        found,
        fit,
    )


def _why(
    countries: list[str],
    yearly: NDArray[np.float64],
    people: NDArray[np.float64],
    years_present: NDArray[np.int64],
    focus: set[str],
    method: Parameters,
) -> NDArray[np.object_]:
    """The first reason why each country is not estimated on, empty where there is none."""
    reasons = np.full(len(countries), "", dtype=object)
    reasons[yearly < method["complexity_min_exports_usd"]] = POOR
    reasons[people < method["complexity_min_population"]] = SMALL
    reasons[np.isnan(people)] = UNCOUNTED
    reasons[[name in focus for name in countries]] = FOCUS
    reasons[years_present < method["window_min_years"]] = SHORT
    return reasons
