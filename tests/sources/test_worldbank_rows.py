"""From a page of the World Bank to staged rows: what is kept, what is left out and counted, what stops the reading."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agrocluster.errors import SourceContractError
from agrocluster.model.fetching import RawFile, StageLog
from agrocluster.model.loader import catalog, read_csv
from agrocluster.sources.worldbank import READERS
from agrocluster.sources.worldbank_rows import COLUMNS, MAPPING

WDI = catalog().dataset("worldbank__wdi")


def row(iso3: str = "KAZ", iso2: str = "KZ", date: str = "2020", value: Any = 1.0, **changes: Any) -> dict[str, Any]:
    base = {"indicator": {"id": "SP.POP.TOTL", "value": "x"}, "country": {"id": iso2, "value": "Place"}}
    base |= {"countryiso3code": iso3, "date": date, "value": value, "unit": "", "obs_status": "", "decimal": 0}
    return {**base, **changes}


def read(tmp_path: Path, rows: Any, spec: Any = WDI) -> tuple[list[dict[str, Any]], StageLog]:
    path = tmp_path / "page.json"
    head = {"page": 1, "pages": 1, "per_page": 50, "total": 1, "sourceid": "2", "lastupdated": "2026-07-13"}
    path.write_text(json.dumps([head, rows]), encoding="utf-8-sig")
    file = RawFile("page.json", "worldbank_json", "https://x", "0", 1, "2026-07-13T00:00:00Z")
    log = StageLog()
    found = [r for batch in READERS["worldbank_json"](path, file, spec, log) for r in batch.to_pylist()]
    return found, log


def test_a_row_takes_the_contract_s_shape(tmp_path):
    found, log = read(tmp_path, [row(value=19, obs_status="E", scale="", footnote="new field")])
    assert found == [
        {"iso3": "KAZ", "year": 2020, "indicator": "SP.POP.TOTL", "value": 19.0, "unit": "persons", "flag": "E"}
    ]
    assert tuple(found[0]) == COLUMNS
    assert not log.excluded


def test_the_types_are_those_of_the_contract(tmp_path):
    path = tmp_path / "page.json"
    path.write_text(json.dumps([{"page": 1}, [row()]]))
    file = RawFile("page.json", "worldbank_json", "https://x", "0", 1, "2026-07-13T00:00:00Z")
    (batch,) = READERS["worldbank_json"](path, file, WDI, StageLog())
    assert [str(field.type) for field in batch.schema] == ["string", "int16", "string", "double", "string", "string"]


@pytest.mark.parametrize(("iso3", "iso2"), [("KAZ", "KZ"), ("", "KZ"), ("KAZ", "1A"), ("", "KAZ"), (None, "kz")])
def test_an_economy_is_known_by_either_code(tmp_path, iso3, iso2):
    assert read(tmp_path, [row(iso3, iso2)])[0][0]["iso3"] == "KAZ"


@pytest.mark.parametrize(
    ("iso3", "iso2", "expected"), [("XKX", "XK", "XKX"), ("KSV", "", "XKX"), ("ZAR", "", "COD"), ("WBG", "", "PSE")]
)
def test_the_banks_own_codes_are_translated(tmp_path, iso3, iso2, expected):
    assert read(tmp_path, [row(iso3, iso2)])[0][0]["iso3"] == expected


def test_everything_left_out_is_counted_by_reason(tmp_path):
    rows = [
        row("WLD", "1W"),
        row("", "ZQ", value=None),
        row("CHI", "JG"),
        row(date="2012M01"),
        row(date="2013Q4"),
        row(value=None),
        row(indicator={"id": "NOT.LISTED", "value": "?"}),
        row(),
    ]
    found, log = read(tmp_path, rows)
    assert len(found) == 1
    assert log.excluded == {
        "aggregate": 2,
        "not_an_iso_economy": 1,
        "not_annual": 2,
        "no_value": 1,
        "indicator_not_in_catalogue": 1,
    }
    assert log.notes["indicators_not_in_catalogue"] == ["NOT.LISTED"]
    assert len(found) + log.excluded.total() == len(rows)


def test_zero_is_a_value(tmp_path):
    assert read(tmp_path, [row(value=0)])[0][0]["value"] == 0.0


def test_codes_come_back_in_the_catalogue_s_spelling(tmp_path):
    spec = catalog().dataset("worldbank__findex")
    found, _ = read(tmp_path, [row("", "KZ", indicator={"id": "FIN42.T.D.9", "value": "x"})], spec)
    assert found[0]["indicator"] == "fin42.t.d.9"


def test_an_unknown_economy_stops_the_reading_and_is_named(tmp_path):
    with pytest.raises(SourceContractError, match=r"Unknown economies: ATL Place\.") as caught:
        read(tmp_path, [row(), row("ATL", "AX9"), row("ATL", "AX9", date="2021")])
    assert MAPPING in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([{"countryiso3code": "KAZ"}], r"lacks the field\(s\) country, date, indicator, value"),
        ([row(value="12,5")], "of another type"),
        ([row(country="KZ")], "of another type"),
    ],
)
def test_a_changed_structure_is_named(tmp_path, rows, says):
    with pytest.raises(SourceContractError, match=says):
        read(tmp_path, rows)


@pytest.mark.parametrize("rows", [None, []])
def test_a_page_without_rows_gives_none(tmp_path, rows):
    assert read(tmp_path, rows) == ([], StageLog())


def test_a_saved_message_is_no_data(tmp_path):
    path = tmp_path / "m.json"
    path.write_text('[{"message":[{"id":"120","key":"Invalid value","value":"no"}]}]')
    file = RawFile("m.json", "worldbank_json", "file:m.json", "0", 1, "2026-07-13T00:00:00Z")
    with pytest.raises(SourceContractError, match="message of the service and no data"):
        list(READERS["worldbank_json"](path, file, WDI, StageLog()))


def test_no_aggregate_shares_a_code_with_an_economy():
    economies = {c for k in catalog().countries.values() for c in (k.iso3, k.iso2, k.wb_code)}
    mapped = read_csv(catalog().root / "mappings" / MAPPING).to_pylist()
    codes = [code for entry in mapped for code in (entry["code"], entry["code2"]) if code]
    assert len(codes) == len(set(codes))
    assert not economies & set(codes)
    assert all(entry["iso3"] in {"", *catalog().countries} for entry in mapped)


@pytest.mark.real
def test_a_recorded_answer_gives_its_published_figures(real_data):
    path = real_data / "worldbank" / "api_json" / "USA_NY.GNP.PCAP.CD_1990_1997.json"
    file = RawFile(path.name, "worldbank_json", "file:x", "0", 1, "2020-07-01T00:00:00Z")
    log = StageLog()
    found = {r["year"]: r["value"] for b in READERS["worldbank_json"](path, file, WDI, log) for r in b.to_pylist()}
    assert found[1990] == 24060
    assert found[1997] == 31270
    assert sorted(found) == list(range(1990, 1998))
    assert not log.excluded


@pytest.mark.real
def test_a_recorded_page_with_aggregates_is_read(real_data):
    path = real_data / "worldbank" / "api_json" / "gdp_2013_page.json"
    file = RawFile(path.name, "worldbank_json", "file:x", "0", 1, "2020-03-18T00:00:00Z")
    log = StageLog()
    found = [r for batch in READERS["worldbank_json"](path, file, WDI, log) for r in batch.to_pylist()]
    assert len(found) + log.excluded.total() == 4
    assert log.excluded["aggregate"] >= 2
