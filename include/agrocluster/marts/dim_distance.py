"""Population-weighted distances between all economies, from the cities of the catalogue."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from agrocluster.marts.parameters import parameters
from agrocluster.measures.distance import weighted_distances_km
from agrocluster.model.arrays import repeated, texts_to_arrow, to_arrow, to_numpy


def build(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """One row per economy and other economy, both with a city."""
    cities = con.sql(
        "SELECT c.* FROM cat_city c JOIN dim_country USING (iso3) ORDER BY iso3, geonames_id"
    ).to_arrow_table()
    owner = cities["iso3"].to_pylist()
    place = (to_numpy(cities[name]) for name in ("latitude", "longitude", "population"))
    names, km = weighted_distances_km(owner, *place, theta=parameters(con)["distance_theta"])
    counts = np.unique(owner, return_counts=True)[1].astype(np.int64)
    own, other = np.nonzero(~np.eye(len(names), dtype=np.bool_))
    codes = texts_to_arrow(names.tolist())
    return pa.table(
        {
            "iso3": codes.take(to_arrow(own)),
            "partner": codes.take(to_arrow(other)),
            "distance_km": to_arrow(np.round(km[own, other], 3)),  # to the metre: sines differ in their last bit
            "distance_method": repeated("cities", own.size),
            "n_cities": to_arrow(counts[own]),
            "partner_n_cities": to_arrow(counts[other]),
        }
    )
