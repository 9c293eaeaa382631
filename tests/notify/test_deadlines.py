"""When a run counts as late: data by tier, on only where it is asked for."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module

import pytest
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization

from agrocluster.model.loader import catalog
from agrocluster.orchestration import policy
from agrocluster.orchestration.baseline import freeze_dag
from agrocluster.orchestration.callbacks import report_late
from agrocluster.orchestration.deadlines import DEADLINES, SWITCH, deadline
from agrocluster.orchestration.ingest import ingest_dags
from agrocluster.orchestration.marts import marts_dag, release_dag, rollback_dag
from agrocluster.orchestration.upkeep import upkeep_dag


def dags() -> list[DAG]:
    declared = catalog()
    makers = (marts_dag, release_dag, rollback_dag, upkeep_dag, freeze_dag)
    return [*ingest_dags(declared).values(), *(make(declared) for make in makers)]


def tier(dag: DAG) -> str:
    (name,) = (tag.removeprefix("tier:") for tag in dag.tags if tag.startswith("tier:"))
    return name


@pytest.mark.parametrize("value", ["", "0", "off", "False"])
def test_there_are_none_unless_asked_for(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, value)
    assert {deadline(name) for name in DEADLINES} == {None}
    assert not any(dag.deadline for dag in dags())


def test_every_dag_has_that_of_its_tier_except_who_may_be_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "1")
    seen = set()
    for dag in dags():
        patient = dag.dagrun_timeout == policy.PATIENT
        seen.add((tier(dag), patient))
        if patient or tier(dag) not in DEADLINES:
            assert not dag.deadline, dag.dag_id
            continue
        (alert,) = dag.deadline
        assert alert.interval == DEADLINES[tier(dag)] < (dag.dagrun_timeout or timedelta()), dag.dag_id
    assert {name for name, _ in seen} == {*DEADLINES, "baseline"}
    assert ("ingest", True) in seen


def test_airflow_can_keep_the_deadline_and_find_what_it_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "1")
    dag = marts_dag(catalog())
    kept = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
    assert kept.deadline
    (alert,) = dag.deadline
    module, _, name = alert.callback.path.rpartition(".")
    assert getattr(import_module(module), name) is report_late
    assert alert.callback.kwargs == {"tier": "marts", "allowed": "2:00:00"}
