"""What the extended potential knows beyond trade: growth, tariffs and preferences, distance (method 4.2).

Growth of the window is carried forward; projections are not held. Tariffs by product are not held either: where a
free-trade regime is in force, zero duty stands against the mean tariff that the market applies to all goods, and in
every other case the factor is 1 and ``basis`` says why.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
from numpy.typing import NDArray

from agrocluster.marts.export_windows import Window
from agrocluster.marts.parameters import Parameters
from agrocluster.measures import export_potential
from agrocluster.measures.export_potential import Potential
from agrocluster.measures.safe import Floats, divide
from agrocluster.model.arrays import to_numpy

BASES = ("free_trade", "unpriced_preference", "no_preference", "no_tariff_data")

_GROWTH = """
SELECT j, any_value(value ORDER BY year DESC) AS last,
    (any_value(value ORDER BY year DESC) / any_value(value ORDER BY year))
        ** ($horizon / (max(year) - min(year))) - 1 AS growth
FROM (
    SELECT j, year, any_value(value ORDER BY dataset) AS value FROM fact_indicator JOIN window_economy USING (iso3)
    WHERE indicator = $indicator AND year BETWEEN $first AND $last AND value > 0 GROUP BY ALL
) GROUP BY j HAVING max(year) - min(year) >= $min_years - 1
"""
_TARIFF = """
SELECT j, any_value(value ORDER BY year DESC, dataset) AS last FROM fact_indicator JOIN window_economy USING (iso3)
WHERE indicator = $indicator AND year BETWEEN $first AND $last AND value >= 0 GROUP BY j
"""
IN_FORCE = """
r.treatment IN ('zero', 'reduced')
    AND coalesce(r.first_year, {year}) <= {year} AND coalesce(r.last_year, {year}) >= {year}
"""
"""Condition on a row ``r`` of dim_preference_regime: it gives preference in ``year``, an SQL expression."""
_PREFERENCES = f"""
SELECT e.i, m.j, bool_or(free_trade) AS free_trade
FROM dim_preference_regime r
JOIN window_economy e ON e.iso3 = r.exporter JOIN window_economy m ON m.iso3 = r.importer
WHERE {IN_FORCE.format(year="$last")}
GROUP BY ALL
"""


@dataclass(frozen=True)
class Access:
    """Factors of one window: E exporters, L economies, K products; nan where unknown.

    Attributes:
        supply: growth of supply, re-exporters damped, E by K. demand: growth of demand, L by K.
        tariff: tariff advantage, E by L. basis: its origin, index in ``BASES``. usual_tariff: share, L.
        km: E by L. usual_km: distance to the usual suppliers, L by K. delta: elasticity of distance.
    """

    supply: Floats
    demand: Floats
    tariff: Floats
    basis: NDArray[np.int8]
    usual_tariff: Floats
    km: Floats
    usual_km: Floats
    delta: float

    def distance(self) -> Floats:
        """Distance factor, E by L by K; 1 where a distance is unknown."""
        factor = export_potential.distance_factor(self.usual_km[None], self.km[:, :, None], self.delta)
        return np.where(np.isnan(factor), 1.0, factor)


@dataclass(frozen=True)
class Extended:
    """The extended potential: ``ease`` it rests on, E by L, ``epi``, E by L by K, and the distance factor in it."""

    ease: Floats
    epi: Floats
    distance: Floats


def access(con: duckdb.DuckDBPyConnection, p: Parameters, window: Window) -> Access:
    """What is known of the window's last year. Uses the relations that ``windows`` made."""
    size = len(window.economies)
    span: dict[str, object] = {"first": window.first_year, "last": window.last_year}
    span |= {"horizon": p["epi_horizon_years"], "min_years": p["epi_min_years"]}
    output, population, income = (
        _columns(con, _GROWTH, size, span | {"indicator": p.texts[f"{name}_indicator"]})
        for name in ("output", "population", "income")
    )
    world_growth = divide(np.nansum(output["last"] * (1 + output["growth"])), np.nansum(output["last"])) - 1
    chapter = np.array([int(code[:2]) for code in window.products])
    elasticity = np.where(
        chapter <= p["agri_base_last_chapter"], p["epi_elasticity_income_food"], p["epi_elasticity_income_other"]
    )
    recent = {"first": window.last_year - int(p["carry_max_years"]), "last": window.last_year}
    percent = _columns(con, _TARIFF, size, recent | {"indicator": p.texts["epi_tariff_indicator"]})
    tariff = percent["last"] / 100
    basis = _basis(con, window, tariff)
    factor = export_potential.tariff_factor(tariff, 0.0, p["epi_elasticity_tariff"])
    km = _distances(con, size)
    return Access(
        supply=export_potential.supply_factor(
            output["growth"][window.own, None], world_growth, window.exports, window.imports[window.own]
        ),
        demand=export_potential.demand_factor(
            population["growth"][:, None], income["growth"][:, None], elasticity[None]
        ),
        tariff=np.where(basis == 0, factor[None], 1.0),
        basis=basis,
        usual_tariff=tariff,
        km=km[window.own],
        usual_km=export_potential.usual_distance_km(km, window.world),
        delta=p["epi_elasticity_distance"],
    )


