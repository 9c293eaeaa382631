"""The steps from a public service to a release, each idempotent, with JSON-able arguments and results.

Airflow tasks, the command line and the tests call these same functions. Nothing is handed over but ids: the
state lies in the data root, so a step can run on any machine that sees it, be killed and be run again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from agrocluster import staging
from agrocluster.errors import AgroclusterError, DataGateError, SourceContractError, SourceUnavailable, UsageError
from agrocluster.http import Client, connect
from agrocluster.importing import files_adapter
from agrocluster.marts.build import build
from agrocluster.marts.relations import catalog_tables
from agrocluster.model.fetching import Probe, RawFile, Slice, Years
from agrocluster.model.loader import catalog
from agrocluster.quality import gate, report, results
from agrocluster.quality.row_rules import quarantine_results
from agrocluster.release import pointer, record
from agrocluster.release import publish as releasing
from agrocluster.settings import settings
from agrocluster.sources import registry
from agrocluster.sources.base import Adapter
from agrocluster.sources.structure import structure
from agrocluster.storage import frozen, health, landing, overlays, vintages
from agrocluster.storage.kept import Kept
from agrocluster.storage.locks import exclusive
from agrocluster.storage.paths import layout

log = logging.getLogger(__name__)


def check_source(dataset_id: str, *, years: tuple[int, int] | None = None, force: bool = False) -> dict[str, Any]:
    """Ask the publisher, cheaply, whether a dataset changed since it was last fetched.

    Args:
        dataset_id: a dataset of the catalogue.
        years: inclusive range to fetch instead of the catalogue's; makes the vintage a partial one.
        force: fetch even if nothing changed.

    Returns ``dataset_id, changed, fetch, snapshots, absent, scope, years, probe``. ``snapshots`` are those in
    landing that must be staged (again): because a run was interrupted, or because code or catalogue changed.
    ``absent`` says why there is nothing to fetch (no file in the folder, no key); it is empty otherwise.

    Raises UsageError for ``years`` of a dataset that is published as one archive.
    """
    spec = catalog().dataset(dataset_id)
    if years and not spec.by_period:
        raise UsageError(
            "This dataset is published as one archive; years cannot be chosen.",
            source=spec.source,
            dataset=spec.dataset,
            remedy="Run it without years; facts hold every year the archive has.",
        )
    asked = Years(*(years or (spec.first_year, spec.last_year or datetime.now(UTC).year)))
    with _naming(dataset_id, f"{asked.first}-{asked.last}"), _asking(dataset_id, "check") as (client, _):
        probe = _adapter(dataset_id).probe(spec, client, asked)
    known = landing.known_fingerprints(dataset_id)
    landed = sorted({snapshot_id for ids in known.values() for snapshot_id in ids})
    stale = [s for s in landed if not staging.is_current(staging.vintage_of(dataset_id, s))]
    absent = str(probe.details.get("absent") or "")
    fetch = not absent and (force or probe.fingerprint not in _answered(dataset_id, whole=not years))
    return {
        "dataset_id": dataset_id,
        "absent": absent,
        "changed": fetch or bool(stale),
        "fetch": fetch,
        "snapshots": stale,
        "scope": "partial" if years else "full",
        "years": [asked.first, asked.last],
        "probe": probe.as_dict(),
    }


def plan_slices(check: dict[str, Any]) -> list[Slice]:
    """The independent pieces of the fetch that ``check_source`` found necessary.

    What landing holds already and only needs staging comes as one piece that names the snapshots, so that
    nothing is downloaded twice.
    """
    pieces: list[Slice] = [{"id": "from-landing", "snapshots": check["snapshots"]}] if check["snapshots"] else []
    if not check["fetch"]:
        return pieces
    dataset_id = check["dataset_id"]
    with _naming(dataset_id, check["probe"]["stamp"]), _asking(dataset_id, "check") as (client, _):
        return pieces + _adapter(dataset_id).slices(catalog().dataset(dataset_id), Probe(**check["probe"]), client)


def batches(pieces: list[Slice], most: int) -> list[dict[str, Any]]:
    """Slices in up to ``most`` runs of about the same length, in order; each becomes one task.

    Starting a task costs more than fetching a small slice. Each has ``id`` and ``slices``.
    """
    number = min(most, len(pieces))
    bounds = [n * len(pieces) // number for n in range(number + 1)] if number else []
    runs = [pieces[first:end] for first, end in pairwise(bounds)]
    return [{"id": " .. ".join(dict.fromkeys((run[0]["id"], run[-1]["id"]))), "slices": run} for run in runs]


def fetch_slice(check: dict[str, Any], piece: Slice) -> dict[str, Any]:
    """Fetch one slice into landing, unless it is there already. Returns the slice with files and bytes."""
    if "snapshots" in piece:
        return {**piece, "files": 0, "bytes": 0}
    dataset_id, probe = check["dataset_id"], Probe(**check["probe"])
    work = landing.work_folder(dataset_id, probe)
    work.mkdir(parents=True, exist_ok=True)
    with _naming(dataset_id, probe.stamp), exclusive(work / f"{landing.slug(piece['id'])}.lock"):
        if landing.has_slice(work, piece["id"]):
            return _kept(work, piece)
        key = "-".join((landing.slug(probe.stamp), work.name.removeprefix(landing.WORK)[:8]))
        with _asking(dataset_id, "fetch", key) as (client, seen):
            files = _adapter(dataset_id).fetch(catalog().dataset(dataset_id), probe, piece, client, work)
            seen.extend((work / file.name, file) for file in files)
        landing.keep_slice(work, piece["id"], files)
        return _kept(work, piece)


def seal_snapshots(check: dict[str, Any], pieces: list[Slice]) -> list[str]:
    """Turn the fetched slices into snapshots, one per release of the publisher; returns their ids.

    Idempotent: once the work folder is gone, the snapshots that were made of it are found by their fingerprint.
    """
    dataset_id, probe = check["dataset_id"], Probe(**check["probe"])
    landed = [snapshot_id for piece in pieces for snapshot_id in piece.get("snapshots", ())]
    if not landing.work_folder(dataset_id, probe).exists():
        sealed = _answered(dataset_id, whole=check["scope"] == "full").get(probe.fingerprint, [])
        return list(dict.fromkeys(landed + sealed))
    groups: dict[str, list[Slice]] = {}
    for piece in pieces:
        if "snapshots" not in piece:
            groups.setdefault(piece.get("vintage", ""), []).append(piece)
    sealed = [
        landing.seal(
            dataset_id,
            probe,
            [piece["id"] for piece in group],
            scope=group[0].get("scope", check["scope"]),
            stamp=group[0].get("stamp"),
            rank=group[0].get("rank", ""),
        ).snapshot_id
        for _, group in sorted(groups.items())
    ]
    landing.discard_work(dataset_id, probe)
    return list(dict.fromkeys(landed + sealed))


def divide(dataset_id: str, snapshot_ids: list[str]) -> list[dict[str, str]]:
    """Parts that several workers can stage before ``stage`` joins them: ``snapshot_id`` and ``part`` of each.

    None where a snapshot is small, or staged already.
    """
    return [
        {"snapshot_id": snapshot_id, "part": part}
        for snapshot_id in snapshot_ids
        if not staging.is_staged(dataset_id, snapshot_id)
        for part in staging.divide(dataset_id, snapshot_id)
    ]


def stage_part(dataset_id: str, piece: dict[str, str]) -> dict[str, Any]:
    """Stage one part of ``divide``; returns it with what was left out and rejected."""
    snapshot_id, part = piece["snapshot_id"], piece["part"]
    lock = layout().staged(dataset_id) / f"{snapshot_id}.{part}.lock"
    with _naming(dataset_id, snapshot_id), exclusive(lock), _suspecting(dataset_id, snapshot_id):
        account = staging.stage_part(dataset_id, snapshot_id, part)
    return {**piece, "excluded": account["excluded"], "quarantined": account["quarantined"]}


def stage(dataset_id: str, snapshot_id: str) -> dict[str, Any]:
    """Stage a snapshot; returns the report (see ``staging.stage``) without its file list."""
    lock = layout().staged(dataset_id) / f"{snapshot_id}.lock"
    with _naming(dataset_id, snapshot_id), exclusive(lock), _suspecting(dataset_id, snapshot_id):
        staged = staging.stage(dataset_id, snapshot_id)
    kept = ("vintage_id", "rows", "first_year", "last_year", "countries", "excluded", "quarantined")
    return {key: staged[key] for key in kept}


def validate(dataset_id: str, vintage_id: str) -> dict[str, Any]:
    """Check a staged vintage against its contract and accept it.

    Raises DataGateError on a critical failure. A file of a folder that fails is not accepted and is reported, but
    does not stop the others.
    """
    spec = catalog().dataset(dataset_id)
    staged = vintages.known(vintage_id)
    summary = gate.check(
        staged.path / "data.parquet",
        catalog().tables[spec.kind],
        subject=dataset_id,
        subject_id=vintage_id,
        layer="staged",
        extra_rules=spec.rules,
        relations=catalog_tables(catalog()),
        previous=_predecessor(staged),
        found=_rejected(staged.report),
    )
    vintages.accept(vintage_id, summary.as_dict())
    if summary.passed:
        landing.clear(dataset_id, staged.report["snapshot_id"])
        return summary.as_dict()
    landing.suspect(dataset_id, staged.report["snapshot_id"], "critical rules are broken")
    results.merge(layout().quality)
    if staged.report["mode"] == "files":
        log.warning("%s is not used: it breaks %s", vintage_id, summary.as_dict()["failures"])
    else:
        summary.raise_if_critical()
    return summary.as_dict()


def ingest(dataset_id: str, *, years: tuple[int, int] | None = None, force: bool = False) -> dict[str, Any]:
    """All steps of one dataset in this process; returns ``changed`` and the staging reports."""
    check = check_source(dataset_id, years=years, force=force)
    if not check["changed"]:
        return {"dataset_id": dataset_id, "changed": False, "absent": check["absent"], "vintages": []}
    pieces = plan_slices(check)
    for piece in pieces:
        fetch_slice(check, piece)
    reports = [stage(dataset_id, snapshot_id) for snapshot_id in seal_snapshots(check, pieces)]
    for staged in reports:
        validate(dataset_id, staged["vintage_id"])
    return {"dataset_id": dataset_id, "changed": True, "absent": "", "vintages": reports}


def plan_release() -> dict[str, Any]:
    """Which release today's accepted vintages and what is kept beside them make, and whether it is to be published.

    Returns ``release_id, changed, held, data_mode``; ``held``: a rollback put it on hold, so it is not published.
    Raises DataGateError when no dataset has an accepted vintage, when a frozen baseline has changed, or when contracts
    changed more than their versions say.
    """
    release, inputs, _ = _today()
    held = release in record.held(record.entries())
    changed = not held and not releasing.is_published(release)
    if changed:
        releasing.require_compatible(release)
    return {"release_id": release, "changed": changed, "held": held, "data_mode": releasing.data_mode(inputs)}


def build_mart(release_id: str, mart: str) -> dict[str, Any]:
    """Build one mart of a release and check it against its contract. Raises DataGateError on a critical failure."""
    folder = layout().build(release_id)
    inputs, kept = _same_inputs(release_id)
    contract = catalog().marts[mart]
    mode = releasing.data_mode(inputs)
    metadata = {"release": release_id, "dataset": mart, "data_mode": mode}
    metadata["label"] = releasing.SAMPLE_LABEL if mode == "sample" else ""
    metadata["sources"] = ",".join(sorted({v.dataset_id for v in inputs}))
    with _naming(mart, release_id):
        written = build(mart, folder, inputs, metadata, kept)
    marts = {name: folder / f"{name}.parquet" for name in contract.inputs if name in catalog().marts}
    summary = gate.check(
        folder / f"{mart}.parquet",
        contract,
        subject=mart,
        subject_id=release_id,
        layer="mart",
        relations={**catalog_tables(catalog()), **marts},
        previous=_previous(mart, mode),
    )
    if not summary.passed:
        results.merge(layout().quality)
    summary.raise_if_critical()
    warnings = report.broken(mart, release_id, "warning")
    return {"mart": mart, "rows": written.rows, "bytes": written.bytes, "warnings": warnings}


def publish(release_id: str) -> dict[str, Any]:
    """Publish a release whose marts are all built and checked; returns release id, mode and rows per mart."""
    inputs, kept = _same_inputs(release_id)
    warnings = {mart: report.broken(mart, release_id, "warning") for mart in catalog().mart_order()}
    if critical := [mart for mart in warnings if report.broken(mart, release_id, "critical")]:
        raise DataGateError(
            f"Release {release_id} is held back: {', '.join(critical)} failed a critical rule.",
            remedy="See `agrocluster check`; the last release stays as it is.",
        )
    with pointer.lock():
        manifest = releasing.publish(release_id, inputs, warnings, kept)
    results.merge(layout().quality)
    return announcement(manifest)


def announcement(manifest: dict[str, Any]) -> dict[str, Any]:
    """What is told of a release that has become the current one: id, mode, rows and warnings per mart."""
    return {
        "release_id": manifest["release"],
        "data_mode": manifest["data_mode"],
        "rows": {mart["name"]: mart["rows"] for mart in manifest["marts"]},
        "warnings": {mart["name"]: mart["warnings"] for mart in manifest["marts"] if mart["warnings"]},
    }


def refresh() -> dict[str, Any]:
    """The whole run without Airflow: every dataset, every mart, the release. One failing source stops it.

    Returns ``release_id, changed`` and, if something was published, what ``publish`` returns.
    """
    for dataset_id in sorted(catalog().datasets):
        log.info("%s: %s", dataset_id, "changed" if ingest(dataset_id)["changed"] else "unchanged")
    return release()


def release() -> dict[str, Any]:
    """Build and publish what the accepted vintages make new. Returns the plan and, if something was published, what
    ``publish`` returns. A release that lies there already, left by a rollback, is not built again."""
    plan = plan_release()
    if not plan["changed"]:
        return plan
    if not (layout().releases / plan["release_id"] / "manifest.json").exists():
        for mart in catalog().mart_order():
            log.info("%s: %s rows", mart, build_mart(plan["release_id"], mart)["rows"])
    return {**plan, **publish(plan["release_id"])}


def _answered(dataset_id: str, *, whole: bool) -> dict[str, list[str]]:
    """Fingerprints that landing has an answer to. A period fetched on request is none to the question for everything,
    even if there is nothing else; the files of a folder, each a selection, together are."""
    return landing.known_fingerprints(dataset_id, whole=whole and settings().mode != "files")


@contextmanager
def _naming(subject: str, period: str) -> Iterator[None]:
    """Completes errors from below with source, dataset and period, as far as they do not say it themselves."""
    source, _, dataset = subject.partition("__")
    try:
        yield
    except AgroclusterError as error:
        error.source = error.source or (source if dataset else None)
        error.dataset = error.dataset or dataset or subject
        error.period = error.period or period
        raise


@contextmanager
def _suspecting(dataset_id: str, snapshot_id: str) -> Iterator[None]:
    """Notes that a snapshot could not be staged, so that the next check fetches again."""
    try:
        yield
    except (SourceContractError, SourceUnavailable) as error:
        landing.suspect(dataset_id, snapshot_id, str(error))
        raise


def _kept(work: Path, piece: Slice) -> dict[str, Any]:
    files = landing.slice_files(work, piece["id"])
    return {**piece, "files": len(files), "bytes": sum(file.size for file in files)}


def _rejected(staged: dict[str, Any]) -> list[results.Result]:
    most = float(catalog().parameters["quarantine_max_share"].value)
    return quarantine_results(staged["rows"], staged["quarantined"], most)


def _predecessor(staged: vintages.Vintage) -> Path | None:
    """The table that a full vintage replaces; a selection replaces nothing and has none."""
    earlier = [v for v in vintages.accepted([staged.dataset_id]) if v.scope == "full" and v.order < staged.order]
    return earlier[-1].path / "data.parquet" if earlier and staged.scope == "full" else None


@contextmanager
def _asking(
    dataset_id: str, kind: Literal["check", "fetch"], key: str = ""
) -> Iterator[tuple[Client, list[tuple[Path, RawFile]]]]:
    """A client of a dataset's publisher, and a list for the files it brings; notes how the answers came."""
    spec = catalog().dataset(dataset_id)
    files: list[tuple[Path, RawFile]] = []
    failures = 1
    with connect(spec.source, dataset=spec.dataset) as client:
        try:
            yield client, files
            failures = 0
        finally:
            tally, made = client.tally, [structure(path, file) for path, file in files]
            counts: dict[str, float] = {
                "answers": tally.answers,
                "retries": tally.retries,
                "failures": failures,
                "files": len(files),
            }
            counts |= {"seconds": tally.seconds, "slowest": tally.slowest, "bytes": sum(f.size for _, f in files)}
            if any(counts.values()):
                health.note(dataset_id, kind, key, made, **counts)


