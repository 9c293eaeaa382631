"""``python -m support.observed``: does what a task does for those who watch it, with the caller's settings.

It logs, sends our metrics, and hands the inlets and outlets of the real Dags to OpenLineage, as far as that is switched
on. A process of its own, because Airflow reads these settings once.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

import airflow.settings
from airflow.providers.openlineage.plugins.openlineage import OpenLineageProviderPlugin
from airflow.sdk.configuration import conf
from airflow.sdk.observability import stats
from airflow.sdk.observability.metrics import stats_utils

from agrocluster.board.freshness import Freshness
from agrocluster.model.loader import catalog
from agrocluster.orchestration import metrics
from agrocluster.orchestration.ingest import ingest_dag
from agrocluster.orchestration.marts import marts_dag, release_dag

log = logging.getLogger("agrocluster.observed")


def main() -> None:
    airflow.settings.initialize()
    stats.initialize(
        factory=stats_utils.get_stats_factory(), export_legacy_names=conf.getboolean("metrics", "legacy_names_on")
    )
    log.warning("something happened")
    metrics.release({"mart_x": 1234}, "sample")
    metrics.freshness([Freshness("faostat__qcl", "t", "faostat", "2026", None, None, 30, 456, False)])
    metrics.quality()
    if OpenLineageProviderPlugin.listeners:
        lineage()
    loaded = any(name.startswith("openlineage") for name in sys.modules)
    print(json.dumps({"listeners": len(OpenLineageProviderPlugin.listeners), "loaded": loaded}))


def lineage() -> None:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.providers.openlineage.extractors.manager import ExtractorManager

    declared = catalog()
    spec = declared.dataset("faostat__qcl")
    dags = [ingest_dag(spec, declared.sources[spec.source]), marts_dag(declared), release_dag(declared)]
    adapter = OpenLineageProviderPlugin.listeners[0].adapter
    for task in (task for dag in dags for task in dag.tasks if task.outlets):
        found = OperatorLineage()
        ExtractorManager().extract_inlets_and_outlets(found, task)
        now = datetime.now(UTC).isoformat()
        name = f"{task.dag_id}.{task.task_id}"
        adapter.start_task("01a219fc-019c-74e5-a76a-59b63ff21ba5", name, now, None, None, None, None, None, found)


if __name__ == "__main__":
    main()
