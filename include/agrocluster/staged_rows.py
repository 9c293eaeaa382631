"""Reads the raw files of a snapshot, or a part of them, into rows of the table contract and an account of them.

Everything a file holds ends in one of three places: a row of ``data.parquet``, a row of ``rejected.parquet`` (as text,
beside rule and reason), or a count of what was left out on purpose. Where the folder goes is the caller's business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from agrocluster.errors import AgroclusterError, SourceContractError
from agrocluster.model.arrays import repeated
from agrocluster.model.fetching import RawFile, StageLog
from agrocluster.model.loader import catalog
from agrocluster.model.specs import DatasetSpec, TableContract
from agrocluster.quality.row_rules import apply_row_rules
from agrocluster.sources.registry import reader
from agrocluster.storage.landing import Snapshot
from agrocluster.storage.parquet import arrow_schema, write_table

DATA, REJECTED = "data.parquet", "rejected.parquet"


def convert(snapshot: Snapshot, vintage_id: str, folder: Path, part: str = "") -> dict[str, Any]:
    """Read into ``folder``; returns ``excluded {reason: rows}, quarantined {rule: rows}, notes``.

    ``part`` is one of ``sources.registry.parts``; without it everything is read. Raises SourceContractError when the
    files are not what their publisher's contract says.
    """
    spec = catalog().dataset(snapshot.dataset_id)
    contract = catalog().tables[spec.kind]
    log = StageLog()
    raw, broken = folder / "raw.parquet", folder / "broken.parquet"
    rows = _batches(snapshot, spec, contract, vintage_id, log, part)
    write_table(rows, raw, contract, _metadata(snapshot, vintage_id), ordered=False)
    counts = apply_row_rules(raw, (*contract.row_rules, *spec.row_rules), folder / DATA, broken, contract)
    found = Counter({rule: n for rule, n in counts.items() if n})
    tables = [_as_text(rows, rule, reason) for rule, reason, rows in log.rejected]
    found.update({rule: rows.num_rows for rule, _, rows in log.rejected})
    if broken.exists():
        bad = pq.read_table(broken)
        tables.append(_as_text(bad.drop_columns(["rule_id", "reason"]), bad["rule_id"], bad["reason"]))
    _write_rejected(tables, folder)
    for path in (raw, broken):
        path.unlink(missing_ok=True)
    return _account(log.excluded, found, log.notes)


def join(snapshot: Snapshot, vintage_id: str, parts: list[Path], accounts: list[dict[str, Any]], folder: Path) -> Any:
    """Put converted parts together in ``folder``, to the bytes and the account that one reading would have given."""
    total, quarantined = StageLog(), Counter[str]()
    for account in accounts:
        total.add(StageLog(Counter(account["excluded"]), [], account["notes"]))
        quarantined.update(account["quarantined"])
    rows = (batch for part in parts for batch in pq.ParquetFile(part / DATA).iter_batches())
    contract = catalog().tables[catalog().dataset(snapshot.dataset_id).kind]
    write_table(rows, folder / DATA, contract, _metadata(snapshot, vintage_id), ordered=False)
    _write_rejected([pq.read_table(part / REJECTED) for part in parts if (part / REJECTED).exists()], folder)
    return _account(total.excluded, quarantined, total.notes)


def _account(excluded: Counter[str], quarantined: Counter[str], notes: dict[str, Any]) -> dict[str, Any]:
    return {
        "excluded": dict(sorted(excluded.items())),
        "quarantined": dict(sorted(quarantined.items())),
        "notes": notes,
    }


def _metadata(snapshot: Snapshot, vintage_id: str) -> dict[str, str]:
    return {"dataset": snapshot.dataset_id, "vintage": vintage_id, "data_mode": snapshot.mode}


def _batches(
    snapshot: Snapshot, spec: DatasetSpec, contract: TableContract, vintage_id: str, log: StageLog, part: str
) -> Iterator[pa.RecordBatch]:
    schema = arrow_schema(contract)
    constants = {"source": spec.source, "dataset": spec.dataset, "vintage_id": vintage_id}
    for file in snapshot.files:
        try:
            for batch in reader(file.format)(snapshot.file(file), _in_part(file, part), spec, log):
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


def _in_part(file: RawFile, part: str) -> RawFile:
    return replace(file, details=file.details | {"part": part}) if part else file


def _write_rejected(tables: list[pa.Table], folder: Path) -> None:
    if tables:
        joined = pa.concat_tables(tables, promote_options="default")
        pq.write_table(joined, folder / REJECTED, compression="zstd")


def _as_text(rows: pa.Table, rule: str | pa.ChunkedArray, reason: str | pa.ChunkedArray) -> pa.Table:
    rows = rows.cast(pa.schema([(name, pa.string()) for name in rows.column_names]))
    for position, (name, value) in enumerate((("rule_id", rule), ("reason", reason))):
        column = pa.repeat(value, rows.num_rows) if isinstance(value, str) else value
        rows = rows.add_column(position, name, column)
    return rows
