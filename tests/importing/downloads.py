"""Small downloads in every layout publishers use, written by the tests themselves with invented figures."""

from __future__ import annotations

import gzip
import io
import json
import os
import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import openpyxl

JANUARY_2024 = datetime(2024, 1, 15, 12, tzinfo=UTC).timestamp()

FAOSTAT_HEADER = (
    "Domain Code,Domain,Area Code (M49),Area,Element Code,Element,Item Code (CPC),Item,Year Code,Year,Unit,Value,"
    "Flag,Flag Description"
)
WDI_HEADER = "Country Name,Country Code,Indicator Name,Indicator Code,2019,2020,2021"
BULK_HEADER = "Area Code,Area,Item Code,Item,Element Code,Element,Year Code,Year,Unit,Value,Flag"
BACI_YEAR = "t,i,j,k,v,q\n2020,398,156,080221,12.5,3.25\n2020,156,398,080221,4,\n"


def put(path: Path, content: bytes | str, modified: float = JANUARY_2024) -> Path:
    """Write a file with a time of its own, so that nothing depends on the clock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    os.utime(path, (modified, modified))
    return path


def faostat(value: float = 100, *, unit: str = "t", flag: str = "A", domain: str = "QCL", year: int = 2020) -> str:
    """A website table: wheat of Kazakhstan and Uzbekistan."""
    title = {"QCL": "Crops and livestock products", "QI": "Production Indices"}[domain]
    rows = [
        f'{domain},{title},{m49},{name},5510,Production,0111,Wheat,{year},{year},{unit},{value},{flag},"Some, flag"'
        for m49, name in (("398", "Kazakhstan"), ("860", "Uzbekistan"))
    ]
    return "\n".join([FAOSTAT_HEADER, *rows]) + "\n"


def faostat_old_codes() -> str:
    """The layout with FAO's own codes, as of 2022, with an old flag."""
    header = FAOSTAT_HEADER.replace("(M49)", "(FAO)").replace("(CPC)", "(FAO)")
    row = "QCL,Crops and livestock products,108,Kazakhstan,5510,Production,15,Wheat,2016,2016,tonnes,90,*,Unofficial"
    return f"{header}\n{row}\n"


def faostat3() -> str:
    """The layout of the site that ended in 2016, with its date in the last line."""
    header = "Domain Code,Domain,AreaCode,AreaName,ElementCode,ElementName,ItemCode,ItemName,Year,Unit,Value,Flag,FlagD"
    row = "QC,Crops,108,Kazakhstan,5510,Production,15,Wheat,2012,tonnes,80,,Official data"
    return f"{header}\n{row}\nFAOSTAT Date: Tue Oct 20 10:10:26 CEST 2015,,,,,,,,,,,,\n"


def bulk(member: str, text: str, day: tuple[int, int, int] = (2023, 12, 27)) -> bytes:
    """A bulk archive with its flag list."""
    return archive(
        {member: text, member.split("_E_")[0] + "_E_Flags.csv": "Flag,Description\nA,Official figure\n"}, day
    )


def bulk_long() -> str:
    """The normalised layout."""
    rows = [
        "108,Kazakhstan,15,Wheat,5510,Production,2020,2020,tonnes,70,A",
        "5000,World,15,Wheat,5510,Production,2020,2020,tonnes,900,A",
    ]
    return "\n".join([BULK_HEADER, *rows]) + "\n"


def bulk_wide() -> str:
    """The wide layout of 2016."""
    header = "Country Code,Country,Item Code,Item,Element Code,Element,Unit,Y2012,Y2012F,Y2013,Y2013F"
    return f'{header}\n"108","Kazakhstan","1062","Eggs, hen, in shell","5510","Production","tonnes","5","","6","*"\n'


def wdi(*, preamble: bool = True, quoted: bool = True, updated: str = "2023-07-25", code: str = "SP.POP.TOTL") -> str:
    """A table of one series for Kazakhstan, Uzbekistan and the world, as the Bank's site gives it."""
    rows = [
        ["Kazakhstan", "KAZ", "A series, total", code, "10", "", "12"],
        ["Uzbekistan", "UZB", "A series, total", code, "20", "21", "22.5"],
        ["World", "WLD", "A series, total", code, "900", "910", "920"],
    ]
    lines = [WDI_HEADER.split(","), *rows]
    if quoted:
        text = "\n".join(",".join(f'"{cell}"' for cell in line) + "," for line in lines)
    else:
        text = "\n".join(",".join(f'"{cell}"' if "," in cell else cell for cell in line) for line in lines)
    head = f'\ufeff"Data Source","World Development Indicators",\n\n"Last Updated Date","{updated}",\n\n'
    return (head if preamble else "") + text + "\n"


def wdi_zip() -> bytes:
    """The zip of the site: the table between its Metadata members."""
    return archive(
        {
            "Metadata_Indicator_API_SP.POP.TOTL_DS2_en_csv_v2_1.csv": '"INDICATOR_CODE","SOURCE_NOTE",\n',
            "API_SP.POP.TOTL_DS2_en_csv_v2_1.csv": wdi(),
            "Metadata_Country_API_SP.POP.TOTL_DS2_en_csv_v2_1.csv": '"Country Code","Region","IncomeGroup",\n',
        }
    )


def wdi_xlsx() -> bytes:
    """The workbook of the site."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Data"
    sheet.append(["Data Source", "World Development Indicators"])
    sheet.append(["Last Updated Date", datetime(2022, 9, 16)])
    sheet.append([])
    sheet.append(WDI_HEADER.split(","))
    sheet.append(["Kazakhstan", "KAZ", "Population, total", "SP.POP.TOTL", 10.25, None, 12])
    sheet.append(["World", "WLD", "Population, total", "SP.POP.TOTL", 900, 910, 920])
    book.create_sheet("Metadata - Countries").append(["Country Code", "Region"])
    return saved(book)


def saved(book: openpyxl.Workbook) -> bytes:
    """The bytes of a workbook."""
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def api_answer(rows: Iterable[tuple[str, str, int, float | None]] = (("KZ", "KAZ", 2020, 11.5),)) -> list[object]:
    """A page of the Indicators API."""
    listed = [
        {
            "indicator": {"id": "SP.POP.TOTL", "value": "Population, total"},
            "country": {"id": two, "value": three},
            "countryiso3code": three,
            "date": str(year),
            "value": value,
            "unit": "",
            "obs_status": "",
            "decimal": 0,
        }
        for two, three, year, value in rows
    ]
    page = {"page": 1, "pages": 1, "per_page": 50, "total": len(listed), "sourceid": "2", "lastupdated": "2020-07-01"}
    return [page, listed]


def baci_zip() -> bytes:
    """A release with one year."""
    return archive(
        {
            "BACI_HS12_Y2020_V202601.csv": BACI_YEAR,
            "country_codes_V202601.csv": (
                "country_code,country_name,country_iso2,country_iso3\n156,China,CN,CHN\n398,Kazakhstan,KZ,KAZ\n"
            ),
            "product_codes_HS12_V202601.csv": "code,description\n080221,Hazelnuts\n",
        }
    )


def archive(members: dict[str, str], day: tuple[int, int, int] = (2024, 1, 15)) -> bytes:
    """A zip whose members carry a date."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in members.items():
            packed.writestr(zipfile.ZipInfo(name, (*day, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def gzipped(text: str) -> bytes:
    """A text in gzip."""
    return gzip.compress(text.encode(), mtime=0)


def as_json(value: object, *, pretty: bool = False) -> str:
    """JSON as served, or as recorders write it."""
    return json.dumps(value, indent=4 if pretty else None)
