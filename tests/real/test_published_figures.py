"""Every published figure whose file has a format we read comes out of an import exactly as it was published.

The figures and the files lie outside this repository; both belong to their publishers (see SOURCES.md beside them).
"""

from __future__ import annotations

import csv
import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from agrocluster.importing.recognise import Recognised, recognise
from agrocluster.model.fetching import RawFile, StageLog
from agrocluster.model.loader import catalog
from agrocluster.sources.worldbank_files import READERS
from agrocluster.storage import vintages
from support.real_import import Imported

pytestmark = [pytest.mark.real, pytest.mark.slow]

COVERED = {
    "faostat/qcl_download/FAOSTAT_data_en_production_EECA_2001_2017.csv.gz": 219,
    "faostat/qcl_download/FAOSTAT_data_7-8-2022-All_Countries_2000_2017.csv.gz": 40,
    "faostat/bulk/Production_LivestockPrimary_E_All_Data.zip": 56,
    "faostat/livestock_2022/qcl_livestock_stocks_2022.csv": 20,
    "faostat/livestock_2022/pp_livestock_usd_2022.csv": 7,
    "faostat/fbs_download/fbs_wheat_2014_2016.csv.gz": 16,
    "worldbank/api_csv_zip/API_KAZ_DS2_en_csv_v2_18751.csv": 80,
    "worldbank/api_csv_zip/API_NV.AGR.TOTL.ZS_DS2_en_csv_v2_5359510.csv": 20,
    "worldbank/api_csv_zip/API_SL.AGR.EMPL.ZS_DS2_employment.csv": 16,
    "worldbank/api_csv_zip/API_SP.POP.TOTL_DS2_en_csv_v2_3158886.csv": 20,
    "worldbank/api_excel/GDP_NY.GDP.MKTP.CD_2022-09-16.xlsx": 20,
    "comtrade/legacy_csv/TOTAL_2017_all_reporters_world.csv": 4,
    "comtrade/v1_portal_csv/TradeData_CHN_DEU_USA_TOTAL_2022.csv.gz": 24,
}
"""Files in the formats that import reads, and how many figures are quoted from each: 542 in all."""

NOT_COVERED = {
    "worldbank/data360/entrepreneurship_2006_2015.csv.gz": "someone's own layout, no download of the World Bank",
    "worldbank/lpi/International_LPI_from_2007_to_2018.xlsx": "the LPI workbook is no WDI download",
    "wto/WtoData_merchandise_2014_2018.csv.gz": "no dataset of WTO yet",
    "wits/trade_summary/en_KAZ_AllYears_WITS_Trade_Summary.CSV": "no dataset of WITS yet",
    "national/kgz_nsc/4.03.00.10_exports_main_goods_kUSD.xlsx": "no dataset of a national office yet",
    "national/kgz_nsc/4.03.00.24_exports_by_oblast.xlsx": "no dataset of a national office yet",
    "national/kaz_bns/trade_by_country_2019.xls": "no dataset of a national office yet",
    "national/kaz_bns/trade_by_country_2020.xls": "no dataset of a national office yet",
    "national/kaz_bns/trade_by_country_2021.xls": "no dataset of a national office yet",
    "national/uzb_siat/sdmx_data_1176.csv": "no dataset of a national office yet",
    "national/uzb_siat/siat-gdp-growth-annual-582.json": "no dataset of a national office yet",
    "national/kaz_sdg/indicator_8-1-1.csv": "no dataset of a national office yet",
    "national/kaz_sdg/indicator_9-3-1.csv": "no dataset of a national office yet",
    "national/kaz_sdg/indicator_2-3-1.csv": "no dataset of a national office yet",
    "reference/atlas_eci/growth_proj_eci_rankings_1995_2017.csv": "reference results of others, no source",
    "reference/atlas_eci/Country_Complexity_Rankings_1995-2018.csv": "reference results of others, no source",
}