def _adapter(dataset_id: str) -> Adapter:
    if settings().mode == "files":
        return files_adapter.ADAPTER
    return registry.adapter(catalog().dataset(dataset_id).adapter)


def _inputs() -> list[vintages.Vintage]:
    return vintages.accepted(catalog().datasets)


def _today() -> tuple[str, list[vintages.Vintage], Kept]:
    """Id of the release that today's inputs make, and these: every frozen byte is looked at."""
    inputs = _inputs()
    if not inputs:
        raise DataGateError(
            "No dataset has data that passed its gate.",
            remedy="Look at the failed ingest Dags, or import files with `agrocluster import <folder>`.",
        )
    found = frozen.known(settings().world)
    frozen.require_intact(found)
    kept = Kept(found, overlays.latest())
    return releasing.release_id(inputs, kept), inputs, kept


def _same_inputs(release_id: str) -> tuple[list[vintages.Vintage], Kept]:
    """The inputs of a release that is being built; UsageError where others are there by now."""
    now, inputs, kept = _today()
    if now != release_id and not releasing.is_published(release_id):
        raise UsageError(
            f"Data, baselines, overlay or code changed while {release_id} was being built; they now make {now}.",
            remedy="Nothing is wrong: run `agrocluster release` again, or wait for the next run of the marts Dag.",
        )
    return inputs, kept


def _previous(mart: str, mode: str) -> Any:
    current = releasing.latest()
    if current is None or current["data_mode"] != mode:
        return None
    path = layout().releases / current["release"] / f"{mart}.parquet"
    return path if path.exists() else None
