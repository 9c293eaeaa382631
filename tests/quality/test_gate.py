"""The gate finds what breaks a contract, says so in words, and stops only for what is critical."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quality_tables import contract, rows, rule

from agrocluster.errors import DataGateError
from agrocluster.model.specs import Severity, TableContract
from agrocluster.quality.gate import Summary, check
from agrocluster.quality.results import Result
from agrocluster.storage.parquet import write_table

VALUE = {"id": "the_rule", "column": "value"}


@pytest.fixture(scope="module", autouse=True)
def great_expectations() -> Any:
    """Import the library once, so that no single test pays for it."""
    return pytest.importorskip("great_expectations")


def gate(folder: Path, table: pa.Table, rules: TableContract, **more: Any) -> Summary:
    path = folder / "table.parquet"
    loose = rules.model_copy(update={"columns": tuple(c.model_copy(update={"nullable": True}) for c in rules.columns)})
    write_table(table, path, rules if more.pop("strict", True) else loose, ordered=False)
    return check(path, rules, subject="fao__yields", subject_id="v1", layer="staged", quality=folder / "q", **more)


def outcome(summary: Summary, rule_id: str, kind: str | None = None) -> Result:
    (found,) = [r for r in summary.results if r.rule_id == rule_id and kind in {None, r.check}]
    return found


def test_a_table_that_keeps_its_contract_passes_every_check(tmp_path: Path) -> None:
    summary = gate(tmp_path, rows(), contract({**VALUE, "kind": "between", "min": 1000, "max": 3000}))
    assert summary.passed
    assert not summary.failures
    assert {r.check for r in summary.results} == {"structure", "gx"}
    assert {"columns", "types", "finite", "key_complete", "key_unique", "not_null_iso3", "the_rule"} <= {
        r.rule_id for r in summary.results
    }
    summary.raise_if_critical()


@pytest.mark.parametrize(
    ("holds", "breaks", "failing", "first_key"),
    [
        (
            {"kind": "between", "column": "value", "min": 1000},
            {"kind": "between", "column": "value", "min": 1150, "max": 2000},
            2,
            {"iso3": "KAZ", "crop": "wheat", "year": 2021, "value": 1100.5},
        ),
        (
            {"kind": "in_set", "column": "crop", "values": ["wheat", "cotton"]},
            {"kind": "in_set", "column": "crop", "values": ["wheat"]},
            1,
            {"iso3": "UZB", "crop": "cotton", "year": 2021},
        ),
        (
            {"kind": "in_set", "column": "reports", "values": ["1", "2", "3"]},
            {"kind": "in_set", "column": "reports", "values": ["1", "2"]},
            1,
            {"iso3": "KAZ", "crop": "wheat", "year": 2020, "reports": 3},
        ),
        (
            {"kind": "regex", "column": "iso3", "pattern": "^[A-Z]{3}$"},
            {"kind": "regex", "column": "iso3", "pattern": "^K"},
            2,
            {"iso3": "TJK", "crop": "wheat", "year": 2021},
        ),
        (
            {"kind": "not_null", "column": "value", "mostly": 0.75},
            {"kind": "not_null", "column": "value"},
            1,
            {"iso3": "TJK", "crop": "wheat", "year": 2021, "value": None},
        ),
        (
            {"kind": "between", "column": "value", "min": 2000, "where": "crop = 'cotton'"},
            {"kind": "between", "column": "value", "min": 2000, "where": "crop = 'wheat'"},
            2,
            {"iso3": "KAZ", "crop": "wheat", "year": 2020, "value": 1200.0},
        ),
        (
            {"kind": "sql", "query": "select iso3 from {table} where year < 2000"},
            {"kind": "sql", "query": "select iso3, count(*) as n from {table} group by iso3 having n > 1;"},
            1,
            {"iso3": "KAZ", "n": 2},
        ),
        (
            {"kind": "row_count", "min": 4, "max": 4},
            {"kind": "row_count", "min": 5},
            None,
            None,
        ),
        (
            {"kind": "covers", "column": "iso3", "values": ["KAZ", "UZB"]},
            {"kind": "covers", "column": "iso3", "values": ["KAZ", "KGZ"]},
            None,
            None,
        ),
        (
            {"kind": "covers", "column": "year", "values": ["2020"]},
            {"kind": "covers", "column": "year", "values": ["2020"], "where": "crop = 'cotton'"},
            None,
            None,
        ),
    ],
    ids=lambda value: value.get("kind") if isinstance(value, dict) and "kind" in value else "",
)
def test_every_kind_of_rule_can_hold_and_break(
    tmp_path: Path, holds: dict[str, Any], breaks: dict[str, Any], failing: int | None, first_key: dict[str, Any] | None
) -> None:
    summary = gate(tmp_path, rows(), contract({"id": "good", **holds}, {"id": "bad", "severity": "warning", **breaks}))
    assert outcome(summary, "good").success is True
    bad = outcome(summary, "bad")
    assert bad.success is False
    assert bad.failing_rows == failing
    assert (json.loads(bad.sample_keys) or [None])[0] == first_key
    assert summary.failed == {"critical": 0, "warning": 1, "info": 0}
    assert summary.passed, "a warning publishes, with a flag"
    assert summary.warnings() == ["bad"]


def test_a_critical_failure_says_what_where_why_and_what_to_do(tmp_path: Path) -> None:
    broken = gate(
        tmp_path,
        rows(),
        contract({**VALUE, "kind": "between", "min": 1150, "reason": "No field yields less than that."}),
    )
    assert not broken.passed
    with pytest.raises(DataGateError) as caught:
        broken.raise_if_critical()
    message = str(caught.value)
    for part in (
        "source fao",
        "dataset yields",
        "period v1",
        "the_rule",
        "1 of 4 rows",
        "at least 1150",
        "No field yields less than that.",
        '{"iso3": "KAZ", "crop": "wheat", "year": 2021, "value": 1100.5}',
        "The last release stays as it is",
        str(broken.stored),
        "agrocluster check fao__yields",
    ):
        assert part in message


def test_info_and_warning_failures_do_not_stop_anything(tmp_path: Path) -> None:
    rules = [
        {"id": name, "kind": "between", "column": "value", "max": 0, "severity": name} for name in ("info", "warning")
    ]
    summary = gate(tmp_path, rows(), contract(*rules))
    assert summary.failed == {"critical": 0, "warning": 1, "info": 1}
    assert [r.severity for r in summary.failures] == [Severity.WARNING, Severity.INFO]
    summary.raise_if_critical()


def test_duplicate_keys_and_holes_in_keys_are_found_with_their_keys(tmp_path: Path) -> None:
    doubled = gate(tmp_path, rows(year=[2020, 2020, 2021, 2021]), contract())
    result = outcome(doubled, "key_unique", "structure")
    assert (result.success, result.failing_rows) == (False, 2)
    assert json.loads(result.sample_keys) == [{"iso3": "KAZ", "crop": "wheat", "year": 2020, "copies": 2}]
    assert outcome(doubled, "key_unique", "gx").success is False
    empty = outcome(gate(tmp_path, rows(crop=["wheat", "", "wheat", "cotton"]), contract()), "key_complete")
    assert (empty.success, empty.failing_rows) == (False, 1)


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_none_are_found_although_parquet_statistics_hide_them(tmp_path: Path, broken: float) -> None:
    values = pa.array([1.0, 2.0, broken, None], pa.float64(), from_pandas=False)
    result = outcome(gate(tmp_path, rows(value=values), contract()), "finite")
    assert (result.success, result.failing_rows, result.severity) == (False, 1, Severity.CRITICAL)
    assert json.loads(result.sample_keys)[0]["iso3"] == "TJK"


def test_a_file_of_another_shape_fails_before_anything_else_runs(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    write_table(rows(), path, contract())
    renamed = [c.model_dump() | {"name": "yield_kg" if c.name == "value" else c.name} for c in contract().columns]
    summary = check(path, contract(columns=renamed), subject="m", subject_id="r", layer="mart", quality=tmp_path / "q")
    (only,) = summary.results
    assert only.rule_id == "columns"
    assert only.observed == "missing: yield_kg; unforeseen: value"
    retyped = [c.model_dump() | {"type": "int64" if c.name == "reports" else c.type} for c in contract().columns]
    summary = check(path, contract(columns=retyped), subject="m", subject_id="r", layer="mart", quality=tmp_path / "q")
    assert outcome(summary, "types").observed == "reports is int32, must be int64"
    loose = gate(tmp_path, rows(), contract(), strict=False)
    assert (
        outcome(loose, "types").observed == "iso3 may be empty, must not; crop may be empty, must not; "
        "year may be empty, must not"
    )


def test_code_lists_come_from_the_contract_or_from_a_relation(tmp_path: Path) -> None:
    columns = [c.model_dump() for c in contract().columns]
    columns[0]["codelist"], columns[1]["codelist"] = "cat_country.iso3", "wheat|cotton"
    rules = contract(columns=columns)
    known = pa.table({"iso3": ["KAZ", "TJK"]})
    summary = gate(tmp_path, rows(), rules, relations={"cat_country": known})
    result = outcome(summary, "codelist_iso3")
    assert (result.success, result.failing_rows, result.severity) == (False, 1, Severity.CRITICAL)
    assert outcome(summary, "codelist_crop").success is True
    unknown = gate(tmp_path, rows(), rules)
    assert outcome(unknown, "codelist_iso3").success is None
    assert "not supplied" in outcome(unknown, "codelist_iso3").observed
    assert unknown.passed
    assert unknown.as_dict()["not_judged"] == 1


def test_sql_rules_read_other_tables_from_files(tmp_path: Path) -> None:
    other = tmp_path / "o'ther.parquet"
    write_table(rows(iso3=["KAZ", "KAZ", "KAZ", "KAZ"]), other, contract(), ordered=False)
    query = "select distinct iso3 from {table} where iso3 not in (select iso3 from fact_yields) order by 1"
    summary = gate(
        tmp_path,
        rows(),
        contract(),
        relations={"fact_yields": other},
        extra_rules=[rule(id="known", kind="sql", query=query)],
    )
    assert json.loads(outcome(summary, "known").sample_keys) == [{"iso3": "TJK"}, {"iso3": "UZB"}]


@pytest.mark.parametrize(
    "broken",
    [
        {"kind": "sql", "query": "select * from nowhere"},
        {"kind": "between", "column": "value", "min": 0, "where": "no_such_column = 1"},
        {"kind": "regex", "column": "iso3", "pattern": "["},
    ],
)
def test_a_rule_that_cannot_run_counts_as_broken(tmp_path: Path, broken: dict[str, Any]) -> None:
    summary = gate(tmp_path, rows(), contract({"id": "typo", **broken}))
    assert outcome(summary, "typo").success is False
    assert "could not run" in outcome(summary, "typo").observed
    assert not summary.passed
    assert outcome(summary, "not_null_iso3").success is True, "the other rules are judged all the same"


def test_an_empty_table_and_an_empty_selection_are_judged(tmp_path: Path) -> None:
    nothing = rows().slice(0, 0)
    summary = gate(
        tmp_path,
        nothing,
        contract(
            {"id": "has_rows", "kind": "row_count", "min": 1},
            {"id": "range", "kind": "between", "column": "value", "min": 1},
            {"id": "form", "kind": "regex", "column": "iso3", "pattern": "^[A-Z]{3}$"},
        ),
    )
    assert [r.rule_id for r in summary.failures] == ["has_rows"]
    summary = gate(
        tmp_path, rows(), contract({"id": "range", "kind": "between", "column": "value", "min": 1, "where": "year < 0"})
    )
    assert summary.passed


def large(n: int = 3000) -> pa.Table:
    """Thirty rows of a focus country, the others of one that is none; one bad row, near the end."""
    at = np.arange(n)
    return pa.table(
        {
            "iso3": pa.array(np.where(at < 30, "KAZ", "USA")),
            "crop": pa.array([f"crop {i}" for i in at]),
            "year": pa.array(np.where(at == n - 7, 1066, 2020)),
            "value": pa.array(np.where(at == n - 7, -1.0, 1.0)),
            "reports": pa.array(at),
        }
    )


def test_every_row_of_a_large_table_is_judged_by_every_rule(tmp_path: Path) -> None:
    table, n = large(), 3000
    rules = contract(
        {"id": "positive", "kind": "between", "column": "value", "min": 0},
        {"id": "mostly", "kind": "between", "column": "value", "min": 0, "mostly": 0.99},
        {"id": "elsewhere", "kind": "between", "column": "value", "min": 0, "where": "year > 2000"},
        {"id": "year", "kind": "in_set", "column": "year", "values": ["2020"]},
        {"id": "form", "kind": "regex", "column": "crop", "pattern": "^crop [0-9]+$"},
        {"id": "known", "kind": "not_null", "column": "value"},
        {"id": "count", "kind": "row_count", "min": n, "max": n},
        {"id": "all_there", "kind": "covers", "column": "crop", "values": [f"crop {i}" for i in range(0, n, 13)]},
        {"id": "one_missing", "kind": "covers", "column": "crop", "values": ["crop 1", "it's missing"]},
        {"id": "query", "kind": "sql", "query": "select crop from {table} where value < 0"},
    )
    summary = gate(tmp_path, table, rules, max_gx_rows=200)
    assert {r.rule_id for r in summary.failures} == {"positive", "year", "one_missing", "query"}
    assert json.loads(outcome(summary, "positive").sample_keys)[0]["crop"] == f"crop {n - 7}"
    assert json.loads(outcome(summary, "one_missing").sample_keys) == [{"missing": "it's missing"}]
    small = gate(tmp_path, table, rules)
    assert {r.rule_id: r.success for r in summary.results} == {r.rule_id: r.success for r in small.results}
    assert len(summary.results) == len({(r.rule_id, r.column) for r in summary.results})


def test_a_fault_that_only_great_expectations_finds_in_a_large_table_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blind = lambda rule, _: rule.model_copy(update={"kind": "sql", "query": "select 1 from {table} where false"})  # noqa: E731
    monkeypatch.setattr("agrocluster.quality.gate.over_all_rows", blind)
    rules = contract({"id": "positive", "kind": "between", "column": "value", "min": 2})
    positive = outcome(gate(tmp_path, large(), rules, max_gx_rows=200), "positive")
    assert positive.success is False
    assert "focus countries" in positive.observed


@pytest.mark.parametrize(
    ("kept", "severity", "success"), [(96, "warning", True), (80, "warning", False), (40, "critical", False)]
)
def test_losing_rows_against_the_predecessor_warns_then_stops(
    tmp_path: Path, kept: int, severity: str, success: bool
) -> None:
    whole = pa.table(
        {
            "iso3": ["KAZ"] * 100,
            "crop": ["wheat"] * 100,
            "year": list(range(1920, 2020)),
            "value": [1.0] * 100,
            "reports": [1] * 100,
        }
    )
    previous = tmp_path / "previous.parquet"
    write_table(whole, previous, contract())
    result = outcome(gate(tmp_path, whole.slice(0, kept), contract(), previous=previous), "row_count_drop")
    assert (str(result.severity), result.success) == (severity, success)
    accepted_on_purpose = gate(tmp_path, whole.slice(0, kept), contract(version="2.0.0"), previous=previous)
    assert "row_count_drop" not in {r.rule_id for r in accepted_on_purpose.results}


def test_a_country_that_vanishes_is_named(tmp_path: Path) -> None:
    previous = tmp_path / "previous.parquet"
    write_table(rows(), previous, contract())
    summary = gate(tmp_path, rows().filter(pa.array([True, True, False, True])), contract(), previous=previous)
    lost = outcome(summary, "focus_country_lost")
    assert (lost.success, lost.severity, lost.observed) == (False, Severity.CRITICAL, "lost: TJK")
    world = outcome(summary, "world_completeness")
    assert (world.success, world.severity) == (False, Severity.WARNING)
    assert world.observed == "2 of the predecessor's 3 economies are present"


def test_a_hundred_thousand_rows_take_less_than_two_seconds(tmp_path: Path) -> None:
    n = 100_000
    at = np.arange(n)
    table = pa.table(
        {
            "iso3": pa.array(np.array(["KAZ", "TJK", "UZB", "KGZ"])[at % 4]),
            "crop": pa.array(at // 200).cast(pa.string()),
            "year": 1970 + at // 4 % 50,
            "value": np.sin(at),
            "reports": at,
        }
    )
    rules = contract(
        {"id": "range", "kind": "between", "column": "value", "min": 0, "severity": "warning"},
        {"id": "form", "kind": "regex", "column": "iso3", "pattern": "^[A-Z]{3}$"},
        {"id": "crops", "kind": "regex", "column": "crop", "pattern": "^[0-4]+$", "severity": "warning"},
        {"id": "wheat", "kind": "between", "column": "value", "min": -1, "where": "iso3 = 'KAZ'"},
    )
    gate(tmp_path, rows(), rules)
    path = tmp_path / "table.parquet"
    write_table(table, path, rules, ordered=False)
    started = time.process_time()
    summary = check(path, rules, subject="s", subject_id="i", layer="staged", quality=tmp_path / "q")
    assert time.process_time() - started < 2, "processor time, so that a busy machine does not decide"
    assert summary.failed["warning"] == 2


VALUES = st.one_of(st.none(), st.floats(-5, 5, width=16))


@settings(max_examples=15, deadline=None)
@given(
    values=st.lists(VALUES, min_size=1, max_size=30),
    low=st.floats(-3, 0, width=16),
    high=st.floats(0, 3, width=16),
    mostly=st.sampled_from([0.5, 0.9, 1.0]),
    only_kaz=st.booleans(),
)
def test_success_agrees_with_a_recomputation_in_pandas(
    tmp_path_factory: pytest.TempPathFactory,
    values: list[float | None],
    low: float,
    high: float,
    mostly: float,
    only_kaz: bool,
) -> None:
    n = len(values)
    countries = ["KAZ" if i % 3 else "UZB" for i in range(n)]
    table = pa.table(
        {
            "iso3": countries,
            "crop": ["wheat"] * n,
            "year": list(range(n)),
            "value": pa.array(values, pa.float64()),
            "reports": [1] * n,
        }
    )
    where = {"where": "iso3 = 'KAZ'"} if only_kaz else {}
    rules = contract(
        {"id": "range", "kind": "between", "column": "value", "min": low, "max": high, "mostly": mostly, **where},
        {"id": "filled", "kind": "not_null", "column": "value", "mostly": mostly, **where},
    )
    summary = gate(tmp_path_factory.mktemp("property"), table, rules)
    frame = pd.DataFrame({"iso3": countries, "value": pd.Series(values, dtype="float64")})
    frame = frame[frame["iso3"] == "KAZ"] if only_kaz else frame
    present = frame["value"].dropna()
    outside = int((~present.between(low, high)).sum())
    in_range = present.empty or 1 - outside / len(present) >= mostly
    filled = frame.empty or len(present) / len(frame) >= mostly
    assert outcome(summary, "range").success == in_range
    assert outcome(summary, "filled").success == filled
    assert outcome(summary, "range").failing_rows == outside
