"""Ease of trade of every focus country with every market, and the sums of its potential over all goods."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from agrocluster.marts import export_access
from agrocluster.marts.export_access import BASES, IN_FORCE
from agrocluster.marts.export_windows import Window, windows
from agrocluster.marts.parameters import Parameters, parameters
from agrocluster.measures import export_potential
from agrocluster.measures.safe import Floats
from agrocluster.model.arrays import repeated, texts_to_arrow, to_arrow

_QUERY = f"""
WITH regime AS (
    SELECT n.baseline_id, n.i, n.j, string_agg(DISTINCT r.regime, ',' ORDER BY r.regime) AS regimes
    FROM ease_number n JOIN window_economy e USING (i) JOIN window_economy m ON m.j = n.j
    JOIN dim_preference_regime r ON r.exporter = e.iso3 AND r.importer = m.iso3
    WHERE {IN_FORCE.format(year="n.last_year")}
    GROUP BY ALL
)
SELECT n.* EXCLUDE (i, j), e.iso3, m.iso3 AS market, regime.regimes,
    concat_ws(
        ';',
        CASE WHEN n_products = 0 THEN 'no_product' WHEN ease = 0 THEN 'no_link' END,
        CASE WHEN n_products > 0 AND epi_ext_usd IS NULL THEN 'no_growth' END,
        CASE WHEN distance_km IS NULL THEN 'no_distance' END,
        CASE WHEN tariff_basis IN ('no_tariff_data', 'unpriced_preference') THEN tariff_basis END
    ) AS flag
FROM ease_number n JOIN window_economy e USING (i) JOIN window_economy m ON m.j = n.j
LEFT JOIN regime ON regime.baseline_id = n.baseline_id AND regime.i = n.i AND regime.j = n.j
"""


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per baseline, focus country and other economy whose imports are held in the window."""
    p = parameters(con)
    tables = [_numbers(con, p, window) for window in windows(con, p)]
    con.register("ease_number", pa.concat_tables(tables))
    return con.sql(_QUERY)


def _numbers(con: duckdb.DuckDBPyConnection, p: Parameters, window: Window) -> pa.Table:
    known = export_access.access(con, p, window)
    static = export_potential.static(window.actual, window.supply, window.imports, window.counted)
    beyond = export_access.extended(window, static, known, p.texts["epi_ext_ease"])
    held = np.tile(~np.isnan(window.imports).all(axis=1), (len(window.own), 1))
    held[np.arange(len(window.own)), window.own] = False
    i, j = np.nonzero(held)
    peer = export_potential.peer_ease(static.ease)
    judged = window.counted.sum(axis=2)
    actual = np.where(window.counted, window.actual, 0.0)
    reached = np.where(window.counted, beyond.epi, 0.0).sum(axis=2)
    pairs: dict[str, Floats] = {
        "exports_usd": window.actual.sum(axis=2),
        "actual_usd": actual.sum(axis=2),
        "expected_usd": static.expected,
        "ease": static.ease,
        "ease_access": beyond.ease,
        "ease_peer": peer,
        "epi_usd": np.nansum(static.epi, axis=2),
        "epi_ext_usd": np.where(judged > 0, reached, np.nan),
        "epi_peer_usd": np.where(static.ease == 0, peer * static.expected, np.nan),
        "untapped_usd": np.nansum(static.untapped, axis=2),
        "realised_share": export_potential.realised_share(static.epi, window.actual, axis=2),
        "friction_share_entry": export_potential.entry_share(static.epi, window.actual, axis=2),
        "n_products": judged,
        "n_products_sold": (actual > 0).sum(axis=2),
        "distance_km": known.km,
        "tariff_usual": np.broadcast_to(known.usual_tariff, known.km.shape),
        "tariff_factor": known.tariff,
    }
    years = {"first_year": window.first_year, "last_year": window.last_year}
    return pa.table(
        {"baseline_id": repeated(window.baseline_id, i.size), "i": to_arrow(i), "j": to_arrow(j)}
        | {name: to_arrow(np.full(i.size, year, dtype=np.int16)) for name, year in years.items()}
        | {name: to_arrow(values[i, j]) for name, values in pairs.items()}
        | {"tariff_basis": texts_to_arrow(BASES).take(to_arrow(known.basis[i, j].astype(np.int16)))}
    )
