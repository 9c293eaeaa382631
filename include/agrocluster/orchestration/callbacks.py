"""What happens when a task has failed for good: one place, used by every task of every Dag."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from agrocluster import incidents
from agrocluster.orchestration.needs import on_data

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

log = logging.getLogger(__name__)


def report_failure(context: Context) -> None:
    """Log the error as people should read it and record it as an incident.

    Airflow calls it in the task's process after the last try (or, for a killed task, in the Dag processor,
    without an exception). It never raises: a full disk must not hide the original error.
    """
    task = context["ti"]
    error = context.get("exception")
    log.error("%s.%s failed for good. %s", task.dag_id, task.task_id, error)
    dataset_id = task.dag_id.removeprefix("ingest_") if task.dag_id.startswith("ingest_") else ""
    source, _, dataset = dataset_id.partition("__")
    where = {"source": source, "dataset": dataset} if dataset_id else {}
    try:
        path = on_data()(incidents.record)(
            error,
            dag_id=task.dag_id,
            run_id=context["run_id"],
            task_id=task.task_id,
            map_index=task.map_index,
            try_number=task.try_number,
            **where,
        )
    except Exception:
        log.exception("The incident could not be recorded.")
    else:
        log.error("Recorded as %s", path.name)
