"""The first frozen baseline of an index version fixes the scale of every later release."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from world import World, one

from agrocluster.marts.method_tables import INDEX_VERSION
from agrocluster.storage import frozen

KEPT = "kind = 'index' AND indicator = 'plq'"


@pytest.fixture
def scale() -> pa.Table:
    """The goalposts of a release without any data, with a scale for one indicator put in by hand."""
    return altered(World().build("mart_goalposts").sql("FROM mart_goalposts").to_arrow_table(), -1.5, 2.5)


def altered(goalposts: pa.Table, low: float, high: float) -> pa.Table:
    """``goalposts`` with a scale for the indicator of ``KEPT``."""
    values = f"{low} AS goalpost_low, {high} AS goalpost_high, 'reference_window' AS status"
    return duckdb.sql(
        f"SELECT * REPLACE ({values}) FROM goalposts WHERE {KEPT} UNION ALL FROM goalposts WHERE NOT ({KEPT})"
    ).to_arrow_table()


def freeze(name: str, version: str, goalposts: pa.Table) -> frozen.Frozen:
    scores = pa.table({"iso3": ["KGZ"], "chain": ["dairy"], "index_version": [version]})
    tables = {"mart_cluster_baseline": scores, "mart_goalposts": goalposts}
    facts = {"name": name, "data_mode": "sample", "frozen_at": name, "index_version": version}
    done = frozen.write(f"{name}@v1", tables, facts)
    assert done is not None
    return done


def test_later_releases_keep_the_first_frozen_scale_and_its_id(data_root: Path, scale: pa.Table) -> None:
    other = freeze("A", "v-other", altered(scale, 7.0, 8.0))
    first = freeze("B", INDEX_VERSION, scale)
    second = freeze("C", INDEX_VERSION, altered(scale, 5.0, 6.0))
    assert [f.frozen_id for f in frozen.known()] == ["A@v1", "B@v1", "C@v1"]

    def built(*found: frozen.Frozen) -> duckdb.DuckDBPyConnection:
        return World(frozen=list(found)).build("mart_goalposts")

    con = built(other, first, second)
    line = one(con, f"FROM mart_goalposts WHERE {KEPT}")
    assert (line["goalpost_low"], line["goalpost_high"], line["status"]) == (-1.5, 2.5, "frozen")
    unscaled = con.sql("SELECT DISTINCT status FROM mart_goalposts WHERE goalpost_low IS NULL").fetchall()
    assert unscaled == [("too_few_values",)], "what had no scale when it was frozen has none now"
    assert one(built(other), f"FROM mart_goalposts WHERE {KEPT}")["status"] == "too_few_values"

    again = freeze("D", INDEX_VERSION, con.sql("FROM mart_goalposts").to_arrow_table())
    ids = [one(c, "SELECT DISTINCT goalpost_id FROM mart_goalposts")["goalpost_id"] for c in (con, built(again))]
    assert ids[0] == ids[1], "a scale that was frozen twice is the same scale"
    assert ids[0] != scale["goalpost_id"][0].as_py()
