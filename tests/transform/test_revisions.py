"""Differences between vintages: what a publisher changed, added or took back."""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from agrocluster.marts import mart_revisions
from agrocluster.model.loader import catalog
from agrocluster.model.specs import TableKind
from agrocluster.storage.vintages import empty_query
from agrocluster.transform.revisions import revisions

INDICATOR, TRADE = TableKind.INDICATOR, TableKind.TRADE
FOCUS = ("KAZ", "UZB")


def differences(
    vintages: list[tuple[str, str, dict[tuple[str, int], float | None]]], unit: str = "t"
) -> list[dict[str, Any]]:
    """Revisions of an indicator whose vintages are given as (stamp, scope, {(iso3, year): value})."""
    listed = [
        {
            "vintage_id": f"s__d@{stamp}",
            "source": "s",
            "dataset": "d",
            "kind": "indicator",
            "stamp": stamp,
            "scope": scope,
        }
        for stamp, scope, _ in vintages
    ]
    rows = [
        {"iso3": iso3, "year": year, "indicator": "X", "value": value, "unit": unit, "flag": "", "source": "s",
         "dataset": "d", "vintage_id": f"s__d@{stamp}"}
        for stamp, _, cells in vintages
        for (iso3, year), value in cells.items()
    ]  # fmt: skip
    return query(INDICATOR, rows, listed)


