"""What holds for every Dag of the catalogue, whichever datasets and marts it declares."""

from __future__ import annotations

import copy
import time
from datetime import timedelta
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG, RetryAction
from airflow.sdk.exceptions import ParamValidationError
from airflow.utils.file import might_contain_dag

from agrocluster.errors import DataGateError, SourceContractError, SourceUnavailable, StorageError, UsageError
from agrocluster.model.loader import catalog
from agrocluster.orchestration import assets
from agrocluster.orchestration.marts import mart_groups, marts_dag
from agrocluster.orchestration.policy import RETRIES, RETRY
from agrocluster.orchestration.pools import pools
from support.airflow_home import PROJECT

pytestmark = pytest.mark.airflow


@pytest.fixture(scope="module")
def bag(airflow_db: None) -> DagBag:
    return DagBag(dag_folder=str(PROJECT / "dags"))


@pytest.fixture(scope="module")
def dags(bag: DagBag) -> dict[str, DAG]:
    return dict(bag.dags)


def test_the_dag_files_load_without_errors_and_quickly(bag: DagBag) -> None:
    assert bag.import_errors == {}
    began = time.process_time()
    DagBag(dag_folder=str(PROJECT / "dags"))
    assert time.process_time() - began < 3.0


def test_there_is_an_ingest_dag_for_every_dataset_and_one_of_each_other(dags: dict[str, DAG]) -> None:
    ingest = {f"ingest_{dataset_id}" for dataset_id in catalog().datasets}
    assert set(dags) == ingest | {"marts", "release", "rollback_release", "upkeep", "freeze_baseline"}


@pytest.mark.parametrize("path", sorted((PROJECT / "dags").glob("*.py")), ids=lambda p: p.name)
def test_airflow_recognises_the_dag_files(path: Path) -> None:
    """Airflow skips files that do not mention it, without a word."""
    assert might_contain_dag(str(path), safe_mode=True)


