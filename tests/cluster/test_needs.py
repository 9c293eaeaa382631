"""Every task says what it needs of a data root, and gets it, with the keys of the store's Connection."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import support.airflow_home  # isort: skip  # before anything imports Airflow

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from memory_store import MemoryStore

from agrocluster.model.loader import catalog
from agrocluster.orchestration import alerts, endpoints, needs
from agrocluster.orchestration.baseline import freeze_dag
from agrocluster.orchestration.ingest import ingest_dags
from agrocluster.orchestration.marts import marts_dag, release_dag
from agrocluster.orchestration.upkeep import upkeep_dag
from agrocluster.settings import settings
from agrocluster.storage import mirror

assert support.airflow_home.HOME


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    store = MemoryStore()
    monkeypatch.setenv("AGROCLUSTER_DATA", store.address)
    monkeypatch.setenv("AGROCLUSTER_WORK", str(tmp_path / "work"))
    monkeypatch.setattr(mirror.S3, "at", lambda address: store)
    monkeypatch.setattr(endpoints.Connection, "get", _none)
    return store


def _none(name: str) -> Connection:
    raise AirflowNotFoundException(name)


def names() -> list[str]:
    return sorted(p.relative_to(settings().data).as_posix() for p in settings().data.rglob("*") if p.is_file())


def test_every_task_that_touches_data_says_what_it_needs() -> None:
    known = catalog()
    dags = [*ingest_dags(known).values(), marts_dag(known), release_dag(known), upkeep_dag(known), freeze_dag(known)]
    functions = {task.python_callable for dag in dags for task in dag.tasks}
    assert len(functions) > 10
    assert {f.__name__ for f in functions if not hasattr(f, "__wrapped__")} == set()


def test_a_task_gets_what_it_names_and_nothing_else(remote: MemoryStore) -> None:
    for key in ("landing/x/y/s1/snapshot.json", "landing/x/y/s1/raw.zip", "landing/x/z/s1/snapshot.json"):
        remote.write(key, b"{}")
    remote.write("staged/x__y/s1/report.json", b"{}")
    remote.write("marts/latest.json", json.dumps({"release": "r2"}).encode())
    for key in ("r1/manifest.json", "r1/a.parquet", "r2/manifest.json", "r2/a.parquet"):
        remote.write(f"marts/releases/{key}", b"")

    @needs.on_data("landing/{landing}/*.json", "staged/{dataset}/*", "landing/x/z/{snapshot}/*")
    def of_dataset(dataset_id: str, snapshot_id: str) -> list[str]:
        return names()

    assert of_dataset("x__y", snapshot_id="s0") == ["landing/x/y/s1/snapshot.json", "staged/x__y/s1/report.json"]
    assert len(of_dataset("x__y", "s1")) == 3

    @needs.on_data("marts/releases/{current}/*", "marts/build/{release}/*", "landing/{landing}/*.json")
    def of_plan(check: dict[str, Any], plan: dict[str, Any]) -> list[str]:
        return names()

    remote.write("marts/build/r3/a.parquet", b"")
    remote.write("marts/build/r4/a.parquet", b"")
    assert of_plan({"dataset_id": "x__z"}, {"release_id": "r3"}) == [
        "landing/x/z/s1/snapshot.json",
        "marts/build/r3/a.parquet",
        "marts/releases/r2/a.parquet",
        "marts/releases/r2/manifest.json",
    ]


def test_what_was_reported_is_kept_in_the_store(remote: MemoryStore) -> None:
    for _ in range(2):
        alerts.report("failure", "marts", "It failed.", dag_id="marts", run_id="r1")
    (entry,) = json.loads(remote.objects["state/alerts.json"][0]).values()
    assert (entry["times"], entry["resolved_at"]) == (2, None)
    needs.on_data()(alerts.succeeded)("marts")
    (entry,) = json.loads(remote.objects["state/alerts.json"][0]).values()
    assert entry["resolved_at"]


def test_a_folder_is_used_as_it_is(data_root: Path) -> None:
    @needs.on_data("marts/*")
    def where() -> Path:
        return settings().data

    assert where() == data_root


def test_the_connection_of_the_store_is_there_for_the_task_only(
    remote: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = json.dumps({"endpoint_url": "https://store.example.org", "region_name": "eu-central-1"})
    known = Connection(conn_id=needs.STORE, conn_type="aws", login="who", password="hidden", extra=extra)
    monkeypatch.setattr(endpoints.Connection, "get", lambda name: known)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "mars")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    wanted = {
        "AWS_ACCESS_KEY_ID": "who",
        "AWS_SECRET_ACCESS_KEY": "hidden",
        "AWS_ENDPOINT_URL": "https://store.example.org",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }

    @needs.on_data("marts/*")
    def seen() -> dict[str, str | None]:
        return {name: os.environ.get(name) for name in wanted}

    assert seen() == wanted
    assert (os.environ.get("AWS_ACCESS_KEY_ID"), os.environ["AWS_DEFAULT_REGION"]) == (None, "mars")


def test_the_board_follows_the_store_for_those_who_may_look(remote: MemoryStore) -> None:
    from agrocluster.board.app import app, fresh
    from agrocluster.board.auth import VIEWER

    remote.write("quality/incidents/20260101T000000-x.json", b"{}")
    asked = [dependency.dependency for dependency in app.router.dependencies]
    assert asked == [VIEWER.dependency, fresh], "nobody is served before he was let in"
    fresh()
    assert names() == ["quality/incidents/20260101T000000-x.json"]
