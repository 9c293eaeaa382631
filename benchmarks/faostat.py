"""FAOSTAT bulk zip to staged Parquet, against pandas on the same zip. Run by ``benchmarks.run``."""

from __future__ import annotations

import time

BEGAN = time.time()

import tempfile  # noqa: E402
import zipfile  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from benchmarks.measure import Result, child, compare  # noqa: E402

FOCUS = [108, 113, 208, 235]
ALL_ROWS = ["pandas: read_csv and to_parquet", "pandas: read_csv alone", "agrocluster: all rows"]
FOUR_AREAS = ["pandas: read_csv, 4 areas, to_parquet", "agrocluster: 4 areas"]


def _frame(path: Path) -> Any:
    import pandas as pd

    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as member:
        return pd.read_csv(member)


def _pandas(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _frame(path).to_parquet(Path(folder) / "out.parquet", compression="zstd")


def _pandas_four(path: Path) -> None:
    frame = _frame(path)
    with tempfile.TemporaryDirectory() as folder:
        frame[frame["Area Code"].isin(FOCUS)].to_parquet(Path(folder) / "out.parquet", compression="zstd")


def _staged(path: Path, areas: str) -> None:
    import pyarrow as pa

    from agrocluster.model.arrays import repeated
    from agrocluster.model.fetching import StageLog
    from agrocluster.model.loader import catalog
    from agrocluster.sources.faostat_read import read_bulk
    from agrocluster.storage.parquet import write_table

    spec = catalog().dataset("faostat__qcl")
    spec = spec.model_copy(update={"params": {**spec.params, "areas": areas}})
    contract = catalog().tables[spec.kind]
    constants = {"source": "faostat", "dataset": "qcl", "vintage_id": "faostat__qcl@benchmark"}

    def rows() -> Iterator[pa.RecordBatch]:
        for batch in read_bulk(path, spec, StageLog()):
            added = [repeated(text, batch.num_rows) for text in constants.values()]
            yield pa.RecordBatch.from_arrays([*batch.columns, *added], names=[*batch.schema.names, *constants])

    with tempfile.TemporaryDirectory() as folder:
        write_table(rows(), Path(folder) / "data.parquet", contract, ordered=False)


DESIGNS = {
    "pandas: read_csv and to_parquet": _pandas,
    "pandas: read_csv alone": _frame,
    "pandas: read_csv, 4 areas, to_parquet": _pandas_four,
    "agrocluster: all rows": lambda path: _staged(path, "all"),
    "agrocluster: 4 areas": lambda path: _staged(path, "focus"),
}


def run(path: Path, repetitions: int) -> tuple[list[Result], list[Result]]:
    """Results for all rows and for the four areas."""
    return (
        compare("benchmarks.faostat", path, ALL_ROWS, repetitions),
        compare("benchmarks.faostat", path, FOUR_AREAS, repetitions),
    )


if __name__ == "__main__":
    child(DESIGNS, BEGAN)
