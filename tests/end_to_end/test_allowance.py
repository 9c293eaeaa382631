"""UN Comtrade from the sample server, from availability to staged tables, within a daily allowance and across days.

The day's allowance is the real one, 500 calls. The sample is small, so its answers are made to end at 800 records
instead of 100,000; then the plan of 2012-2024 needs more than two days.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs

import duckdb
import pytest
import requests

from agrocluster import pipeline
from agrocluster.errors import SourceContractError
from agrocluster.sample.server import SampleServer
from agrocluster.sources import comtrade
from agrocluster.sources.comtrade_outlook import outlook
from agrocluster.storage import vintages
from support.world import addresses, use

pytestmark = pytest.mark.slow

ANNUAL, MIRROR, MONTHLY = "comtrade__annual", "comtrade__mirror", "comtrade__monthly"
MORNING = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
A_DAY, CAP = 500, 800
SPENT = 75
RUN = """
import sys
from datetime import datetime
from agrocluster import pipeline
from agrocluster.errors import QuotaExhausted
from agrocluster.sources import comtrade
now = datetime.fromisoformat(sys.argv[1])
comtrade.ADAPTER.now = lambda: now
try:
    for dataset_id in sys.argv[2:]:
        pipeline.ingest(dataset_id)
except QuotaExhausted as spent:
    print(spent.resume_at.isoformat())
    sys.exit(75)
"""
Rows = list[tuple[object, ...]]


def rows_of(root: Path, dataset_id: str) -> Rows:
    """The staged rows of the newest accepted vintage, without the vintage's name."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("AGROCLUSTER_DATA", str(root))
        path = vintages.accepted([dataset_id])[-1].path / "data.parquet"
    with duckdb.connect() as con:
        query = "SELECT * EXCLUDE (vintage_id) FROM read_parquet(?) ORDER BY ALL"
        return con.execute(query, [str(path)]).fetchall()


@pytest.fixture(scope="module")
def unlimited(sample_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rows]:
    """The three tables as an ordinary run with few large answers makes them."""
    root = tmp_path_factory.mktemp("unlimited") / "data"
    with SampleServer(sample_cache) as server, pytest.MonkeyPatch.context() as monkeypatch:
        use(monkeypatch, server.url, root)
        for dataset_id in (ANNUAL, MIRROR, MONTHLY):
            (staged,) = pipeline.ingest(dataset_id)["vintages"]
            assert staged["quarantined"] == {}
            assert pipeline.ingest(dataset_id)["changed"] is False
    return {dataset_id: rows_of(root, dataset_id) for dataset_id in (ANNUAL, MIRROR, MONTHLY)}


@pytest.fixture
def narrow(sample_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SampleServer]:
    """A server with short answers and the real daily quota; this process points at it."""
    with SampleServer(sample_cache, comtrade={"cap": CAP, "quota": A_DAY}) as server:
        use(monkeypatch, server.url, tmp_path / "data")
        monkeypatch.setenv("AGROCLUSTER_COMTRADE_RECORDS_PER_CALL", str(CAP))
        yield server


def start(server: SampleServer, root: Path, now: datetime, *datasets: str) -> subprocess.Popen[str]:
    """One day's work in a process of its own, whose clock (and the server's) stands at ``now``."""
    assert requests.post(f"{server.url}/_sample/clock", json={"now": now.isoformat()}, timeout=10).ok
    environment = {**os.environ, **addresses(server.url), "AGROCLUSTER_DATA": str(root)}
    command = [sys.executable, "-c", RUN, now.isoformat(), *datasets]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def used(server: SampleServer) -> int:
    """Calls that the server has counted on its day."""
    told = requests.get(f"{server.url}/_sample/comtrade", timeout=10).json()
    return sum(told["used"].values())


def kill_after(process: subprocess.Popen[str], server: SampleServer, calls: int) -> None:
    while process.poll() is None and used(server) < calls:
        time.sleep(0.02)
    assert process.poll() is None, "the process ended before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.communicate()


def questions(server: SampleServer) -> Counter[str]:
    """How often each question for data was asked."""
    return Counter(
        json.dumps(sorted(parse_qs(entry["query"]).items()))
        for entry in server.state.log
        if entry["path"].startswith("/comtrade/data/")
    )


