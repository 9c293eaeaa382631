"""The tasks of all Dags: each hands JSON-able arguments to one step of :mod:`agrocluster.pipeline`.

The pipeline is imported inside the tasks, so that parsing a Dag file stays cheap.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowRescheduleException, AirflowSkipException

from agrocluster.errors import QuotaExhausted
from agrocluster.model.loader import catalog
from agrocluster.orchestration import alerts, assets, metrics
from agrocluster.orchestration.endpoints import endpoint
from agrocluster.orchestration.needs import ACCEPTED, CHECKED, KEPT, PUBLISHED, on_data
from agrocluster.settings import settings

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

Json = dict[str, Any]
log = logging.getLogger(__name__)


def _source(dataset_id: str) -> str:
    return dataset_id.partition("__")[0]


def _years(params: Any) -> tuple[int, int] | None:
    """The period asked for in the trigger form, or None for everything. One year alone means that year."""
    given = [int(params[name]) for name in ("first_year", "last_year") if params.get(name) is not None]
    return (min(given), max(given)) if given else None


TASKS_PER_SLOT = 2
"""Fetching tasks for each that may ask a publisher at the same time: as few as keep all slots busy to the end."""

CHECK = "check"
"""XCom key of what ``check_source`` found out; its return value is what follows from it."""


@on_data("landing/{landing}/*.json", "staged/{dataset}/*.json", "inventory/*")
def check_source(dataset_id: str) -> list[Json]:
    """One cheap request: has the publisher released anything that landing does not hold?

    Returns the fetch in batches of slices. None when nothing has changed: then all that follows is skipped.
    """
    from agrocluster import pipeline

    context = get_current_context()
    params = context["params"]
    with endpoint(_source(dataset_id)):
        check: Json = pipeline.check_source(dataset_id, years=_years(params), force=bool(params.get("force")))
        pieces = pipeline.plan_slices(check) if check["changed"] else []
    context["ti"].xcom_push(CHECK, check)
    log.info("%s: %s, stamp %s", dataset_id, "changed" if check["changed"] else "unchanged", check["probe"]["stamp"])
    slots = catalog().sources[_source(dataset_id)].pool_slots
    return list(pipeline.batches(pieces, TASKS_PER_SLOT * slots))


@on_data("landing/{landing}/*", "inventory/*")
def fetch(check: Json, batch: Json) -> list[Json]:
    """Stream the slices of a batch into landing; those that are there already, from an earlier try, are skipped.

    When the publisher's daily allowance is spent, the task steps aside (``up_for_reschedule``) until there is a new
    one, which is no failure and costs no try; what it has fetched by then is kept.
    """
    from agrocluster import pipeline
    from agrocluster.storage import mirror

    try:
        with endpoint(_source(check["dataset_id"])):
            done = []
            for piece in batch["slices"]:
                done.append(pipeline.fetch_slice(check, piece))
                mirror.save()
            return done
    except QuotaExhausted as spent:
        log.warning("%s Goes on by itself at %s.", spent, f"{spent.resume_at:%Y-%m-%d %H:%M} UTC")
        report_quota(check["dataset_id"], spent)
        raise AirflowRescheduleException(spent.resume_at) from spent


@on_data("landing/{landing}/.work-*", "landing/{landing}/*.json")
def seal(check: Json, fetched: list[list[Json]]) -> list[str]:
    """Make the fetched slices an immutable snapshot (several, where several vintages were found)."""
    from agrocluster import pipeline

    return list(pipeline.seal_snapshots(check, [piece for batch in fetched for piece in batch]))


@on_data("landing/{landing}/*", "staged/{dataset}/*.json")
def divide(dataset_id: str, snapshot_ids: list[str]) -> list[Json]:
    """Parts of large snapshots; each becomes a task, on whichever worker is free."""
    from agrocluster import pipeline

    return list(pipeline.divide(dataset_id, list(snapshot_ids)))


@on_data("landing/{landing}/{snapshot}/*", "staged/{dataset}/.parts-{snapshot}/*")
def stage_part(dataset_id: str, piece: Json) -> Json:
    """Raw bytes of some years to typed rows, kept on the shared storage for ``stage`` to join."""
    from agrocluster import pipeline

    done: Json = pipeline.stage_part(dataset_id, piece)
    return done


@on_data("landing/{landing}/{snapshot}/*", "staged/{dataset}/*", "quarantine/{dataset}/*")
def stage(dataset_id: str, snapshot_id: str) -> Json:
    """Raw bytes to typed, harmonised rows; what is left out is counted, what is bad is quarantined."""
    from agrocluster import pipeline

    report: Json = pipeline.stage(dataset_id, snapshot_id)
    return report


@on_data("landing/{landing}/*.json", "staged/{dataset}/*", *CHECKED)
def validate(dataset_id: str, report: Json) -> Json:
    """The quality gate of one vintage; a critical failure stops here."""
    from agrocluster import pipeline

    return {**report, "gate": pipeline.validate(dataset_id, report["vintage_id"])}


@on_data()
def mark(dataset_id: str, check: Json, reports: Any) -> Json:
    """Say that the dataset is verified current as of now: asset event, watermark, incidents closed."""
    context = get_current_context()
    asset = assets.staged(dataset_id)
    vintages = [report for report in reports or () if report]
    probe = check["probe"]
    extra: Json = {"changed": bool(vintages), "stamp": probe["stamp"], "data_mode": settings().mode}
    if check["absent"]:
        extra["absent"] = check["absent"]
    if vintages:
        newest = vintages[-1]
        extra |= {
            "vintage": newest["vintage_id"],
            "vintages": len(vintages),
            "rows": sum(v["rows"] for v in vintages),
            "years": [newest["first_year"], newest["last_year"]],
            "quarantined": newest["quarantined"],
            "warnings": sum(v["gate"]["failed"]["warning"] for v in vintages),
        }
    context["outlet_events"][asset].extra = extra
    if check["scope"] == "full":
        watermark = {"stamp": probe["stamp"], "fingerprint": probe["fingerprint"]}
        context["asset_state_store"][asset].set(f"watermark_{settings().world}", watermark)
    alerts.succeeded(context["ti"].dag_id)
    return extra


@on_data(*ACCEPTED, *KEPT, *PUBLISHED)
def plan_release() -> Json:
    """Would the accepted vintages give another release than the current one? If not, the rest is skipped."""
    from agrocluster import pipeline

    context = get_current_context()
    plan: Json = pipeline.plan_release()
    context["ti"].xcom_push("plan", plan)
    if plan["held"]:
        alerts.succeeded(context["ti"].dag_id)
        raise AirflowSkipException(f"Release {plan['release_id']} is on hold: `agrocluster release list` says why.")
    if not plan["changed"]:
        alerts.succeeded(context["ti"].dag_id)
        raise AirflowSkipException(f"Nothing has changed; release {plan['release_id']} is current.")
    return plan


@on_data("staged/*", "marts/build/{release}/*", "marts/releases/{current}/*", *PUBLISHED, *KEPT, *CHECKED)
def build_marts(names: list[str], plan: Json) -> dict[str, Json]:
    """Build and check marts one after the other; usually one per task."""
    from agrocluster import pipeline

    return {name: pipeline.build_mart(plan["release_id"], name) for name in names}


@on_data()
def complete_build(plan: Json) -> Json:
    """All marts stand and passed their gates: hand the build over for publication."""
    context = get_current_context()
    context["outlet_events"][assets.BUILD].extra = {"release_id": plan["release_id"]}
    alerts.succeeded(context["ti"].dag_id)
    return plan


@on_data("marts/*", *ACCEPTED, *KEPT, *CHECKED)
def publish(marts: list[str]) -> Json:
    """Publish the build that triggered this run (or the one named in the form) and tell the world."""
    from agrocluster import pipeline

    context = get_current_context()
    release_id = context["params"].get("release_id") or _triggering_release(context)
    summary: Json = pipeline.publish(release_id)
    _announce(context, marts, summary)
    return summary


@on_data("marts/*.json", "marts/releases/*")
def rollback(marts: list[str]) -> Json:
    """Go back to the release that the form names, and tell the world; skipped where it is current already."""
    from agrocluster import pipeline
    from agrocluster.release import reading
    from agrocluster.release import rollback as going_back

    context = get_current_context()
    params, by = context["params"], context["dag_run"].triggering_user_name or ""
    found = going_back.rollback(params["release"], note=params["note"], by=by)
    if not found["changed"]:
        raise AirflowSkipException(f"Release {found['release']} is current already; nothing was changed.")
    summary: Json = pipeline.announcement(reading.manifest(found["release"]))
    _announce(context, marts, summary)
    return {**summary, "left": found["left"]}


def _announce(context: Context, marts: list[str], summary: Json) -> None:
    """Asset events of the release that is current now and of its marts; open incidents of this Dag are closed."""
    general = {"release_id": summary["release_id"], "data_mode": summary["data_mode"]}
    events, warnings = context["outlet_events"], summary["warnings"]
    for name in marts:
        own = {"rows": summary["rows"].get(name), "warnings": warnings.get(name, [])}
        events[assets.mart(name)].extra = {**general, **own}
    events[assets.RELEASE].extra = {**general, "rows": summary["rows"], "warnings": warnings}
    alerts.succeeded(context["ti"].dag_id)
    report_release(summary, context)


def report_release(summary: Json, context: Context) -> None:
    """Tell who wants to know that there is a new release, and which rules it breaks."""
    release_id, rows, warnings = summary["release_id"], summary["rows"], summary["warnings"]
    run = {"dag_id": context["ti"].dag_id, "run_id": context["run_id"], "period": release_id}
    general = {"release_id": release_id, "data_mode": summary["data_mode"]}
    metrics.release(rows, summary["data_mode"])
    metrics.quality()
    text = f"Release {release_id} with {len(rows)} marts and {sum(rows.values()):,} rows is the current one."
    # By run: whoever goes back to a release that was told of a moment ago makes it news again.
    alerts.report("release", release_id, text, cause=run["run_id"], details={**general, "rows": rows}, **run)
    if not warnings:
        alerts.well("quality_warning", "release")
        return
    broken = ", ".join(f"{mart} ({', '.join(rules)})" for mart, rules in sorted(warnings.items()))
    alerts.report(
        "quality_warning",
        "release",
        f"Rules that only warn are broken in {len(warnings)} marts: {broken}.",
        cause=broken,
        remedy="Read the reasons on the board or with `agrocluster check --failed`; the release stands.",
        details={**general, "warnings": warnings},
        **run,
    )


def report_quota(dataset_id: str, spent: QuotaExhausted) -> None:
    """All Dags of a publisher share its allowance: people are told once, and that it is over when the last is done."""
    context, source = get_current_context(), _source(dataset_id)
    alerts.report(
        "quota",
        source,
        spent.problem,
        remedy=f"Nothing; tasks go on by themselves after {spent.resume_at:%Y-%m-%d %H:%M} UTC. {spent.remedy or ''}",
        source=source,
        dataset=dataset_id.removeprefix(f"{source}__"),
        holder=context["ti"].dag_id,
        dag_id=context["ti"].dag_id,
        run_id=context["run_id"],
        details={"resume_at": spent.resume_at.isoformat()},
    )


@on_data(*PUBLISHED, "marts/releases/{current}/*")
def write_atlas(published: Json) -> Json:
    """Show the release as pages and country briefs, beside it. It stands whatever happens here."""
    from agrocluster import shelf

    context = get_current_context()
    shown: Json = shelf.put(published["release_id"])
    context["outlet_events"][assets.ATLAS].extra = shown
    alerts.succeeded(context["ti"].dag_id)
    return shown


def _triggering_release(context: Context) -> str:
    from agrocluster import pipeline

    events = context["triggering_asset_events"]
    for event in reversed(list(events[assets.BUILD]) if assets.BUILD in events else []):
        if release_id := (event.extra or {}).get("release_id"):
            return str(release_id)
    return str(pipeline.plan_release()["release_id"])
