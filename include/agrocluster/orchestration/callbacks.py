"""What happens when a task has failed for good or a run is late: one place, used by every Dag.

Airflow finds these functions by their dotted path, in other processes than those that read the Dag files.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from agrocluster import incidents
from agrocluster.errors import DataGateError
from agrocluster.http import redact
from agrocluster.orchestration import alerts, metrics
from agrocluster.orchestration.needs import CHECKED, on_data

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

log = logging.getLogger(__name__)


def report_failure(context: Context) -> None:
    """Log the error as people should read it, record it as an incident and tell those who want to know.

    Airflow calls it in the task's process after the last try (or, for a killed task, in the Dag processor,
    without an exception). It never raises: a full disk must not hide the original error.
    """
    task = context["ti"]
    error = context.get("exception")
    log.error("%s.%s failed for good. %s", task.dag_id, task.task_id, redact(str(error)))
    dataset_id = task.dag_id.removeprefix("ingest_") if task.dag_id.startswith("ingest_") else ""
    source, _, dataset = dataset_id.partition("__")
    where: dict[str, Any] = {"source": source, "dataset": dataset} if dataset_id else {}
    where |= {"dag_id": task.dag_id, "run_id": context["run_id"], "task_id": task.task_id}
    try:
        path = on_data()(incidents.record)(error, map_index=task.map_index, try_number=task.try_number, **where)
    except Exception:
        log.exception("The incident could not be recorded.")
    else:
        log.error("Recorded as %s", path.name)
    alerts.failed({**where, **{key: value for key, value in incidents.describe(error).items() if value}})
    if isinstance(error, DataGateError):
        alerts.accompanying(on_data(*CHECKED)(metrics.quality))()


def report_late(context: dict[str, Any], tier: str, allowed: str) -> None:
    """Tell those who want to know that a run has missed its deadline (see ``deadlines``).

    Airflow calls it in a process of its own, with the run as its REST API describes it, and sometimes after the run
    has ended.
    """
    run = context["dag_run"]
    if run.get("state") in {"success", "failed"}:
        return
    dag_id, run_id = str(run["dag_id"]), str(run["dag_run_id"])
    problem = f"{dag_id} was to end within {allowed} and is still {run.get('state') or 'going on'}."
    log.warning("%s Run %s.", problem, run_id)
    remedy = "See which task it waits for: a slow source, a full pool, or a task that hangs. Nothing was stopped."
    about = {"tier": tier, "deadline": str(context.get("deadline", {}).get("deadline_time", ""))}
    alerts.report("late_run", dag_id, problem, remedy=remedy, dag_id=dag_id, run_id=run_id, details=about)