def test_killed_and_out_of_calls_the_plan_ends_days_later_in_the_same_table(
    narrow: SampleServer, unlimited: dict[str, Rows], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, now, kills, days, counted = tmp_path / "data", MORNING, [120, 333], 0, []
    monkeypatch.setattr(comtrade.ADAPTER, "now", lambda: now)
    assert outlook([ANNUAL, MIRROR])["calls"] > 100
    while True:
        process = start(narrow, root, now, ANNUAL, MIRROR)
        if kills:
            kill_after(process, narrow, kills.pop(0))
            continue
        told, errors = process.communicate(timeout=600)
        counted.append(used(narrow))
        days += 1
        if process.returncode == 0:
            break
        assert process.returncode == SPENT, errors
        resume_at = datetime.fromisoformat(told.strip())
        assert resume_at == (MORNING + timedelta(days=days)).replace(hour=0), "not the end of this day's allowance"
        assert comtrade.budget_of("comtrade", lambda now=now: now).left() == 0
        now = resume_at + timedelta(hours=8)
    assert days >= 3
    # The calls that were written down and never made are those of the two kills.
    assert all(A_DAY - 2 <= count <= A_DAY for count in counted[:-1])
    assert counted[-1] < A_DAY
    asked = questions(narrow)
    assert sum(asked.values()) == sum(counted)
    assert sum(asked.values()) - len(asked) <= 2, "only what a kill interrupted is asked again"
    for dataset_id in (ANNUAL, MIRROR):
        assert rows_of(root, dataset_id) == unlimited[dataset_id]


def test_months_of_a_year_are_split_and_put_together_again(
    narrow: SampleServer, unlimited: dict[str, Rows], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests.post(f"{narrow.url}/_sample/comtrade", json={"cap": 5000, "quota": 100_000}, timeout=10)
    monkeypatch.setenv("AGROCLUSTER_COMTRADE_RECORDS_PER_CALL", "5000")
    pipeline.ingest(MONTHLY)
    assert rows_of(tmp_path / "data", MONTHLY) == unlimited[MONTHLY]


@pytest.mark.parametrize("dataset_id", [ANNUAL, MIRROR, MONTHLY])
def test_a_new_release_is_asked_for_what_changed_and_gives_the_table_of_a_whole_fetch(
    sample_cache: Path,
    unlimited: dict[str, Rows],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    dataset_id: str,
) -> None:
    with SampleServer(sample_cache, vintage="previous") as server:
        use(monkeypatch, server.url, tmp_path / "data")
        monkeypatch.setattr(comtrade.ADAPTER, "now", lambda: MORNING)
        pipeline.ingest(dataset_id)
        before, asked = rows_of(tmp_path / "data", dataset_id), used(server)
        server.state.switch("current")
        (plan,) = outlook([dataset_id])["datasets"]
        assert 0 < plan["reports_to_ask"] < plan["reports"]
        pipeline.ingest(dataset_id)
        assert used(server) - asked == plan["calls"]
    assert before != unlimited[dataset_id]
    assert rows_of(tmp_path / "data", dataset_id) == unlimited[dataset_id]


def test_a_wrong_key_is_told_and_nothing_is_tried_again(narrow: SampleServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGROCLUSTER_COMTRADE_KEY", "no-such-key")
    with pytest.raises(SourceContractError, match=r"(?s)invalid subscription key.*AGROCLUSTER_COMTRADE_KEY") as caught:
        pipeline.ingest(ANNUAL)
    assert "no-such-key" not in str(caught.value)
    assert sum(questions(narrow).values()) == 1


def test_the_plan_is_shown_as_a_table_and_as_json(narrow: SampleServer, tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("agrocluster")), "comtrade", "plan", "--dataset", ANNUAL]
    command += ["--years", "2019", "2020"]
    plain = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "398-2019" in plain.stdout
    assert "500 of 500" in plain.stdout
    told = json.loads(subprocess.run([*command, "--json"], capture_output=True, timeout=120, check=True).stdout)
    assert {entry["id"][:3] for entry in told["datasets"][0]["slices"]} <= {"398", "417", "762", "860"}
    assert told["calls"] == sum(entry["calls"] for entry in told["datasets"][0]["slices"]) > 0
    assert used(narrow) == 0
