"""Trade of one baseline window as arrays: what the marts of export potential share, so that they cannot disagree.

Means over the window's years for which an economy's trade is held; absence in such a year is zero, a year without any
row is unknown and left out (method 0.4, 4.3). World exports and imports are BACI's; the focus countries' own
exports follow ``trade_variant`` as in mart_chain_trade.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
from numpy.typing import NDArray

from agrocluster.marts.parameters import Parameters
from agrocluster.measures import export_potential
from agrocluster.measures.safe import Floats, divide
from agrocluster.model.arrays import to_numpy

Flags = NDArray[np.bool_]
Names = tuple[str, ...]

_VARIANTS = {"reported": "x_reported_usd", "mirror": "m_mirror_fob_usd", "reconciled": "v_reconciled_usd"}
"""Column of mart_trade_cell that holds an exporter's trade by ``trade_variant``."""

_FLOWS = """
CREATE OR REPLACE TEMP VIEW window_flow AS
WITH held AS (
    SELECT exporter, importer, hs_code, year, value_usd AS usd FROM fact_trade
    WHERE hs_edition = parameter_text('hs_edition')
        AND flow_variant = parameter_text('flow_variant') AND value_usd IS NOT NULL
),
focus AS (SELECT iso3 FROM dim_country WHERE focus)
SELECT 'sold' AS side, exporter AS economy, NULL AS partner, hs_code, year, usd
FROM held WHERE importer = 'WLD' AND exporter <> 'WLD'
UNION ALL
SELECT 'bought', importer, NULL, hs_code, year, usd FROM held WHERE exporter = 'WLD' AND importer <> 'WLD'
UNION ALL
SELECT 'own', exporter, importer, hs_code, year, usd FROM ({own}) WHERE exporter IN (FROM focus)
"""

_OWN_BACI = "SELECT * FROM held WHERE importer <> 'WLD'"
_OWN_CUSTOMS = "SELECT exporter, importer, hs_code, year, {0} AS usd FROM mart_trade_cell WHERE {0} IS NOT NULL"

_AXES = """
CREATE OR REPLACE TEMP TABLE window_year AS SELECT DISTINCT side, economy, year FROM window_flow;
CREATE OR REPLACE TEMP TABLE window_product AS
SELECT hs_code, row_number() OVER (ORDER BY hs_code) - 1 AS k
FROM dim_product
WHERE hs_edition = parameter_text('hs_edition')
    AND left(hs_code, 2) NOT IN (SELECT unnest(string_split(parameter_text('epi_excluded_chapters'), ',')))
    AND left(hs_code, 4) NOT IN (SELECT unnest(string_split(parameter_text('epi_excluded_headings'), ',')));
CREATE OR REPLACE TEMP TABLE window_economy AS
SELECT iso3, focus, row_number() OVER (ORDER BY iso3) - 1 AS j,
    CASE WHEN focus THEN row_number() OVER (PARTITION BY focus ORDER BY iso3) - 1 END AS i
FROM dim_country;
"""


@dataclass(frozen=True)
class Window:
    """Yearly means of one window, dollars: E exporters (focus), L economies, K products, each in order.

    Attributes:
        own: place of each exporter among the economies.
        exports: of the exporters, E by K; nan where no year is held.
        world: exports of all economies, L by K. imports: likewise; both nan where no year is held.
        supply: share of the exporters in world exports, E by K, nan where unknown.
        actual: to each economy, E by L by K.
        supplied: products that an exporter sells often and large enough to be judged, E by K; demanded: that an economy
            buys often enough, L by K; counted: that a pair is judged on, E by L by K.
    """

    baseline_id: str
    first_year: int
    last_year: int
    exporters: Names
    economies: Names
    products: Names
    own: NDArray[np.int64]
    exports: Floats
    world: Floats
    imports: Floats
    supply: Floats
    actual: Floats
    supplied: Flags
    demanded: Flags
    counted: Flags


def windows(con: duckdb.DuckDBPyConnection, parameters: Parameters) -> Iterator[Window]:
    """The window of every baseline whose years are known."""
    variant = parameters.texts["trade_variant"]
    own = _OWN_BACI if variant == "baci" else _OWN_CUSTOMS.format(_VARIANTS[variant])
    con.execute(_FLOWS.format(own=own))
    con.execute(_AXES)
    names = (
        _names(con, "SELECT iso3 FROM window_economy WHERE focus ORDER BY i"),
        _names(con, "SELECT iso3 FROM window_economy ORDER BY j"),
        _names(con, "SELECT hs_code FROM window_product ORDER BY k"),
    )
    baselines = "SELECT baseline_id, last_year FROM dim_baseline WHERE last_year IS NOT NULL ORDER BY baseline_id"
    for baseline_id, last in con.execute(baselines).fetchall():
        yield _window(con, parameters, names, baseline_id, last)


