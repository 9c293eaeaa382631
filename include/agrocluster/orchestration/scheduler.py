"""``python -m agrocluster.orchestration.scheduler``: Airflow's scheduler, with everything tasks need imported first.

LocalExecutor forks its workers from this process, and they fork the tasks: what is imported here is shared by all
of them, instead of being imported by each. Great Expectations alone takes seconds. For machines that run the
scheduler and the tasks together, as ``make run`` does.
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module

MODULES = (
    "great_expectations",
    "agrocluster.pipeline",
    "agrocluster.quality.suite",
    "agrocluster.marts.build",
    "airflow.dag_processing.dagbag",
    "airflow.sdk.execution_time.task_runner",
)


def preload() -> None:
    """Import all that tasks need and read the catalogue, for the processes that are forked from this one."""
    from agrocluster.marts.relations import catalog_tables
    from agrocluster.model.loader import catalog
    from agrocluster.orchestration.ingest import ingest_dags

    for name in MODULES:
        import_module(name)
    ingest_dags(catalog())
    catalog_tables(catalog())
    gc.collect()


def main() -> None:
    """Import, then become the scheduler; arguments are passed on."""
    from airflow.__main__ import main as airflow

    preload()
    sys.argv[1:1] = ["scheduler", "--skip-serve-logs"]
    airflow()


if __name__ == "__main__":
    main()
