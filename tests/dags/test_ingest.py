"""Real ingest Dags against the sample source server: what they leave on disk, and what they tell Airflow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.models.asset import AssetEvent, AssetModel
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskreschedule import TaskReschedule
from airflow.sdk import DAG
from airflow.utils.session import create_session
from sqlalchemy import select

from agrocluster import incidents
from agrocluster.errors import QuotaExhausted
from agrocluster.model.loader import catalog
from agrocluster.orchestration import assets
from agrocluster.orchestration.ingest import ingest_dags
from agrocluster.sample.server import SampleServer
from agrocluster.sources import comtrade
from agrocluster.storage import landing, vintages
from agrocluster.storage.budget import Budget

pytestmark = [pytest.mark.airflow, pytest.mark.slow]


@pytest.fixture
def dags(airflow_db: None, world: SampleServer) -> dict[str, DAG]:
    """Built after the environment is set, so that retries do not wait."""
    return ingest_dags(catalog())


def run(dag: DAG, **conf: Any) -> dict[str, str]:
    """Run a Dag in this process; states by task, the last one of mapped tasks."""
    done = dag.test(run_conf=conf or None)
    return {"": str(done.state), **{task.task_id: str(task.state) for task in done.get_task_instances()}}


def events(dataset_id: str) -> list[dict[str, Any]]:
    """Extras of the asset events of a dataset, oldest first."""
    asset = select(AssetModel.id).where(AssetModel.uri == assets.staged(dataset_id).uri)
    query = select(AssetEvent).where(AssetEvent.asset_id.in_(asset)).order_by(AssetEvent.id)
    with create_session() as session:
        return [dict(event.extra) for event in session.scalars(query)]


@pytest.mark.parametrize("dataset_id", ["worldbank__lpi", "faostat__ek", "cepii__baci_hs12"])
def test_a_dataset_is_fetched_once_and_then_only_checked(
    dags: dict[str, DAG], dataset_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(catalog().dataset(dataset_id).params, "part_mib", 1)
    before = len(events(dataset_id))
    states = run(dags[f"ingest_{dataset_id}"])
    assert set(states.values()) == {"success"}, states
    accepted = vintages.accepted([dataset_id])
    assert len(accepted) == 1

    states = run(dags[f"ingest_{dataset_id}"])
    assert (states[""], states["check_source"], states["mark"]) == ("success", "success", "success")
    assert {states[task] for task in ("fetch", "seal", "stage", "validate")} == {"skipped"}
    assert len(list(landing.snapshots(dataset_id))) == 1

    first, second = events(dataset_id)[before:]
    assert first["changed"] is True
    assert first["rows"] == accepted[0].report["rows"] > 0
    assert first["vintage"] == accepted[0].vintage_id
    assert first["data_mode"] == "sample"
    assert (second["changed"], second["stamp"]) == (False, first["stamp"])


def test_an_archive_of_many_years_is_staged_by_as_many_tasks_as_it_is_worth(
    dags: dict[str, DAG], monkeypatch: pytest.MonkeyPatch
) -> None:
    dag = dags["ingest_cepii__baci_hs12"]
    states = run(dag)
    assert (states["stage_part"], states["stage"], states["mark"]) == ("skipped", "success", "success")
    (whole,) = vintages.accepted(["cepii__baci_hs12"])

    vintages.withdraw(whole.vintage_id)
    monkeypatch.setitem(catalog().dataset("cepii__baci_hs12").params, "part_mib", 1)
    done = dag.test()
    parts = [task for task in done.get_task_instances() if task.task_id == "stage_part"]
    assert len(parts) > 3
    assert {str(task.state) for task in parts} == {"success"}
    (again,) = vintages.accepted(["cepii__baci_hs12"])
    assert again.report == whole.report


def test_a_period_can_be_fetched_again(dags: dict[str, DAG]) -> None:
    run(dags["ingest_worldbank__lpi"])
    run(dags["ingest_worldbank__lpi"], first_year=2018, last_year=2018)
    full, partial = sorted(vintages.accepted(["worldbank__lpi"]), key=lambda v: v.scope)
    assert (full.scope, partial.scope) == ("full", "partial")
    assert (partial.report["first_year"], partial.report["last_year"]) == (2018, 2018)


def test_a_source_that_breaks_its_contract_is_an_incident_and_no_asset_event(
    dags: dict[str, DAG], world: SampleServer
) -> None:
    before = events("faostat__ek")
    world.state.faults.add({"match": "Environment_LivestockPatterns|datasets_E", "fault": "html"})
    states = run(dags["ingest_faostat__ek"])
    assert states[""] == "failed"
    assert states["mark"] == "upstream_failed"
    assert events("faostat__ek") == before

    (incident,) = incidents.load()
    assert (incident["source"], incident["dataset"]) == ("faostat", "ek")
    assert incident["problem"]
    assert incident["remedy"]
    assert incident["resolved_at"] is None

    world.state.faults.clear()
    assert run(dags["ingest_faostat__ek"])[""] == "success"
    (incident,) = incidents.load()
    assert incident["resolved_at"], "success closes the incident"


def test_the_address_of_a_connection_is_used_and_its_key_is_shown_nowhere(
    dags: dict[str, DAG],
    world: SampleServer,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.delenv("AGROCLUSTER_WORLDBANK_URL")
    host, port = world.url.removeprefix("http://").split(":")
    uri = f"http://:sesame-opens@{host}:{port}/?path=worldbank/v2"
    monkeypatch.setenv("AIRFLOW_CONN_AGROCLUSTER_WORLDBANK", uri)
    assert run(dags["ingest_worldbank__lpi"])[""] == "success"
    out = capfd.readouterr()
    assert "sesame-opens" not in out.out + out.err
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"sesame-opens" not in path.read_bytes(), path


def test_a_spent_allowance_postpones_the_fetch_to_the_next_day(
    dags: dict[str, DAG], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of the allowance runs through days that are past for Airflow, so that it need not wait for them."""
    day = datetime(2026, 9, 1, 6, tzinfo=UTC)
    days = [day]
    exhausted = Budget._exhausted

    def next_day(self: Budget, *args: Any) -> QuotaExhausted:
        days.append(days[-1] + timedelta(days=1))
        return exhausted(self, *args)

    monkeypatch.setattr(comtrade.ADAPTER, "now", lambda: days[-1])
    monkeypatch.setattr(Budget, "_exhausted", next_day)
    monkeypatch.setenv("AGROCLUSTER_COMTRADE_CALLS_PER_DAY", "2")
    states = run(dags["ingest_comtrade__monthly"])
    assert set(states.values()) == {"success"}, states

    with create_session() as session:
        query = select(TaskReschedule.reschedule_date).join(TaskReschedule.task_instance)
        postponed = sorted(session.scalars(query.where(TaskInstance.dag_id == "ingest_comtrade__monthly")))
    assert len(days) > 2, "more than one day was needed"
    assert {moment.hour for moment in postponed} == {0}
    assert [moment.date() for moment in postponed] == [moment.date() for moment in days[1:]]
    (accepted,) = vintages.accepted(["comtrade__monthly"])
    assert accepted.report["rows"] > 0
    assert incidents.load() == [], "waiting is no failure"
