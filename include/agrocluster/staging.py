"""Staging: raw files of a snapshot become one typed long table, a vintage.

Readers translate; this module adds provenance, applies row rules and the correction ledger, keeps what was
rejected and writes a report that accounts for every row. It does not judge the table: that is the gate's job.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from agrocluster.errors import AgroclusterError, SourceContractError
from agrocluster.model.arrays import repeated
from agrocluster.model.fetching import StageLog
from agrocluster.model.loader import catalog, tree_fingerprint
from agrocluster.model.specs import DatasetSpec, TableContract, TableKind
from agrocluster.quality.row_rules import apply_row_rules
from agrocluster.settings import settings
from agrocluster.sources.registry import reader
from agrocluster.storage import atomic, landing, vintages
from agrocluster.storage.parquet import arrow_schema, file_sha256, write_table
from agrocluster.storage.paths import layout
from agrocluster.transform.corrections import apply_corrections

PACKAGE = Path(__file__).resolve().parent


@cache
def staging_fingerprint() -> str:
    """Changes whenever code or catalogue that shapes staged rows changes, so that vintages are rebuilt."""
    folders = [PACKAGE / name for name in ("sources", "transform", "importing", "model", "storage", "quality")]
    folders += [catalog().root / name for name in ("mappings", "corrections", "indicators", "tables", "datasets")]
    digest = hashlib.sha256(tree_fingerprint(*folders).encode())
    for path in (catalog().root / "countries.csv", catalog().root / "columns.yaml", Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def vintage_of(dataset_id: str, snapshot_id: str) -> str:
    """The id under which a snapshot is staged."""
    return f"{dataset_id}@{snapshot_id}"


def is_current(vintage_id: str) -> bool:
    """Whether a vintage was staged by today's code and catalogue and passed its gate."""
    report, gate = vintages.report(vintage_id), vintages.gate(vintage_id)
    return bool(report and gate and gate["passed"] and report["code"] == staging_fingerprint())


def stage(dataset_id: str, snapshot_id: str) -> dict[str, Any]:
    """Stage one snapshot and return its report.

    The report holds ``vintage_id, dataset_id, kind, stamp, scope, world, mode, rows, first_year, last_year,
    countries, excluded {reason: rows}, quarantined {rule: rows}, corrections, files, sha256, code``.

    Raises SourceContractError when the files are not what their publisher's contract says.
    """
    spec = catalog().dataset(dataset_id)
    contract = catalog().tables[spec.kind]
    snapshot = landing.load(dataset_id, snapshot_id)
    vintage_id = vintage_of(dataset_id, snapshot_id)
    known = vintages.report(vintage_id)
    if known and known["code"] == staging_fingerprint():
        return known
    landing.verify(snapshot)
    log = StageLog()
    folder = atomic.new_folder(layout().staged(dataset_id))
    try:
        raw, clean, rejected = folder / "raw.parquet", folder / "data.parquet", folder / "rejected.parquet"
        metadata = {"dataset": dataset_id, "vintage": vintage_id, "data_mode": snapshot.mode}
        write_table(_batches(snapshot, spec, contract, vintage_id, log), raw, contract, metadata, ordered=False)
        counts = apply_row_rules(raw, (*contract.row_rules, *spec.row_rules), clean, rejected, contract)
        corrections = apply_corrections(clean, [c for c in catalog().corrections if c.dataset == dataset_id], contract)
        quarantined = _quarantine(vintage_id, log, rejected, counts)
        report = {
            "vintage_id": vintage_id,
            "dataset_id": dataset_id,
            "snapshot_id": snapshot_id,
            "kind": str(spec.kind),
            "stamp": snapshot.stamp,
            "scope": snapshot.scope,
            "mode": snapshot.mode,
            "world": settings().world,
            "excluded": dict(sorted(log.excluded.items())),
            "quarantined": quarantined,
            "corrections": corrections,
            "notes": log.notes,
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
        target = layout().vintage(vintage_id)
        with atomic.writing(target), atomic.replacing(target / "data.parquet") as temporary:
            clean.replace(temporary)
        vintages.record(vintage_id, report)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return report


def _batches(
    snapshot: landing.Snapshot, spec: DatasetSpec, contract: TableContract, vintage_id: str, log: StageLog
) -> Iterator[pa.RecordBatch]:
    schema = arrow_schema(contract)
    constants = {"source": spec.source, "dataset": spec.dataset, "vintage_id": vintage_id}
    for file in snapshot.files:
        try:
            for batch in reader(file.format)(snapshot.file(file), file, spec, log):
                arrays = [
                    repeated(constants[f.name], batch.num_rows) if f.name in constants else batch.column(f.name)
                    for f in schema
                ]
                yield pa.RecordBatch.from_arrays(arrays, names=schema.names)
        except AgroclusterError as error:
            error.source, error.dataset = error.source or spec.source, error.dataset or spec.dataset
            error.period = error.period or snapshot.stamp
            raise
        except (pa.ArrowInvalid, KeyError, UnicodeDecodeError) as error:
            raise SourceContractError(
                f"{file.name} does not have the form its publisher documents: {error}.",
                source=spec.source,
                dataset=spec.dataset,
                period=snapshot.stamp,
                remedy="Compare the file with the source's documentation; the last release stays as it is.",
            ) from error


def _quarantine(vintage_id: str, log: StageLog, rejected: Path, counts: dict[str, int]) -> dict[str, int]:
    """Keep all rejected rows as text beside rule and reason; returns rows per rule."""
    tables = [_as_text(rows, rule, reason) for rule, reason, rows in log.rejected]
    if rejected.exists():
        rows = pq.read_table(rejected)
        tables.append(_as_text(rows.drop_columns(["rule_id", "reason"]), rows["rule_id"], rows["reason"]))
    found = {rule: n for rule, n in counts.items() if n}
    for rule, _, rows in log.rejected:
        found[rule] = found.get(rule, 0) + rows.num_rows
    target = layout().quarantine(vintage_id)
    if tables:
        with atomic.replacing(target) as temporary:
            pq.write_table(pa.concat_tables(tables, promote_options="default"), temporary, compression="zstd")
    else:
        target.unlink(missing_ok=True)
    return dict(sorted(found.items()))


def _as_text(rows: pa.Table, rule: str | pa.ChunkedArray, reason: str | pa.ChunkedArray) -> pa.Table:
    rows = rows.cast(pa.schema([(name, pa.string()) for name in rows.column_names]))
    for position, (name, value) in enumerate((("rule_id", rule), ("reason", reason))):
        column = pa.repeat(value, rows.num_rows) if isinstance(value, str) else value
        rows = rows.add_column(position, name, column)
    return rows


def _extent(path: Path, kind: TableKind) -> dict[str, Any]:
    query = f"SELECT count(*), min(year), max(year), count(DISTINCT {kind.country}) FROM read_parquet(?)"
    # A connection of its own: the shared one would stay busy with a result that is not fetched to its end.
    with duckdb.connect() as con:
        rows, first, last, countries = con.execute(query, [str(path)]).fetchone() or (0, None, None, 0)
    return {"rows": rows, "first_year": first, "last_year": last, "countries": countries}
