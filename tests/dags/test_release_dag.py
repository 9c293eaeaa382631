"""The release Dag after publishing: the release is shown to people, and stands where that fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.models.asset import AssetEvent, AssetModel
from airflow.utils.session import create_session
from sqlalchemy import select

from agrocluster import incidents, pipeline, shelf
from agrocluster.errors import StorageError
from agrocluster.model.loader import catalog
from agrocluster.orchestration import assets
from agrocluster.orchestration.marts import release_dag

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

PUBLISHED = {"release_id": "release-1", "data_mode": "sample", "rows": {"dim_chain": 23}, "warnings": {}}


def ran(release: str) -> dict[str, str]:
    """State of the run and of its tasks."""
    done = release_dag(catalog()).test(run_conf={"release_id": release})
    return {"": str(done.state), **{task.task_id: str(task.state) for task in done.get_task_instances()}}


def shown() -> list[dict[str, Any]]:
    asset = select(AssetModel.id).where(AssetModel.uri == assets.ATLAS.uri)
    with create_session() as session:
        return [
            dict(event.extra) for event in session.scalars(select(AssetEvent).where(AssetEvent.asset_id.in_(asset)))
        ]


def test_a_release_is_shown_after_it_is_published_and_stands_where_that_fails(
    airflow_db: None, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def put(release: str) -> dict[str, Any]:
        asked.append(release)
        if len(asked) == 1:
            return {"release": release, "index": "index.html", "pages": 65}
        raise StorageError("No room.", remedy="Make some.")

    monkeypatch.setenv("AGROCLUSTER_RETRY_DELAY_S", "0")
    monkeypatch.setattr(pipeline, "publish", lambda release: PUBLISHED | {"release_id": release})
    monkeypatch.setattr(shelf, "put", put)
    before = len(shown())
    assert ran("release-1") == {"": "success", "publish": "success", "atlas": "success"}
    assert [event["release"] for event in shown()[before:]] == ["release-1"]
    assert ran("release-2") == {"": "failed", "publish": "success", "atlas": "failed"}
    assert asked == ["release-1", "release-2", "release-2"]  # the storage gets a second try
    assert [entry["problem"] for entry in incidents.load()] == ["No room."]
