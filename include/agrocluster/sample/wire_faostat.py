"""FAOSTAT's bulk files: the catalogue, and five members per archive.

The columns differ from domain to domain as they do in the original (with or without Note, CPC, FBS, months),
every field of a data row is quoted, codes carry apostrophes, values six decimals, and one domain (QV) is not
UTF-8. Entries of the catalogue without an encoding are listed but not served.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from agrocluster.sample import faostat_farm, faostat_trade
from agrocluster.sample.blocks import FLAGS
from agrocluster.sample.tables import DATA, LABEL, rows
from agrocluster.sample.zips import archive, text

_FACTS: dict[str, Callable[[str], pa.Table]] = {
    "QCL": faostat_farm.production,
    "QV": lambda _: faostat_farm.value_of_production(),
    "PP": lambda _: faostat_farm.producer_prices(),
    "FBS": lambda _: faostat_trade.food_balances(),
    "TCL": lambda _: faostat_trade.trade_totals(),
    "RL": lambda _: faostat_farm.land_use(),
    "EK": lambda _: faostat_farm.livestock_patterns(),
}


# The catalogue itself changes whenever one of its entries does.
CATALOGUE_UPDATED = {"current": "2026-08-14T04:10:00", "previous": "2026-07-24T04:10:00"}


@cache
def datasets() -> dict[str, dict[str, str]]:
    return {row["code"]: row for row in rows(DATA / "faostat_datasets.csv")}


def facts(code: str, vintage: str = "current") -> pa.Table:
    return _FACTS[code](vintage)


def file_name(code: str) -> str:
    return f"{datasets()[code]['base']}_E_All_Data_(Normalized).zip"


def updated(code: str, vintage: str) -> str:
    return datasets()[code]["date_update_previous" if vintage == "previous" else "date_update"]


def _columns(entry: dict[str, str]) -> list[tuple[str, str]]:
    """Header and SQL expression of each column of a domain's data file."""
    columns = [("Area Code", "area_code"), ("Area Code (M49)", "'''' || area_m49"), ("Area", "area")]
    columns.append(("Item Code", "item_code"))
    if entry["item_column"]:
        columns.append((f"Item Code ({entry['item_column']})", "'''' || cpc"))
    columns += [("Item", "item"), ("Element Code", "element_code"), ("Element", "element")]
    columns += [("Year Code", "year"), ("Year", "year")]
    if entry["months"] == "1":
        columns += [("Months Code", "months_code"), ("Months", "months")]
    columns += [("Unit", "unit"), ("Value", "coalesce(printf('%.6f', value), '')"), ("Flag", "flag")]
    return columns + ([("Note", "note")] if entry["note"] == "1" else [])


def _copy(connection: duckdb.DuckDBPyConnection, query: str, header: str, target: Path) -> bytes:
    connection.execute(f"copy ({query}) to '{target}' (format csv, header false, force_quote *)")
    return f"{header}\n".encode() + target.read_bytes()


def _members(code: str, vintage: str, folder: Path) -> list[tuple[str, bytes]]:
    entry = datasets()[code]
    base, columns = entry["base"], _columns(entry)
    wanted = ", ".join(f"{sql} as c{n}" for n, (_, sql) in enumerate(columns))
    cpc_header = f",{entry['item_column']} Code" if entry["item_column"] else ""
    cpc_sql = "'''' || cpc, " if entry["item_column"] else ""
    target = folder / "member.csv"
    with duckdb.connect() as connection:
        connection.execute("set threads = 1; set enable_progress_bar = false")
        connection.register("facts", facts(code, vintage))

        def member(query: str, header: str) -> bytes:
            return _copy(connection, query, header, target)

        ordered = "area_code, try_cast(item_code as integer), element_code, months_code, year"
        data = member(f"select {wanted} from facts order by {ordered}", ",".join(name for name, _ in columns))
        areas = member(
            "select distinct area_code, '''' || area_m49, area from facts order by 1", "Area Code,M49 Code,Area"
        )
        items = member(
            f"select distinct item_code, {cpc_sql}item from facts order by try_cast(item_code as integer)",
            f"Item Code{cpc_header},Item",
        )
        elements = member("select distinct element_code, element from facts order by 1, 2", "Element Code,Element")
    flags = text(["Flag,Description", *(f'"{flag}","{words} [{LABEL}]"' for flag, words in FLAGS.items())])
    suffixes = ("All_Data_(Normalized)", "AreaCodes", "ItemCodes", "Elements", "Flags")
    bodies = (data, areas, items, elements, flags)
    return [(f"{base}_E_{suffix}.csv", body) for suffix, body in zip(suffixes, bodies, strict=True)]


def build(code: str, vintage: str = "current") -> bytes:
    encoding = datasets()[code]["encoding"]
    with tempfile.TemporaryDirectory() as folder:
        members = _members(code, vintage, Path(folder))
    if encoding != "utf-8":
        members = [(name, body.decode().encode(encoding)) for name, body in members]
    return archive(members)


def catalogue(base_url: str, vintage: str, sizes: dict[str, int], counts: dict[str, int]) -> bytes:
    """``datasets_E.json`` with its byte-order mark, in the words of the address the client used."""
    entries: list[dict[str, Any]] = []
    for code, entry in datasets().items():
        entries.append(
            {
                "DatasetCode": code,
                "DatasetName": f"{entry['name']} [{LABEL}]",
                "Topic": None,
                "DatasetDescription": f"{LABEL}. Generated by the sample source server of agrocluster.",
                "Contact": "none",
                "Email": "nobody@example.org",
                "DateUpdate": updated(code, vintage),
                "CompressionFormat": "zip",
                "FileType": "csv",
                "FileSize": f"{max(sizes.get(code, 0) // 1024, 1)}KB",
                "FileRows": counts.get(code, 0),
                "FileLocation": f"{base_url}/{file_name(code)}",
            }
        )
    document = {"Datasets": {"-xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance", "Dataset": entries}}
    return b"\xef\xbb\xbf" + json.dumps(document, ensure_ascii=False, indent="\t").replace("\n", "\r\n").encode()


def served() -> list[str]:
    return [code for code, entry in datasets().items() if entry["encoding"]]
