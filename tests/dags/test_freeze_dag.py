"""The Dag with which a baseline is frozen, from its form to the folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.models.asset import AssetEvent, AssetModel
from airflow.sdk import DAG
from airflow.sdk.exceptions import ParamValidationError
from airflow.utils.session import create_session
from sqlalchemy import select

from agrocluster import incidents
from agrocluster.baseline.freeze import listing
from agrocluster.model.loader import catalog
from agrocluster.orchestration import assets
from agrocluster.orchestration.baseline import freeze_dag
from support.releases import publish

pytestmark = [pytest.mark.airflow, pytest.mark.slow]


@pytest.fixture
def dag(airflow_db: None, data_root: Path, monkeypatch: pytest.MonkeyPatch) -> DAG:
    monkeypatch.setenv("AGROCLUSTER_RETRY_DELAY_S", "0")
    return freeze_dag(catalog())


def events() -> list[dict[str, Any]]:
    asset = select(AssetModel.id).where(AssetModel.uri == assets.BASELINES.uri)
    query = select(AssetEvent).where(AssetEvent.asset_id.in_(asset)).order_by(AssetEvent.id)
    with create_session() as session:
        return [dict(event.extra) for event in session.scalars(query)]


def test_the_form_offers_the_baselines_of_the_catalogue_and_nothing_else(dag: DAG) -> None:
    assert dag.params.get_param("baseline").schema["enum"] == ["B2018_2020", "Bcurrent"]
    for given in ({"baseline": "B1999"}, {"release": "../../etc"}, {"note": "x" * 501}):
        with pytest.raises(ParamValidationError):
            dag.params.update(given)


@pytest.mark.usefixtures("dag")
def test_a_baseline_is_frozen_once_and_the_event_says_so() -> None:
    publish("release-1", {"B2018_2020": {"dairy": 40.0}})
    publish("release-2", {"B2018_2020": {"dairy": 41.0}})
    before = len(events())
    conf = {"baseline": "B2018_2020", "release": "release-1", "note": "before the training"}
    for given in (conf, conf, {"baseline": "Bcurrent"}):
        own = freeze_dag(catalog())  # a test run keeps its form in the Dag
        assert own.test(run_conf=given).state == "success"
    assert [(f["frozen_id"], f["release_id"], f["note"], f["intact"]) for f in listing()] == [
        ("B2018_2020@v1", "release-1", "before the training", True),
        ("Bcurrent-2022_2024@v1", "release-2", "", True),
    ]
    said = [(e["frozen_id"], e["new"], e["release_id"]) for e in events()[before:]]
    assert said == [
        ("B2018_2020@v1", True, "release-1"),
        ("B2018_2020@v1", False, "release-1"),
        ("Bcurrent-2022_2024@v1", True, "release-2"),
    ]


def test_a_release_that_does_not_exist_is_an_incident_with_a_remedy(dag: DAG) -> None:
    publish("release-1", {})
    assert dag.test(run_conf={"release": "release-9"}).state == "failed"
    (incident,) = incidents.load()
    assert "release-9" in incident["problem"]
    assert "release-1" in incident["remedy"]
    assert listing() == []
