"""UN Comtrade downloads of every age and format become the same customs rows; every record is accounted for."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import comtrade_downloads as c
import downloads as d
import duckdb
import pytest
from comtrade_downloads import Record
from hypothesis import given, settings
from hypothesis import strategies as st

from agrocluster.errors import SourceContractError, SourceUnavailable
from agrocluster.importing.findings import Recognised, Unrecognised
from agrocluster.importing.land import files_mode, land
from agrocluster.importing.recognise import recognise
from agrocluster.model.fetching import RawFile, StageLog
from agrocluster.model.loader import catalog
from agrocluster.model.specs import TableKind
from agrocluster.sources import textblocks
from agrocluster.sources.registry import reader
from agrocluster.storage import landing, vintages

ANNUAL, MIRROR = "comtrade__annual", "comtrade__mirror"
MONTHLY, MIRROR_MONTHLY = "comtrade__monthly", "comtrade__mirror_monthly"

FOUR = {398: "KAZ", 417: "KGZ", 762: "TJK", 860: "UZB"}
AREAS = {**FOUR, 156: "CHN", 643: "RUS", 842: "USA", 381: "ITA", 490: "TWN", 0: "WLD", 899: "X899", 58: "X58"}
EDITIONS = {"H0": "HS92", "H1": "HS96", "H2": "HS02", "H3": "HS07", "H4": "HS12", "H5": "HS17", "H6": "HS22"}

Maker = Callable[[list[Record]], "bytes | str"]
FORMATS: dict[str, tuple[Maker, str]] = {
    "portal": (c.portal, "comtrade_csv"),
    "portal, UTF-8": (lambda r: c.portal(r, encoding="utf-8-sig"), "comtrade_csv"),
    "portal, gzip": (lambda r: gzip.compress(c.portal(r)), "comtrade_csv"),
    "saved again": (c.saved_again, "comtrade_csv"),
    "saved again, semicolons": (lambda r: c.saved_again(r, delimiter=";"), "comtrade_csv"),
    "saved again, Windows": (lambda r: c.saved_again(r, encoding="cp1252"), "comtrade_csv"),
    "saved again, Unicode": (lambda r: c.saved_again(r, encoding="utf-16"), "comtrade_csv"),
    "bulk": (c.bulk, "comtrade_bulk_tsv"),
    "bulk, gzip": (lambda r: d.gzipped(c.bulk(r)), "comtrade_bulk_tsv"),
    "answer": (c.answer, "comtrade_json"),
    "answer, re-indented": (lambda r: c.answer(r, pretty=True), "comtrade_json"),
    "answer, gzip": (lambda r: d.gzipped(c.answer(r)), "comtrade_json"),
}
OLD_FORMATS: dict[str, tuple[Maker, str]] = {
    "old CSV, 22 columns": (c.old_csv, "comtrade_legacy_csv"),
    "old CSV, 35 columns": (lambda r: c.old_csv(r, c.OLD_35), "comtrade_legacy_csv"),
    "old CSV, gzip": (lambda r: d.gzipped(c.old_csv(r)), "comtrade_legacy_csv"),
    "old JSON": (c.old_json, "comtrade_legacy_json"),
    "old JSON, gzip": (lambda r: d.gzipped(c.old_json(r)), "comtrade_legacy_json"),
}

MIXED = [
    Record(),
    Record(partner=0, code="TOTAL", value=48342074036, kg=0, unit=-1, flag=4),
    Record(reporter=417, flow="M", partner=398, value=0.25, kg=None, qty=12.5, unit=5, flag=2),
    Record(reporter=156, partner=398, flow="M", edition="H4", value=7495626132.315, flag=6),
    Record(reporter=381, partner=860, flow="RX", code="44", kg=None),
    Record(reporter=156, partner=842),
    Record(reporter=860, partner=899, flow="RM", code="0802"),
    Record(period="202003", partner=643, value=10),
    Record(reporter=643, partner=762, period="202012", flow="M", value=1e-3),
]


def read(path: Path, file_format: str, dataset_id: str) -> tuple[list[dict[str, Any]], StageLog]:
    log, file = StageLog(), RawFile(path.name, file_format, "", "", 0, "")
    batches = reader(file_format)(path, file, catalog().dataset(dataset_id), log)
    return [row for batch in batches for row in batch.to_pylist()], log


def rows_of(tmp_path: Path, content: bytes | str, file_format: str, dataset_id: str) -> list[dict[str, Any]]:
    return read(d.put(tmp_path / "file", content), file_format, dataset_id)[0]


def belongs(record: Record, dataset_id: str) -> bool:
    monthly, mirror = "monthly" in dataset_id, "mirror" in dataset_id
    own = record.reporter in FOUR
    return record.monthly == monthly and (not own and record.partner in FOUR if mirror else own)


def expected(record: Record) -> dict[str, Any]:
    """What a record must become, told row by row."""
    estimated = record.flag != 0
    return {
        "reporter": AREAS[record.reporter],
        "partner": AREAS[record.partner],
        "partner_kind": {"WLD": "world"}.get(
            AREAS[record.partner], "unspecified" if AREAS[record.partner][0] == "X" else "country"
        ),
        "flow": record.flow,
        "freq": "M" if record.monthly else "A",
        "period": record.period,
        "year": int(record.period[:4]),
        "month": int(record.period[4:]) if record.monthly else None,
        "hs_edition": EDITIONS[record.edition],
        "hs_code": record.code,
        "hs_level": 0 if record.code == "TOTAL" else len(record.code),
        "value_usd": record.value,
        "net_kg": record.kg or None,
        "net_kg_estimated": record.flag in {4, 6},
        "qty": record.qty or None,
        "qty_unit": None if record.unit == -1 else str(record.unit),
        "qty_estimated": record.flag in {2, 6},
        "is_reported": len(record.code) == 6,
        "is_aggregate": len(record.code) != 6,
        "is_original": record.original,
        "estimation_flag": record.flag,
        "flag": ",".join(name for name, on in (("estimated", estimated), ("converted", not record.original)) if on),
    }


def without_costs(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in {"cif_usd", "fob_usd"}} for row in rows]


@pytest.mark.parametrize("dataset_id", [ANNUAL, MIRROR, MONTHLY, MIRROR_MONTHLY])
@pytest.mark.parametrize("name", [*FORMATS, *OLD_FORMATS])
def test_every_format_gives_the_same_rows(name: str, dataset_id: str, tmp_path: Path) -> None:
    make, file_format = {**FORMATS, **OLD_FORMATS}[name]
    mine = [record for record in MIXED if belongs(record, dataset_id)]
    rows, log = read(d.put(tmp_path / "file", make(MIXED)), file_format, dataset_id)
    assert without_costs(rows) == [expected(record) for record in mine]
    assert log.excluded == {
        "none of the four countries takes part": 1,
        "record of another dataset": len(MIXED) - 1 - len(mine),
    }
    assert log.rejected == []


@pytest.mark.parametrize("name", FORMATS)
def test_values_cif_and_fob_come_where_the_reporter_gives_them(name: str, tmp_path: Path) -> None:
    make, file_format = FORMATS[name]
    records = [Record(reporter=417, flow="M", value=80.5), Record(flow="X", value=70)]
    rows = rows_of(tmp_path, make(records), file_format, ANNUAL)
    assert [(row["cif_usd"], row["fob_usd"]) for row in rows] == [(80.5, None), (None, 70.0)]


def test_a_zero_is_unknown_for_weights_and_costs_but_a_value(tmp_path: Path) -> None:
    records = [Record(value=0, kg=0, qty=0.0), Record(code="01", kg=None), Record(code="02", kg=3, qty=0)]
    rows, log = read(d.put(tmp_path / "f", c.portal(records)), "comtrade_csv", ANNUAL)
    assert [(row["value_usd"], row["net_kg"], row["qty"], row["fob_usd"]) for row in rows] == [
        (0, None, None, None),
        (1250.5, None, None, 1250.5),
        (1250.5, 3, None, 1250.5),
    ]
    assert log.notes == {
        "netWgt of 0 read as unknown": 1,
        "qty of 0 read as unknown": 2,
        "fobvalue of 0 read as unknown": 1,
    }


REASONS = {
    "breakdown of a total": [
        Record(partner2=156),
        Record(mot=2100),
        Record(customs="C04"),
        Record(mos="3"),
    ],
    "reporter is a group of countries": [Record(reporter=97, partner=398)],
    "reporter is no country of today": [Record(reporter=810, partner=398), Record(reporter=899, partner=417)],
    "partner is a group of countries": [Record(partner=975)],
    "not in the Harmonized System": [Record(edition="S3", code="05773"), Record(edition="EB10", code="SC")],
    "code of no level of the Harmonized System": [
        Record(code="9999AA"),
        Record(code="08022100"),
        Record(code=""),
        Record(code="\u0660\u0661"),
    ],
    "trade in services": [Record(type="S")],
    "none of the four countries takes part": [Record(reporter=156), Record(reporter=490, partner=0)],
}


@pytest.mark.parametrize("reason", REASONS)
def test_what_is_no_row_of_the_table_is_counted_with_the_reason(reason: str, tmp_path: Path) -> None:
    for record in REASONS[reason]:
        dataset_id = ANNUAL if record.reporter in FOUR else MIRROR
        for content, file_format in (
            (c.saved_again([record, Record()]), "comtrade_csv"),
            (c.answer([record, Record()]), "comtrade_json"),
        ):
            rows, log = read(d.put(tmp_path / "file", content), file_format, dataset_id)
            assert log.excluded[reason] == 1, record
            assert len(rows) == (1 if dataset_id == ANNUAL else 0)


def test_totals_stay_however_their_code_is_written(tmp_path: Path) -> None:
    totals = [Record(mos="-1"), Record(mos="0 ", partner=643), Record(mos="", customs=" C00", partner=842)]
    assert len(rows_of(tmp_path, c.saved_again(totals), "comtrade_csv", ANNUAL)) == 3
    assert len(rows_of(tmp_path, c.answer(totals), "comtrade_json", ANNUAL)) == 3


def test_a_leading_zero_lost_to_a_spreadsheet_comes_back(tmp_path: Path) -> None:
    records = [Record(code="80221"), Record(code="802"), Record(code="8")]
    rows = rows_of(tmp_path, c.saved_again(records), "comtrade_csv", ANNUAL)
    assert [(row["hs_code"], row["hs_level"]) for row in rows] == [("080221", 6), ("0802", 4), ("08", 2)]


REFUSED = {
    "not_a_number": [Record(value="n/a"), Record(kg="1,250"), Record(unit="kg"), Record(reporter="KAZ")],  # type: ignore[arg-type]
    "not_true_or_false": [Record(original="perhaps")],  # type: ignore[arg-type]
    "period_form": [Record(period="20"), Record(period="202013"), Record(period="2O20")],
    "unknown_flow": [Record(flow="IN")],
    "value_missing": [Record(value="")],
    "area_missing": [Record(partner="")],  # type: ignore[arg-type]
}


@pytest.mark.parametrize("rule", REFUSED)
def test_records_that_break_their_contract_go_to_quarantine_with_their_text(rule: str, tmp_path: Path) -> None:
    for record in REFUSED[rule]:
        path = d.put(tmp_path / "file", c.saved_again([Record(), record, Record(partner=0)]))
        rows, log = read(path, "comtrade_csv", MONTHLY if len(record.period) > 4 else ANNUAL)
        assert [(found, kept.num_rows) for found, _, kept in log.rejected] == [(rule, 1)], record
        assert len(rows) + log.excluded.total() == 2


@pytest.mark.parametrize("name", [*FORMATS, *OLD_FORMATS])
def test_a_flow_that_stands_twice_is_kept_once(name: str, tmp_path: Path) -> None:
    make, file_format = {**FORMATS, **OLD_FORMATS}[name]
    pasted = [Record(value=5), Record(partner=0), Record(value=6), Record(value=7, period="2021")]
    rows, log = read(d.put(tmp_path / "file", make(pasted)), file_format, ANNUAL)
    assert [row["value_usd"] for row in rows] == [5, 1250.5, 7]
    assert [(rule, kept.num_rows) for rule, _, kept in log.rejected] == [("repeated_flow", 1)]


def test_rows_with_another_number_of_fields_go_to_quarantine(tmp_path: Path) -> None:
    lines = c.portal([Record(), Record(partner=0), Record(partner=643)]).split(b"\r\n")
    lines[2] += b'"one more"'
    lines[3] = lines[3][:40]
    lines.insert(2, lines[1] + b',"and",')
    rows, log = read(d.put(tmp_path / "file", b"\r\n".join(lines)), "comtrade_csv", ANNUAL)
    assert len(rows) == 2
    ((rule, reason, torn),) = log.rejected
    assert (rule, torn.num_rows, "48" in reason) == ("field_count", 2, True)


def test_an_area_that_nobody_knows_stops_the_file_and_is_named(tmp_path: Path) -> None:
    path = d.put(tmp_path / "file", c.portal([Record(partner=997)]))
    with pytest.raises(SourceContractError, match=r"997.*comtrade_areas\.csv"):
        read(path, "comtrade_csv", ANNUAL)
    elsewhere = d.put(tmp_path / "other", c.portal([Record(reporter=997, partner=842), Record()]))
    assert len(read(elsewhere, "comtrade_csv", ANNUAL)[0]) == 1


def test_blocks_are_no_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [Record(code=f"{i + 10101:06d}", value=i) for i in range(2000)]
    whole = rows_of(tmp_path, c.portal(records), "comtrade_csv", ANNUAL)
    monkeypatch.setattr(textblocks.TextBlocks.__init__, "__defaults__", (4096,))
    assert rows_of(tmp_path, c.portal(records), "comtrade_csv", ANNUAL) == whole
    assert [row["value_usd"] for row in whole] == list(range(2000))


figures = st.one_of(st.integers(0, 10**12), st.floats(0, 1e12, allow_subnormal=False))
records = st.builds(
    Record,
    reporter=st.sampled_from([398, 417, 762, 860, 156, 643, 842, 381, 490]),
    partner=st.sampled_from([0, 398, 417, 762, 860, 156, 899, 58]),
    flow=st.sampled_from(["M", "X", "RX", "RM"]),
    period=st.sampled_from(["2012", "2024", "201201", "202412"]),
    edition=st.sampled_from([*EDITIONS]),
    code=st.sampled_from(["TOTAL", "08", "0802", "080221", "999999"]),
    value=figures,
    kg=st.none() | figures,
    qty=st.none() | figures,
    unit=st.sampled_from([-1, 5, 8]),
    flag=st.sampled_from([0, 2, 4, 6]),
)
current_records = st.builds(
    lambda record, **changed: Record(**{**vars(record), **changed}),
    records,
    original=st.booleans(),
    flow=st.sampled_from(["M", "X", "RX", "RM", "DX", "FM", "MIP", "XOP"]),
)


def account(make: Maker, file_format: str, held: list[Record], path: Path) -> None:
    d.put(path, make(held))
    for dataset_id in (ANNUAL, MIRROR, MONTHLY, MIRROR_MONTHLY):
        rows, log = read(path, file_format, dataset_id)
        assert without_costs(rows) == [expected(record) for record in held if belongs(record, dataset_id)]
        assert len(rows) + log.excluded.total() == len(held)
        assert log.rejected == []


@given(
    held=st.lists(current_records, min_size=1, max_size=12, unique_by=Record.flow_key), name=st.sampled_from([*FORMATS])
)
def test_any_records_are_read_alike_in_any_format(
    held: list[Record], name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    make, file_format = FORMATS[name]
    account(make, file_format, held, tmp_path_factory.mktemp("any") / "file")


@settings(max_examples=40)
@given(held=st.lists(records, min_size=1, max_size=12, unique_by=Record.flow_key), name=st.sampled_from([*OLD_FORMATS]))
def test_any_old_records_are_read_alike_in_any_format(
    held: list[Record], name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    make, file_format = OLD_FORMATS[name]
    account(make, file_format, held, tmp_path_factory.mktemp("old") / "file")


@given(text=st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=30))
def test_descriptions_may_hold_anything(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("texts") / "file"
    quoted = text.replace('"', '""').encode("latin-1")
    d.put(path, c.portal([Record(partner=384), Record()]).replace("C\u00f4te d'Ivoire".encode("latin-1"), quoted))
    assert [row["partner"] for row in read(path, "comtrade_csv", ANNUAL)[0]] == ["CIV", "CHN"]


@pytest.mark.parametrize("name", [*FORMATS, *OLD_FORMATS])
def test_files_are_recognised_by_what_their_records_are_about(name: str, tmp_path: Path) -> None:
    make, file_format = {**FORMATS, **OLD_FORMATS}[name]
    cases: list[tuple[list[Record], list[str]]] = [
        (MIXED, [ANNUAL, MIRROR, MIRROR_MONTHLY, MONTHLY]),
        ([Record(partner=417)], [ANNUAL]),
        ([Record(reporter=156, partner=417), Record(reporter=156)], [MIRROR]),
        ([Record(period="202001")], [MONTHLY]),
        ([Record(period="202001", reporter=643, partner=860)], [MIRROR_MONTHLY]),
    ]
    for held, datasets in cases:
        found = recognise(d.put(tmp_path / "data.bin", make(held)))
        assert isinstance(found, Recognised), found
        assert [(use.dataset_id, use.format) for use in found.uses] == [(name, file_format) for name in datasets]
        assert {use.scope for use in found.uses} == {"partial"}
        assert found.stamp == ("2020-04-25" if file_format == "comtrade_legacy_json" else None)
        assert found.what.startswith("UN Comtrade")


@pytest.mark.parametrize("name", [*FORMATS, *OLD_FORMATS])
def test_a_file_about_others_or_about_nothing_feeds_no_dataset(name: str, tmp_path: Path) -> None:
    make, _ = {**FORMATS, **OLD_FORMATS}[name]
    for held, note in (([Record(reporter=156)], "None of the four"), ([], "no records")):
        found = recognise(d.put(tmp_path / "file", make(held)))
        assert isinstance(found, Recognised), found
        assert (found.kind, found.uses) == ("other", ())
        assert note in found.note


LISTS = {
    "availability of data": {"data": [{"totalRecords": 5, "datasetChecksum": 1, "period": 2020}], "elapsedTime": "1"},
    "bulk files": {"elapsedTime": "1", "count": 1, "data": [{"fileUrl": "x", "rowKey": "x", "reporterCode": 32}]},
    "reporters": {"results": [{"id": 4, "text": "Afghanistan", "reporterCodeIsoAlpha3": "AFG", "isGroup": False}]},
    "fields of a record": {"results": [{"dataItem": "reporterCode"}, {"dataItem": "flowCode"}]},
    "products (HS2017)": {"className": "HS2017", "results": [{"id": "01", "text": "Animals", "parent": "#"}]},
    "codes": {"more": False, "results": [{"id": "0", "text": "World"}]},
}


@pytest.mark.parametrize("what", LISTS)
def test_lists_are_companions_with_and_without_a_byte_order_mark(what: str, tmp_path: Path) -> None:
    for mark in ("", "\ufeff"):
        found = recognise(d.put(tmp_path / "file", mark + d.as_json(LISTS[what], pretty=True)))
        assert isinstance(found, Recognised), found
        assert (found.kind, found.what) == ("companion", f"UN Comtrade list of {what}")


def shifted(held: list[Record]) -> bytes:
    """The portal's CSV after a program took its first field for row labels, and dropped them."""
    header, *lines = c.portal(held).split(b"\r\n")[:-1]
    return b"\r\n".join([header, *(line.split(b",", 1)[1] for line in lines)]) + b"\r\n"


