"""The sample world from a test's point of view: where its server is, and a release made from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import duckdb
import pyarrow as pa
import pytest

from agrocluster.model.loader import catalog
from agrocluster.sample import addresses
from agrocluster.sample.server import SampleServer

__all__ = ["Marts", "Published", "addresses", "use", "with_inputs"]


def use(monkeypatch: pytest.MonkeyPatch, url: str, root: Path) -> None:
    """Point this process at a sample server and a data root."""
    for name, value in {**addresses(url), "AGROCLUSTER_DATA": str(root), "SOURCES": "sample"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AGROCLUSTER_HTTP_BACKOFF", "0.01")


def with_inputs(*marts: str) -> list[str]:
    """``marts`` and all marts that these are made of, in the order in which they are built."""
    declared, wanted, found = catalog().marts, list(marts), set[str]()
    while wanted:
        if (name := wanted.pop()) in declared and name not in found:
            found.add(name)
            wanted += declared[name].inputs
    return [name for name in catalog().mart_order() if name in found]


@dataclass(frozen=True)
class Marts:
    """A folder of marts."""

    folder: Path

    def sql(self, query: str, **tables: pa.Table) -> list[tuple[Any, ...]]:
        """Rows of a query over the marts (each a view) and ``tables``."""
        with duckdb.connect() as con:
            for path in self.folder.glob("*.parquet"):
                con.execute(f"CREATE VIEW {path.stem} AS FROM '{path}'")
            for name, table in tables.items():
                con.register(name, table)
            return con.sql(query).fetchall()


@dataclass(frozen=True)
class Published(Marts):
    """A data root with one release, whose folder this is, and the server it was made from."""

    root: Path
    server: SampleServer
    result: dict[str, Any]

    @classmethod
    def of(cls, root: Path, server: SampleServer, result: dict[str, Any]) -> Self:
        return cls(root / "marts" / "releases" / result["release_id"], root, server, result)
