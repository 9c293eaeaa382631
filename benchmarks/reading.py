"""A cold Python gets the baseline mart of the latest release: agrocluster against a bare pyarrow read of the file.

The release is made by the tests' writer; its mart has as many rows as that of a release of all sources. Whole processes
include the imports; designs that end in "after imports" tell only what comes then. The limits are half a second for
``import agrocluster`` and one second beyond imports for the mart.
"""

from __future__ import annotations

import time

BEGAN = time.time()

import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

from benchmarks.measure import ROOT, Result, child, compare  # noqa: E402

MART = "mart_cluster_baseline"
BARE = "pyarrow: read_table of the file, to_pandas"
BARE_AFTER = f"{BARE}, after imports"
ALONE = "agrocluster: import alone"
ROWS = 3542
"""Rows of the mart in a release of all sources."""


def _bare(root: Path) -> None:
    import pyarrow.parquet as pq

    pointer = json.loads((root / "marts" / "latest.json").read_text(encoding="utf-8"))
    pq.read_table(root / "marts" / pointer["path"] / f"{MART}.parquet").to_pandas()


def _ours(root: Path) -> None:
    import agrocluster as ac

    ac.marts(root=root)[MART].df()


def _import(_: Path) -> float:
    began = time.perf_counter()
    import agrocluster  # noqa: F401

    return time.perf_counter() - began


def _after_imports(read):  # type: ignore[no-untyped-def]
    """The seconds of ``read`` once the libraries it needs are imported."""

    def timed(root: Path) -> float:
        import pandas  # noqa: F401
        import pyarrow.parquet  # noqa: F401

        import agrocluster  # noqa: F401

        began = time.perf_counter()
        read(root)
        return time.perf_counter() - began

    return timed


def _polars(root: Path) -> None:
    import agrocluster as ac

    ac.marts(root=root)[MART].pl()


def _sql(root: Path) -> None:
    import agrocluster as ac

    ac.sql(f"SELECT iso3, chain, potential FROM {MART} WHERE focus", root=root).arrow()


DESIGNS = {
    BARE: _bare,
    "agrocluster: pandas": _ours,
    "agrocluster: Polars": _polars,
    "agrocluster: SQL to Arrow": _sql,
}
AFTER = {
    BARE_AFTER: _after_imports(_bare),
    "agrocluster: pandas, after imports": _after_imports(_ours),
}


def run(folder: Path, repetitions: int) -> tuple[list[Result], list[Result], Result]:
    """Whole processes, what comes after the imports, and our import alone, on a release made in ``folder``."""
    root = release(folder)
    designs = (DESIGNS, AFTER, {ALONE: _import})
    whole, after, alone = (compare("benchmarks.reading", root, list(d), repetitions) for d in designs)
    return whole, after, alone[0]


def release(folder: Path) -> Path:
    """A data root with one release whose baseline mart has ``ROWS`` rows; made once."""
    root = folder / "reading"
    if not (root / "marts" / "latest.json").exists():
        sys.path.insert(0, str(ROOT / "tests"))
        os.environ["AGROCLUSTER_DATA"] = str(root)
        from support.small_release import contents, publish_small

        rows = contents()[MART]
        copies = [{**rows[n % len(rows)], "iso3": f"C{n:05}"} for n in range(ROWS)]
        publish_small("2026-01-01-sample-bench", {**contents(), MART: copies})
    return root


if __name__ == "__main__":
    child(DESIGNS | AFTER | {ALONE: _import}, BEGAN)
