"""What every task needs, imported once before task processes are forked (``[core] mp_forkserver_preload``).

Great Expectations alone takes seconds to import; forked processes share it. Only for machines that run the
scheduler and the tasks together, as ``make run`` does. Imported for its effects; nothing here is to be called.
"""

import gc
from importlib import import_module

from agrocluster.model.loader import catalog
from agrocluster.orchestration.ingest import ingest_dags

MODULES = (
    "great_expectations",
    "agrocluster.pipeline",
    "agrocluster.quality.suite",
    "airflow.dag_processing.dagbag",
    "airflow.executors.local_executor",
    "airflow.sdk.execution_time.task_runner",
    "airflow.sdk.execution_time.supervisor",
)

for name in MODULES:
    import_module(name)
ingest_dags(catalog())
gc.collect()
gc.freeze()