def test_every_dag_is_owned_documented_tagged_and_runs_alone(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        assert dag.owner == "agrocluster", dag.dag_id
        assert dag.max_active_runs == 1, dag.dag_id
        assert dag.catchup is False, dag.dag_id
        assert any(tag.startswith("tier:") for tag in dag.tags), dag.dag_id
        assert "When it fails" in (dag.doc_md or ""), dag.dag_id


def test_ingest_dags_are_found_by_publisher_and_kind_of_rows(dags: dict[str, DAG]) -> None:
    for spec in catalog().datasets.values():
        assert {f"source:{spec.source}", f"kind:{spec.kind}"} <= dags[f"ingest_{spec.id}"].tags, spec.id
        assert f"rows of kind `{spec.kind}`" in (dags[f"ingest_{spec.id}"].doc_md or ""), spec.id
    assert "kind:customs" in dags["ingest_comtrade__annual"].tags


def test_every_ingest_page_names_publisher_licence_and_schedule(dags: dict[str, DAG]) -> None:
    for spec in catalog().datasets.values():
        source, page = catalog().sources[spec.source], dags[f"ingest_{spec.id}"].doc_md or ""
        for text in (spec.title.en, source.title.en, spec.licence or source.licence, spec.schedule, spec.citation):
            assert text in page, (spec.id, text)


def test_every_task_has_the_retry_policy_the_callback_and_a_time_limit(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        for task in dag.tasks:
            arguments = getattr(task, "partial_kwargs", None) or vars(task)
            assert arguments["retry_policy"] is RETRY, (dag.dag_id, task.task_id)
            assert arguments["on_failure_callback"], (dag.dag_id, task.task_id)
            assert arguments["execution_timeout"], (dag.dag_id, task.task_id)
            assert arguments["retries"] == RETRIES, (dag.dag_id, task.task_id)


def test_whatever_asks_a_publisher_shares_its_pool_and_heavy_tasks_share_another(dags: dict[str, DAG]) -> None:
    known = pools(catalog().sources.values())
    for spec in catalog().datasets.values():
        dag = dags[f"ingest_{spec.id}"]
        used = {task.task_id: task.pool for task in dag.tasks}
        assert {used[name] for name in ("check_source", "fetch")} == {f"agrocluster_{spec.source}"}
        assert {used[name] for name in ("stage", "validate")} == {"agrocluster_compute"}
    assert {task.pool for dag in dags.values() for task in dag.tasks} <= {*known, "default_pool"}
    assert all(known[f"agrocluster_{s.id}"][0] == s.pool_slots for s in catalog().sources.values())


def test_the_graph_of_the_marts_is_the_graph_of_their_contracts(dags: dict[str, DAG]) -> None:
    groups = mart_groups(catalog())
    task_of = {mart: group for group, marts in groups.items() for mart in marts}
    assert sorted(task_of) == sorted(catalog().marts)
    dag = dags["marts"]
    for name, mart in catalog().marts.items():
        upstream = dag.get_task(task_of[name]).get_flat_relative_ids(upstream=True)
        for wanted in {task_of[i] for i in mart.inputs if i in task_of} - {task_of[name]}:
            assert wanted in upstream, (name, wanted)


def test_marts_wait_for_every_dataset_that_is_not_optional(dags: dict[str, DAG]) -> None:
    waiting = {asset.uri for asset in dags["marts"].timetable.asset_condition.objects}
    assert waiting == {assets.staged(s.id).uri for s in catalog().datasets.values() if not s.optional}


def test_in_a_round_of_all_dags_the_marts_wait_for_every_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or what an optional one brings during the build would make another release of it, and fail the round."""
    monkeypatch.setenv("AGROCLUSTER_SCHEDULE", "manual")
    waiting = {asset.uri for asset in marts_dag(catalog()).timetable.asset_condition.objects}
    assert waiting == {assets.staged(spec.id).uri for spec in catalog().datasets.values()}


@pytest.mark.parametrize(
    ("given", "accepted"),
    [
        ({"first_year": 2015, "last_year": 2018}, True),
        ({"force": True}, True),
        ({"first_year": 1492}, False),
        ({"last_year": "last"}, False),
        ({"force": "maybe"}, False),
    ],
)
def test_the_trigger_form_refuses_what_makes_no_sense(dags: dict[str, DAG], given: dict, accepted: bool) -> None:
    params = copy.deepcopy(dags["ingest_worldbank__wdi"].params)
    if accepted:
        params.update(given)
        params.validate()
    else:
        with pytest.raises(ParamValidationError):
            params.update(given)


@pytest.mark.parametrize(
    ("error", "first", "second"),
    [
        (SourceUnavailable("down"), RetryAction.RETRY, RetryAction.RETRY),
        (SourceContractError("HTML"), RetryAction.FAIL, RetryAction.FAIL),
        (DataGateError("negative tonnage"), RetryAction.FAIL, RetryAction.FAIL),
        (UsageError("no such dataset"), RetryAction.FAIL, RetryAction.FAIL),
        (StorageError("disk full"), RetryAction.RETRY, RetryAction.FAIL),
        (ZeroDivisionError("a mistake of ours"), RetryAction.FAIL, RetryAction.FAIL),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_errors_are_retried_by_their_kind(error: Exception, first: RetryAction, second: RetryAction) -> None:
    assert RETRY.evaluate(error, 1, RETRIES).action is first
    assert RETRY.evaluate(error, 2, RETRIES).action is second


def test_a_publisher_that_says_when_to_come_back_is_asked_again_then() -> None:
    decision = RETRY.evaluate(SourceUnavailable("busy", retry_after=7200.0), 1, RETRIES)
    assert (decision.action, decision.retry_delay) == (RetryAction.RETRY, timedelta(hours=2))
    assert RETRY.evaluate(SourceUnavailable("busy", retry_after=1e6), 1, RETRIES).action is RetryAction.FAIL
