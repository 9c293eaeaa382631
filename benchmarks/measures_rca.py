"""Specialisation of every country and product of bilateral years, against the bare aggregation of the same rows.

The peer adds the flows up and stops; no design that reads them can be faster. Run by ``benchmarks.run``.
"""

from __future__ import annotations

import time

BEGAN = time.time()

from pathlib import Path  # noqa: E402

from benchmarks import synthetic  # noqa: E402
from benchmarks.measure import Result, child, compare  # noqa: E402

PEER = "DuckDB: bare sum by year, country and product"
NAMES = [PEER, "agrocluster: share, RCA, RSCA, NRCA, thin markets", "pandas: sum, RCA, RSCA, NRCA"]
YEARS = (1, 3, 10)


def _bare(files: Path) -> None:
    import duckdb

    query = f"SELECT year, exporter, product, sum(value) AS value FROM '{files}' GROUP BY ALL"
    duckdb.connect().sql(query).to_arrow_table()


def _relations(files: Path) -> None:
    from agrocluster.measures import relations

    relations.specialisation(files, country="exporter", year="year")


def _pandas(files: Path) -> None:
    import pandas as pd

    for file in sorted(files.parent.glob(files.name)):
        columns = ["year", "exporter", "product", "value"]
        cells = pd.read_parquet(file, columns=columns).groupby(columns[:3], as_index=False)["value"].sum()
        of_country = cells.groupby("exporter")["value"].transform("sum")
        of_product = cells.groupby("product")["value"].transform("sum")
        world = cells["value"].sum()
        cells["rca"] = (cells["value"] / of_country) / (of_product / world)
        cells["rsca"] = (cells["rca"] - 1) / (cells["rca"] + 1)
        cells["nrca"] = cells["value"] / world - of_country / world * of_product / world


DESIGNS = dict(zip(NAMES, (_bare, _relations, _pandas), strict=True))


def run(year: Path, repetitions: int, rows: int) -> dict[int, list[Result]]:
    """Results for each number of years; ``year`` is a BACI file, ``rows`` how many of its flows each year has."""
    folder = synthetic.bilateral_years(year, rows, max(YEARS))
    patterns = {1: "2022.parquet", 3: "202[0-2].parquet", 10: "20*.parquet"}
    return {
        years: compare(
            "benchmarks.measures_rca", folder / patterns[years], NAMES if years == 1 else NAMES[:2], repetitions
        )
        for years in YEARS
    }


if __name__ == "__main__":
    child(DESIGNS, BEGAN)
