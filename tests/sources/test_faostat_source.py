"""The bulk adapter against the sample source server: change checks, fetching, and every fault the contract lists."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agrocluster import pipeline
from agrocluster.errors import SourceContractError, SourceUnavailable
from agrocluster.http import connect
from agrocluster.model.fetching import Years
from agrocluster.model.loader import catalog
from agrocluster.sample.server import SampleServer
from agrocluster.sources.faostat import ADAPTER, CATALOGUE
from agrocluster.storage import health, landing
from support.world import use

EK = "faostat__ek"
YEARS = Years(2012, 2024)


@pytest.fixture(scope="module")
def server(sample_cache: Path) -> Iterator[SampleServer]:
    with SampleServer(sample_cache) as running:
        yield running


@pytest.fixture
def world(server: SampleServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SampleServer:
    use(monkeypatch, server.url, tmp_path / "data")
    server.state.faults.clear()
    return server


class Answers:
    """A client whose catalogue is what a test says."""

    def __init__(self, document: Any) -> None:
        self.document = document

    def get_json(self, path: str, **_: Any) -> Any:
        assert path == CATALOGUE
        return self.document

    def head(self, url: str, **_: Any) -> Any:
        raise AssertionError(f"asked for {url}")


def catalogue(**entry: Any) -> Any:
    return {"Datasets": {"Dataset": [{"DatasetCode": "EK", "DateUpdate": "2025-10-28T00:00:00"} | entry]}}


def test_a_probe_is_two_small_requests_and_changes_only_with_the_file(world):
    spec = catalog().dataset(EK)
    with connect("faostat") as client:
        first, again = (ADAPTER.probe(spec, client, YEARS) for _ in range(2))
    assert first == again
    assert first.stamp == "2025-10-28"
    assert json.loads(json.dumps(first.as_dict())) == first.as_dict()


def test_a_domain_arrives_whole(world):
    check = pipeline.check_source(EK)
    (piece,) = pipeline.plan_slices(check)
    pipeline.fetch_slice(check, piece)
    (snapshot,) = pipeline.seal_snapshots(check, [piece])
    report = pipeline.stage(EK, snapshot)
    assert report["rows"] > 10_000
    assert report["excluded"]["aggregate area"] > 0
    assert not report["quarantined"]
    *checks, fetch = health.entries(EK)
    assert {entry["kind"] for entry in checks} == {"check"}
    assert (fetch["kind"], fetch["files"], fetch["failures"]) == ("fetch", 1, 0)
    assert fetch["bytes"] == landing.load(EK, snapshot).files[0].size
    assert fetch["seconds"] >= fetch["slowest"] > 0
    assert any("Element Code" in fields for fields in fetch["structure"].values())


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"Datasets": []}, "another shape"),
        ([], "another shape"),
        (catalogue(DatasetCode="QCL"), "does not list the domain EK; it lists QCL"),
        (catalogue(), "gives no FileLocation"),
        (catalogue(FileLocation="https://x", DateUpdate="soon"), "'soon' as the date"),
    ],
)
def test_a_broken_catalogue_is_a_contract_error(document, problem):
    with pytest.raises(SourceContractError, match=f"source faostat, dataset ek.*{problem}"):
        ADAPTER.probe(catalog().dataset(EK), Answers(document), YEARS)


@pytest.mark.parametrize("url", ["http://169.254.169.254/x.zip", "file:///etc/passwd", "https://evil.example/x.zip"])
def test_the_catalogue_cannot_lead_to_another_host(world, url):
    with connect("faostat", dataset="ek") as client:
        client.get_json = lambda *_, **__: catalogue(FileLocation=url)  # type: ignore[method-assign]
        with pytest.raises(SourceContractError, match="not on a host of this publisher"):
            ADAPTER.probe(catalog().dataset(EK), client, YEARS)


def test_a_truncated_or_altered_archive_never_reaches_landing(world, tmp_path):
    spec = catalog().dataset(EK)
    with connect("faostat", dataset="ek") as client:
        probe = ADAPTER.probe(spec, client, YEARS)
        (piece,) = ADAPTER.slices(spec, probe, client)
        (file,) = ADAPTER.fetch(spec, probe, piece, client, tmp_path)
        whole = (tmp_path / file.name).read_bytes()
        got = client.download

        def cut(url: str, into: Path, **options: Any) -> Any:
            done = got(url, into, **options)
            into.write_bytes(whole[: len(whole) // 2])
            return done

        client.download = cut  # type: ignore[method-assign]
        with pytest.raises(SourceUnavailable, match="not a complete zip archive"):
            ADAPTER.fetch(spec, probe, piece, client, tmp_path)
    assert len(whole) == file.size
