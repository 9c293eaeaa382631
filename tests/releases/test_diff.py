"""What two releases say differently, and which releases there are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agrocluster.errors import UsageError
from agrocluster.release import diff, history, reading
from agrocluster.storage import atomic


def test_releases_are_listed_newest_first_with_what_they_are(two: tuple[str, str]) -> None:
    newest, oldest = history.releases()
    assert (oldest["release"], newest["release"]) == two
    assert (newest["current"], oldest["current"]) == (True, False)
    assert newest["published_at"] > oldest["published_at"]
    assert (newest["newest_input"], newest["data_mode"], newest["marts"]) == ("2026-02-01", "sample", 60)
    assert newest["rows"] == oldest["rows"] - 1
    assert "SAMPLE" in newest["label"]
    assert (history.previous(two[1]), history.previous(two[0])) == (two[0], None)


def test_before_the_first_release_there_are_none(data_root: Path) -> None:
    assert history.releases() == []
    with pytest.raises(UsageError, match="no release 'x'"):
        history.previous("x")


def test_a_damaged_release_is_listed_with_its_problem(two: tuple[str, str], data_root: Path) -> None:
    first, second = two
    (data_root / "marts" / "releases" / first / "manifest.json").write_text("{")
    damaged = history.releases()[1]
    assert damaged["release"] == first
    assert "is damaged" in damaged["problem"]
    assert damaged["rows"] is None
    assert history.previous(second) is None


def test_the_diff_names_changed_cells_and_marts(two: tuple[str, str]) -> None:
    found = diff.diff(*two)
    assert json.loads(json.dumps(found)) == found
    gone, moved = found["cells"]
    assert (gone["baseline_id"], gone["chain"], gone["removed"]) == ("Bcurrent", "tobacco", True)
    assert (moved["iso3"], moved["chain"], moved["potential_before"], moved["potential_after"]) == (
        "KGZ",
        "dairy",
        60.72,
        71.0,
    )
    assert moved["change"] == pytest.approx(10.28)
    assert (moved["grade_before"], moved["grade_after"]) == ("B", "C")
    assert (found["cells_compared"], found["panel_cells_changed"]) == (7, 0)
    (mart,) = found["marts"]["changed"]
    assert (mart["name"], mart["rows_before"], mart["rows_after"]) == ("mart_cluster_baseline", 8, 7)
    assert found["marts"]["unchanged"] == 59


def test_a_release_does_not_differ_from_itself(two: tuple[str, str]) -> None:
    found = diff.diff(two[1], two[1])
    assert (found["cells"], found["marts"]["changed"], found["cells_compared"]) == ([], [], 7)


def test_contract_changes_and_vintages_are_told(two: tuple[str, str], data_root: Path) -> None:
    path = data_root / "marts" / "releases" / two[1] / "manifest.json"
    manifest = json.loads(path.read_text())
    mart = next(m for m in manifest["marts"] if m["name"] == "dim_country")
    mart["contract_version"] = "9.0.0"
    removed, retyped = mart["columns"].pop(), mart["columns"][0]
    retyped["type"] = "int64"
    mart["columns"].append({**retyped, "name": "extra"})
    manifest["vintages"] = [{**v, "vintage_id": "faostat__qcl@2026-02-02-bb"} for v in manifest["vintages"]]
    manifest["marts"] = [m for m in manifest["marts"] if m["name"] != "dim_chain"]
    atomic.write_json(path, manifest)
    found = diff.diff(*two)
    changed = next(m for m in found["marts"]["changed"] if m["name"] == "dim_country")
    assert changed["contract_after"] == "9.0.0"
    assert (changed["columns_added"], changed["columns_removed"]) == (["extra"], [removed["name"]])
    assert changed["columns_changed"] == [{"name": "iso3", "what": "type", "before": "string", "after": "int64"}]
    assert found["marts"]["removed"] == ["dim_chain"]
    assert found["vintages"] == {
        "added": ["faostat__qcl@2026-02-02-bb"],
        "removed": ["faostat__qcl@2026-01-01-aa"],
    }


def test_a_release_without_a_baseline_has_no_cells_to_compare(two: tuple[str, str]) -> None:
    before, place = reading.locate(two[0])
    without = {**before, "marts": [m for m in before["marts"] if m["name"] != "mart_cluster_baseline"]}
    found = diff.between(without, place, before, place)
    assert (found["cells"], found["cells_compared"]) == ([], 0)
    assert found["marts"]["added"] == ["mart_cluster_baseline"]


@pytest.mark.parametrize("name", ["../../etc", "2026-03-01-sample-cc", ""])
def test_a_release_that_is_not_there_is_refused(two: tuple[str, str], name: str) -> None:
    with pytest.raises(UsageError, match="There is no release"):
        diff.diff(two[0], name)
