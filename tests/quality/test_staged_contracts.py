"""The contracts of the staged tables accept what publishers really send and stop what cannot be right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agrocluster.model.loader import catalog
from agrocluster.model.specs import TableKind
from agrocluster.quality.gate import Summary, check
from agrocluster.quality.row_rules import apply_row_rules
from agrocluster.storage.parquet import write_table

ROWS: dict[TableKind, dict[str, Any]] = {
    TableKind.INDICATOR: {"iso3": "KAZ", "year": 2020, "indicator": "X", "value": 1.0, "unit": "%"},
    TableKind.PRODUCTION: {
        "iso3": "KAZ",
        "year": 2020,
        "item_code": "15",
        "element_code": "5510",
        "value": 1.0,
        "unit": "t",
    },
    TableKind.TRADE: {
        "exporter": "KAZ",
        "importer": "WLD",
        "hs_edition": "HS12",
        "hs_code": "080221",
        "year": 2020,
        "flow_variant": "reconciled",
        "value_usd": 10.0,
    },
    TableKind.CUSTOMS: {
        "reporter": "KAZ",
        "partner": "WLD",
        "partner_kind": "world",
        "flow": "X",
        "freq": "A",
        "period": "2020",
        "year": 2020,
        "hs_edition": "HS17",
        "hs_code": "080221",
        "hs_level": 6,
        "value_usd": 10.0,
        "net_kg_estimated": False,
        "qty_estimated": False,
        "is_reported": True,
        "is_aggregate": False,
        "is_original": True,
        "estimation_flag": 0,
    },
}


def stage(folder: Path, kind: TableKind, *changes: dict[str, Any]) -> tuple[dict[str, int], Summary]:
    """Rows like the example with ``changes``, through the row rules and the gate of their contract."""
    contract = catalog().tables[kind]
    common = {"source": "s", "dataset": "d", "vintage_id": "s__d@1", "flag": ""}
    rows = [ROWS[kind] | common | change for change in changes]
    types = {c.name: pa.float64() for c in contract.columns if c.type == "float64"}
    columns = {
        c.name: pa.array([row.get(c.name) for row in rows], types.get(c.name), from_pandas=False)
        for c in contract.columns
    }
    raw, clean = folder / "raw.parquet", folder / "clean.parquet"
    write_table(pa.table(columns), raw, contract, ordered=False)
    counts = apply_row_rules(raw, contract.row_rules, clean, folder / "bad.parquet", contract)
    countries = pa.table({"iso3": list(catalog().countries)})
    summary = check(
        clean,
        contract,
        subject="s__d",
        subject_id="s__d@1",
        layer="staged",
        relations={"cat_country": countries},
        quality=folder / "q",
    )
    return {rule: n for rule, n in counts.items() if n}, summary


def broken(summary: Summary) -> set[str]:
    return {result.rule_id for result in summary.failures}


@pytest.mark.parametrize("kind", list(TableKind))
def test_ordinary_rows_pass(tmp_path: Path, kind: TableKind) -> None:
    rejected, summary = stage(tmp_path, kind, {"year": 1961, "period": "1961"}, {"year": 2020, "period": "2020"})
    assert not rejected
    assert not broken(summary)
    assert all(result.success is not None for result in summary.results), "every code list was at hand"


@pytest.mark.parametrize("kind", list(TableKind))
def test_an_empty_table_is_stopped(tmp_path: Path, kind: TableKind) -> None:
    rejected, summary = stage(tmp_path, kind, {kind.figure: float("nan")})
    assert rejected == {"value_not_finite": 1}
    assert "has_rows" in broken(summary)
    assert not summary.passed


def test_negative_tonnes_go_to_quarantine_but_stocks_may_shrink(tmp_path: Path) -> None:
    rejected, summary = stage(
        tmp_path,
        TableKind.PRODUCTION,
        {"value": -5.0},
        {"value": -5.0, "element_code": "5072"},
        {"value": -5.0, "element_code": "5170"},
        {"value": -5.0, "element_code": "438", "unit": "index"},
    )
    assert rejected == {"negative_quantity": 1}
    assert summary.passed
    kept = pq.read_table(tmp_path / "clean.parquet")["element_code"].to_pylist()
    assert kept == ["5072", "5170", "438"]


@pytest.mark.parametrize(
    ("kind", "change", "rule"),
    [
        (TableKind.INDICATOR, {"iso3": "World"}, "iso3_form"),
        (TableKind.INDICATOR, {"iso3": "ZZZ"}, "codelist_iso3"),
        (TableKind.INDICATOR, {"year": 202}, "year_in_range"),
        (TableKind.INDICATOR, {}, "key_unique"),
        (TableKind.PRODUCTION, {"item_code": ""}, "key_complete"),
        (TableKind.TRADE, {"hs_code": "80221"}, "hs_code_six_digits"),
        (TableKind.TRADE, {"hs_edition": "HS2012"}, "codelist_hs_edition"),
        (TableKind.TRADE, {"importer": "ZZZ"}, "countries_known"),
        (TableKind.TRADE, {"exporter": "ZZZ"}, "countries_known"),
        (TableKind.TRADE, {"exporter": "WLD", "importer": "WLD"}, "countries_known"),
        (TableKind.TRADE, {"importer": "UZB", "value_usd": 20.0}, "parts_within_total"),
    ],
)
def test_what_would_spoil_a_join_or_a_sum_stops_the_release(
    tmp_path: Path, kind: TableKind, change: dict[str, Any], rule: str
) -> None:
    _, summary = stage(tmp_path, kind, {}, change)
    assert rule in broken(summary)
    assert not summary.passed


def test_odd_but_possible_rows_are_flagged_and_published(tmp_path: Path) -> None:
    _, summary = stage(tmp_path, TableKind.TRADE, {}, {"importer": "KAZ", "value_usd": 1.0})
    assert (broken(summary), summary.passed) == ({"no_trade_with_oneself"}, True)
    other_unit = {"iso3": "UZB", "unit": "kg"}
    _, summary = stage(tmp_path, TableKind.PRODUCTION, {}, other_unit)
    assert (broken(summary), summary.passed) == ({"one_unit_per_element"}, True)
