"""Reference lists of the sample's UN Comtrade: areas, products by edition, and the small code lists.

Served keyless as files of a blob store: with a byte order mark, an entity tag and a date. Product lists hold the
codes the sample world trades; the editions before HS 2012, in which nobody reports here, hold the total only.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from agrocluster.sample.comtrade_query import EDITIONS
from agrocluster.sample.comtrade_rows import unit_table
from agrocluster.sample.comtrade_tables import AREAS_NES, EU, WORLD, labels, reporters
from agrocluster.sample.comtrade_wire import FIELDS
from agrocluster.sample.tables import DATA, LABEL, economies, rows

MODIFIED = "Thu, 05 Jun 2025 09:00:00 GMT"
Row = dict[str, Any]
_EVER = "1900-01-01T00:00:00"
# Areas that are no economy of the world: code, name, two and three letters, group, expiry of a former country.
_OTHERS: tuple[tuple[int, str, str, str, bool, str], ...] = (
    (WORLD, "World", "W0", "W00", True, ""),
    (AREAS_NES, "Areas, nes", "X1", "_X ", True, ""),
    (EU, "European Union", "EU", "EUR", True, ""),
    (58, "Belgium-Luxembourg (...1998)", "", "BLX", False, "1998-12-31T00:00:00"),
    (280, "Fed. Rep. of Germany (...1990)", "DD", "DEU", False, "1990-12-31T00:00:00"),
)
_SINCE = {"KAZ": "1992-01-01T00:00:00", "KGZ": "1992-01-01T00:00:00"}
_SINCE |= {"TJK": "1992-01-01T00:00:00", "UZB": "1992-01-01T00:00:00"}


@cache
def listed(name: str) -> tuple[dict[str, str], ...]:
    return tuple(row for row in rows(DATA / "comtrade_lists.csv") if row["list"] == name)


@cache
def areas() -> tuple[tuple[int, str, str, str, bool, str], ...]:
    """Code, name, ISO alpha-2 and alpha-3, whether it is a group, and when it expired; in order of the code."""
    book, world = reporters(), economies()
    own = [
        (int(code), str(name), "" if alpha3 == "S19" else str(iso2), str(alpha3), alpha3 == "S19", "")
        for code, name, iso2, alpha3 in zip(
            book.code, book.text["name"], world.text["iso2"], book.text["alpha3"], strict=True
        )
    ]
    return tuple(sorted([*own, *_OTHERS]))


def _area(kind: str, area: tuple[int, str, str, str, bool, str]) -> Row:
    code, name, iso2, iso3, group, expired = area
    stem = "Partner" if kind == "partner" else kind
    found: Row = {"id": code, "text": name, f"{stem}Code": code, f"{stem}Desc": name, f"{kind}Note": name}
    if iso2:
        found[f"{stem}CodeIsoAlpha2"] = iso2
    found |= {f"{stem}CodeIsoAlpha3": iso3, "entryEffectiveDate": _SINCE.get(iso3, _EVER)}
    if expired:
        found["entryExpiredDate"] = expired
    return found | {"isGroup": group}


@cache
def headings(edition: int) -> dict[str, tuple[str, str, int]]:
    """Every code of an edition: text, parent, level. The sample names headings and chapters by their number."""
    found = {"TOTAL": (f"Total - All H{edition} commodities", "#", 0)}
    for code, label in labels(edition).items() if edition >= 4 else ():
        found.setdefault(code[:2], (f"Chapter {code[:2]}", "TOTAL", 2))
        found.setdefault(code[:4], (f"Heading {code[:4]}", code[:2], 4))
        found[code] = (label, code[:4], 6)
    return dict(sorted(found.items(), key=lambda item: (item[0] != "TOTAL", item[0])))


def _products(name: str) -> Row:
    edition = 6 if name == "HS" else int(name[1:])
    abbr = {row["id"]: row["note"] for row in listed("unit")}
    table = unit_table()
    unit = dict(zip(table["code"].to_pylist(), map(str, table["unit"].to_pylist()), strict=True))
    results = [
        {
            "id": code,
            "text": text if code == "TOTAL" else f"{code} - {text}",
            "parent": parent,
            "isLeaf": "1" if level == 6 else "0",
            "aggrLevel": level,
            "standardUnitAbbr": abbr[unit[code]].replace("N/A", "n/a") if level == 6 else "n/a",
        }
        for code, (text, parent, level) in headings(edition).items()
    ]
    named = "Combined HS" if name == "HS" else f"HS ({name})"
    return {"more": False, "minimumInputLength": 2, "classCode": name, "className": named, "results": results}


def _small(name: str) -> Row:
    return {"results": [{"id": row["id"], "text": row["text"]} for row in listed(name)]}


def _units() -> Row:
    found = [{"qtyCode": int(r["id"]), "qtyAbbr": r["note"], "qtyDescription": r["text"]} for r in listed("unit")]
    return {"results": found}


def _references() -> Row:
    found = [
        {
            "category": row["note"],
            "variable": row["text"],
            "description": f"{row['text']} [{LABEL}]",
            "fileuri": f"https://comtradeapi.un.org/files/v1/app/reference/{row['id']}",
        }
        for row in listed("reference")
    ]
    return {"results": found}


def _iso() -> Row:
    found = [{"id": code, "text": name, "iso2": iso2, "iso3": iso3} for code, name, iso2, iso3, *_ in areas()]
    return {"results": found}


def _contents(name: str) -> Row:
    small = {"Frequency": "frequency", "tradeRegimes": "flow", "ModeOfTransportCodes": "mot"}
    small |= {"CustomsCodes": "customs", "ModeOfSupply": "mos"}
    if name in ("HS", *EDITIONS):
        return _products(name)
    if name in small:
        return _small(small[name])
    match name:
        case "Reporters":
            former = [area for area in areas() if area[0] not in (WORLD, AREAS_NES)]
            return {"results": [_area("reporter", area) for area in former]}
        case "partnerAreas":
            return {"results": [_area("partner", area) for area in areas()]}
        case "QuantityUnits":
            return _units()
        case "TradeDataItems":
            return {"results": [{"dataItem": field, "description": LABEL} for field, *_ in FIELDS]}
        case "country_area_code_iso":
            return _iso()
        case "ListofReferences":
            return _references()
    raise LookupError(name)


@cache
def reference(file: str) -> bytes:
    """The bytes of one reference file; LookupError when there is none of that name."""
    text = json.dumps(_contents(file.removesuffix(".json")), ensure_ascii=False, indent=2)
    return b"\xef\xbb\xbf" + text.encode()
