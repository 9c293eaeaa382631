"""Export potential of every focus country by market and product of the chains."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from agrocluster.marts import export_access
from agrocluster.marts.export_access import BASES
from agrocluster.marts.export_windows import Window, windows
from agrocluster.marts.parameters import Parameters, parameters
from agrocluster.measures import export_potential
from agrocluster.measures.safe import Floats
from agrocluster.model.arrays import repeated, texts_to_arrow, to_arrow

_QUERY = """
SELECT n.* EXCLUDE (i, j, k), e.iso3, m.iso3 AS market, hs_code, d.chain, d.stage,
    CASE WHEN ease > 0 THEN least(actual_usd, epi_usd) / epi_usd END AS realised_share,
    CASE WHEN ease = 0 THEN NULL WHEN actual_usd = 0 THEN 'entry' WHEN untapped_usd > 0 THEN 'deepen'
        ELSE 'reached' END AS entry_or_deepen
FROM potential_number n JOIN window_economy e USING (i) JOIN window_economy m ON m.j = n.j
JOIN window_product USING (k) JOIN dim_product d USING (hs_code)
WHERE d.hs_edition = parameter_text('hs_edition')
"""
_CHAINS = """
SELECT k FROM window_product JOIN dim_product USING (hs_code)
WHERE role IN ('own', 'dual') AND hs_edition = parameter_text('hs_edition')
"""


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per baseline, focus country, market and product that the pair is judged on and has potential in."""
    p = parameters(con)
    tables = [_numbers(con, p, window) for window in windows(con, p)]
    con.register("potential_number", pa.concat_tables(tables))
    return con.sql(_QUERY)


def _numbers(con: duckdb.DuckDBPyConnection, p: Parameters, window: Window) -> pa.Table:
    known = export_access.access(con, p, window)
    static = export_potential.static(window.actual, window.supply, window.imports, window.counted)
    beyond = export_access.extended(window, static, known, p.texts["epi_ext_ease"])
    peer = export_potential.peer_ease(static.ease)
    in_chain = np.zeros(len(window.products), dtype=np.bool_)
    in_chain[[k for (k,) in con.execute(_CHAINS).fetchall()]] = True
    shown = window.counted & in_chain & ((static.ease > 0) | (peer > 0))[:, :, None]
    i, j, k = np.nonzero(shown)
    ease = static.ease[i, j]
    supply, demand = window.supply[i, k], window.imports[j, k]
    columns: dict[str, Floats] = {
        "supply_share": supply,
        "demand_usd": demand,
        "ease": ease,
        "epi_usd": static.epi[i, j, k],
        "epi_ext_usd": beyond.epi[i, j, k],
        "epi_peer_usd": np.where(ease == 0, supply * demand * peer[i, j], np.nan),
        "actual_usd": window.actual[i, j, k],
        "untapped_usd": static.untapped[i, j, k],
        "supply_factor": known.supply[i, k],
        "demand_factor": known.demand[j, k],
        "tariff_factor": known.tariff[i, j],
        "distance_factor": beyond.distance[i, j, k],
    }
    return pa.table(
        {"baseline_id": repeated(window.baseline_id, i.size), "i": to_arrow(i), "j": to_arrow(j), "k": to_arrow(k)}
        | {name: to_arrow(values) for name, values in columns.items()}
        | {"tariff_basis": texts_to_arrow(BASES).take(to_arrow(known.basis[i, j].astype(np.int16)))}
    )
