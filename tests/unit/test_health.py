"""Notes on how publishers answer: they add up, stay few, and belong to one world."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agrocluster.errors import StorageError
from agrocluster.storage import health

DATASET = "faostat__qcl"


def test_slices_of_a_fetch_add_up_and_checks_stay_apart(data_root: Path) -> None:
    health.note(DATASET, "check", answers=1, seconds=0.25, slowest=0.25)
    health.note(DATASET, "check", answers=1, seconds=0.5, slowest=0.5)
    for n in range(3):
        counts = {"answers": 2, "retries": n, "seconds": 1.5, "slowest": n / 2, "files": 1, "bytes": 10}
        health.note(DATASET, "fetch", "one", [{"a.csv": ["t", f"x{n}"]}, {"b.csv": ["t"]}], **counts)
    health.note(DATASET, "fetch", "two", answers=1, failures=1)
    first, second, fetch, other = health.entries(DATASET)
    assert [e["kind"] for e in (first, second, fetch, other)] == ["check", "check", "fetch", "fetch"]
    assert (fetch["answers"], fetch["retries"], fetch["seconds"], fetch["slowest"]) == (6, 3, 4.5, 1.0)
    assert (fetch["files"], fetch["bytes"], fetch["failures"]) == (3, 30, 0)
    assert fetch["structure"] == {"a.csv": ["t", "x0", "x1", "x2"], "b.csv": ["t"]}
    assert fetch["began"] <= fetch["ended"]
    assert (other["key"], other["failures"], other["structure"]) == ("two", 1, {})


def test_only_the_newest_of_each_kind_are_kept(data_root: Path) -> None:
    health.note(DATASET, "fetch", "old", answers=1)
    for n in range(health.KEPT + 5):
        health.note(DATASET, "check", answers=n)
    noted = health.entries(DATASET)
    assert len(noted) == health.KEPT + 1
    assert noted[0]["key"] == "old", "many checks do not push a fetch out"
    assert [e["answers"] for e in noted[1:]] == list(range(5, health.KEPT + 5))


def test_workers_may_note_at_the_same_time(data_root: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: health.note(DATASET, "fetch", "one", answers=1, bytes=2), range(40)))
    (entry,) = health.entries(DATASET)
    assert (entry["answers"], entry["bytes"]) == (40, 80)


def test_sample_and_real_are_noted_apart(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    health.note(DATASET, "check", answers=1)
    monkeypatch.setenv("SOURCES", "live")
    assert health.entries(DATASET) == []


def test_a_damaged_note_says_so(data_root: Path) -> None:
    health.note(DATASET, "check", answers=1)
    (file,) = (data_root / "state" / "health").glob("*/*.json")
    file.write_text("{")
    with pytest.raises(StorageError, match="damaged"):
        health.entries(DATASET)
