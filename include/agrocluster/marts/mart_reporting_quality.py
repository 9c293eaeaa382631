"""How far each country's reports lie from its partners', per rolling window (method 2.5)."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from agrocluster.marts import mirror_windows
from agrocluster.marts.parameters import parameters
from agrocluster.model.arrays import repeated, to_arrow, to_numpy

_SCHEMA = pa.schema(
    {"iso3": pa.string(), "role": pa.string(), "first_year": pa.int16(), "year": pa.int16()}
    | {"effect": pa.float64(), "level": pa.float64(), "sigma": pa.float64(), "n_observations": pa.int64()}
)


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per country, role and window with doubly reported flows; rows of focus countries in every window."""
    cells = con.sql(
        "SELECT year, exporter, importer, hs_code, x_reported_usd, m_mirror_fob_usd FROM mart_trade_cell "
        "ORDER BY year, exporter, importer, hs_code"
    ).to_arrow_table()
    method = parameters(con)
    flows = mirror_windows.flows(cells, to_numpy(cells["x_reported_usd"]), to_numpy(cells["m_mirror_fob_usd"]))
    parts = [_SCHEMA.empty_table()]
    for first, last, effects in mirror_windows.windows(flows, method):
        sigmas = mirror_windows.sigmas(effects, method)
        for n, role in enumerate(("exporter", "importer")):
            rows = len(flows.countries)
            columns = [
                pa.array(flows.countries, pa.string()),
                repeated(role, rows).cast(pa.string()),
                to_arrow(np.full(rows, first, dtype=np.int16)),
                to_arrow(np.full(rows, last, dtype=np.int16)),
                to_arrow(effects.factors[n]),
                to_arrow(np.full(rows, effects.level)),
                to_arrow(sigmas[n]),
                to_arrow(effects.counts[n].astype(np.int64)),
            ]
            parts.append(pa.Table.from_arrays(columns, schema=_SCHEMA))
    con.register("estimated", pa.concat_tables(parts))
    return con.sql(
        "SELECT e.*, c.focus FROM estimated e JOIN dim_country c USING (iso3) WHERE c.focus OR e.n_observations > 0"
    )
