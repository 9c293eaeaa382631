"""Rows that cannot be right go to quarantine with rule and reason; none is lost and none is doubled."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quality_tables import contract, rows

from agrocluster.errors import UsageError
from agrocluster.model.specs import RowRule
from agrocluster.quality.row_rules import apply_row_rules, quarantine_contract
from agrocluster.storage.parquet import read_metadata, write_table

NEGATIVE = RowRule(id="negative", reject_if="value < 0", reason="A yield can't be negative.")
OLD = RowRule(id="too_old", reject_if="year < 1961", reason="The statistics begin in 1961.")


def split(folder: Path, table: pa.Table, *rules: RowRule) -> tuple[dict[str, int], pa.Table, pa.Table | None]:
    raw, clean, bad = folder / "raw.parquet", folder / "clean.parquet", folder / "bad.parquet"
    write_table(table, raw, contract(), {"dataset": "fao__yields", "vintage": "v1"}, ordered=False)
    counts = apply_row_rules(raw, rules, clean, bad, contract())
    return counts, pq.read_table(clean), pq.read_table(bad) if bad.exists() else None


def test_bad_rows_are_kept_with_rule_and_reason_and_the_rest_goes_on_in_order(tmp_path: Path) -> None:
    counts, clean, bad = split(
        tmp_path, rows(value=[-1.0, 2.0, None, -3.0], year=[1900, 2021, 2021, 2021]), NEGATIVE, OLD
    )
    assert counts == {"negative": 2, "too_old": 0}, "a row that breaks two rules counts once, under the first"
    assert clean["value"].to_pylist() == [2.0, None], "a missing value breaks no rule about its size"
    assert bad is not None
    assert bad.column_names[:2] == ["rule_id", "reason"]
    assert bad.select(["rule_id", "reason", "value"]).to_pylist() == [
        {"rule_id": "negative", "reason": "A yield can't be negative.", "value": -1.0},
        {"rule_id": "negative", "reason": "A yield can't be negative.", "value": -3.0},
    ]


def test_provenance_follows_into_both_files_and_the_clean_one_keeps_its_contract(tmp_path: Path) -> None:
    split(tmp_path, rows(value=[-1.0, 2.0, None, 3.0]), NEGATIVE)
    for name, title in (("clean", "yields"), ("bad", "quarantine_yields")):
        facts = read_metadata(tmp_path / f"{name}.parquet")
        assert (facts["contract"], facts["dataset"], facts["vintage"]) == (title, "fao__yields", "v1")
    assert not pq.read_schema(tmp_path / "clean.parquet").field("iso3").nullable
    assert [c.name for c in quarantine_contract(contract()).columns][2:] == [c.name for c in contract().columns]


@pytest.mark.parametrize("rules", [(), (NEGATIVE, OLD)])
def test_without_bad_rows_the_file_itself_becomes_the_clean_one(tmp_path: Path, rules: tuple[RowRule, ...]) -> None:
    counts, clean, bad = split(tmp_path, rows(), *rules)
    assert not any(counts.values())
    assert bad is None
    assert clean.num_rows == 4
    assert not (tmp_path / "raw.parquet").exists()


def test_a_condition_with_a_typing_mistake_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="typo"):
        split(tmp_path, rows(), NEGATIVE, RowRule(id="typo", reject_if="vlaue < 0", reason="Misspelt on purpose."))
    assert (tmp_path / "raw.parquet").exists()


@settings(max_examples=15, deadline=None)
@given(
    values=st.lists(st.one_of(st.none(), st.floats(-2, 2, width=16), st.just(float("nan"))), max_size=60),
    limits=st.lists(st.floats(-2, 2, width=16), max_size=3),
)
def test_accepted_and_rejected_rows_add_up(
    tmp_path_factory: pytest.TempPathFactory, values: list[float | None], limits: list[float]
) -> None:
    n = len(values)
    table = pa.table(
        {
            "iso3": pa.array(["KAZ"] * n, pa.string()),
            "crop": pa.array(["wheat"] * n, pa.string()),
            "year": pa.array(range(n), pa.int16()),
            "value": pa.array(values, pa.float64(), from_pandas=False),
            "reports": pa.array(range(n), pa.int32()),
        }
    )
    rules = [
        RowRule(id=f"rule_{i}", reject_if=f"value < {limit!r} or isnan(value)", reason="Below a limit of the test.")
        for i, limit in enumerate(limits)
    ]
    counts, clean, bad = split(tmp_path_factory.mktemp("split"), table, *rules)
    rejected = bad["reports"].to_pylist() if bad is not None else []
    kept = clean["reports"].to_pylist()
    assert sorted(kept + rejected) == list(range(n))
    assert kept == sorted(kept)
    assert sum(counts.values()) == len(rejected)
    below = [i for i, v in enumerate(values) if v is not None and (v != v or any(v < limit for limit in limits))]
    assert sorted(rejected) == (below if limits else [])
