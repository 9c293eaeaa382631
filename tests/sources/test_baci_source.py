"""The BACI adapter against the sample source server: which release is offered, and what arrives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agrocluster import pipeline
from agrocluster.errors import SourceContractError
from agrocluster.http import connect
from agrocluster.model.fetching import Years
from agrocluster.model.loader import catalog
from agrocluster.sample.server import SampleServer
from agrocluster.sources.baci import ADAPTER
from support.world import use

BACI = "cepii__baci_hs12"
SPEC = catalog().dataset(BACI)
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


class Page:
    """A client that knows one page."""

    def __init__(self, text: str) -> None:
        self.text = text

    def get_text(self, path: str, **_: Any) -> str:
        assert path == SPEC.params["page"]
        return self.text


def test_the_newest_release_of_the_edition_is_taken_from_the_download_block():
    page = "news: BACI_HS12_V209901.zip <div id=telechargement> BACI_HS22_V202701.zip BACI_HS12_V202501.zip "
    probe = ADAPTER.probe(SPEC, Page(page + "BACI_HS12_V202601.zip"), YEARS)
    assert probe.stamp == "V202601"
    assert probe.details["url"].endswith("/BACI_HS12_V202601.zip")
    assert probe != ADAPTER.probe(SPEC, Page(page), YEARS)


def test_a_page_without_the_edition_is_a_contract_error():
    with pytest.raises(SourceContractError, match=r"offers no BACI_HS12_V<YYYYMM>\.zip"):
        ADAPTER.probe(SPEC, Page("<html>we moved</html>"), YEARS)


def test_a_release_arrives_whole(world):
    check = pipeline.check_source(BACI)
    (piece,) = pipeline.plan_slices(check)
    pipeline.fetch_slice(check, piece)
    (snapshot,) = pipeline.seal_snapshots(check, [piece])
    report = pipeline.stage(BACI, snapshot)
    assert (report["first_year"], report["last_year"]) == (2012, 2024)
    assert report["countries"] > 60
    assert not report["quarantined"]
    with connect("cepii") as client:
        assert ADAPTER.probe(SPEC, client, YEARS) == ADAPTER.probe(SPEC, client, YEARS)
