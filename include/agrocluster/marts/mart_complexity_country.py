"""Complexity of every exporting country, and whether it took part in the estimate (method 3.3)."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from agrocluster.marts import complexity_years
from agrocluster.marts.complexity_years import Year
from agrocluster.marts.parameters import parameters
from agrocluster.model.arrays import settled, texts_to_arrow, to_arrow

_TYPES = {"iso3": pa.string(), "year": pa.int16(), "status": pa.string(), "reason": pa.string()}
_FIGURES = ("population", "exports_usd_year", "eci_py", "eci_r", "coi", "fitness", "lambda_2", "lambda_3")
_COUNTS = ("n_years_w3", "diversity", "fitness_updates", "n_countries_sample", "n_products_sample")
_SCHEMA = pa.schema(_TYPES | dict.fromkeys(_FIGURES, pa.float64()) | dict.fromkeys(_COUNTS, pa.float64()))


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per country that trades in the window, and year."""
    updates = parameters(con)["fitness_updates"]
    con.register(
        "complexity_countries",
        pa.concat_tables([_SCHEMA.empty_table(), *(_rows(year, updates) for year in complexity_years.years(con))]),
    )
    counted = ", ".join(f"{name}::BIGINT AS {name}" for name in _COUNTS)
    return con.sql(
        f"SELECT c.* REPLACE ({counted}), d.focus, d.panel FROM complexity_countries c JOIN dim_country d USING (iso3)"
    )


def _rows(of: Year, updates: float) -> pa.Table:
    rows, found = len(of.countries), of.found
    projected = np.isin(np.arange(rows), of.sample.rows[of.sample.size :])
    estimated = np.isin(np.arange(rows), of.sample.rows[: of.sample.size])
    status = np.where(estimated, "estimated", np.where(projected, "projected", "unknown"))
    figures = {
        "population": of.population,
        "exports_usd_year": of.x.sum(axis=1) / of.years_present,
        "eci_py": of.per_country(found.eci if found else None),
        "eci_r": of.per_country(found.eci_sample if found else None),
        "coi": of.per_country(found.coi if found else None),
        "fitness": of.per_country(of.fit.of(of.sample.m) if of.fit else None),
        "lambda_2": settled(np.full(rows, found.found.lambda_2 if found else np.nan)),
        "lambda_3": settled(np.full(rows, found.found.lambda_3 if found else np.nan)),
        "n_years_w3": of.years_present.astype(np.float64),
        "diversity": of.per_country(of.sample.m.sum(axis=1)),
        "fitness_updates": np.full(rows, updates),
        "n_countries_sample": np.full(rows, float(of.sample.size)),
        "n_products_sample": np.full(rows, float(len(of.sample.columns))),
    }
    columns = [
        texts_to_arrow(of.countries),
        to_arrow(np.full(rows, of.year, dtype=np.int16)),
        texts_to_arrow(status.tolist()),
        texts_to_arrow([str(reason) for reason in of.why_country]),
        *(to_arrow(figures[name]) for name in (*_FIGURES, *_COUNTS)),
    ]
    return pa.Table.from_arrays(columns, schema=_SCHEMA)