def extended(window: Window, static: Potential, known: Access, ease: str) -> Extended:
    """The extended potential of the products that count (4.2); nan where growth is unknown.

    Args:
        ease: ``static`` takes the ease of the static potential; ``access`` measures it over demand with tariffs and
            distance in it, so that nearness, which the trade of a pair shows already, is not counted twice.
    """
    distance = known.distance()
    reached = window.supply[:, None, :] * window.imports[None] * known.tariff[:, :, None] * distance
    if ease == "access":
        traded = np.where(window.counted, window.actual, 0.0).sum(axis=2)
        found = divide(traded, np.where(window.counted, reached, 0.0).sum(axis=2))
    else:
        found = static.ease
    grown = reached * known.supply[:, None, :] * known.demand[None]
    return Extended(found, np.where(window.counted, grown * found[:, :, None], np.nan), distance)


def _columns(con: duckdb.DuckDBPyConnection, query: str, size: int, arguments: dict[str, object]) -> dict[str, Floats]:
    """The columns of a query by name, one value per economy; nan where it has none."""
    table = con.sql(query, params=arguments).to_arrow_table()
    place = to_numpy(table["j"])
    columns = {name: np.full(size, np.nan) for name in table.column_names if name != "j"}
    for name, values in columns.items():
        values[place] = to_numpy(table[name])
    return columns


def _basis(con: duckdb.DuckDBPyConnection, window: Window, tariff: Floats) -> NDArray[np.int8]:
    free = np.zeros((len(window.exporters), len(window.economies)), dtype=np.bool_)
    preferred = free.copy()
    pairs = con.sql(_PREFERENCES, params={"last": window.last_year}).to_arrow_table()
    cells = to_numpy(pairs["i"]), to_numpy(pairs["j"])
    free[cells], preferred[cells] = to_numpy(pairs["free_trade"]), True
    unknown = np.broadcast_to(np.isnan(tariff), free.shape)
    return np.select([unknown, free, preferred], [3, 0, 1], default=2).astype(np.int8)


def _distances(con: duckdb.DuckDBPyConnection, size: int) -> Floats:
    table = con.sql(
        "SELECT a.j, b.j AS other, distance_km FROM dim_distance d "
        "JOIN window_economy a ON a.iso3 = d.iso3 JOIN window_economy b ON b.iso3 = d.partner"
    ).to_arrow_table()
    km = np.full((size, size), np.nan)
    km[to_numpy(table["j"]), to_numpy(table["other"])] = to_numpy(table["distance_km"])
    return km
