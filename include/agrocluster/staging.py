"""Staging: raw files of a snapshot become one typed long table, a vintage.

Readers translate; this module adds provenance and the correction ledger, keeps what was rejected and writes a report
that accounts for every row. It does not judge the table: that is the gate's job. A large archive can be staged in
parts by workers that share nothing but storage; the vintage is the same to the byte.
"""

from __future__ import annotations

import hashlib
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from agrocluster import staged_rows
from agrocluster.model.loader import catalog, tree_fingerprint
from agrocluster.model.specs import TableKind
from agrocluster.settings import settings
from agrocluster.sources.registry import parts
from agrocluster.storage import atomic, landing, vintages
from agrocluster.storage.parquet import file_sha256
from agrocluster.storage.paths import layout
from agrocluster.transform.corrections import apply_corrections

PACKAGE = Path(__file__).resolve().parent


@cache
def staging_fingerprint() -> str:
    """Changes whenever code or catalogue that shapes staged rows changes, so that vintages are rebuilt."""
    folders = [PACKAGE / name for name in ("sources", "transform", "importing", "model", "storage", "quality")]
    folders += [catalog().root / name for name in ("mappings", "corrections", "indicators", "tables", "datasets")]
    digest = hashlib.sha256(tree_fingerprint(*folders).encode())
    for path in (catalog().root / "countries.csv", catalog().root / "columns.yaml", *PACKAGE.glob("stag*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def vintage_of(dataset_id: str, snapshot_id: str) -> str:
    """The id under which a snapshot is staged."""
    return f"{dataset_id}@{snapshot_id}"


def is_current(vintage_id: str) -> bool:
    """Whether a vintage was staged by today's code and catalogue and passed its gate."""
    gate = vintages.gate(vintage_id)
    return bool(_current(vintage_id) and gate and gate["passed"])


def is_staged(dataset_id: str, snapshot_id: str) -> bool:
    """Whether a snapshot was staged completely by today's code and catalogue."""
    return _current(vintage_of(dataset_id, snapshot_id)) is not None


def divide(dataset_id: str, snapshot_id: str) -> list[str]:
    """Parts of a snapshot that several workers can stage at the same time; empty where it is staged as a whole."""
    snapshot, spec = landing.load(dataset_id, snapshot_id), catalog().dataset(dataset_id)
    landing.verify(snapshot)
    if len(snapshot.files) != 1:
        return []
    (file,) = snapshot.files
    found = parts(file.format)(snapshot.file(file), spec)
    return found if len(found) > 1 else []


def stage_part(dataset_id: str, snapshot_id: str, part: str) -> dict[str, Any]:
    """Stage one part of ``divide`` into a folder of its own, which ``stage`` joins; returns its account. Idempotent."""
    final = layout().staged_parts(dataset_id, snapshot_id) / part
    if (known := _account(final)) is not None:
        return known
    shutil.rmtree(final, ignore_errors=True)
    final.parent.mkdir(parents=True, exist_ok=True)
    with atomic.folder(final) as folder:
        snapshot = landing.load(dataset_id, snapshot_id)
        account = staged_rows.convert(snapshot, vintage_of(dataset_id, snapshot_id), folder, part)
        account["code"] = staging_fingerprint()
        atomic.write_json(folder / "account.json", account)
    return account


def stage(dataset_id: str, snapshot_id: str) -> dict[str, Any]:
    """Stage one snapshot and return its report. Parts that ``stage_part`` has finished are joined, not read again.

    The report holds ``vintage_id, dataset_id, kind, stamp, scope, world, mode, rows, first_year, last_year,
    countries, excluded {reason: rows}, quarantined {rule: rows}, corrections, files, sha256, code``.

    Raises SourceContractError when the files are not what their publisher's contract says.
    """
    spec = catalog().dataset(dataset_id)
    contract = catalog().tables[spec.kind]
    vintage_id = vintage_of(dataset_id, snapshot_id)
    if known := _current(vintage_id):
        return known
    pieces = divide(dataset_id, snapshot_id)
    snapshot = landing.load(dataset_id, snapshot_id)
    in_parts = layout().staged_parts(dataset_id, snapshot_id)
    folder = atomic.new_folder(layout().staged(dataset_id))
    try:
        if pieces:
            accounts = [stage_part(dataset_id, snapshot_id, piece) for piece in pieces]
            account = staged_rows.join(snapshot, vintage_id, [in_parts / piece for piece in pieces], accounts, folder)
        else:
            account = staged_rows.convert(snapshot, vintage_id, folder)
        clean = folder / staged_rows.DATA
        corrections = apply_corrections(clean, [c for c in catalog().corrections if c.dataset == dataset_id], contract)
        report = {
            "vintage_id": vintage_id,
            "dataset_id": dataset_id,
            "snapshot_id": snapshot_id,
            "kind": str(spec.kind),
            "stamp": snapshot.stamp,
            "scope": snapshot.scope,
            "mode": snapshot.mode,
            "world": settings().world,
            **account,
            "corrections": corrections,
            "files": [
                {"name": f.name, "format": f.format, "url": f.url, "sha256": f.sha256, "size": f.size}
                | {"retrieved_at": f.retrieved_at, "last_modified": f.headers.get("Last-Modified", "")}
                for f in snapshot.files
            ],
            "sha256": file_sha256(clean),
            "code": staging_fingerprint(),
            **_extent(clean, spec.kind),
        }
        vintages.withdraw(vintage_id)
        _keep(folder / staged_rows.REJECTED, layout().quarantine(vintage_id))
        _keep(clean, layout().vintage(vintage_id) / "data.parquet")
        vintages.record(vintage_id, report)
        shutil.rmtree(in_parts, ignore_errors=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return report


def _current(vintage_id: str) -> dict[str, Any] | None:
    known = vintages.report(vintage_id)
    return known if known and known["code"] == staging_fingerprint() else None


def _account(folder: Path) -> dict[str, Any] | None:
    """The account of a part that today's code has staged completely."""
    path = folder / "account.json"
    known: dict[str, Any] | None = atomic.read_json(path) if path.exists() else None
    return known if known and known["code"] == staging_fingerprint() else None


def _keep(path: Path, target: Path) -> None:
    """Move a finished file into place, or take away what stands there if there is none now."""
    if not path.exists():
        target.unlink(missing_ok=True)
        return
    with atomic.writing(target), atomic.replacing(target) as temporary:
        path.replace(temporary)


def _extent(path: Path, kind: TableKind) -> dict[str, Any]:
    query = f"SELECT count(*), min(year), max(year), count(DISTINCT {kind.country}) FROM read_parquet(?)"
    # A connection of its own: the shared one would stay busy with a result that is not fetched to its end.
    with duckdb.connect() as con:
        rows, first, last, countries = con.execute(query, [str(path)]).fetchone() or (0, None, None, 0)
    return {"rows": rows, "first_year": first, "last_year": last, "countries": countries}
