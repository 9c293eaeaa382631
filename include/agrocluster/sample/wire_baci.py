"""CEPII's BACI archive: one CSV per year, country and product codes, a read-me.

Missing quantities are spelled both ways seen in the wild: empty up to 2016, ``NA`` padded to the column's
width from 2017 on. ``k`` keeps its leading zeros; quoting follows R's ``write.csv``.
"""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from agrocluster.sample.tables import LABEL, YEARS, economies, goods
from agrocluster.sample.trade import Flows, released
from agrocluster.sample.zips import archive

VERSIONS = {"V202601": "current", "V202501": "previous"}
FIRST_PADDED_YEAR = 2017
_README = """{label}

BACI HS12, release {version}, as served by the sample source server of agrocluster.
Nothing in this archive is a statistic: the flows were generated.

Content
  BACI_HS12_Y<year>_{version}.csv      yearly trade flows at the 6-digit level
  country_codes_{version}.csv          country codes
  product_codes_HS12_{version}.csv     product codes
Variables
  t year, i exporter, j importer, k product (HS 2012, 6 digits),
  v value in thousand current USD, q quantity in metric tons
"""


def _relation(flow: Flows) -> pa.Table:
    world = economies()
    number = np.array([int(code) for code in world.text["baci_code"]], dtype=np.int32)
    return pa.table(
        {
            "t": YEARS[flow.year].astype(np.int32),
            "i": number[flow.exporter],
            "j": number[flow.importer],
            "k": pa.DictionaryArray.from_arrays(pa.array(flow.good, pa.int32()), pa.array(goods().code)).cast(
                pa.string()
            ),
            "usd": flow.usd,
            "kg": flow.kg,
        }
    )


_QUERY = """
select t, i, j, k, printf('%d.%03d', usd // 1000, usd % 1000) as v,
       case when t >= {padded} then lpad(case when kg < 0 then 'NA' else {tonnes} end, 13, ' ')
            when kg < 0 then null else {tonnes} end as q
from flow where t = {year} order by i, j, k
"""


def _year(connection: duckdb.DuckDBPyConnection, year: int, folder: Path) -> bytes:
    target = folder / f"{year}.csv"
    query = _QUERY.format(padded=FIRST_PADDED_YEAR, year=year, tonnes="printf('%d.%03d', kg // 1000, kg % 1000)")
    connection.execute(f"copy ({query}) to '{target}' (format csv, header true, quote '')")
    return target.read_bytes()


def _codes(header: list[str], body: list[list[str]]) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerows([header, *body])
    return buffer.getvalue().encode()


def countries() -> bytes:
    text = economies().text
    # Taiwan's trade is booked under a code of its own that no ISO list knows.
    iso3 = ["S19" if code == "490" else iso for code, iso in zip(text["baci_code"], text["iso3"], strict=True)]
    iso2 = ["N/A" if code == "490" else iso for code, iso in zip(text["baci_code"], text["iso2"], strict=True)]
    body = [list(row) for row in zip(text["baci_code"], text["baci_name"], iso2, iso3, strict=True)]
    # Codes without a row of trade are part of the original list too.
    body += [
        ["58", "Belgium-Luxembourg (...1998)", "N/A", "BLX"],
        ["711", "Southern African Customs Union (...1999)", "N/A", "ZA1"],
    ]
    body.sort(key=lambda row: int(row[0]))
    return _codes(["country_code", "country_name", "country_iso2", "country_iso3"], body)


def products() -> bytes:
    labels = [f"{label} [{LABEL}]" for label in goods().label]
    return _codes(["code", "description"], [list(row) for row in zip(goods().code, labels, strict=True)])


def build(version: str) -> bytes:
    flow = _relation(released(VERSIONS[version]))
    years = sorted(set(flow["t"].to_pylist()))
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute("set threads = 2; set enable_progress_bar = false")
        connection.register("flow", flow)
        body = [(f"BACI_HS12_Y{year}_{version}.csv", _year(connection, year, Path(folder))) for year in years]
    body += [
        (f"country_codes_{version}.csv", countries()),
        (f"product_codes_HS12_{version}.csv", products()),
        ("Readme.txt", _README.format(label=LABEL, version=version).encode()),
    ]
    return archive(body)
