"""Failures as people see them: incidents, the callback that writes them, the words at the end of a run."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import Connection
from rich.console import Console

from agrocluster import incidents
from agrocluster.errors import AgroclusterError, SourceUnavailable
from agrocluster.orchestration import summary
from agrocluster.orchestration.callbacks import report_failure
from agrocluster.orchestration.endpoints import from_connection
from agrocluster.orchestration.follow import Round
from agrocluster.release.rollback import rollback
from agrocluster.storage import atomic
from agrocluster.storage.paths import layout
from support.small_release import publish_small

DOWN = SourceUnavailable("No answer.", source="faostat", dataset="qcl", period="2026-07", remedy="Try tomorrow.")


def fail(error: BaseException | None, dag_id: str = "ingest_faostat__qcl") -> None:
    task = SimpleNamespace(dag_id=dag_id, task_id="fetch", map_index=2, try_number=5)
    report_failure({"ti": task, "run_id": "r1", "exception": error})  # type: ignore[arg-type, typeddict-item]


def test_an_incident_holds_what_the_error_knows(data_root: Path) -> None:
    fail(DOWN)
    (entry,) = incidents.load()
    wanted = {"kind": "SourceUnavailable", "problem": "No answer.", "source": "faostat", "dataset": "qcl"}
    wanted |= {"period": "2026-07", "remedy": "Try tomorrow.", "run_id": "r1", "task_id": "fetch", "try_number": 5}
    assert wanted.items() <= entry.items()


@pytest.mark.parametrize("error", [None, ZeroDivisionError("division by zero"), AgroclusterError("Odd.")])
def test_errors_that_know_nothing_still_name_the_dataset(data_root: Path, error: BaseException | None) -> None:
    fail(error)
    (entry,) = incidents.load()
    assert (entry["source"], entry["dataset"]) == ("faostat", "qcl")
    assert entry["problem"]


def test_secrets_in_an_error_do_not_reach_the_incident(data_root: Path) -> None:
    fail(RuntimeError("GET https://api.example.org/?api_key=sesame123 failed"))
    assert "sesame123" not in json.dumps(incidents.load())


def test_a_full_disk_does_not_hide_the_error(
    data_root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(atomic, "write_json", full)
    fail(DOWN)
    assert "No answer." in caplog.text
    assert "could not be recorded" in caplog.text


def test_success_closes_the_incidents_of_its_dag_alone_and_old_ones_go(data_root: Path) -> None:
    fail(DOWN)
    fail(DOWN, dag_id="marts")
    assert incidents.resolve("marts") == 1
    assert [entry["dag_id"] for entry in incidents.load() if not entry["resolved_at"]] == ["ingest_faostat__qcl"]
    assert incidents.prune(timedelta(days=1)) == 0
    assert incidents.prune(timedelta(seconds=-5)) == 1
    assert [entry["dag_id"] for entry in incidents.load()] == ["ingest_faostat__qcl"]


def failed_round() -> Round:
    current = Round(["ingest_faostat__qcl", "ingest_faostat__qv"])
    current.states["ingest_faostat__qcl"].state = "failed"
    current.states["ingest_faostat__qcl"].run_id = "r1"
    return current


def said(current: Round, problem: str | None = None) -> str:
    out = StringIO()
    summary.failure(Console(file=out, width=400), current, problem, Path("/logs"))
    return out.getvalue()


def test_a_failed_run_says_which_why_what_to_do_and_what_is_still_current(data_root: Path) -> None:
    fail(DOWN)
    text = said(failed_round())
    for wanted in ("source faostat, dataset qcl, period 2026-07", "No answer.", "Try tomorrow.", "/logs"):
        assert wanted in text
    assert "No release has been published yet" in text
    atomic.write_json(layout().latest, {"release": "2026-01-01-sample-abc"})
    assert "Release 2026-01-01-sample-abc is still current" in said(failed_round())


def test_a_run_after_a_rollback_says_what_is_on_hold(data_root: Path) -> None:
    publish_small("2026-01-01-sample-aaaa")
    publish_small("2026-02-01-sample-bbbb")
    quiet = failed_round()
    quiet.states["marts"].state, quiet.states["marts"].note = "success", "nothing changed"
    for back in (False, True):
        out = StringIO()
        if back:
            rollback(by="ann [ops]")
        summary.success(Console(file=out, width=400), quiet, 1.0)
        assert ("ann [ops] went back to it on" in out.getvalue()) is back
        assert ("2026-02-01-sample-bbbb is on hold until" in out.getvalue()) is back


def test_a_release_that_was_published_is_not_denied_because_its_pages_failed(data_root: Path) -> None:
    atomic.write_json(layout().latest, {"release": "2026-01-01-sample-abc"})
    current = Round(["ingest_faostat__qcl"])
    events = [{"source_dag_id": "release", "extra": {"rows": {"x": 3}}}]
    events.append({"source_dag_id": "release", "extra": {"pages": 63}})
    current.take([{"dag_id": "release", "run_after": "1", "state": "failed", "dag_run_id": "r1"}], [], events)
    text = said(current)
    assert "Release 2026-01-01-sample-abc was published; what follows it failed." in text
    assert "nothing was published" not in text


def test_one_problem_of_many_tasks_is_told_once(data_root: Path) -> None:
    for task_id in ("fact_trade", "fact_production"):
        incidents.record("disk gone", dag_id="marts", run_id="r1", task_id=task_id)
    text = said(failed_round())
    assert text.count("disk gone") == 1
    assert "in marts: fact_trade, fact_production" in text


def test_incidents_of_other_runs_are_not_blamed(data_root: Path) -> None:
    incidents.record(DOWN, dag_id="ingest_faostat__qcl", run_id="last year", task_id="fetch")
    text = said(failed_round())
    assert "No answer." not in text
    assert "ingest_faostat__qcl failed" in text


@pytest.mark.parametrize(
    ("connection", "expected"),
    [
        ({"host": "api.example.org"}, "https://api.example.org"),
        ({"host": "http://mirror.example.org/"}, "http://mirror.example.org"),
        ({"conn_type": "http", "host": "127.0.0.1", "port": 8800}, "http://127.0.0.1:8800"),
        ({"host": "api.example.org", "extra": '{"path": "/v2/"}'}, "https://api.example.org/v2"),
        ({}, None),
    ],
)
def test_a_connection_becomes_an_address(connection: dict[str, Any], expected: str | None) -> None:
    made = from_connection("worldbank", Connection(conn_id="agrocluster_worldbank", **connection))
    assert made.get("AGROCLUSTER_WORLDBANK_URL") == expected


def test_the_key_of_a_connection_is_its_password() -> None:
    connection = Connection(conn_id="agrocluster_worldbank", conn_type="http", password="k")
    assert from_connection("worldbank", connection) == {"AGROCLUSTER_WORLDBANK_KEY": "k"}
