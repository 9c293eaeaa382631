"""How long runs may take before somebody is told. Nothing is stopped by it.

Off unless ``AGROCLUSTER_DEADLINES`` is set, as docker-compose does: with Airflow 3.3.2 a Dag that has a deadline cannot
be run by ``airflow dags test``, which breaks off after its last task; and a run on one's own machine is watched anyway.
"""

from __future__ import annotations

import os
from datetime import timedelta

from airflow.sdk import DeadlineAlert, DeadlineReference, SyncCallback  # type: ignore[attr-defined]

from agrocluster.orchestration.callbacks import report_late

SWITCH = "AGROCLUSTER_DEADLINES"
DEADLINES = {
    "ingest": timedelta(hours=3),
    "marts": timedelta(hours=2),
    "release": timedelta(minutes=30),
    "upkeep": timedelta(minutes=30),
}
"""Time from queueing to the end, by the Dag's tier. A tier that is not named has no deadline."""


def deadline(tier: str) -> DeadlineAlert | None:
    """The deadline of a Dag of this tier; None where there is none or deadlines are off."""
    if tier not in DEADLINES or os.environ.get(SWITCH, "").lower() in {"", "0", "false", "no", "off"}:
        return None
    allowed = DEADLINES[tier]
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=allowed,
        callback=SyncCallback(report_late, kwargs={"tier": tier, "allowed": str(allowed)}),
    )
