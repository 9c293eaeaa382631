"""The connector against the sample source server, through landing and staging, with the server's faults."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from agrocluster import pipeline
from agrocluster.errors import SourceContractError, SourceUnavailable
from agrocluster.model.loader import catalog
from agrocluster.sample.server import SampleServer
from agrocluster.sources import worldbank
from agrocluster.storage.paths import layout
from support.world import use

LPI = "worldbank__lpi"
DATA_CALL = "/country/all/indicator/"


@pytest.fixture(scope="module")
def server(sample_cache: Path) -> Iterator[SampleServer]:
    with SampleServer(sample_cache) as running:
        yield running


@pytest.fixture
def world(server: SampleServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SampleServer:
    use(monkeypatch, server.url, tmp_path / "data")
    server.state.faults.clear()
    return server


def fault(world: SampleServer, name: str, times: int | None = 1, match: str = DATA_CALL, **params: object) -> None:
    world.state.faults.add({"match": match, "fault": name, "times": times, "params": params})


def arrive(dataset_id: str, *, force: bool = False) -> dict[str, Any]:
    """Fetch, seal and stage; the gate has tests of its own."""
    check = pipeline.check_source(dataset_id, force=force)
    pieces = pipeline.plan_slices(check)
    for piece in pieces:
        pipeline.fetch_slice(check, piece)
    (snapshot,) = pipeline.seal_snapshots(check, pieces)
    return pipeline.stage(dataset_id, snapshot)


@pytest.mark.parametrize("dataset_id", ["worldbank__findex", LPI])
def test_a_dataset_arrives_whole(world, dataset_id):
    report = arrive(dataset_id)
    assert report["rows"] > 1000
    assert report["excluded"]["aggregate"] > 0
    assert not report["quarantined"]
    table = pq.read_table(layout().vintage(report["vintage_id"]) / "data.parquet")
    assert {"KAZ", "KGZ", "TJK", "UZB"} <= set(table["iso3"].to_pylist())
    assert set(table["iso3"].to_pylist()) <= set(catalog().countries)
    units = {i.code: i.unit for i in catalog().indicators[dataset_id]}
    assert {(r["indicator"], r["unit"]) for r in table.select(["indicator", "unit"]).to_pylist()} <= set(units.items())


def test_an_unchanged_source_costs_one_request(world):
    assert pipeline.ingest(LPI)["changed"]
    world.state.log.clear()
    again = pipeline.ingest(LPI)
    assert not again["changed"]
    assert len(world.state.log) == 1


@pytest.mark.parametrize("name", ["status", "truncate", "wb_400_html", "drop_connection", "bad_json", "wb_wrong_pages"])
def test_a_passing_fault_changes_nothing(world, name):
    first = arrive(LPI)
    fault(world, name, times=2)
    assert arrive(LPI, force=True) == first


@pytest.mark.parametrize(
    ("name", "params", "error", "says"),
    [
        ("status", {"status": 503}, SourceUnavailable, "503"),
        ("rate_limit", {"retry_after": 7200}, SourceUnavailable, "Come back after"),
        ("truncate", {}, SourceUnavailable, "truncated"),
        ("wb_400_html", {}, SourceUnavailable, "400 with an HTML page"),
        ("wb_wrong_pages", {}, SourceUnavailable, "does not fit"),
        ("html", {}, SourceContractError, "We will be back"),
        ("oversize", {}, SourceContractError, "limit of"),
    ],
)
def test_a_lasting_fault_is_named_with_source_dataset_period_and_remedy(world, name, params, error, says):
    fault(world, name, times=None, **params)
    with pytest.raises(error, match=says) as caught:
        arrive(LPI)
    assert (caught.value.source, caught.value.dataset) == ("worldbank", "lpi")
    assert caught.value.period == f"2010-{pipeline.check_source(LPI)['years'][1]}"
    assert caught.value.remedy


def test_indicators_the_service_lacks_are_reported_by_name_and_do_not_stop_the_rest(world, monkeypatch):
    codes = [i.code for i in catalog().indicators[LPI]]
    monkeypatch.setattr(worldbank, "_codes", lambda _: ([*codes, "NO.SUCH.CODE", "IC.BUS.EASE.XQ"], []))
    report = arrive(LPI)
    notes = json.loads((layout().vintage(report["vintage_id"]) / "report.json").read_text())["notes"]
    assert {code: reason[:11] for code, reason in notes["not_served"].items()} == {
        "NO.SUCH.CODE": "message 120",
        "IC.BUS.EASE.XQ": "message 175",
    }
    assert report["rows"] > 1000
