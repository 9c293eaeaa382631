"""Deterministic synthetic inputs of real size: a FAOSTAT bulk zip (QCL-like) and a year of BACI.

The numbers mean nothing; sizes, columns, quoting, key structure and compressibility follow the published files.
A file is made once per folder and name.
"""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import duckdb

from agrocluster.model.loader import ROOT

MAPPINGS = ROOT / "mappings"
FAOSTAT_ROWS = 4_200_000
COMTRADE_ROWS = 100_000
BACI_ROWS = 11_000_000
FAOSTAT_MEMBER = "Production_Crops_Livestock_E_All_Data_(Normalized).csv"


def faostat_zip(folder: Path, rows: int = FAOSTAT_ROWS) -> Path:
    """A normalised bulk zip with ``rows`` rows: every field quoted, apostrophes before M49 and CPC codes."""
    target = folder / f"faostat_qcl_{rows}.zip"
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    text = folder / "faostat.csv"
    connection = duckdb.connect()
    connection.execute("SET preserve_insertion_order = true")
    connection.execute(
        f"""
        COPY (
          WITH areas AS (SELECT fao_code, m49, name, row_number() OVER (ORDER BY fao_code) AS a
                         FROM read_csv('{MAPPINGS / "faostat_areas.csv"}', all_varchar = true) WHERE m49 <> ''),
          items AS (SELECT item_code, cpc, item, row_number() OVER (ORDER BY cpc) AS i
                    FROM read_csv('{MAPPINGS / "faostat_items.csv"}', all_varchar = true)),
          elements(element_code, element, unit, e) AS
            (VALUES ('5312', 'Area harvested', 'ha', 1), ('5412', 'Yield', 'kg/ha', 2),
                    ('5510', 'Production', 't', 3)),
          years AS (SELECT unnest(range(1961, 2024)) AS year),
          cells AS (
            SELECT *, hash(a * 1000003 + i * 1009 + e * 101 + year) AS h FROM areas, items, elements, years
            WHERE hash(a * 7919 + i) % 100 < 35 ORDER BY a, i, e, year LIMIT {rows})
          SELECT fao_code AS "Area Code", '''' || m49 AS "Area Code (M49)", name AS "Area",
            item_code AS "Item Code", '''' || cpc AS "Item Code (CPC)", item AS "Item",
            element_code AS "Element Code", element AS "Element", year AS "Year Code", year AS "Year",
            unit AS "Unit",
            CASE WHEN h % 50 = 0 THEN '' WHEN h % 7 = 0 THEN printf('%d.%06d', h % 900000, h % 1000000)
              ELSE printf('%d.000000', h % 900000) END AS "Value",
            CASE WHEN h % 50 = 0 THEN 'M' WHEN h % 5 = 0 THEN 'E' WHEN h % 3 = 0 THEN 'I' ELSE 'A' END AS "Flag",
            CASE WHEN h % 997 = 0 THEN 'Unofficial figure' ELSE '' END AS "Note"
          FROM cells ORDER BY a, i, e, year
        ) TO '{text}' (FORMAT csv, HEADER, FORCE_QUOTE *)
        """
    )
    temporary = target.with_suffix(".part")
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(text, FAOSTAT_MEMBER)
        for name, content in code_lists().items():
            archive.writestr(f"Production_Crops_Livestock_E_{name}.csv", content)
    text.unlink()
    temporary.replace(target)
    return target


def code_lists() -> dict[str, str]:
    """The four lists that FAO packs beside the data."""
    with (MAPPINGS / "faostat_items.csv").open(encoding="utf-8", newline="") as handle:
        items = [f'{row["item_code"]},\'{row["cpc"]},"{row["item"]}"' for row in csv.DictReader(handle)]
    with (MAPPINGS / "faostat_areas.csv").open(encoding="utf-8", newline="") as handle:
        areas = [f'{row["fao_code"]},\'{row["m49"]},"{row["name"]}"' for row in csv.DictReader(handle)]
    return {
        "AreaCodes": "\n".join(["Area Code,M49 Code,Area", *areas]),
        "Elements": "Element Code,Element\n5312,Area harvested\n5412,Yield\n5510,Production\n",
        "Flags": "Flag,Description\nA,Official figure\nE,Estimated value\nI,Imputed value\nM,Missing value\n",
        "ItemCodes": "\n".join(["Item Code,CPC Code,Item", *items]),
    }


def baci_csv(folder: Path, rows: int = BACI_ROWS) -> Path:
    """One year of BACI (``t,i,j,k,v,q``) in CEPII's order and spelling: padded q, ``NA`` where it is unknown."""
    target = folder / f"BACI_HS12_Y2022_V202401_{rows}.csv"
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    codes = folder / "baci_codes.csv"
    with codes.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["c"])
        writer.writerows([row["m49"]] for row in countries() if row["m49"])
    temporary = target.with_suffix(".part")
    duckdb.execute(
        f"""
        COPY (
          WITH c AS (SELECT c::INT AS c FROM read_csv('{codes}')),
          k AS (SELECT printf('%02d%04d', 1 + n % 97, (n * 7) % 9999) AS k FROM range(5200) AS r(n)),
          pairs AS (SELECT a.c AS i, b.c AS j, hash(a.c * 1000 + b.c) % 700 AS weight FROM c a, c b WHERE a.c <> b.c),
          flows AS (SELECT i, j, k, hash(i * 999983 + j * 997 + k::INT) AS h FROM pairs, k
                    WHERE hash(i * 31 + j * 17 + k::INT) % 1000 < weight // 8 LIMIT {rows})
          SELECT 2022 AS t, i, j, k, printf('%d.%03d', h % 5000, h % 1000) AS v,
            CASE WHEN h % 20 = 0 THEN '           NA' ELSE printf('%13.3f', (h % 1000000) / 100.0) END AS q
          FROM flows ORDER BY i, j, k
        ) TO '{temporary}' (FORMAT csv, HEADER)
        """
    )
    codes.unlink()
    temporary.replace(target)
    return target