def _window(
    con: duckdb.DuckDBPyConnection, p: Parameters, names: tuple[Names, Names, Names], baseline_id: str, last: int
) -> Window:
    exporters, economies, products = names
    first = last - int(p["epi_window_years"]) + 1
    own = np.flatnonzero(np.isin(np.array(economies), np.array(exporters)))
    size = len(products), last - first + 1
    sold, bought = (_yearly(con, side, first, (len(economies), *size)) for side in ("sold", "bought"))
    by_self = _yearly(con, "own", first, (len(economies), *size))[own]
    exports, world, imports = _mean(by_self), _mean(sold), _mean(bought)
    supply = export_potential.supply_share(exports, np.nansum(world, axis=0))
    supplied = export_potential.eligible(by_self, min_years=p["epi_min_years"], min_mean=p["epi_min_usd"])
    supplied &= supply > 0
    demanded = export_potential.eligible(bought, min_years=p["epi_min_years"])
    counted = supplied[:, None, :] & demanded[None]
    counted[np.arange(len(own)), own] = False
    return Window(
        baseline_id=baseline_id,
        first_year=first,
        last_year=last,
        exporters=exporters,
        economies=economies,
        products=products,
        own=own,
        exports=exports,
        world=world,
        imports=imports,
        supply=supply,
        actual=_actual(con, first, last, (len(exporters), len(economies), len(products))),
        supplied=supplied,
        demanded=demanded,
        counted=counted,
    )


def _names(con: duckdb.DuckDBPyConnection, query: str) -> Names:
    return tuple(row[0] for row in con.execute(query).fetchall())


def _yearly(con: duckdb.DuckDBPyConnection, side: str, first: int, shape: tuple[int, int, int]) -> Floats:
    """Economies by products by years; nan in a year of which no row of the economy is held."""
    known = con.sql(
        "SELECT j, year - $first AS t FROM window_year JOIN window_economy ON iso3 = economy "
        "WHERE side = $side AND year BETWEEN $first AND $last",
        params={"side": side, "first": first, "last": first + shape[2] - 1},
    ).to_arrow_table()
    flows = con.sql(
        "SELECT j, k, year - $first AS t, sum(usd) AS usd FROM window_flow JOIN window_product USING (hs_code) "
        "JOIN window_economy ON iso3 = economy WHERE side = $side AND year BETWEEN $first AND $last GROUP BY ALL",
        params={"side": side, "first": first, "last": first + shape[2] - 1},
    ).to_arrow_table()
    values = np.full(shape, np.nan)
    values[to_numpy(known["j"]), :, to_numpy(known["t"])] = 0
    values[to_numpy(flows["j"]), to_numpy(flows["k"]), to_numpy(flows["t"])] = to_numpy(flows["usd"])
    return values


def _mean(yearly: Floats) -> Floats:
    known = ~np.isnan(yearly)
    return divide(np.where(known, yearly, 0).sum(axis=-1), known.sum(axis=-1))


def _actual(con: duckdb.DuckDBPyConnection, first: int, last: int, shape: tuple[int, int, int]) -> Floats:
    flows = con.sql(
        """
        SELECT e.i, m.j, k, sum(usd) / any_value(years.n) AS usd
        FROM window_flow f JOIN window_product USING (hs_code)
        JOIN window_economy e ON e.iso3 = f.economy JOIN window_economy m ON m.iso3 = f.partner
        JOIN (
            SELECT economy, count(*) AS n FROM window_year
            WHERE side = 'own' AND year BETWEEN $first AND $last GROUP BY economy
        ) years ON years.economy = f.economy
        WHERE f.side = 'own' AND f.year BETWEEN $first AND $last GROUP BY ALL
        """,
        params={"first": first, "last": last},
    ).to_arrow_table()
    values = np.zeros(shape)
    values[to_numpy(flows["i"]), to_numpy(flows["j"]), to_numpy(flows["k"])] = to_numpy(flows["usd"])
    return values
