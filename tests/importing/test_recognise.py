"""Files are recognised by what they hold, under any name; what cannot be used is named with the reason."""

from __future__ import annotations

from pathlib import Path

import downloads as d
import openpyxl
import pytest

from agrocluster.importing.findings import Recognised, Unrecognised
from agrocluster.importing.recognise import recognise

DATA = {
    "website table": (d.faostat(), "faostat__qcl", "faostat_csv", None),
    "website table, byte order mark": ("\ufeff" + d.faostat(), "faostat__qcl", "faostat_csv", None),
    "website table, gzip": (d.gzipped(d.faostat()), "faostat__qcl", "faostat_csv", None),
    "website table, semicolons": (
        "\ufeff"
        + d.FAOSTAT_HEADER.replace(",", ";")
        + "\r\nPP;Prices;398;Kazakhstan;5532;Price;111;Wheat;2012;2012;;9;A;x",
        "faostat__pp",
        "faostat_csv",
        None,
    ),
    "website table with FAO's codes": (d.faostat_old_codes(), "faostat__qcl", "faostat_csv", None),
    "website table of the old site": (d.faostat3(), "faostat__qcl", "faostat_csv", "2015-10-20"),
    "unpacked bulk table, told by its elements": (d.bulk_long(), "faostat__qcl", "faostat_csv", None),
    "bulk, normalised": (
        d.bulk("Production_Crops_Livestock_E_All_Data_(Normalized).csv", d.bulk_long()),
        "faostat__qcl",
        "faostat_bulk_zip",
        "2023-12-27",
    ),
    "bulk, wide, predecessor of a domain": (
        d.bulk("Production_LivestockPrimary_E_All_Data.csv", d.bulk_wide(), (2016, 8, 3)),
        "faostat__qcl",
        "faostat_bulk_wide_zip",
        "2016-08-03",
    ),
    "WDI with preamble": (d.wdi(), "worldbank__wdi", "wdi_csv", "2023-07-25"),
    "WDI, header first, no quotes": (d.wdi(preamble=False, quoted=False), "worldbank__wdi", "wdi_csv", None),
    "WDI, gzip": (d.gzipped(d.wdi()), "worldbank__wdi", "wdi_csv", "2023-07-25"),
    "WDI zip": (d.wdi_zip(), "worldbank__wdi", "wdi_zip", "2023-07-25"),
    "WDI workbook": (d.wdi_xlsx(), "worldbank__wdi", "wdi_xlsx", "2022-09-16"),
    "API answer": (d.as_json(d.api_answer()), "worldbank__wdi", "worldbank_json", "2020-07-01"),
    "API answer, re-indented": (
        d.as_json(d.api_answer(), pretty=True),
        "worldbank__wdi",
        "worldbank_json",
        "2020-07-01",
    ),
    "BACI release": (d.baci_zip(), "cepii__baci_hs12", "baci_zip", "V202601"),
}


@pytest.mark.parametrize("case", DATA)
def test_every_layout_is_recognised_without_the_help_of_its_name(case: str, tmp_path: Path) -> None:
    content, dataset, reader, stamp = DATA[case]
    found = recognise(d.put(tmp_path / "data.bin", content))
    assert isinstance(found, Recognised), found
    assert [(use.dataset_id, use.format) for use in found.uses] == [(dataset, reader)]
    assert found.stamp == stamp


def test_only_the_whole_domain_or_release_replaces_older_vintages(tmp_path: Path) -> None:
    def scope(content: bytes | str) -> str:
        found = recognise(d.put(tmp_path / "x", content))
        assert isinstance(found, Recognised)
        return found.uses[0].scope

    assert scope(d.bulk("Production_Crops_Livestock_E_All_Data_(Normalized).csv", d.bulk_long())) == "full"
    assert scope(d.baci_zip()) == "full"
    assert scope(d.bulk("Production_Crops_E_All_Data_(Normalized).csv", d.bulk_long())) == "partial"
    assert scope(d.bulk("Production_Crops_Livestock_E_All_Data.csv", d.bulk_wide())) == "partial"
    assert scope(d.faostat()) == "partial"


def test_a_year_of_baci_is_told_by_its_name_and_refused_without(tmp_path: Path) -> None:
    named = recognise(d.put(tmp_path / "BACI_HS12_Y2020_V202601.csv.gz", d.gzipped(d.BACI_YEAR)))
    assert isinstance(named, Recognised)
    assert (named.uses[0].dataset_id, named.uses[0].format, named.stamp) == ("cepii__baci_hs12", "baci_csv", "V202601")
    other = recognise(d.put(tmp_path / "BACI_HS17_Y2020_V202601.csv", d.BACI_YEAR))
    assert isinstance(other, Recognised)
    assert (other.kind, "HS12" in other.note) == ("other", True)
    nameless = recognise(d.put(tmp_path / "flows.csv", d.BACI_YEAR))
    assert isinstance(nameless, Unrecognised)
    assert "BACI_HS12" in nameless.reason


