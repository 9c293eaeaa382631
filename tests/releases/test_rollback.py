"""Going back to an earlier release holds, is written down, and never leads to a damaged one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import agrocluster as ac
from agrocluster import pipeline
from agrocluster.errors import DataGateError, UsageError
from agrocluster.release import history, intact, reading, record, rollback
from agrocluster.release import pointer as pointing
from agrocluster.storage.parquet import file_sha256
from agrocluster.storage.paths import layout
from releases.conftest import Publishing


def current() -> str:
    pointer = reading.latest()
    assert pointer is not None
    return str(pointer["release"])


def test_a_rollback_makes_the_release_before_the_current_one(two: tuple[str, str]) -> None:
    first, second = two
    opened = ac.open()
    assert rollback.rollback(note="wrong unit", by="ann") == {"release": first, "left": second, "changed": True}
    assert current() == first
    assert opened.id == second, "a reader keeps what it opened"
    assert ac.open().id == first
    pointer = json.loads(layout().latest.read_bytes())
    folder = layout().releases / first
    assert pointer["manifest_sha256"] == file_sha256(folder / "manifest.json")
    assert all(file_sha256(folder / file["path"]) == file["sha256"] for file in pointer["files"])
    entry = record.entries()[-1]
    assert (entry["event"], entry["release"], entry["left"]) == ("rolled_back", first, second)
    assert (entry["note"], entry["by"]) == ("wrong unit", "ann")
    assert [(r["release"], r["current"], r["held"]) for r in history.releases()] == [
        (second, False, True),
        (first, True, False),
    ]


def test_a_rollback_holds_until_there_are_new_inputs(two: tuple[str, str], publishing: Publishing) -> None:
    first, second = two
    rollback.rollback()
    plan = pipeline.plan_release()
    assert (plan["release_id"], plan["changed"], plan["held"]) == (second, False, True)
    assert pipeline.release()["changed"] is False
    with pytest.raises(DataGateError, match=rf"{second} is on hold.*resume {second}"):
        pipeline.publish(second)
    assert current() == first
    third = publishing("2026-03-01")
    assert current() == third
    assert [r["release"] for r in history.releases() if r["held"]] == [second]
    assert history.previous(third) == first, "what is on hold is no release to go back to"


def test_a_hold_that_is_lifted_makes_the_release_current_again(two: tuple[str, str]) -> None:
    second = two[1]
    rollback.rollback()
    assert rollback.resume(note="it was right") == {"release": second, "current": second}
    assert current() == second
    assert pipeline.plan_release() == {
        "release_id": second,
        "changed": False,
        "held": False,
        "data_mode": "sample",
    }
    with pytest.raises(UsageError, match="No release is on hold"):
        rollback.resume()


def test_a_hold_that_is_lifted_late_does_not_replace_what_is_newer(
    two: tuple[str, str], publishing: Publishing
) -> None:
    rollback.rollback()
    third = publishing("2026-03-01")
    assert rollback.resume(two[1]) == {"release": two[1], "current": third}
    assert current() == third
    assert rollback.rollback()["release"] == two[1], "it may be gone back to again"


def test_going_back_twice_is_going_back_once(two: tuple[str, str]) -> None:
    rollback.rollback(two[0])
    before = record.entries()
    assert rollback.rollback(two[0]) == {"release": two[0], "left": two[0], "changed": False}
    assert record.entries() == before


def test_a_rollback_that_was_killed_before_the_pointer_moved_is_finished_by_the_next(
    two: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two

    def killed(release: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(rollback, "point_at", killed)
        rollback.rollback()
    assert current() == second
    assert pipeline.plan_release()["changed"] is False
    rollback.rollback()
    assert current() == first
    assert [e["event"] for e in record.entries()] == ["published", "published", "rolled_back"]


def test_a_release_that_was_left_by_a_rollback_is_published_again_without_being_built(
    two: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Going back to what is on hold lifts that hold; the inputs then make what is there already."""
    first, second = two
    rollback.rollback(first)
    rollback.rollback(second)
    assert [r["release"] for r in history.releases() if r["held"]] == [first]
    pointing.point_at(first)  # as if somebody had restored an older latest.json
    monkeypatch.setattr(pipeline, "build_mart", lambda *_: pytest.fail("nothing is to be built"))
    assert pipeline.release()["changed"] is True
    assert current() == second


@pytest.mark.parametrize("name", ["mart_cluster_baseline.parquet", "manifest.json", "CHANGES.md", "SHA256SUMS"])
@pytest.mark.parametrize("harm", ["changed", "gone"])
def test_a_damaged_release_is_refused_and_nothing_changes(two: tuple[str, str], name: str, harm: str) -> None:
    first, second = two
    path = layout().releases / first / name
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"#")
    before = record.entries()
    with pytest.raises((DataGateError, UsageError), match=name if (name, harm) != ("manifest.json", "gone") else first):
        rollback.rollback(first)
    assert current() == second
    assert record.entries() == before


def test_a_list_of_files_that_was_rewritten_with_the_file_is_noticed(two: tuple[str, str]) -> None:
    folder = layout().releases / two[0]
    (folder / "README.txt").write_text("forged", encoding="utf-8")
    intact.write_sums(folder, {})
    assert intact.damaged(two[0]) == ["SHA256SUMS"]


def test_sha256sum_itself_checks_a_release(two: tuple[str, str]) -> None:
    folder = layout().releases / two[1]
    listed = {line.split("  ")[1] for line in (folder / "SHA256SUMS").read_text().splitlines()}
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert listed == there - {"SHA256SUMS"}
    assert os.system(f"cd '{folder}' && sha256sum --quiet -c SHA256SUMS") == 0


@pytest.mark.parametrize("name", ["2026-03-01-sample-none", "../releases", "", "x/../y"])
def test_an_unknown_release_is_refused(two: tuple[str, str], name: str) -> None:
    if name:
        with pytest.raises(UsageError, match="There is no release"):
            rollback.rollback(name)
    assert current() == two[1]


@pytest.mark.parametrize("harm", ["gone", "damaged"])
def test_a_lost_pointer_is_written_anew(two: tuple[str, str], harm: str) -> None:
    layout().latest.unlink() if harm == "gone" else layout().latest.write_text("{", encoding="utf-8")
    assert [r["current"] for r in history.releases()] == [False, False]
    with pytest.raises(UsageError, match=r"None is current.*name one"):
        rollback.rollback()
    assert rollback.rollback(two[1]) == {"release": two[1], "left": "", "changed": True}
    assert current() == two[1]
    assert not any(r["held"] for r in history.releases())


def test_there_is_nothing_before_the_first_release(publishing: Publishing) -> None:
    with pytest.raises(UsageError, match="None is current"):
        rollback.rollback()
    publishing("2026-01-01")
    with pytest.raises(UsageError, match="before"):
        rollback.rollback()


def test_a_damaged_record_says_so(two: tuple[str, str], data_root: Path) -> None:
    (data_root / "marts" / "record.json").write_text("[", encoding="utf-8")
    with pytest.raises(Exception, match=r"record.json is damaged"):
        rollback.rollback()
    assert current() == two[1]