BROKEN = {
    "cut off gzip": (d.gzipped(c.bulk(MIXED * 50))[:-60], "not complete"),
    "web page": ("<html><head><title>Request URL Too Long</title></head></html>", "web page"),
    "shifted columns": (shifted([Record()]), "shifted by one"),
    "no value column": (c.bulk([Record()]).replace("primaryValue", "value"), "primaryValue"),
    "column twice": (c.bulk([Record()]).replace("refYear", "period"), "twice"),
    "error answer": (
        d.as_json({"elapsedTime": "0", "count": -1, "data": [], "error": "Invalid parameter value"}),
        "Invalid parameter value",
    ),
    "cut off old answer": (c.old_json([Record()])[:-20], "no whole answer"),
    "one endless line": (c.bulk([Record()] * 3000) + "x" * (130 << 20), "unclosed quote"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_named_with_the_reason(case: str, tmp_path: Path) -> None:
    content, words = BROKEN[case]
    found = recognise(d.put(tmp_path / "file", content))
    assert isinstance(found, Unrecognised), found
    assert found.broken
    assert words in found.reason


def test_a_reader_never_takes_half_a_file_for_a_whole_one(tmp_path: Path) -> None:
    path = d.put(tmp_path / "file", d.gzipped(c.bulk(MIXED * 50))[:-60])
    with pytest.raises(SourceUnavailable, match="not complete"):
        read(path, "comtrade_bulk_tsv", ANNUAL)


def test_a_first_line_without_end_is_an_error_of_the_file(tmp_path: Path) -> None:
    path = d.put(tmp_path / "file", c.bulk([]) + "x" * (1 << 20))
    with pytest.raises(SourceContractError, match="no lines of a table"):
        read(path, "comtrade_bulk_tsv", ANNUAL)


def test_a_table_inside_a_zip_says_what_to_do(tmp_path: Path) -> None:
    found = recognise(d.put(tmp_path / "file", d.archive({"TradeData.csv": c.saved_again(MIXED).decode()})))
    assert isinstance(found, Unrecognised)
    assert "unpack it" in found.reason


def test_a_file_of_several_datasets_makes_a_vintage_of_each(tmp_path: Path, data_root: Path) -> None:
    folder = tmp_path / "downloads"
    d.put(folder / "TradeData_5_1_2024.csv", c.portal(MIXED))
    d.put(folder / "old.json", c.old_json([Record(value=1), Record(partner=0, value=2)], "2021-03-04"))
    d.put(folder / "unknown.csv", c.portal([Record(partner=997)]))
    report = land(folder)
    lines = {(line.file, line.dataset): line for line in report.lines}
    portal = {line.dataset: line for line in report.lines if line.file.startswith("TradeData")}
    assert {name: (line.rows, line.countries) for name, line in portal.items()} == {
        ANNUAL: (4, 3),
        MIRROR: (2, 2),
        MONTHLY: (1, 1),
        MIRROR_MONTHLY: (1, 1),
    }
    for line in portal.values():
        assert (line.stamp, line.dated_by, line.problem) == ("2024-01-15", "file time", "")
        assert line.rows + sum(line.excluded.values()) == len(MIXED)
    old = lines["old.json", ANNUAL]
    assert (old.stamp, old.dated_by, old.rows) == ("2021-03-04", "inside", 2)
    assert "997" in lines["unknown.csv", ANNUAL].problem
    with files_mode(folder):
        assert landing.load(ANNUAL, old.vintage.partition("@")[2]).scope == "partial"
        now, then = current(ANNUAL), current(ANNUAL, as_of="2022-01-01")
        query = "select value_usd from ({}) where partner = 'CHN' and hs_code = '080221' and flow = 'X'"
        with duckdb.connect() as con:
            assert con.sql(query.format(now)).fetchall() == [(1250.5,)]
            assert con.sql(query.format(then)).fetchall() == [(1.0,)]
            world = con.sql(f"select hs_code, value_usd from ({now}) where partner = 'WLD' order by 1").fetchall()
        # Nothing of the older file is lost where the newer one is silent.
        assert world == [("080221", 2.0), ("TOTAL", 48342074036.0)]


def current(dataset_id: str, *, as_of: str | None = None) -> str:
    contract = catalog().tables[TableKind.CUSTOMS]
    return vintages.current_query(contract, vintages.accepted([dataset_id], as_of=as_of))


def test_the_list_of_areas_names_each_code_once_and_no_country_of_the_catalogue() -> None:
    path = catalog().root / "mappings" / "comtrade_areas.csv"
    with duckdb.connect() as con:
        areas = con.sql(f"select code, iso3, kind from read_csv('{path}', all_varchar = true)").fetchall()
    codes = Counter(code for code, _, _ in areas)
    held = {str(country.comtrade_code) for country in catalog().countries.values()}
    assert set(codes.values()) == {1}
    assert not set(codes) & held
    for code, iso3, kind in areas:
        assert kind in {"country", "world", "former", "group", "unspecified"}, code
        assert (iso3 in catalog().countries) == (kind == "country"), code
