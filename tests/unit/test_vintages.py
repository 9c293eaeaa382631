"""Which vintage stands in the facts: newest cell first, years loaded on request kept, older dates readable."""

from __future__ import annotations

from pathlib import Path

import pytest

from agrocluster.errors import UsageError
from agrocluster.release import reading
from agrocluster.storage import atomic
from agrocluster.storage.paths import layout
from support.staged import put


def facts(as_of: str = "2999-12-31") -> dict[int, float]:
    rows = reading.query("SELECT year, value FROM fact_indicator ORDER BY year", as_of)
    return {row["year"]: row["value"] for row in rows.to_pylist()}


@pytest.fixture(autouse=True)
def root(data_root: Path) -> Path:
    return data_root


@pytest.mark.parametrize("day", ["31.12.2016", "last year", "2023", "2023-02-30"])
def test_what_is_no_date_is_refused_and_not_taken_for_one(day: str) -> None:
    put("2024-01-01-aa", "full", {2020: 1.0})
    with pytest.raises(UsageError, match="is not a date"):
        facts(day)


def test_the_past_is_that_of_the_current_release_whatever_mode_the_reader_is_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put("2024-01-01-aa", "full", {2020: 1.0})
    atomic.write_json(layout().latest, {"release": "r", "data_mode": "sample"})
    monkeypatch.setenv("SOURCES", "live")
    assert facts() == {2020: 1.0}
    atomic.write_json(layout().latest, {"release": "r", "data_mode": "files"})
    monkeypatch.setenv("SOURCES", "sample")
    assert facts() == {}


def test_a_newer_full_vintage_replaces_the_older_one_even_where_it_has_less() -> None:
    put("2024-01-01-aa", "full", {2020: 1.0, 2021: 2.0, 2022: 3.0})
    put("2025-01-01-bb", "full", {2020: 10.0, 2022: 30.0})
    assert facts() == {2020: 10.0, 2022: 30.0}


def test_what_was_known_on_a_date_stays_readable() -> None:
    put("2024-01-01-aa", "full", {2020: 1.0})
    put("2025-01-01-bb", "full", {2020: 10.0})
    assert facts("2024-06-30") == {2020: 1.0}
    assert facts("2023-12-31") == {}


def test_a_selection_changes_only_the_cells_it_holds() -> None:
    put("2024-01-01-aa", "full", {2020: 1.0, 2021: 2.0})
    put("2024-06-01-bb", "partial", {2021: 20.0})
    assert facts() == {2020: 1.0, 2021: 20.0}


@pytest.mark.parametrize(("full", "partial"), [("aa", "bb"), ("bb", "aa")])
def test_years_loaded_on_request_add_to_the_full_vintage_of_the_same_day(full: str, partial: str) -> None:
    put(f"2024-01-01-{full}", "full", {2020: 1.0})
    put(f"2024-01-01-{partial}", "partial", {1995: 0.5})
    assert facts() == {1995: 0.5, 2020: 1.0}


def test_years_loaded_on_request_outlive_the_next_full_vintage_where_it_is_silent() -> None:
    put("2024-01-01-aa", "partial", {1995: 0.5, 2020: 7.0})
    put("2025-01-01-bb", "full", {2020: 1.0, 2021: 2.0})
    assert facts() == {1995: 0.5, 2020: 1.0, 2021: 2.0}


def test_a_vintage_that_failed_its_gate_is_never_read() -> None:
    put("2024-01-01-aa", "full", {2020: 1.0})
    put("2025-01-01-bb", "full", {2020: -99.0}, passed=False)
    assert facts() == {2020: 1.0}
