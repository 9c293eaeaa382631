"""Freezing: the rows of one baseline are copied from a release and kept for good (method 9.9).

A frozen baseline is never recomputed. The same content gives the id that exists; other content, because data, code or
scale have changed, gives the next version beside it, with a table of what is different. Nothing is measured here.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from agrocluster.baseline.revision import revision
from agrocluster.errors import DataGateError, UsageError
from agrocluster.release import publish
from agrocluster.storage import frozen
from agrocluster.storage.frozen import Frozen
from agrocluster.storage.locks import exclusive
from agrocluster.storage.parquet import file_sha256
from agrocluster.storage.paths import layout

SCORES, INDICATORS, GOALPOSTS = "mart_cluster_baseline", "mart_baseline_indicators", "mart_goalposts"
DRAWS, UNCERTAINTY = "mart_baseline_draws", "mart_baseline_uncertainty"
BY_BASELINE = (SCORES, INDICATORS, DRAWS, UNCERTAINTY)
"""Marts of which the rows of the baseline are kept."""
WHOLE = (GOALPOSTS,)
"""Marts that are kept whole: one scale serves all baselines of a release."""
_YEARS = re.compile(r"\d{4}_\d{4}")


def freeze(baseline_id: str, release: str | None = None, note: str = "") -> dict[str, Any]:
    """Keep baseline ``baseline_id`` of ``release`` (default: the current one) for good.

    Returns the manifest of the frozen baseline with ``frozen_id`` and ``new``: False where a version of the same
    content exists already, whose id is returned.

    Raises UsageError for a baseline or release that does not exist, has no scores, or is of the other world (sample or
    real) than the versions there are; DataGateError when the release or a frozen version is damaged.
    """
    manifest = _release(release)
    tables = _rows(manifest, baseline_id)
    facts = _facts(manifest, tables, baseline_id, note)
    name = facts["name"]
    with exclusive(layout().baselines / f".{name}.lock"):
        while True:
            earlier = frozen.versions(name)
            frozen.require_intact(earlier)
            _require_same_world(earlier, facts)
            for version in earlier:
                if _same(version, tables):
                    return _answer(version, new=False)
            number = earlier[-1].version + 1 if earlier else 1
            more = _against(earlier[-1], tables, facts) if earlier else ({}, {})
            now = {"frozen_at": datetime.now(UTC).isoformat(timespec="microseconds")}
            done = frozen.write(f"{name}@v{number}", tables | more[0], facts | more[1] | now)
            if done:
                return _answer(done, new=True)


def baseline_name(baseline_id: str, first_year: int, last_year: int) -> str:
    """What a baseline is called when it is frozen; one without years in its id gets those of its window."""
    return baseline_id if _YEARS.search(baseline_id) else f"{baseline_id}-{first_year}_{last_year}"


def listing() -> list[dict[str, Any]]:
    """Manifests of all frozen baselines in the order of freezing, each with ``frozen_id`` and ``intact``."""
    return [{**_answer(f), "intact": not frozen.damaged(f)} for f in frozen.known()]


def release_rows(manifest: dict[str, Any], mart: str, baseline_id: str | None = None) -> pa.Table | None:
    """Rows of ``mart`` in a release, of one baseline if it is named; None where the release has no such mart.

    DataGateError when the file is not what the release's manifest says.
    """
    entry = next((m for m in manifest["marts"] if m["name"] == mart), None)
    if entry is None:
        return None
    path = layout().releases / str(manifest["release"]) / str(entry["path"])
    if not path.exists() or file_sha256(path) != entry["sha256"]:
        raise DataGateError(
            f"{path} is not what release {manifest['release']} published.",
            remedy="Use another release, or remove its folder and run `agrocluster release`.",
        )
    wanted = None if baseline_id is None else pc.field("baseline_id") == baseline_id
    return pq.read_table(path, filters=wanted)


def _release(release: str | None) -> dict[str, Any]:
    if release is None:
        pointer = publish.latest()
        if pointer is None:
            raise UsageError("No release has been published yet.", remedy="Run `make run EXIT=1` first.")
        release = str(pointer["release"])
    return publish.manifest(release)


def _rows(manifest: dict[str, Any], baseline_id: str) -> dict[str, pa.Table]:
    found: dict[str, pa.Table] = {}
    for mart in BY_BASELINE + WHOLE:
        rows = release_rows(manifest, mart, None if mart in WHOLE else baseline_id)
        if rows is not None:
            found[mart] = rows
    if missing := [mart for mart in (SCORES, INDICATORS, GOALPOSTS) if mart not in found]:
        raise UsageError(
            f"Release {manifest['release']} has no {', '.join(missing)}.", remedy="Freeze a newer release."
        )
    if not found[SCORES].num_rows:
        all_rows = release_rows(manifest, SCORES)
        known = ", ".join(sorted(set(all_rows["baseline_id"].to_pylist()))) if all_rows else ""
        raise UsageError(
            f"Release {manifest['release']} has no baseline {baseline_id!r}.", remedy=f"Use one of: {known}."
        )
    if found[SCORES]["potential"].null_count == found[SCORES].num_rows:
        raise UsageError(
            f"Baseline {baseline_id} of release {manifest['release']} has no score at all.",
            remedy="Freeze it when its data are there; `agrocluster query` shows the reasons.",
        )
    return found


def _facts(manifest: dict[str, Any], tables: dict[str, pa.Table], baseline_id: str, note: str) -> dict[str, Any]:
    first = tables[SCORES].slice(0, 1).to_pylist()[0]
    window = [int(first["first_year"]), int(first["last_year"])]
    return {
        "name": baseline_name(baseline_id, *window),
        "baseline_id": baseline_id,
        "window": window,
        "release_id": manifest["release"],
        "data_mode": manifest["data_mode"],
        "label": manifest["label"],
        "vintages": [v["vintage_id"] for v in manifest["vintages"]],
        "code_version": manifest["version"],
        "catalog": manifest["catalog"],
        "index_version": first["index_version"],
        "goalpost_id": first["goalpost_id"],
        "panel_id": first["panel_id"],
        "note": note,
    }


def _require_same_world(earlier: list[Frozen], facts: dict[str, Any]) -> None:
    mine = "sample" if facts["data_mode"] == "sample" else "real"
    if other := next((f for f in earlier if f.world != mine), None):
        raise UsageError(
            f"{other.frozen_id} holds {other.world} data and release {facts['release_id']} {mine} data; "
            "versions of one baseline are never of both.",
            remedy=f"Freeze it in another data root (AGROCLUSTER_DATA), or remove {other.folder} first.",
        )


def _same(version: Frozen, tables: dict[str, pa.Table]) -> bool:
    """Whether a frozen version says the same. Of the scale only its values count: how they came about changes with
    the first freezing, when they become frozen ones."""
    if version.manifest["goalpost_id"] != tables[SCORES]["goalpost_id"][0].as_py():
        return False
    return all(_equal(version.table(mart), tables.get(mart)) for mart in BY_BASELINE)


def _equal(kept: pa.Table | None, given: pa.Table | None) -> bool:
    if kept is None or given is None:
        return kept is given
    return bool(kept.schema.equals(given.schema, check_metadata=False) and kept.equals(given, check_metadata=False))


def _against(last: Frozen, tables: dict[str, pa.Table], facts: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The revision table against the version before, and what the manifest says about it."""
    table = revision(last.require_table(SCORES), last.require_table(INDICATORS), tables[SCORES], tables[INDICATORS])
    same = all(last.manifest[key] == facts[key] for key in ("index_version", "goalpost_id", "panel_id"))
    return {"revision": table}, {"replaces": last.frozen_id, "same_scale": same}


def _answer(found: Frozen, **more: Any) -> dict[str, Any]:
    return {"frozen_id": found.frozen_id, "folder": str(Path(found.folder)), **found.manifest, **more}
