"""A whole BACI release, from the zip to specialisation and complexity of every country, year by year, out of core.

What Airflow maps over workers runs here one after the other in one process: every part of the release is read into
staged rows, the parts are joined, and each year's matrix is measured. Cost must grow with the years and memory must
not. Run by ``benchmarks.run``.
"""

from __future__ import annotations

import time

BEGAN = time.time()

import sys  # noqa: E402
import tempfile  # noqa: E402
from collections.abc import Callable  # noqa: E402
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402

from benchmarks.measure import Result, child, compare  # noqa: E402
from benchmarks.synthetic import RELEASE_YEARS  # noqa: E402

YEARS = (1, 3, 10, 30)


def name(years: int) -> str:
    """The design that takes the last ``years`` years."""
    return f"agrocluster: the last {years} year{'s' if years > 1 else ''}"


def _measured(path: Path, years: int) -> None:
    from agrocluster import staged_rows
    from agrocluster.model.fetching import RawFile
    from agrocluster.model.loader import catalog
    from agrocluster.sources.registry import parts
    from agrocluster.storage.landing import Snapshot

    dataset = catalog().datasets["cepii__baci_hs12"]
    dataset = dataset.model_copy(update={"first_year": RELEASE_YEARS[-1] - years + 1, "last_year": RELEASE_YEARS[-1]})
    catalog().datasets[dataset.id] = dataset
    file = RawFile(
        path.name, "baci_zip", "https://example.org/release.zip", "0" * 64, path.stat().st_size, "2026-01-01"
    )
    snapshot = Snapshot(dataset.id, "V202601-0", "V202601", "0" * 32, "full", "sample", (file,), path.parent)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        pieces = parts("baci_zip")(path, dataset)
        folders, accounts = [Path(folder) / piece for piece in pieces], []
        for piece, into in zip(pieces, folders, strict=True):
            into.mkdir()
            accounts.append(staged_rows.convert(snapshot, "benchmark", into, piece))
        staged_rows.join(snapshot, "benchmark", folders, accounts, Path(folder))
        for year in RELEASE_YEARS[-years:]:
            _measure(Path(folder) / staged_rows.DATA, year)


def _measure(staged: Path, year: int) -> None:
    import duckdb

    from agrocluster.measures.complexity_table import complexity_table
    from agrocluster.measures.relations import specialisation

    with duckdb.connect() as con:
        totals = con.sql(
            f"""SELECT exporter AS country, hs_code AS product, value_usd AS value FROM read_parquet('{staged}')
                WHERE year = {year} AND importer = 'WLD'"""
        ).to_arrow_table()
    specialisation(totals)
    complexity_table(totals, year=None)


DESIGNS: dict[str, Callable[[Path], None]] = {name(years): partial(_measured, years=years) for years in YEARS}


def run(path: Path, repetitions: int) -> list[Result]:
    """Results of 1, 3, 10 and all 30 years."""
    return compare("benchmarks.world", path, list(DESIGNS), repetitions)


if __name__ == "__main__":
    if sys.argv[1:]:
        child(DESIGNS, BEGAN)