def test_a_table_of_several_databases_is_read_by_each(tmp_path: Path) -> None:
    text = d.wdi() + d.wdi(code="LP.LPI.OVRL.RK").split('2021",\n', 1)[1]
    found = recognise(d.put(tmp_path / "api.csv", text))
    assert isinstance(found, Recognised)
    assert {use.dataset_id for use in found.uses} == {"worldbank__wdi", "worldbank__lpi"}


COMPANIONS = {
    "metadata of countries": '"Country Code","Region","IncomeGroup","TableName","SpecialNotes",\n',
    "metadata of indicators": '"INDICATOR_CODE","INDICATOR_NAME","SOURCE_NOTE","SOURCE_ORGANIZATION",\n',
    "BACI countries": "country_code,country_name,country_iso2,country_iso3\n4,Afghanistan,AF,AFG\n",
    "BACI countries before 2022": "country_code,country_name_abbreviation,iso_2digit_alpha,iso_3digit_alpha\n",
    "BACI products": "code,description\n010111,Horses\n",
    "API list": d.as_json(
        [{"page": 1, "pages": 1, "total": 1}, [{"id": "KAZ", "iso2Code": "KZ", "name": "Kazakhstan"}]]
    ),
}


@pytest.mark.parametrize("case", COMPANIONS)
def test_files_that_explain_data_are_companions(case: str, tmp_path: Path) -> None:
    found = recognise(d.put(tmp_path / "file", COMPANIONS[case]))
    assert isinstance(found, Recognised)
    assert (found.kind, found.uses) == ("companion", ())


OTHERS = {
    "FAOSTAT website table, domain QI": d.faostat(domain="QI"),
    "FAOSTAT bulk archive Food_Security_Data": d.bulk("Food_Security_Data_E_All_Data_(Normalized).csv", d.bulk_long()),
    "WITS country trade summary": "Reporter,Partner,Product categories,Indicator Type,Indicator,2019\n",
    "WTO": '"Indicator Category","Reporting Economy Code","Product/Sector Code"\n',
    "Eurostat Comext": d.archive({"view.csv": "REPORTER,PARTNER,PRODUCT,FLOW,STAT_PROCEDURE,PERIOD,VALUE_IN_EUR\n"}),
    "WFP": "date,admin1,market,category,commodity,unit,pricetype,currency,price,usdprice\n",
    "SIAT": d.as_json([{"metadata": [], "data": []}]),
    "SDMX": "<?xml version='1.0'?><m:GenericData xmlns:m='http://www.SDMX.org/resources'/>",
    "Excel 97-2003": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    "World Bank table of indicators": d.wdi(code="XX.NOT.OURS"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_files_of_others_are_named_though_nothing_reads_them(case: str, tmp_path: Path) -> None:
    found = recognise(d.put(tmp_path / "file", OTHERS[case]))
    assert isinstance(found, Recognised), found
    assert found.kind == "other"
    assert found.what.startswith(case)
    assert found.note


def test_a_legacy_workbook_says_what_to_do(tmp_path: Path) -> None:
    found = recognise(d.put(tmp_path / "x.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)))
    assert isinstance(found, Recognised)
    assert ".xlsx" in found.note


BROKEN = {
    "empty": (b"", "empty"),
    "blank": (b"\xef\xbb\xbf \r\n", "empty"),
    "cut off zip": (d.wdi_zip()[:-60], "not a complete zip"),
    "cut off gzip": (d.gzipped(d.faostat() * 50)[:-40], "not complete"),
    "web page": ("<!DOCTYPE html><html><body>502</body></html>", "web page"),
    "error message of the API": (
        d.as_json([{"message": [{"id": "120", "key": "Invalid value", "value": "wrong"}]}]),
        "error message",
    ),
    "cut off JSON": (d.as_json(d.api_answer())[:-9], "does not hold together"),
    "way out of the archive": (d.archive({"../../API.csv": d.wdi()}), "leads out"),
    "zip bomb": (d.archive({"API.csv": "0" * (80 << 20)}), "bomb"),
    "mixed domains": (d.faostat() + d.faostat().split("\n", 1)[1].replace("QCL", "PP"), "mixes the domains"),
    "renamed column": (d.faostat().replace("Item Code (CPC)", "Item Code (XYZ)"), "Item Code"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_named_with_the_reason(case: str, tmp_path: Path) -> None:
    content, words = BROKEN[case]
    found = recognise(d.put(tmp_path / "file", content))
    assert isinstance(found, Unrecognised), found
    assert found.broken
    assert words in found.reason


def test_unknown_files_are_named_with_what_they_hold(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for content, words in (
        ("a,b,c\n1,2,3\n", "a, b, c"),
        ("just a note", "no table"),
        (b"\x00\x01\x02" * 500, "Neither text"),
        (d.archive({"readme.txt": "x"}), "readme.txt"),
        (d.saved(book), "Sheet"),
        (d.archive({"FAOSTAT_data.csv": d.faostat()}), "unpack it"),
    ):
        found = recognise(d.put(tmp_path / "file", content))
        assert isinstance(found, Unrecognised), found
        assert not found.broken
        assert words in found.reason
