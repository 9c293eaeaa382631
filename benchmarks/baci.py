"""A year of BACI to staged Parquet, against DuckDB's bare COPY of the same file. Run by ``benchmarks.run``."""

from __future__ import annotations

import time

BEGAN = time.time()

import tempfile  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from pathlib import Path  # noqa: E402

from benchmarks.measure import Result, child, compare  # noqa: E402

PEER = "DuckDB: COPY (read_csv, explicit types)"
NAMES = [PEER, "agrocluster: totals and flows of the four"]


def _duckdb(path: Path) -> None:
    import duckdb

    types = "{'t': 'SMALLINT', 'i': 'SMALLINT', 'j': 'SMALLINT', 'k': 'VARCHAR', 'v': 'DOUBLE', 'q': 'DOUBLE'}"
    reading = f"read_csv('{path}', header = true, columns = {types}, nullstr = ['           NA', 'NA', ''])"
    with tempfile.TemporaryDirectory() as folder:
        duckdb.execute(f"COPY (FROM {reading}) TO '{folder}/out.parquet' (FORMAT parquet, COMPRESSION zstd)")


def _staged(path: Path) -> None:
    import pyarrow as pa

    from agrocluster.model.arrays import repeated
    from agrocluster.model.fetching import StageLog
    from agrocluster.model.loader import catalog
    from agrocluster.sources.baci import read_csv
    from agrocluster.storage.parquet import write_table

    spec = catalog().dataset("cepii__baci_hs12")
    contract = catalog().tables[spec.kind]
    constants = {"source": "cepii", "dataset": "baci_hs12", "vintage_id": "cepii__baci_hs12@benchmark"}

    def rows() -> Iterator[pa.RecordBatch]:
        for batch in read_csv(path, spec, StageLog()):
            added = [repeated(text, batch.num_rows) for text in constants.values()]
            yield pa.RecordBatch.from_arrays([*batch.columns, *added], names=[*batch.schema.names, *constants])

    with tempfile.TemporaryDirectory() as folder:
        write_table(rows(), Path(folder) / "data.parquet", contract, ordered=False)


DESIGNS = {PEER: _duckdb, NAMES[1]: _staged}


def run(path: Path, repetitions: int) -> list[Result]:
    """Results of both designs."""
    return compare("benchmarks.baci", path, NAMES, repetitions)


if __name__ == "__main__":
    child(DESIGNS, BEGAN)
