"""The sample world from a test's point of view: where its server is, and a release made from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from agrocluster.sample import addresses
from agrocluster.sample.server import SampleServer

__all__ = ["Published", "addresses", "use"]


def use(monkeypatch: pytest.MonkeyPatch, url: str, root: Path) -> None:
    """Point this process at a sample server and a data root."""
    for name, value in {**addresses(url), "AGROCLUSTER_DATA": str(root), "SOURCES": "sample"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AGROCLUSTER_HTTP_BACKOFF", "0.01")


@dataclass(frozen=True)
class Published:
    """A data root with one release, and the server it was made from."""

    root: Path
    server: SampleServer
    result: dict[str, Any]

    @property
    def folder(self) -> Path:
        return self.root / "marts" / "releases" / self.result["release_id"]

    def sql(self, query: str, **tables: pa.Table) -> list[tuple[Any, ...]]:
        """Rows of a query over the marts (each a view) and ``tables``."""
        with duckdb.connect() as con:
            for path in self.folder.glob("*.parquet"):
                con.execute(f"CREATE VIEW {path.stem} AS FROM '{path}'")
            for name, table in tables.items():
                con.register(name, table)
            return con.sql(query).fetchall()
