"""A file is dated by what is inside, else by the caller, else by its name, else, with caution, by its file time."""

from __future__ import annotations

from agrocluster.importing.dating import Dated, date_file, faostat_layout


def dated(**facts: object) -> Dated:
    known = {
        "inside": None,
        "vintage": None,
        "name": "data.csv",
        "modified": "2026-11-24T02:55:00Z",
        "latest": None,
        "generation": 2,
        "last_year": 2017,
    }
    return date_file(**{**known, **facts})  # type: ignore[arg-type]


def test_the_stamp_inside_beats_everything() -> None:
    found = dated(inside="2023-07-25", vintage="2020-01-01", name="x_2019-01-01.csv")
    assert (found.stamp, found.by) == ("2023-07-25", "inside")


def test_the_caller_dates_files_without_a_stamp() -> None:
    assert dated(vintage="2020-01-01", name="x_2019-01-01.csv").stamp == "2020-01-01"


def test_a_date_in_the_name_comes_before_the_file_time() -> None:
    assert dated(name="FAOSTAT_data_7-8-2022-All_Countries.csv.gz").stamp == "2022-07-08"
    assert dated(name="FAOSTAT_data_en_3-29-2023 (2).csv").stamp == "2023-03-29"
    assert dated(name="prices_2021-06-30.csv").stamp == "2021-06-30"


def test_what_is_no_date_is_not_read_as_one() -> None:
    for name in ("FAOSTAT_data_13-45-2022.csv", "x_2021-13-01.csv", "API_DS2_en_csv_v2_5359510.csv", "a_2000_2017.csv"):
        assert dated(name=name).by == "file time", name


def test_a_file_time_is_weak_and_limited_by_the_layout() -> None:
    assert dated().weak
    assert dated().stamp == "2026-11-24"
    old = dated(latest="2022-12-31")
    assert (old.stamp, old.weak) == ("2022-12-31", True)
    assert dated(latest="2027-12-31").stamp == "2026-11-24"
    assert not dated(name="x_2021-06-30.csv").weak


def test_files_of_one_date_are_ordered_by_layout_then_newest_year() -> None:
    ranks = [dated(generation=g, last_year=y).rank for g, y in ((1, 2022), (2, 2016), (2, 2017), (3, 2010))]
    assert ranks == sorted(ranks)


def test_flags_and_units_tell_the_age_of_a_faostat_table() -> None:
    assert faostat_layout(frozenset({"*", "F", "tonnes"}), 1) == (1, "2022-12-31")
    assert faostat_layout(frozenset({"A", "E", "tonnes"}), 1) == (2, None)
    assert faostat_layout(frozenset({"A", "t"}), 1) == (3, None)
    assert faostat_layout(frozenset({"A", "An"}), 3) == (3, None)
    assert faostat_layout(frozenset({"*"}), 0) == (0, None)
