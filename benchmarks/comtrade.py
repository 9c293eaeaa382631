"""UN Comtrade: one answer of 100,000 records, against pandas, and a whole year of mirror reports from a local server.

Run by ``benchmarks.run``.
"""

from __future__ import annotations

import time

BEGAN = time.time()

import json  # noqa: E402
import os  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from benchmarks.measure import ROOT, Result, child, compare  # noqa: E402

PEER = "pandas: json_normalize"
PAGE = [PEER, "agrocluster: typed Arrow records", "agrocluster: staged rows", "agrocluster: staged Parquet"]
YEAR = ["agrocluster: ask, land, stage and check"]
YEAR_ROWS = 2_000_000


def _pandas(path: Path) -> None:
    import pandas as pd

    with path.open(encoding="utf-8") as handle:
        pd.json_normalize(json.load(handle), "data")


def _typed(path: Path) -> None:
    from agrocluster.sources.comtrade_json import tables
    from agrocluster.sources.textfile import text_pieces

    tables(partial(text_pieces, path), path.name)


def _batches(path: Path) -> Iterator[Any]:
    from agrocluster.model.fetching import RawFile, StageLog
    from agrocluster.model.loader import catalog
    from agrocluster.sources.comtrade_rows import read_comtrade_json

    file = RawFile(path.name, "comtrade_json", "", "", 0, "", details={"reporters": [398], "periods": ["2022"]})
    return read_comtrade_json(path, file, catalog().dataset("comtrade__annual"), StageLog())


def _staged(path: Path) -> None:
    for _ in _batches(path):
        pass


def _parquet(path: Path) -> None:
    import pyarrow as pa

    from agrocluster.model.arrays import repeated
    from agrocluster.model.loader import catalog
    from agrocluster.storage.parquet import write_table

    constants = {"source": "comtrade", "dataset": "annual", "vintage_id": "comtrade__annual@benchmark"}

    def rows() -> Iterator[pa.RecordBatch]:
        for batch in _batches(path):
            added = [repeated(text, batch.num_rows) for text in constants.values()]
            yield pa.RecordBatch.from_arrays([*batch.columns, *added], names=[*batch.schema.names, *constants])

    with tempfile.TemporaryDirectory() as folder:
        write_table(rows(), Path(folder) / "data.parquet", catalog().tables["customs"], ordered=False)  # type: ignore[index]


def _year(address: Path) -> None:
    """The whole of a year's mirror reports from the server whose address is in the file, into a new data root."""
    with tempfile.TemporaryDirectory(dir=address.parent) as folder:
        os.environ |= {
            "AGROCLUSTER_COMTRADE_URL": address.read_text(),
            "AGROCLUSTER_COMTRADE_KEY": "benchmark",
            "AGROCLUSTER_DATA": folder,
            "SOURCES": "sample",
        }
        from agrocluster import pipeline

        (staged,) = pipeline.ingest("comtrade__mirror", years=(2022, 2022))["vintages"]
        if staged["excluded"] or staged["quarantined"]:
            raise SystemExit(f"records were lost: {staged}")


DESIGNS = {PEER: _pandas, PAGE[1]: _typed, PAGE[2]: _staged, PAGE[3]: _parquet, YEAR[0]: _year}


def run(page: Path, repetitions: int) -> list[Result]:
    """Results for one answer."""
    return compare("benchmarks.comtrade", page, PAGE, repetitions)


def run_year(folder: Path, repetitions: int, rows: int = YEAR_ROWS) -> list[Result]:
    """Results for a year of ``rows`` records, served from a process of its own."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'include'}"}
    command = [sys.executable, "-m", "benchmarks.comtrade_server", str(folder), str(rows)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT) as server:
        try:
            address = folder / "comtrade_address.txt"
            address.write_text(f"http://127.0.0.1:{int((server.stdout or sys.stdin).readline())}")
            return compare("benchmarks.comtrade", address, YEAR, repetitions)
        finally:
            server.terminate()


if __name__ == "__main__":
    child(DESIGNS, BEGAN)
