"""The Dag that goes back to an earlier release, and the example of a Dag that reports on the current one."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.models.asset import AssetEvent, AssetModel
from airflow.sdk.exceptions import ParamValidationError
from airflow.utils.session import create_session
from sqlalchemy import select

from agrocluster import incidents
from agrocluster.model.loader import catalog
from agrocluster.orchestration import assets, upkeep
from agrocluster.orchestration.marts import rollback_dag
from agrocluster.release import history, record
from support.airflow_home import PROJECT
from support.releases import publish
from support.small_release import publish_small

pytestmark = [pytest.mark.airflow, pytest.mark.slow]
FIRST, SECOND = "2026-01-01-sample-aaaa", "2026-02-01-sample-bbbb"
EXAMPLES = PROJECT / "docs" / "examples"


@pytest.fixture
def two(airflow_db: None, data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGROCLUSTER_RETRY_DELAY_S", "0")
    publish_small(FIRST)
    publish_small(SECOND)


def events(asset: Any) -> list[dict[str, Any]]:
    ids = select(AssetModel.id).where(AssetModel.uri == asset.uri)
    query = select(AssetEvent).where(AssetEvent.asset_id.in_(ids)).order_by(AssetEvent.id)
    with create_session() as session:
        return [dict(event.extra) for event in session.scalars(query)]


def run(**conf: Any) -> str:
    return str(rollback_dag(catalog()).test(run_conf=conf).state)


@pytest.mark.usefixtures("two")
def test_the_form_goes_back_once_says_who_and_tells_those_who_wait_for_the_marts() -> None:
    mart = assets.mart("mart_cluster_baseline")
    before = len(events(assets.RELEASE)), len(events(mart))
    for _ in range(2):
        assert run(release=FIRST, note="wrong unit") == "success"
    assert [r["release"] for r in history.releases() if r["current"]] == [FIRST]
    assert [r["release"] for r in history.releases() if r["held"]] == [SECOND]
    (entry,) = [e for e in record.entries() if e["event"] == "rolled_back"]
    assert (entry["note"], entry["by"]) == ("wrong unit", "dag_test")
    (told,) = events(assets.RELEASE)[before[0] :]
    assert (told["release_id"], told["data_mode"]) == (FIRST, "sample")
    (told,) = events(mart)[before[1] :]
    assert (told["release_id"], told["rows"]) == (FIRST, 8)


@pytest.mark.usefixtures("two")
def test_a_release_that_does_not_exist_is_an_incident_with_a_remedy() -> None:
    with pytest.raises(ParamValidationError):
        rollback_dag(catalog()).params.update({"release": "../../etc"})
    assert run(release="2026-09-09-none") == "failed"
    (incident,) = incidents.load()
    assert "2026-09-09-none" in incident["problem"]
    assert FIRST in incident["remedy"]
    assert [r["release"] for r in history.releases() if r["current"]] == [SECOND]


def test_upkeep_removes_old_releases_with_the_numbers_of_its_form(
    data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"2026-0{month}-01-sample-aaaa" for month in (1, 2, 3)]
    for name in names:
        publish(name, {}, draws=False)
        record.add("published", name)
    form = {"keep_builds": 1, "keep_incident_days": 1, "keep_releases": 1, "keep_release_days": 0}
    for days, left in ((1, names), (0, names[1:])):
        given = {"params": form | {"keep_release_days": days}, "ti": SimpleNamespace(dag_id="upkeep")}
        monkeypatch.setattr(upkeep, "get_current_context", lambda given=given: given)
        assert upkeep.retention()["releases"] == len(names) - len(left)
        assert sorted(r["release"] for r in history.releases()) == left


@pytest.mark.usefixtures("two")
def test_the_example_waits_for_the_baseline_and_reports_on_the_current_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bag = DagBag(dag_folder=str(EXAMPLES))
    assert bag.import_errors == {}
    dag = bag.dags["country_report"]
    assert {a.uri for a in dag.timetable.asset_condition.objects} == {assets.mart("mart_cluster_baseline").uri}
    monkeypatch.setenv("AGROCLUSTER_REPORTS", str(tmp_path / "reports"))
    write = dag.get_task("write_reports").python_callable
    write()
    (folder,) = (tmp_path / "reports").iterdir()
    assert folder.name == SECOND
    assert sorted(p.name for p in folder.iterdir()) == ["KGZ.csv", "KGZ.en.md", "KGZ.ru.md"]
    page = (folder / "KGZ.en.md").read_text(encoding="utf-8")
    assert "SAMPLE DATA - NOT REAL STATISTICS" in page
    assert "Kyrgyzstan: cluster potential of its value chains, 2022-2024" in page
    chains = [line.split(" | ")[0].removeprefix("| ") for line in page.splitlines() if line.startswith("| ")][2:]
    assert chains == ["Dairy", "Nuts", "Honey", "Tobacco"], "the highest potential first, the unknown one last"
    assert "| Dairy | 60.7 | 55.2-66.0 | 1 | build | B | 81% |" in page
    assert "| Tobacco | unknown | unknown | unknown |" in page
    assert "неизвестно" in (folder / "KGZ.ru.md").read_text(encoding="utf-8")
    with (folder / "KGZ.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["chain"] for row in rows] == ["dairy", "nuts", "honey", "tobacco"]
    assert {(row["release"], row["label"]) for row in rows} == {(SECOND, "SAMPLE DATA - NOT REAL STATISTICS")}
    written = folder.stat().st_mtime_ns
    assert write() == str(folder)
    assert folder.stat().st_mtime_ns == written, "reported on already"
