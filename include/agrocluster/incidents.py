"""Incidents: what failed, where, why and what to do, as small JSON files that people and programs can read.

One file per failed task under ``<data>/quality/incidents``. An incident stays open until the same Dag
succeeds again; closed ones are kept for the record and removed by the upkeep Dag. Imports no Airflow.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agrocluster.errors import AgroclusterError, StorageError
from agrocluster.http.redaction import redact
from agrocluster.storage import atomic
from agrocluster.storage.paths import layout


def folder() -> Path:
    """Where incidents lie."""
    return layout().quality / "incidents"


def describe(error: BaseException | str | None) -> dict[str, Any]:
    """Kind, problem, source, dataset, period and remedy of an error; unknown errors are named as such."""
    if isinstance(error, AgroclusterError):
        return {
            "kind": type(error).__name__,
            "problem": redact(error.problem),
            "source": error.source,
            "dataset": error.dataset,
            "period": error.period,
            "remedy": redact(error.remedy) if error.remedy else None,
        }
    if isinstance(error, BaseException):
        text = redact(f"{type(error).__name__}: {error}"[:2000])
        return {"kind": type(error).__name__, "problem": text, "remedy": "Read the task's log; this was not foreseen."}
    return {
        "kind": "Killed",
        "problem": redact(str(error)) if error else "The task ended without an answer (killed, or out of memory).",
        "remedy": "Check free memory and the scheduler's log, then run again; finished work is kept.",
    }


def record(error: BaseException | str | None, *, dag_id: str, run_id: str, task_id: str, **more: Any) -> Path:
    """Write an incident and return its file. ``more`` fills what the error itself does not know."""
    at = datetime.now(UTC)
    known = {key: value for key, value in describe(error).items() if value}
    entry = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, **more, **known}
    entry |= {"at": at.isoformat(timespec="seconds"), "resolved_at": None}
    path = folder() / f"{at:%Y%m%dT%H%M%S%f}-{dag_id}-{task_id}.json"
    atomic.write_json(path, entry)
    return path


def load() -> list[dict[str, Any]]:
    """All incidents, newest first. A damaged file is reported as an incident of its own."""
    found = []
    for path in sorted(folder().glob("2*.json"), reverse=True):
        try:
            found.append({**atomic.read_json(path), "file": path.name})
        except StorageError as error:
            found.append({"dag_id": "", "task_id": "", "at": "", "file": path.name, **describe(error)})
    return found


def resolve(dag_id: str) -> int:
    """Close the open incidents of a Dag that has succeeded; returns how many."""
    closed = 0
    for entry in load():
        if entry["dag_id"] == dag_id and not entry.get("resolved_at"):
            path = folder() / entry.pop("file")
            atomic.write_json(path, {**entry, "resolved_at": datetime.now(UTC).isoformat(timespec="seconds")})
            closed += 1
    return closed


def prune(older_than: timedelta) -> int:
    """Remove closed incidents of more than ``older_than`` ago; returns how many."""
    limit = datetime.now(UTC) - older_than
    removed = 0
    for entry in load():
        if (done := entry.get("resolved_at")) and datetime.fromisoformat(done) < limit:
            (folder() / entry["file"]).unlink(missing_ok=True)
            removed += 1
    return removed