def comtrade_page(folder: Path, rows: int = COMTRADE_ROWS) -> Path:
    """An answer of UN Comtrade's API with ``rows`` records of 47 fields, descriptions null, as it is sent."""
    target = folder / f"comtrade_{rows}.json"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        records = comtrade_records(398, rows, "(0, 156, 643, 276, 792, 842)")
        body = b'{"elapsedTime":"16.02 secs","count":%d,"data":[%s],"error":""}' % (rows, b",".join(records))
        temporary = target.with_suffix(".part")
        temporary.write_bytes(body)
        temporary.replace(target)
    return target


def comtrade_records(reporter: int, rows: int, partners: str) -> list[bytes]:
    """Records of one reporter and the year 2022; ``partners`` is an SQL list of area codes, each record a flow of its
    own."""
    fields = (
        ("typeCode", "'\"C\"'"),
        ("freqCode", "'\"A\"'"),
        ("refPeriodId", "20220101"),
        ("refYear", "2022"),
        ("refMonth", "52"),
        ("period", "'\"2022\"'"),
        ("reporterCode", str(reporter)),
        *((name, "'null'") for name in ("reporterISO", "reporterDesc")),
        ("flowCode", "CASE WHEN n % 2 = 0 THEN '\"M\"' ELSE '\"X\"' END"),
        ("flowDesc", "'null'"),
        ("partnerCode", "partner"),
        *((name, "'null'") for name in ("partnerISO", "partnerDesc")),
        ("partner2Code", "0"),
        *((name, "'null'") for name in ("partner2ISO", "partner2Desc")),
        ("classificationCode", "'\"H6\"'"),
        ("classificationSearchCode", "'\"HS\"'"),
        ("isOriginalClassification", "'true'"),
        ("cmdCode", "printf('\"%06d\"', 10100 + code)"),
        ("cmdDesc", "'null'"),
        ("aggrLevel", "6"),
        ("isLeaf", "'true'"),
        ("customsCode", "'\"C00\"'"),
        ("customsDesc", "'null'"),
        ("mosCode", "'\"0\"'"),
        ("motCode", "0"),
        ("motDesc", "'null'"),
        ("qtyUnitCode", "CASE WHEN h % 5 = 0 THEN -1 ELSE 8 END"),
        ("qtyUnitAbbr", "'null'"),
        ("qty", "CASE WHEN h % 5 = 0 THEN '0.0' ELSE printf('%.3f', (h % 90000000) / 7.0) END"),
        ("isQtyEstimated", "'false'"),
        ("altQtyUnitCode", "-1"),
        ("altQtyUnitAbbr", "'null'"),
        ("altQty", "'0.0'"),
        ("isAltQtyEstimated", "'false'"),
        ("netWgt", "CASE WHEN h % 11 = 0 THEN 'null' ELSE printf('%.3f', (h % 90000000) / 7.0) END"),
        ("isNetWgtEstimated", "CASE WHEN h % 13 = 0 THEN 'true' ELSE 'false' END"),
        ("grossWgt", "'0.0'"),
        ("isGrossWgtEstimated", "'false'"),
        ("cifvalue", "CASE WHEN n % 2 = 0 THEN printf('%.3f', (h % 900000000) / 11.0) ELSE 'null' END"),
        ("fobvalue", "CASE WHEN n % 2 = 0 THEN 'null' ELSE printf('%.3f', (h % 900000000) / 11.0) END"),
        ("primaryValue", "printf('%.3f', (h % 900000000) / 11.0)"),
        ("legacyEstimationFlag", "CASE WHEN h % 13 = 0 THEN 4 ELSE 0 END"),
        ("isReported", "'true'"),
        ("isAggregate", "'false'"),
    )
    record = ", ".join(f"'{'{' if not place else ','}\"{name}\":', {sql}" for place, (name, sql) in enumerate(fields))
    query = f"""
        WITH partners AS (SELECT unnest([{partners[1:-1]}]) AS partner),
        codes AS (SELECT range AS code FROM range(0, {rows})),
        cells AS (SELECT partner, code, f AS n FROM codes, partners, (VALUES (0), (1)) flows(f)
                  ORDER BY code, partner, f LIMIT {rows}),
        noisy AS (SELECT *, hash(code * 1000003 + partner * 101 + n + {reporter}) % 1000000007 AS h FROM cells)
        SELECT concat({record}, '}}') FROM noisy ORDER BY code, partner, n
    """
    return [text.encode() for (text,) in duckdb.connect().execute(query).fetchall()]


def countries() -> list[dict[str, str]]:
    """The catalogue's countries as rows of text."""
    with (ROOT / "countries.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))
