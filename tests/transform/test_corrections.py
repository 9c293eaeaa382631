"""Known upstream errors are mended as declared, and the ledger notices when the publisher mends them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agrocluster.errors import UsageError
from agrocluster.model.loader import catalog
from agrocluster.model.specs import Correction, TableKind
from agrocluster.storage.parquet import read_metadata, write_table
from agrocluster.transform.corrections import apply_corrections

CONTRACT = catalog().tables[TableKind.INDICATOR]


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    """Four values of one series; that of 2021 is a thousand times too large."""
    years = [2019, 2020, 2021, 2022]
    table = pa.table(
        {
            "iso3": ["KAZ"] * 4,
            "year": years,
            "indicator": ["X"] * 4,
            "value": [1.0, 2.0, 3000.0, 4.0],
            "unit": ["t"] * 4,
            "flag": ["A", None, "", "E"],
            "source": ["s"] * 4,
            "dataset": ["d"] * 4,
            "vintage_id": ["s__d@1"] * 4,
        }
    )
    write_table(table, tmp_path / "data.parquet", CONTRACT, {"vintage": "s__d@1"}, ordered=False)
    return tmp_path / "data.parquet"


def correction(**given: Any) -> Correction:
    entry = {
        "id": "too_large",
        "dataset": "s__d",
        "where": "indicator = 'X' and year = 2021",
        "action": "scale",
        "value": 0.001,
        "expect": "value > 1000",
        "reason": "Published in kilograms by mistake.",
        "provider": "the publisher",
        "reported": "2026-01-01",
    }
    return Correction.model_validate(entry | given)


def column(path: Path, name: str) -> list[Any]:
    return pq.read_table(path)[name].to_pylist()


@pytest.mark.parametrize(
    ("action", "values", "flags"),
    [
        ({"action": "scale", "value": 0.001}, [1.0, 2.0, 3.0, 4.0], ["A", None, "corrected", "E"]),
        ({"action": "override", "value": 3.5}, [1.0, 2.0, 3.5, 4.0], ["A", None, "corrected", "E"]),
        ({"action": "flag", "flag": "suspect"}, [1.0, 2.0, 3000.0, 4.0], ["A", None, "suspect", "E"]),
        ({"action": "drop"}, [1.0, 2.0, 4.0], ["A", None, "E"]),
    ],
)
def test_each_action_touches_its_rows_alone(
    staged: Path, action: dict[str, Any], values: list[float], flags: list[str | None]
) -> None:
    (line,) = apply_corrections(staged, [correction(**action)], CONTRACT)
    assert (line["id"], line["status"], line["rows"]) == ("too_large", "applied", 1)
    assert column(staged, "value") == values
    assert column(staged, "flag") == flags
    facts = read_metadata(staged)
    assert (facts["corrections"], facts["vintage"]) == ("too_large", "s__d@1")


@pytest.mark.parametrize(
    ("entry", "status", "rows"),
    [
        ({"expect": "value > 5000"}, "fixed_upstream", 1),
        ({"where": "indicator = 'X'"}, "fixed_upstream", 3),
        ({"status": "fixed_upstream"}, "fixed_upstream", 0),
        ({"where": "indicator = 'Y'"}, "absent", 0),
    ],
)
def test_what_the_publisher_changed_is_reported_and_left_alone(
    staged: Path, entry: dict[str, Any], status: str, rows: int
) -> None:
    before = staged.read_bytes()
    (line,) = apply_corrections(staged, [correction(**entry)], CONTRACT)
    assert (line["status"], line["rows"]) == (status, rows)
    assert staged.read_bytes() == before


def test_corrections_follow_each_other_and_guards_see_the_rows_as_staged(staged: Path) -> None:
    twice = [correction(id="first"), correction(id="second", action="override", value=7.0, flag="ours")]
    report = apply_corrections(staged, twice, CONTRACT)
    assert [line["status"] for line in report] == ["applied", "applied"]
    assert column(staged, "value")[2] == 7.0
    assert column(staged, "flag")[2] == "ours"


def test_trade_is_corrected_in_its_value_column(tmp_path: Path) -> None:
    contract = catalog().tables[TableKind.TRADE]
    row = {c.name: ["x"] for c in contract.columns} | {"year": [2020], "value_usd": [5.0], "net_kg": [None]}
    path = tmp_path / "data.parquet"
    write_table(pa.table(row), path, contract)
    apply_corrections(path, [correction(where="year = 2020", expect="value_usd = 5", value=2.0)], contract)
    assert column(path, "value_usd") == [10.0]


def test_an_empty_ledger_changes_nothing(staged: Path) -> None:
    before = staged.read_bytes()
    assert apply_corrections(staged, [], CONTRACT) == []
    assert staged.read_bytes() == before


@pytest.mark.parametrize("mistake", [{"where": "nope = 1"}, {"expect": "value >"}, {"value": None}])
def test_an_entry_with_a_mistake_is_named(staged: Path, mistake: dict[str, Any]) -> None:
    before = staged.read_bytes()
    with pytest.raises(UsageError, match="too_large"):
        apply_corrections(staged, [correction(**mistake)], CONTRACT)
    assert staged.read_bytes() == before
