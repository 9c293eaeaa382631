"""Results of parallel checks end up in one table that lacks none of them."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pyarrow.parquet as pq
from quality_tables import contract, rows

from agrocluster.model.specs import Severity
from agrocluster.quality import report
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


CHECK_AND_MERGE = """
import sys
from pathlib import Path
import great_expectations  # noqa: F401  # its import takes seconds and must not keep the processes apart
from quality_tables import contract
from agrocluster.quality.gate import check
from agrocluster.quality.results import merge

folder, number = Path(sys.argv[1]), sys.argv[2]
rules = contract({"id": "positive", "kind": "between", "column": "value", "min": 0})
print("ready", flush=True)
sys.stdin.readline()
summary = check(folder / "table.parquet", rules, subject=f"s__{number}", subject_id="v@1", layer="staged",
                quality=folder / "q")
merge(folder / "q")
sys.exit(not summary.passed)
"""


def test_four_processes_check_and_merge_at_once(tmp_path: Path) -> None:
    write_table(rows(), tmp_path / "table.parquet", contract())
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    commands = [[sys.executable, "-c", CHECK_AND_MERGE, str(tmp_path), str(number)] for number in range(4)]
    with ExitStack() as stack:
        running = [
            stack.enter_context(
                subprocess.Popen(c, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
            )
            for c in commands
        ]
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in running:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in running:
            process.wait(timeout=120)
        assert [process.returncode for process in running] == [0] * 4
    merged = pq.read_table(tmp_path / "q" / "quality_results.parquet")
    assert set(merged["subject"].to_pylist()) == {f"s__{n}" for n in range(4)}
    per_subject = merged.group_by("subject").aggregate([("rule_id", "count")])["rule_id_count"].to_pylist()
    assert len(set(per_subject)) == 1
    assert not list((tmp_path / "q").rglob(".tmp-*.parquet"))
