"""Retention removes what nobody needs, whole, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agrocluster.baseline.freeze import freeze
from agrocluster.errors import UsageError
from agrocluster.release import history, record, retention, rollback
from agrocluster.storage import atomic
from agrocluster.storage.paths import layout
from support.releases import publish

NAMES = [f"2026-01-0{n}-sample-{n}" for n in range(1, 7)]


@pytest.fixture(autouse=True)
def releases(data_root: Path) -> list[str]:
    """Six releases that followed each other a day apart, the last a day ago; only the oldest has scores."""
    return six()


def six() -> list[str]:
    now = datetime.now(UTC)
    for number, name in enumerate(NAMES):
        publish(name, {"B2018_2020": {"dairy": 40.0}} if number == 0 else {}, draws=False)
        record.add("published", name)
    ages = [timedelta(days=len(NAMES) - n, hours=-1) for n in range(len(NAMES))]
    dated = [{**e, "at": (now - age).isoformat()} for e, age in zip(record.entries(), ages, strict=True)]
    atomic.write_json(layout().marts / record.NAME, dated)
    return NAMES


def going(keep: int, days: int = 0) -> list[str]:
    return sorted(entry["release"] for entry in retention.plan(keep, days) if entry["remove"])


def test_the_newest_of_each_data_mode_stay() -> None:
    publish("2026-01-01-files-1", {}, data_mode="files")
    assert going(3) == NAMES[:3], "the one of files is the newest of its mode"
    assert retention.prune(3, 0) == NAMES[2::-1]
    assert {r["release"] for r in history.releases()} == {"2026-01-01-files-1", *NAMES[3:]}
    assert [e["release"] for e in record.entries() if e["event"] == "removed"] == NAMES[2::-1]
    assert retention.prune(3, 0) == []
    assert not list(layout().releases.glob(".tmp-*"))


def test_a_release_stays_for_some_days_after_it_was_current() -> None:
    """The first stopped being current five days ago, the second four, and so on."""
    assert going(1, days=3) == NAMES[:2]
    assert going(1, days=30) == []
    assert going(1, days=0) == NAMES[:4], "the one before the current one stays in any case"


def test_where_nothing_was_written_down_a_release_counts_as_read_until_writing_began() -> None:
    (layout().marts / record.NAME).unlink()
    assert going(1, days=1) == []


def test_current_held_pinned_and_frozen_releases_stay() -> None:
    freeze("B2018_2020", NAMES[0])
    record.add("rolled_back", NAMES[2], left=NAMES[5])
    atomic.write_json(layout().latest, {"release": NAMES[2], "data_mode": "sample", "files": [], "label": ""})
    assert rollback.pin(NAMES[3], keep=True, note="quoted in the report")
    reasons = {entry["release"]: entry["reason"] for entry in retention.plan(1, 0)}
    assert reasons == {
        NAMES[0]: "frozen as B2018_2020@v1",
        NAMES[1]: "before the current one",
        NAMES[2]: "current",
        NAMES[3]: "pinned",
        NAMES[4]: "older than what is kept",
        NAMES[5]: "on hold",
    }
    assert rollback.pin(NAMES[3], keep=False)
    assert going(1) == [NAMES[3], NAMES[4]]


def test_a_damaged_release_is_left_for_somebody_to_look_at() -> None:
    (layout().releases / NAMES[0] / "manifest.json").write_text("{", encoding="utf-8")
    assert NAMES[0] not in going(1)


def test_pinning_twice_is_pinning_once_and_what_is_not_there_cannot_be_pinned() -> None:
    assert [rollback.pin(NAMES[0], keep=True), rollback.pin(NAMES[0], keep=True)] == [True, False]
    with pytest.raises(UsageError, match="There is no release"):
        rollback.pin("2026-09-09-none", keep=True)


@pytest.mark.parametrize(("keep", "days"), [(0, 1), (-1, 1), (1, -1)])
def test_everything_cannot_be_removed(keep: int, days: int) -> None:
    with pytest.raises(UsageError, match="At least one"):
        retention.prune(keep, days)
    assert len(history.releases()) == len(NAMES)


def test_what_was_removed_and_published_again_counts_from_then() -> None:
    retention.prune(1, 0)
    assert NAMES[0] not in record.published_at(record.entries())
    record.add("published", NAMES[0])
    assert record.published_at(record.entries())[NAMES[0]] > record.published_at(record.entries())[NAMES[5]]
