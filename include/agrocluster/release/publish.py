"""Publishing: a finished build becomes an immutable release, then the pointer is switched.

Readers follow ``marts/latest.json``; it is replaced last, so they see the old release or the new one, whole.
What a release is called follows from its inputs, so the same inputs never make a second release.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from agrocluster import __version__
from agrocluster.errors import DataGateError
from agrocluster.model.loader import catalog, tree_fingerprint
from agrocluster.model.specs import TableContract
from agrocluster.release import changes, compatibility, describe, intact, reading, record
from agrocluster.release.documents import register as documents
from agrocluster.release.pointer import point_at
from agrocluster.release.reading import latest, manifest
from agrocluster.settings import SAMPLE_LABEL
from agrocluster.storage import atomic
from agrocluster.storage.kept import Kept
from agrocluster.storage.parquet import file_sha256, rows_sha256
from agrocluster.storage.paths import layout
from agrocluster.storage.places import Place
from agrocluster.storage.vintages import Vintage

PACKAGE = Path(__file__).resolve().parent.parent
COMPUTING = ("duckdb", "pyarrow", "numpy", "scipy")
"""Libraries whose arithmetic and random numbers shape a release."""


def data_mode(vintages: Sequence[Vintage]) -> str:
    """``sample``, ``files``, ``live`` or the real modes that were combined (``files+live``)."""
    return "+".join(sorted({v.report["mode"] for v in vintages}))


def release_id(vintages: Sequence[Vintage], kept: Kept) -> str:
    """``<date of the newest input>-<mode>-<hash of inputs, catalogue and code>``; equal for equal inputs.

    What is kept beside the vintages is an input: the scale comes from the first frozen baseline, progress is measured
    against them, and the practitioner overlay stands beside the scores.
    """
    shaping = ("catalog", "explain", "marts", "measures", "model", "quality", "release", "storage", "transform")
    folders = [PACKAGE / name for name in shaping]
    parts = [tree_fingerprint(*folders), __version__, *(version(name) for name in COMPUTING)]
    parts += [json.dumps(v.report, sort_keys=True) for v in vintages]
    parts += kept.digests
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    newest = max(file["retrieved_at"][:10] for v in vintages for file in v.report["files"])
    return f"{newest}-{data_mode(vintages)}-{digest[:10]}"


def is_published(release: str) -> bool:
    """Whether the pointer names ``release`` and its folder is there."""
    pointer = latest()
    found = pointer is not None and pointer["release"] == release
    return found and (layout().releases / release / "manifest.json").exists()


def publish(release: str, vintages: Sequence[Vintage], warnings: dict[str, list[str]], kept: Kept) -> dict[str, Any]:
    """Turn the build of ``release`` into a release and point ``latest.json`` at it. Idempotent.

    Args:
        release: the id under which all marts were built and passed their gates.
        vintages: the accepted vintages it was built from.
        warnings: mart -> ids of the warning rules that failed.
        kept: frozen baselines and practitioner overlay it was built with.

    Returns the manifest. Raises DataGateError when a mart is missing from the build, when the release is on hold after
    a rollback, or when contracts changed more than their versions say; the last release then stays as it is.
    """
    require_not_held(release)
    before, folder = latest(), layout().releases / release
    new = not (folder / "manifest.json").exists()
    if new:
        require_compatible(release)
        _assemble(release, vintages, warnings, kept, folder)
    else:
        intact.require_intact(release)
    if new or before is None or before["release"] != release:
        record.add("published", release, sums=intact.sums_sha256(release))
    found = point_at(release)
    shutil.rmtree(layout().build(release), ignore_errors=True)
    return found


def require_not_held(release: str) -> None:
    """Raises DataGateError when a rollback put ``release`` on hold."""
    if entry := record.held(record.entries()).get(release):
        why = f" ({entry['note']})" if entry["note"] else ""
        raise DataGateError(
            f"Release {release} is on hold: on {entry['at'][:10]} {entry['by']} went back to {entry['release']}{why}.",
            remedy=f"`agrocluster release resume {release}` lifts the hold; new data or code make another release.",
        )


def require_compatible(release: str) -> None:
    """Raises DataGateError when the contracts of today would break readers of the current release without saying so
    by their versions. A current release whose folder was removed has no readers."""
    pointer = latest()
    if pointer is not None and pointer["release"] != release and pointer["release"] in reading.names():
        marts = [_contract(catalog().marts[name]) for name in catalog().mart_order()]
        compatibility.require_compatible(manifest(pointer["release"]), {"version": __version__, "marts": marts})


def _assemble(
    release: str, vintages: Sequence[Vintage], warnings: dict[str, list[str]], kept: Kept, final: Path
) -> None:
    build = layout().build(release)
    names = catalog().mart_order()
    if missing := [name for name in names if not (build / f"{name}.parquet").exists()]:
        raise DataGateError(
            f"Release {release} lacks the mart(s) {', '.join(missing)}.",
            remedy="Run the marts Dag again; the last release stays as it is.",
        )
    with atomic.folder(final) as temporary:
        for name in names:
            shutil.copyfile(build / f"{name}.parquet", temporary / f"{name}.parquet")
        marts = [_mart(temporary, name, warnings.get(name, [])) for name in names]
        found = _manifest(release, vintages, kept, marts)
        for file_name, content in changes.files(found, Place.at(temporary)).items():
            (temporary / file_name).write_bytes(content)
        found["documents"] = documents.write(temporary, found)
        (temporary / "manifest.json").write_bytes(atomic.to_json(found))
        intact.write_sums(temporary, {file["path"]: file["sha256"] for file in (*marts, *found["documents"])})


def _mart(folder: Path, name: str, warnings: list[str]) -> dict[str, Any]:
    path = folder / f"{name}.parquet"
    metadata = pq.read_metadata(path)
    return {
        **_contract(catalog().marts[name]),
        "path": path.name,
        "rows": metadata.num_rows,
        "bytes": path.stat().st_size,
        "sha256": file_sha256(path),
        "rows_sha256": rows_sha256(path),
        "warnings": warnings,
    }


def _contract(contract: TableContract) -> dict[str, Any]:
    """What a manifest says about a mart before there is a row of it."""
    columns = describe.columns(contract)
    return {
        "name": contract.name,
        "schema_hash": hashlib.sha256(str([(c["name"], c["type"]) for c in columns]).encode()).hexdigest()[:16],
        "contract_version": contract.version,
        "key": list(contract.key),
        "sort": list(contract.sort),
        "title_en": contract.title.en,
        "title_ru": contract.title.ru,
        "description_en": contract.description.en,
        "description_ru": contract.description.ru,
        "licence": contract.licence,
        "redistribution": contract.redistribution,
        "columns": columns,
        "rules": describe.rules(contract),
    }


def _manifest(release: str, vintages: Sequence[Vintage], kept: Kept, marts: list[dict[str, Any]]) -> dict[str, Any]:
    mode = data_mode(vintages)
    return {
        "release": release,
        "data_mode": mode,
        "label": SAMPLE_LABEL if mode == "sample" else "",
        "version": __version__,
        "catalog": catalog().fingerprint,
        "vintages": [
            {"vintage_id": v.vintage_id, "dataset": v.dataset_id, "stamp": v.stamp, "scope": v.scope}
            | {"rows": v.report["rows"], "sha256": v.report["sha256"]}
            for v in vintages
        ],
        **kept.described(),
        "marts": marts,
    }