def query(kind: TableKind, rows: list[dict[str, Any]], vintages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    contract = catalog().tables[kind]
    with duckdb.connect() as con:
        con.execute(f"create table all_{kind} as {empty_query(contract)}")
        if rows:
            con.register("given", pa.Table.from_pylist(rows))
            con.execute(f"insert into all_{kind} by name select * from given")
        con.register("vintages", pa.Table.from_pylist(vintages))
        return revisions(con, kind, contract, FOCUS).to_arrow_table().to_pylist()


def brief(found: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(r["iso3"], r["year"], r["status"], r["value_old"], r["value_new"]) for r in found]


def test_a_changed_value_is_shown_with_both_figures_and_both_vintages() -> None:
    (found,) = differences([("2024", "full", {("KAZ", 2020): 200.0}), ("2025", "full", {("KAZ", 2020): 150.0})])
    assert found == {
        "kind": "indicator",
        "source": "s",
        "dataset": "d",
        "iso3": "KAZ",
        "partner": "",
        "series": "X",
        "year": 2020,
        "value_old": 200.0,
        "value_new": 150.0,
        "unit": "t",
        "change_pct": -25.0,
        "status": "changed",
        "vintage_old": "s__d@2024",
        "vintage_new": "s__d@2025",
    }


def test_new_and_vanished_cells_are_told_apart_and_equal_ones_are_silent() -> None:
    found = differences(
        [
            ("2024", "full", {("KAZ", 2019): 1.0, ("KAZ", 2020): 2.0}),
            ("2025", "full", {("KAZ", 2020): 2.0, ("KAZ", 2021): 3.0}),
        ]
    )
    assert brief(found) == [("KAZ", 2019, "removed", 1.0, None), ("KAZ", 2021, "added", None, 3.0)]
    assert {(r["vintage_old"], r["vintage_new"]) for r in found} == {("s__d@2024", "s__d@2025")}


def test_a_partial_vintage_takes_nothing_back() -> None:
    found = differences(
        [
            ("2023", "full", {("KAZ", 2019): 1.0, ("KAZ", 2020): 2.0}),
            ("2024", "partial", {("KAZ", 2020): 2.5}),
            ("2025", "full", {("KAZ", 2019): 1.0, ("KAZ", 2020): 2.5}),
        ]
    )
    assert brief(found) == [("KAZ", 2020, "changed", 2.0, 2.5)]


def test_a_cell_that_comes_back_was_removed_and_is_new_again() -> None:
    found = differences(
        [
            ("2023", "full", {("KAZ", 2020): 1.0}),
            ("2024", "full", {("UZB", 2020): 5.0}),
            ("2025", "full", {("KAZ", 2020): 1.0, ("UZB", 2020): 5.0}),
        ]
    )
    assert [(r["iso3"], r["status"], r["vintage_new"]) for r in found] == [
        ("KAZ", "removed", "s__d@2024"),
        ("KAZ", "added", "s__d@2025"),
        ("UZB", "added", "s__d@2024"),
    ]


def test_what_a_selection_brings_along_is_no_revision_of_the_mart() -> None:
    vintages = [
        {
            "vintage_id": f"s__d@{stamp}",
            "source": "s",
            "dataset": "d",
            "kind": "indicator",
            "stamp": stamp,
            "scope": scope,
        }
        for stamp, scope in (("2024", "full"), ("2025", "partial"))
    ]
    common = {"indicator": "X", "unit": "t", "flag": "", "source": "s", "dataset": "d"}
    rows = [
        {"iso3": "KAZ", "year": 2020, "value": 1.0, "vintage_id": "s__d@2024"},
        {"iso3": "KAZ", "year": 2020, "value": 2.0, "vintage_id": "s__d@2025"},
        {"iso3": "KGZ", "year": 2020, "value": 3.0, "vintage_id": "s__d@2025"},
    ]
    with duckdb.connect() as con:
        for kind, contract in catalog().tables.items():
            con.execute(f"create table all_{kind} as {empty_query(contract)}")
        con.register("given", pa.Table.from_pylist([row | common for row in rows]))
        con.execute("insert into all_indicator by name select * from given")
        con.register("vintages", pa.Table.from_pylist(vintages))
        found = mart_revisions.build(con).to_arrow_table().to_pylist()
    assert brief(found) == [("KAZ", 2020, "changed", 1.0, 2.0)]


def test_change_in_per_cent_is_empty_where_it_means_nothing() -> None:
    found = differences(
        [
            ("2024", "full", {("KAZ", 2019): 0.0, ("KAZ", 2020): None, ("KAZ", 2021): -4.0}),
            ("2025", "full", {("KAZ", 2019): 1.0, ("KAZ", 2020): 1.0, ("KAZ", 2021): -5.0}),
        ]
    )
    assert [r["change_pct"] for r in found] == [None, None, -25.0]


def test_other_countries_and_first_vintages_are_left_out() -> None:
    assert differences([("2024", "full", {("KAZ", 2020): 1.0})]) == []
    assert differences([("2024", "full", {("USA", 2020): 1.0}), ("2025", "full", {("USA", 2020): 2.0})]) == []


def test_trade_is_followed_for_focus_countries_on_either_side() -> None:
    vintages = [
        {"vintage_id": v, "source": "cepii", "dataset": "baci", "kind": "trade", "stamp": v, "scope": "full"}
        for v in ("V1", "V2")
    ]
    rows = [
        {"exporter": exporter, "importer": importer, "hs_edition": "HS12", "hs_code": "080221", "year": 2020,
         "flow_variant": "reconciled", "value_usd": value, "net_kg": None, "flag": "", "source": "cepii",
         "dataset": "baci", "vintage_id": vintage}
        for vintage, value in (("V1", 10.0), ("V2", 20.0))
        for exporter, importer in (("KAZ", "DEU"), ("DEU", "UZB"), ("DEU", "FRA"))
    ]  # fmt: skip
    found = query(TRADE, rows, vintages)
    assert [(r["iso3"], r["partner"], r["series"], r["unit"], r["change_pct"]) for r in found] == [
        ("DEU", "UZB", "HS12/080221/reconciled", "USD", 100.0),
        ("KAZ", "DEU", "HS12/080221/reconciled", "USD", 100.0),
    ]


CELLS = st.dictionaries(
    st.tuples(st.sampled_from(FOCUS), st.integers(2019, 2020)), st.sampled_from([None, 1.0, 2.0]), max_size=4
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["full", "partial"]), CELLS), min_size=1, max_size=5))
def test_replaying_the_revisions_leads_from_the_first_vintage_to_what_stands_now(
    history: list[tuple[str, dict[tuple[str, int], float | None]]],
) -> None:
    vintages = [(f"20{i:02d}", scope, cells) for i, (scope, cells) in enumerate(history)]
    found = differences(vintages)
    known = dict(history[0][1])
    standing = dict(history[0][1])
    for stamp, scope, cells in vintages[1:]:
        standing = dict(cells) if scope == "full" else standing | cells
        for row in (r for r in found if r["vintage_new"] == f"s__d@{stamp}"):
            cell = (row["iso3"], row["year"])
            assert (cell in known) == (row["status"] != "added")
            if row["status"] == "changed":
                assert known[cell] == row["value_old"] != row["value_new"]
            if row["status"] == "removed":
                assert known.pop(cell) == row["value_old"]
            else:
                known[cell] = row["value_new"]
        assert known == standing
