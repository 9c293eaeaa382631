"""CHANGES.md says what a release changes, in both languages, and is the same for the same history."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from agrocluster.release import changes, diff, reading, rollback
from agrocluster.release.changes import FILES, WORDS, text
from agrocluster.storage.paths import layout
from releases.conftest import Publishing
from support.small_release import publish_small


def written(release: str, name: str = "CHANGES.md") -> str:
    return (layout().releases / release / name).read_text(encoding="utf-8")


def test_the_first_release_says_that_it_is_the_first(two: tuple[str, str]) -> None:
    assert "First release of this data mode" in written(two[0])
    assert "Первый выпуск" in written(two[0], "CHANGES.ru.md")
    assert "SAMPLE DATA - NOT REAL STATISTICS" in written(two[0])


@pytest.mark.parametrize("name", FILES)
def test_the_next_one_names_the_release_before_and_what_changed(two: tuple[str, str], name: str) -> None:
    page = written(two[1], name)
    assert f"`{two[0]}`" in page
    assert "| B2018_2020 | KGZ | dairy | 60.72 -> 71.00 | +10.28 | B -> C | 1 | build |" in page
    assert "| `mart_cluster_baseline` | 8 | 7 |" in page
    assert "* + `faostat__qcl@2026-02-01-aa`" in page
    assert "SAMPLE DATA" in page
    assert "{" not in page, "a text without its figure"


def test_both_languages_have_the_same_texts_and_tables_of_the_same_width() -> None:
    en, ru = WORDS["en"], WORDS["ru"]
    assert en.keys() == ru.keys()
    for name in en:
        braces = sorted(part.partition("}")[0] for part in en[name].split("{")[1:])
        assert sorted(part.partition("}")[0] for part in ru[name].split("{")[1:]) == braces, name
        assert en[name].count(" | ") == ru[name].count(" | "), name


def test_the_same_history_gives_the_same_bytes_elsewhere(
    two: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, place = reading.locate(two[1])
    here = changes.files(manifest, place)
    shutil.copytree(layout().root, tmp_path / "elsewhere")
    monkeypatch.setenv("AGROCLUSTER_DATA", str(tmp_path / "elsewhere"))
    (tmp_path / "elsewhere" / "marts" / "record.json").unlink()
    manifest, place = reading.locate(two[1])
    assert changes.files(manifest, place) == here == {name: written(two[1], name).encode() for name in FILES}


def test_after_a_rollback_the_next_release_is_compared_with_what_readers_had(
    two: tuple[str, str], publishing: Publishing
) -> None:
    rollback.rollback()
    assert f"`{two[0]}`" in written(publishing("2026-03-01"))


@pytest.mark.usefixtures("quickly")
def test_real_data_are_not_compared_with_sample_data(two: tuple[str, str]) -> None:
    publish_small("2026-03-01-files-aaaa", mode="files")
    assert "First release of this data mode" in written("2026-03-01-files-aaaa")
    publish_small("2026-03-02-sample-aaaa")
    assert f"`{two[1]}`" in written("2026-03-02-sample-aaaa")


@pytest.mark.usefixtures("quickly")
def test_a_release_before_that_cannot_be_read_stops_nothing(two: tuple[str, str]) -> None:
    (layout().releases / two[1] / "mart_cluster_baseline.parquet").unlink()
    publish_small("2026-03-01-sample-aaaa")
    page = written("2026-03-01-sample-aaaa")
    assert f"`{two[1]}`, cannot be read" in page
    assert str(layout().root) not in page


def test_contracts_columns_and_names_are_told_and_cannot_break_the_table(two: tuple[str, str]) -> None:
    manifest, _ = reading.locate(two[1])
    found: dict[str, Any] = diff.diff(*two)
    mart = found["marts"]["changed"][0]
    mart |= {"contract_before": "1.0.0", "columns_added": ["share"], "columns_removed": ["a|b"]}
    mart["columns_changed"] = [{"name": "value", "what": "unit", "before": None, "after": "USD"}]
    found["marts"] |= {"added": ["mart_new"], "removed": ["mart_old"]}
    found["old"]["version"] = "0.0.9"
    page = text(manifest, two[0], found, "en")
    assert "1.0.0 -> " in page
    assert "+ share; - a/b; value: unit none -> USD |" in page
    assert "| `mart_new` | new |" in page
    assert "| `mart_old` | gone |" in page
    assert "Version of the code: 0.0.9 -> " in page
    tables = [line for line in page.splitlines() if line.startswith("| `mart")]
    assert {line.count(" | ") for line in tables} == {4}


def test_differences_that_nobody_sees_are_counted_and_not_listed(two: tuple[str, str]) -> None:
    manifest, _ = reading.locate(two[1])
    found = diff.diff(*two)
    cell = {**found["cells"][1], "potential_after": 60.7201, "change": 0.0001, "grade_after": "B"}
    page = text(manifest, two[0], {**found, "cells": [cell]}, "en")
    assert "Not listed are 1 cells" in page
    assert "| dairy |" not in page
    same = text(manifest, two[0], {**found, "cells": []}, "en")
    assert "No potential, grade, rank or quadrant" in same
