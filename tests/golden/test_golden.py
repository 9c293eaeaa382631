"""Golden cases: a file as its publisher sends it, and the staged rows it must give.

A case is a folder ``<dataset id>/<name>/`` with one input file (or a folder ``archive`` whose files are zipped for
the test), ``case.yaml`` (dataset, format, what must be counted as left out or sent to quarantine) and
``expected.csv``. Adding a folder adds a test.
"""

from __future__ import annotations

import csv
import hashlib
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from agrocluster.model.fetching import RawFile, StageLog
from agrocluster.model.loader import catalog
from agrocluster.sources.registry import reader
from agrocluster.storage.parquet import TYPES

HERE = Path(__file__).resolve().parent
CASES = sorted(path.parent for path in HERE.glob("*/*/case.yaml"))


def _source(case: Path, work: Path) -> Path:
    (source,) = [p for p in case.iterdir() if p.name not in {"case.yaml", "expected.csv"}]
    if not source.is_dir():
        return source
    with zipfile.ZipFile(work / "archive.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for member in sorted(source.iterdir()):
            archive.write(member, member.name)
    return work / "archive.zip"


def _staged(case: Path, facts: dict[str, Any], log: StageLog, work: Path) -> list[dict[str, Any]]:
    source = _source(case, work)
    data = source.read_bytes()
    file = RawFile(
        name=source.name,
        format=facts["format"],
        url=f"file:{source.name}",
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        retrieved_at="2026-01-01T00:00:00Z",
        details=facts.get("details", {}),
    )
    batches = reader(facts["format"])(source, file, catalog().dataset(facts["dataset"]), log)
    return [row for batch in batches for row in batch.to_pylist()]


def _expected(case: Path, facts: dict[str, Any]) -> list[dict[str, Any]]:
    contract = catalog().tables[catalog().dataset(facts["dataset"]).kind]
    types = {column.name: TYPES[column.type] for column in contract.columns}
    with (case / "expected.csv").open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    return [{name: _value(text, types[name]) for name, text in row.items()} for row in rows]


def _value(text: str, kind: pa.DataType) -> str | bool | float | None:
    if kind == pa.string():
        return text
    if kind == pa.bool_():
        return {"true": True, "false": False}[text]
    return float(text) if text else None


def _order(rows: list[dict[str, Any]], texts: set[str]) -> list[tuple[str, ...]]:
    """Rows in one order and spelling: whole numbers as floats; an empty text cannot be told from none in a CSV."""
    plain = [{k: float(v) if type(v) is int else v for k, v in row.items()} for row in rows]
    plain = [{k: v or "" if k in texts else v for k, v in row.items()} for row in plain]
    return sorted(tuple(f"{k}={row[k]!r}" for k in sorted(row)) for row in plain)


def _texts(dataset_id: str) -> set[str]:
    contract = catalog().tables[catalog().dataset(dataset_id).kind]
    return {column.name for column in contract.columns if column.type == "string"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_the_file_gives_the_expected_rows(case, tmp_path):
    facts, log = yaml.safe_load((case / "case.yaml").read_text(encoding="utf-8")), StageLog()
    texts = _texts(facts["dataset"])
    assert _order(_staged(case, facts, log, tmp_path), texts) == _order(_expected(case, facts), texts)
    assert dict(log.excluded) == facts.get("excluded", {})
    assert {rule: rows.num_rows for rule, _, rows in log.rejected} == facts.get("rejected", {})


def test_every_case_belongs_to_the_dataset_its_folder_names():
    assert CASES
    for case in CASES:
        assert yaml.safe_load((case / "case.yaml").read_text(encoding="utf-8"))["dataset"] == case.parent.name
