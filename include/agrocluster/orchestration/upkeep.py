"""The daily upkeep Dag: freshness of every dataset, and disk space."""

from __future__ import annotations

import logging
import shutil
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param, get_current_context, task

from agrocluster import incidents
from agrocluster.board.freshness import Freshness
from agrocluster.model.loader import Catalog, catalog
from agrocluster.notify.ledger import Ledger
from agrocluster.orchestration import alerts, assets, docs, metrics, policy
from agrocluster.orchestration.needs import ACCEPTED, CHECKED, KEPT, PUBLISHED, on_data
from agrocluster.release import limits
from agrocluster.storage import atomic
from agrocluster.storage.paths import layout

log = logging.getLogger(__name__)
FRESHNESS = assets.asset("upkeep/freshness")


def upkeep_dag(declared: Catalog) -> DAG:
    """The Dag; ``declared`` gives the choices of its form."""
    known = sorted(declared.datasets)
    with DAG(
        "upkeep",
        dag_display_name="upkeep",
        description="Freshness of every dataset, retention of builds, releases and incidents",
        schedule=policy.schedule("30 6 * * *"),
        doc_md=docs.upkeep(),
        tags={"tier:upkeep"},
        params={
            "datasets": Param(
                known,
                type="array",
                items={"type": "string", "enum": known},
                title="Datasets",
                description="Whose freshness to look at.",
            ),
            "keep_builds": Param(3, type="integer", minimum=1, maximum=100, title="Builds to keep"),
            "keep_releases": Param(
                limits.KEEP,
                type="integer",
                minimum=1,
                maximum=1000,
                title="Releases to keep",
                description="The newest of each data mode. The current one, the one before it, those on hold, pinned "
                "or frozen from stay in any case.",
            ),
            "keep_release_days": Param(
                limits.DAYS,
                type="integer",
                minimum=0,
                maximum=3650,
                title="Days to keep a release that was current",
                description="So that whoever still reads it can finish.",
            ),
            "keep_incident_days": Param(90, type="integer", minimum=1, maximum=3650, title="Days to keep incidents"),
        },
        **policy.dag_args("upkeep"),
    ) as dag:
        looked: Any = task(multiple_outputs=False, task_id="check_freshness", outlets=[FRESHNESS])(check_freshness)()
        looked >> task(multiple_outputs=False, task_id="retention")(retention)()
    return dag


@on_data("landing/*.json", *ACCEPTED, *CHECKED)
def check_freshness() -> dict[str, Any]:
    """Warn about datasets that are older than their publisher's cadence and lag allow."""
    from agrocluster.board.freshness import freshness

    context = get_current_context()
    wanted = set(context["params"]["datasets"])
    found = freshness(spec for spec in catalog().datasets.values() if spec.id in wanted)
    for entry in found:
        if entry.status == "late":
            _report_late(entry)
        else:
            alerts.well("late_dataset", entry.dataset_id)
        if entry.status == "missing" and not entry.optional:
            log.warning("%s was never fetched. Trigger ingest_%s.", entry.dataset_id, entry.dataset_id)
    summary: dict[str, Any] = {
        status: [entry.dataset_id for entry in found if entry.status == status]
        for status in ("current", "late", "missing")
    }
    context["outlet_events"][FRESHNESS].extra = summary
    metrics.freshness(found)
    metrics.quality()
    alerts.repeat()
    return summary


def _report_late(entry: Freshness) -> None:
    problem = f"{entry.dataset_id} is {entry.age_days} days old, {entry.allowed_days} are usual."
    remedy = "See whether the publisher released something."
    log.warning("%s %s", problem, remedy)
    alerts.report(
        "late_dataset",
        entry.dataset_id,
        problem,
        remedy=f"{remedy} If so, look at the last run of ingest_{entry.dataset_id}.",
        source=entry.source,
        dataset=entry.dataset_id.removeprefix(f"{entry.source}__"),
        period=entry.stamp or "",
        details={"age_days": entry.age_days, "allowed_days": entry.allowed_days},
    )


@on_data(*PUBLISHED, "marts/build/*", "marts/atlas/*", *KEPT)
def retention() -> dict[str, int]:
    """Remove old unpublished builds, old releases with their pages, and closed incidents. Landing and staged vintages
    stay: they are what everything can be made of again, and facts as of a date need them."""
    from agrocluster import shelf
    from agrocluster.release import retention as releases

    context = get_current_context()
    params = context["params"]
    builds = prune_builds(int(params["keep_builds"]))
    closed = incidents.prune(timedelta(days=int(params["keep_incident_days"])))
    told = Ledger().prune(timedelta(days=int(params["keep_incident_days"])))
    removed = releases.prune(int(params["keep_releases"]), int(params["keep_release_days"]))
    shelf.prune()
    log.info("Removed %s builds, %s closed incidents, %s closed alerts.", builds, closed, told)
    log.info("Removed the releases %s.", ", ".join(removed) or "(none)")
    swept = atomic.sweep(layout().root, older_than_s=timedelta(days=1).total_seconds())
    alerts.succeeded(context["ti"].dag_id)
    return {"builds": builds, "releases": len(removed), "incidents": closed, "alerts": told, "leftovers": swept}


def prune_builds(keep: int) -> int:
    """Remove all but the ``keep`` newest folders of ``marts/build``; returns how many. Releases stay."""
    home = layout().marts / "build"
    folders = sorted((p for p in home.glob("*") if p.is_dir()), key=lambda p: p.stat().st_mtime, reverse=True)
    for folder in folders[keep:]:
        shutil.rmtree(folder)
    return len(folders[keep:])
