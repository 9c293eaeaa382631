"""``python -m agrocluster.orchestration.worker``: a Celery worker of Airflow, with all that tasks need imported first.

The worker forks the processes that run the tasks, which then share what was imported. For a cluster of several
machines; ``scheduler`` does the same where tasks run beside the scheduler.
"""

from __future__ import annotations

import sys
from importlib import import_module

from agrocluster.orchestration.scheduler import preload


def main() -> None:
    """Import, then become the worker; arguments are passed on."""
    from airflow.__main__ import main as airflow

    preload()
    import_module("s3fs")
    sys.argv[1:1] = ["celery", "worker"]
    airflow()


if __name__ == "__main__":
    main()
