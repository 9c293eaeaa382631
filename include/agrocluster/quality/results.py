"""Results of quality checks as one tidy table: one line per subject, rule and column.

Each run of a subject owns one small file, so that parallel runs never write the same one; ``merge`` puts them
together for readers. Deciding what a failure means is the business of ``gate``.
"""

from __future__ import annotations

import fcntl
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from agrocluster.model.specs import Severity, TableContract
from agrocluster.storage.atomic import TEMPORARY, writing
from agrocluster.storage.parquet import write_table

Check = Literal["structure", "gx", "sql", "row"]
SAMPLES = 20
"""At most this many keys of failing rows are kept per rule."""


@dataclass(frozen=True)
class Result:
    """Outcome of one rule.

    Attributes:
        success: None when the rule could not be judged because an input was not supplied.
        observed: what was found, in words; threshold: what was asked for.
        failing_rows: number of rows that break the rule, None where rows are not the measure.
        failing_share: share of the judged rows, 0..1.
        sample_keys: JSON list of up to 20 keys of failing rows.
    """

    rule_id: str
    check: Check
    severity: Severity
    success: bool | None
    reason: str
    column: str | None = None
    observed: str = ""
    threshold: str = ""
    failing_rows: int | None = None
    failing_share: float | None = None
    sample_keys: str = "[]"


@dataclass(frozen=True)
class Subject:
    """What was checked: a dataset or mart, in one vintage or release, under one contract version."""

    subject: str
    subject_id: str
    layer: Literal["staged", "mart"]
    contract_version: str


def sample(keys: Iterable[Mapping[str, Any]]) -> str:
    """Keys of failing rows as compact JSON; dates and other values as text."""
    found = [{name: _printable(value) for name, value in key.items()} for key in islice(keys, SAMPLES)]
    return json.dumps(found, ensure_ascii=False, default=str, separators=(",", ":"))


@cache
def contract() -> TableContract:
    """The contract of the results table itself."""
    text = Path(__file__).with_name("quality_results.yaml").read_text(encoding="utf-8")
    return TableContract.model_validate(yaml.safe_load(text))


def to_table(subject: Subject, results: Sequence[Result], checked_at: str) -> pa.Table:
    """The results of one run as a table with the columns of ``contract()``, sorted by it."""
    own = {f.name: [getattr(result, f.name) for result in results] for f in fields(Result)}
    common = {f.name: [getattr(subject, f.name)] * len(results) for f in fields(Subject)}
    columns: dict[str, Any] = {**common, **own, "checked_at": [checked_at] * len(results)}
    columns["severity"] = [str(severity) for severity in columns["severity"]]
    columns["column"] = [column or "" for column in columns["column"]]
    typed = {"success": pa.bool_(), "failing_rows": pa.int64(), "failing_share": pa.float64()}
    table = pa.table({name: pa.array(values, typed.get(name, pa.string())) for name, values in columns.items()})
    return table.sort_by([(name, "ascending") for name in contract().sort])


def run_file(quality: Path, subject: str, subject_id: str) -> Path:
    """Where the results of one subject run live, below the quality folder of the data root."""
    return quality / "runs" / subject / f"{subject_id}.parquet"


def store(quality: Path, subject: Subject, results: Sequence[Result], checked_at: str) -> Path:
    """Write the results of one run. Equal results leave the file, and its time of checking, as they are."""
    path = run_file(quality, subject.subject, subject.subject_id)
    table = to_table(subject, results, checked_at)
    if path.exists() and _same(pq.read_table(path, partitioning=None), table):
        return path
    write_table(table, path, contract())
    return path


def merge(quality: Path) -> Path:
    """Put the files of all runs together in ``quality_results.parquet``, replaced atomically.

    Concurrent calls wait for each other, so the last to finish has seen every run stored before it began.
    """
    target = quality / "quality_results.parquet"
    with writing(target):
        quality.mkdir(parents=True, exist_ok=True)
        with (quality / f"{TEMPORARY}merge.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            tables = [pq.read_table(path, partitioning=None) for path in run_files(quality)]
            if tables:
                order = [(name, "ascending") for name in contract().sort]
                write_table(pa.concat_tables(tables).sort_by(order), target, contract())
            else:
                write_table([], target, contract())
    return target


def run_files(quality: Path) -> list[Path]:
    """The result files of all runs, without those that are being written."""
    return sorted(path for path in quality.glob("runs/*/*.parquet") if not path.name.startswith(TEMPORARY))


def _printable(value: Any) -> Any:
    """JSON has no word for not-a-number and infinity."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _same(old: pa.Table, new: pa.Table) -> bool:
    if old.column_names != [column.name for column in contract().columns]:
        return False
    names = [name for name in old.column_names if name != "checked_at"]
    return bool(old.select(names).to_pylist() == new.select(names).to_pylist())