LABEL = re.compile(r"^(?P<element>.*?): (?P<item>.*)$")
CODE = re.compile(r"\[([A-Za-z0-9.]+)\]$")
REPORTED = re.compile(r"^Trade value, (?P<flow>Import|Export)$")
MIRROR = re.compile(r"^(?P<reporter>\w+) reported (?P<flow>import|export)s (?:from|to) partner$")
REPORTERS = {"China": "CHN", "Germany": "DEU", "USA": "USA"}
UNIT = re.compile(r"^(?P<unit>.*?)(?: \[flag (?P<flag>[^\]]*)\])?$")


@pytest.fixture(scope="session")
def figures(real_data: Path) -> list[dict[str, str]]:
    with (real_data.parent / "published_figures.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    return [{**row, "file": row["where_found"].removeprefix("shared/real_data/")} for row in rows]


def expected(figure: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Where a figure is found in the staged table, and what must stand there."""
    place: dict[str, Any] = {"iso3": figure["country_iso3"], "year": int(figure["year"])}
    value = float(figure["value"])
    if reported := REPORTED.match(figure["indicator_or_item"]):
        return customs(figure["country_iso3"], "WLD", reported["flow"], figure["year"]), {"value_usd": value}
    if mirror := MIRROR.match(figure["indicator_or_item"]):
        reporter = REPORTERS[mirror["reporter"]]
        return customs(reporter, figure["country_iso3"], mirror["flow"], figure["year"]), {"value_usd": value}
    if code := CODE.search(figure["indicator_or_item"]):
        return {**place, "indicator": code[1]}, {"value": value}
    label, unit = LABEL.match(figure["indicator_or_item"]), UNIT.match(figure["unit"])
    assert label, figure
    assert unit, figure
    facts: dict[str, Any] = {"value_raw": value}
    if unit["flag"] is not None:
        facts["flag"] = "" if unit["flag"] == "blank" else unit["flag"]
    # FAOSTAT publishes eggs as Production twice, in tonnes and in numbers: the unit is part of the place.
    return {**place, **label.groupdict(), "unit_raw": unit["unit"]}, facts


def customs(reporter: str, partner: str, flow: str, year: str) -> dict[str, Any]:
    """Where the value of all goods stands in a customs report."""
    code = {"import": "M", "export": "X"}[flow.lower()]
    return {"reporter": reporter, "partner": partner, "flow": code, "year": int(year), "hs_code": "TOTAL"}


def differences(relation: str, figures: list[dict[str, str]]) -> list[str]:
    """Figures that do not stand exactly once, exactly so, in a relation."""
    wrong = []
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE staged AS {relation}")
        for figure in figures:
            place, facts = expected(figure)
            where = " AND ".join(f"{name} = ?" for name in place)
            found = con.execute(f"SELECT {', '.join(facts)} FROM staged WHERE {where}", [*place.values()]).fetchall()
            if found != [tuple(facts.values())]:
                wrong.append(f"{place}: published {facts}, found {found}")
    return wrong


def facts_query(dataset_id: str, as_of: str | None = None) -> str:
    kind = catalog().dataset(dataset_id).kind
    current = vintages.current_query(catalog().tables[kind], vintages.accepted([dataset_id], as_of=as_of))
    four = "IN ('KAZ', 'KGZ', 'TJK', 'UZB')"
    return f"SELECT * FROM ({current}) WHERE {kind.country} {four} OR {kind.partner or kind.country} {four}"


def test_every_figure_is_accounted_for(figures: list[dict[str, str]]) -> None:
    counts = Counter(figure["file"] for figure in figures)
    assert set(counts) == set(COVERED) | set(NOT_COVERED)
    assert {file: counts[file] for file in COVERED} == COVERED
    assert sum(COVERED.values()) == 542


def test_no_usable_file_is_left_out_and_none_is_broken(imported: Imported) -> None:
    used = {line.file for line in imported.report.lines if line.dataset}
    assert used >= set(COVERED)
    assert not used & set(NOT_COVERED)
    assert [line for line in imported.report.lines if line.state == "broken"] == []
    assert [line for line in imported.report.lines if line.dataset and line.problem] == []
    assert len(used) == 45


def test_every_file_is_named_or_refused_with_a_reason(imported: Imported) -> None:
    listed = [p for p in imported.folder.rglob("*") if p.is_file()]
    assert len({line.file for line in imported.report.lines}) == len(listed)
    for line in imported.report.lines:
        assert line.recognised_as or line.problem, line.file


@pytest.mark.parametrize("file", COVERED)
def test_figures_are_reproduced_exactly(file: str, readable: Imported, figures: list[dict[str, str]]) -> None:
    line = readable.line(file)
    mine = [figure for figure in figures if figure["file"] == file]
    assert len(mine) == COVERED[file]
    assert differences(f"FROM read_parquet('{readable.staged(line)}')", mine) == []


@pytest.mark.parametrize("file", COVERED)
def test_figures_stand_in_the_facts_as_of_their_date(
    file: str, readable: Imported, figures: list[dict[str, str]]
) -> None:
    line = readable.line(file)
    mine = [figure for figure in figures if figure["file"] == file]
    assert differences(facts_query(line.dataset, as_of=line.stamp), mine) == []


def test_vintages_are_dated_as_their_publishers_say(imported: Imported) -> None:
    stamps = {file: (imported.line(file).stamp, imported.line(file).dated_by) for file in COVERED}
    assert stamps["faostat/bulk/Production_LivestockPrimary_E_All_Data.zip"] == ("2016-08-03", "inside")
    assert stamps["faostat/qcl_download/FAOSTAT_data_7-8-2022-All_Countries_2000_2017.csv.gz"] == (
        "2022-07-08",
        "file name",
    )
    assert stamps["worldbank/api_csv_zip/API_KAZ_DS2_en_csv_v2_18751.csv"] == ("2026-04-08", "inside")
    assert stamps["worldbank/api_csv_zip/API_SP.POP.TOTL_DS2_en_csv_v2_3158886.csv"] == ("2021-10-28", "inside")
    assert stamps["worldbank/api_excel/GDP_NY.GDP.MKTP.CD_2022-09-16.xlsx"] == ("2022-09-16", "inside")
    # Without their preamble these tables have only their last year column, 2021, to show how old they are.
    without = stamps["worldbank/api_csv_zip/API_NV.AGR.TOTL.ZS_DS2_en_csv_v2_5359510.csv"][0]
    assert without <= "2022-12-31"


def test_the_newest_vintage_stands_and_older_figures_stay_readable(readable: Imported) -> None:
    # World Bank, WDI, population of Kazakhstan in 2010: as of 2021-10-28 and as of 2026-04-08.
    where = "WHERE iso3 = 'KAZ' AND year = 2010 AND indicator = 'SP.POP.TOTL'"
    with duckdb.connect() as con:
        now = con.sql(f"SELECT value FROM ({facts_query('worldbank__wdi')}) {where}").fetchall()
        then = con.sql(f"SELECT value FROM ({facts_query('worldbank__wdi', '2021-10-28')}) {where}").fetchall()
    assert (now, then) == ([(16836810.0,)], [(16321872.0,)])


def test_the_real_zip_reads_as_the_table_inside_it(imported: Imported, tmp_path: Path) -> None:
    folder = imported.folder / "worldbank" / "api_csv_zip"
    members = [*folder.glob("API_KAZ*.csv"), *folder.glob("Metadata_Country_API_KAZ*.csv")]
    packed = tmp_path / "download.bin"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in members:
            archive.write(member, member.name)
    found = recognise(packed)
    assert isinstance(found, Recognised)
    assert ([use.format for use in found.uses], found.stamp) == (["wdi_zip"], "2026-04-08")
    spec = catalog().dataset("worldbank__wdi")
    tables = [
        pa.Table.from_batches(READERS[reader](path, RawFile(path.name, reader, "", "", 0, ""), spec, StageLog()))
        for path, reader in ((packed, "wdi_zip"), (members[0], "wdi_csv"))
    ]
    assert tables[0].equals(tables[1])
    assert tables[0].num_rows == imported.line("worldbank/api_csv_zip/API_KAZ_DS2_en_csv_v2_18751.csv").rows
