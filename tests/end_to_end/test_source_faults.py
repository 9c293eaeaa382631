"""Whatever a source does, the message names source, dataset, period and remedy, and the last release stays."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from agrocluster import pipeline
from agrocluster.errors import AgroclusterError, DataGateError, SourceContractError, SourceUnavailable
from agrocluster.http import Client, endpoint
from agrocluster.http.retry import Backoff
from agrocluster.model.loader import catalog
from agrocluster.quality import report
from agrocluster.sample.server import SampleServer
from support.world import Published, addresses, use

pytestmark = pytest.mark.slow

QCL, BACI, WDI = "faostat__qcl", "cepii__baci_hs12", "worldbank__wdi"
ZIP, BANK = r"\.zip", r"/worldbank/v2/country"

CASES = [
    pytest.param(QCL, ZIP, "status", {"status": 500}, SourceUnavailable, "500", id="500"),
    pytest.param(
        QCL, ZIP, "rate_limit", {"retry_after": 86400}, SourceUnavailable, "429|come back|Retry-After", id="429"
    ),
    pytest.param(QCL, ZIP, "drop_connection", {}, SourceUnavailable, "connection|broke", id="connection dropped"),
    pytest.param(QCL, ZIP, "truncate", {}, SourceUnavailable, "bytes|truncat|incomplete|broke", id="truncated"),
    pytest.param(QCL, ZIP, "html", {}, SourceContractError, "HTML", id="html for zip"),
    pytest.param(WDI, BANK, "html", {}, SourceContractError, "HTML", id="html for json"),
    pytest.param(QCL, ZIP, "rename_column", {}, SourceContractError, "column", id="renamed column"),
    pytest.param(BACI, ZIP, "rename_column", {}, SourceContractError, "column", id="renamed column, BACI"),
    pytest.param(QCL, ZIP, "unknown_country", {}, SourceContractError, "faostat_areas", id="unknown country"),
    pytest.param(BACI, ZIP, "unknown_country", {}, SourceContractError, "countr", id="unknown country, BACI"),
    pytest.param(QCL, ZIP, "zip_bomb", {}, SourceContractError, "inflat|larger|limit|ratio|more than", id="zip bomb"),
    pytest.param(QCL, ZIP, "path_escape", {}, SourceContractError, "path|outside|name", id="path escape"),
    pytest.param(QCL, ZIP, "wrong_encoding", {}, SourceContractError, "encod|decod|bytes", id="wrong encoding"),
    pytest.param(QCL, ZIP, "damaged_member", {}, SourceUnavailable, "damaged", id="damaged archive"),
    pytest.param(QCL, ZIP, "duplicate_keys", {}, DataGateError, "key|unique|twice", id="duplicate keys"),
    pytest.param(QCL, ZIP, "missing_member", {}, SourceContractError, "member|no .*csv|lacks", id="missing member"),
]


@pytest.fixture
def faulty(
    published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample_cache: Path
) -> Iterator[SampleServer]:
    """A copy of the published data root and a server of its own, from which everything is fetched anew."""
    root = tmp_path / "data"
    shutil.copytree(published.root / "marts", root / "marts")
    with SampleServer(sample_cache) as server:
        use(monkeypatch, server.url, root)
        yield server


def strike(server: SampleServer, match: str, fault: str, params: dict[str, object]) -> None:
    body = {"match": match, "fault": fault, "times": None, "params": params}
    assert requests.post(f"{server.url}/_sample/faults", json=body, timeout=10).ok


def last_release_is_intact(published: Published, root: Path) -> None:
    pointer = json.loads((root / "marts" / "latest.json").read_text())
    assert pointer["release"] == published.result["release_id"]


@pytest.mark.parametrize(("dataset", "match", "fault", "params", "error", "words"), CASES)
def test_a_fault_is_told_and_harms_nothing(
    faulty: SampleServer,
    published: Published,
    tmp_path: Path,
    dataset: str,
    match: str,
    fault: str,
    params: dict[str, object],
    error: type[AgroclusterError],
    words: str,
) -> None:
    strike(faulty, match, fault, params)
    with pytest.raises(error, match=f"(?is){words}") as caught:
        pipeline.ingest(dataset)
    told = str(caught.value)
    source, _, name = dataset.partition("__")
    period = {QCL: "2025-12-31", BACI: "V202601", WDI: "20"}[dataset]
    assert source in told
    assert name.split("_")[0] in told
    assert "What to do:" in told
    assert period in told or "period 1961-" in told  # the change check asks for all years at once
    last_release_is_intact(published, tmp_path / "data")
    requests.delete(f"{faulty.url}/_sample/faults", timeout=10)
    assert pipeline.ingest(dataset)["vintages"][0]["rows"] > 0


def test_negative_tonnage_goes_to_quarantine_and_is_counted(faulty: SampleServer, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    strike(faulty, ZIP, "negative_tonnage", {})
    (staged,) = pipeline.ingest(QCL)["vintages"]
    assert sum(staged["quarantined"].values()) > 0
    (file,) = (tmp_path / "data" / "quarantine" / QCL).glob("*.parquet")
    rows = pq.read_table(file).to_pylist()
    assert len(rows) == sum(staged["quarantined"].values())
    assert {row["rule_id"] for row in rows} == set(staged["quarantined"])
    assert all(float(row["value"]) < 0 and row["reason"] for row in rows)
    (told,) = [r for r in report.last(subject=QCL, failed_only=True) if r["rule_id"] == "rows_rejected"]
    assert told["severity"] == "warning"
    assert f"{len(rows)} of " in told["observed"]


def test_a_server_that_is_down_is_named(
    faulty: SampleServer, published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in addresses("http://127.0.0.1:9").items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SourceUnavailable, match=r"(?s)worldbank.*127\.0\.0\.1:9.*What to do"):
        pipeline.ingest(WDI)
    last_release_is_intact(published, tmp_path / "data")


def test_a_transient_fault_is_ridden_out(faulty: SampleServer) -> None:
    body = {"match": BANK, "fault": "wb_400_html", "times": 1, "params": {}}
    assert requests.post(f"{faulty.url}/_sample/faults", json=body, timeout=10).ok
    assert pipeline.ingest("worldbank__lpi")["vintages"][0]["rows"] > 0


def test_a_source_that_hangs_is_given_up_in_time(
    faulty: SampleServer, published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = catalog().sources["faostat"].model_copy(update={"timeout_s": (1.0, 0.3)})
    hasty = Backoff(attempts=2)

    def connect(source_id: str, *, dataset: str | None = None) -> Client:
        return Client(impatient, base_url=endpoint(source_id).base_url, dataset=dataset, backoff=hasty)

    monkeypatch.setattr(pipeline, "connect", connect)
    strike(faulty, ZIP, "timeout", {"seconds": 5})
    with pytest.raises(SourceUnavailable, match=r"(?s)source faostat, dataset qcl.*time-out.*What to do"):
        pipeline.ingest(QCL)
    last_release_is_intact(published, tmp_path / "data")


def test_a_full_disk_is_told_with_dataset_and_remedy(
    faulty: SampleServer, published: Published, tmp_path: Path
) -> None:
    """The limit on file sizes makes the kernel refuse writes, as a full disk does."""

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    command = [str(Path(sys.executable).with_name("agrocluster")), "fetch", QCL]
    done = subprocess.run(command, preexec_fn=no_room, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 1
    told = " ".join(done.stderr.split())
    assert "source faostat, dataset qcl, period 2025-12-31" in told
    assert "disk is full" in told
    assert "What to do: Free space" in told
    last_release_is_intact(published, tmp_path / "data")
    assert pipeline.ingest(QCL)["vintages"][0]["rows"] > 0
