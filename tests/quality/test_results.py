"""Results of parallel checks end up in one table that lacks none of them."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from quality_tables import contract, rows

from agrocluster.model.specs import Severity
from agrocluster.quality import report
from agrocluster.quality.gate import check
from agrocluster.quality.results import Result, Subject, merge, run_file, store
from agrocluster.storage.parquet import write_table

BROKEN = Result("a_rule", "sql", Severity.WARNING, success=False, reason="A reason that people read.", failing_rows=3)
KEPT = Result("b_rule", "gx", Severity.CRITICAL, success=True, reason="A reason that people read.", column="value")


def subject(name: str, run: str = "v1") -> Subject:
    return Subject(name, run, "staged", "1.2.0")


def test_equal_results_leave_the_stored_file_alone(tmp_path: Path) -> None:
    path = store(tmp_path, subject("s"), [BROKEN, KEPT], "2026-01-01T00:00:00Z")
    before = path.read_bytes()
    store(tmp_path, subject("s"), [BROKEN, KEPT], "2026-02-02T00:00:00Z")
    assert path.read_bytes() == before
    store(tmp_path, subject("s"), [KEPT], "2026-02-02T00:00:00Z")
    assert pq.read_table(path)["checked_at"].to_pylist() == ["2026-02-02T00:00:00Z"]


def test_merging_is_complete_sorted_and_blind_to_unfinished_files(tmp_path: Path) -> None:
    for name in ("z__b", "a__b"):
        store(tmp_path, subject(name), [BROKEN, KEPT], "2026-01-01T00:00:00Z")
    unfinished = run_file(tmp_path, "a__b", ".tmp-half")
    unfinished.write_bytes(b"PAR1")
    table = pq.read_table(merge(tmp_path))
    assert table["subject"].to_pylist() == ["a__b", "a__b", "z__b", "z__b"]
    first = table.to_pylist()[0]
    assert (first["rule_id"], first["severity"], first["column"], first["failing_rows"]) == ("a_rule", "warning", "", 3)


def test_nothing_checked_yet_is_an_empty_table(tmp_path: Path) -> None:
    assert pq.read_table(merge(tmp_path / "quality")).num_rows == 0


def test_the_last_run_of_each_subject_is_reported_broken_rules_first(data_root: Path) -> None:
    quality = data_root / "quality"
    assert report.last() == []
    store(quality, subject("s", "v1"), [BROKEN], "2026-01-01T00:00:00Z")
    store(quality, subject("s", "v2"), [KEPT, BROKEN], "2026-01-02T00:00:00Z")
    found = [("v1", "a_rule"), ("v2", "a_rule"), ("v2", "b_rule")]
    assert [(r["subject_id"], r["rule_id"]) for r in report.last()] == found, "broken rules of older vintages, too"
    assert [r["subject_id"] for r in report.last(failed_only=True)] == ["v1", "v2"]
    assert report.broken("s", "v2", "warning") == ["a_rule"]
    assert report.broken("s", "v2", "critical") == []
    assert report.broken("never", "checked", "critical") == []


def _check_and_merge(root: str, number: int) -> bool:
    folder = Path(root)
    rules = contract({"id": "positive", "kind": "between", "column": "value", "min": 0})
    path = folder / "table.parquet"
    summary = check(path, rules, subject=f"s__{number}", subject_id="v@1", layer="staged", quality=folder / "q")
    merge(folder / "q")
    return summary.passed


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs cheap processes")
def test_eight_processes_check_and_merge_at_once(tmp_path: Path) -> None:
    pytest.importorskip("great_expectations")
    write_table(rows(), tmp_path / "table.parquet", contract())
    with multiprocessing.get_context("fork").Pool(8) as pool:
        passed = pool.starmap(_check_and_merge, [(str(tmp_path), n) for n in range(8)])
    assert passed == [True] * 8
    merged = pq.read_table(tmp_path / "q" / "quality_results.parquet")
    assert set(merged["subject"].to_pylist()) == {f"s__{n}" for n in range(8)}
    per_subject = merged.group_by("subject").aggregate([("rule_id", "count")])["rule_id_count"].to_pylist()
    assert len(set(per_subject)) == 1
    assert not list((tmp_path / "q").rglob(".tmp-*.parquet"))
