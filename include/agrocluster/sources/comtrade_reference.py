"""UN Comtrade's own lists of areas and products: what they say, and whether the catalogue knows every area in them.

Lists keep areas that ended (``entryExpiredDate``), so they are held against the history in the catalogue too. An area
that the catalogue does not know is an error that names it, before a single record is paid for.
Contract 1.5: ``Reporters.json``, ``partnerAreas.json``, ``H0.json`` ... ``H6.json``; keyless, with byte order mark.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from agrocluster.errors import SourceContractError
from agrocluster.model.loader import catalog, read_csv
from agrocluster.sources.comtrade_areas import MAPPING, areas

LISTS = ("Reporters.json", "partnerAreas.json")
LEVELS = {"AG2": 2, "AG4": 4, "AG6": 6}
EVERYTHING = "all"
"""Entry that stands for all others; older lists had it."""


def compare(entries: Iterable[dict[str, Any]], name: str) -> list[str]:
    """What a list of areas says otherwise than the catalogue, in sentences.

    Raises SourceContractError naming the areas that the catalogue does not know.
    """
    known = areas()
    listed = {int(entry["id"]): entry for entry in entries if str(entry["id"]) != EVERYTHING}
    codes = np.array(sorted(listed), dtype=np.int32)
    if lost := [int(code) for code in codes[~np.isin(codes, known.codes)]]:
        named = ", ".join(f"{code} ({_name(listed[code])})" for code in lost[:10])
        raise SourceContractError(
            f"{name} lists {len(lost)} area(s) that the catalogue does not know: {named}.",
            remedy=f"Add each to catalog/mappings/{MAPPING} with its kind and dates, or the country with its Comtrade "
            "code to catalog/countries.csv.",
        )
    ended = _ended()
    kinds = dict(zip(known.codes.tolist(), known.kinds, strict=True))
    names = dict(zip(known.codes.tolist(), known.names, strict=True))
    found = []
    for code, entry in listed.items():
        if "entryEffectiveDate" not in entry:
            continue
        expired = str(entry.get("entryExpiredDate") or "")[:10]
        if kinds[code] != "country" and expired != ended.get(code, ""):
            ends = ended.get(code, "no date")
            found.append(f"{code} ({_name(entry)}) ends on {expired or 'no date'}, in the catalogue on {ends}.")
        alpha3 = str(entry.get("reporterCodeIsoAlpha3") or entry.get("PartnerCodeIsoAlpha3") or "").strip()
        if kinds[code] == "country" and not expired and alpha3.isalpha() and alpha3 != names[code]:
            found.append(f"{code} ({_name(entry)}) is {alpha3}, in the catalogue {names[code]}.")
    return found


def codes_of(entries: Iterable[dict[str, Any]], level: str) -> list[str]:
    """Product codes of a level in a list of products, ascending."""
    return sorted(str(entry["id"]) for entry in entries if len(str(entry["id"])) == LEVELS[level])


def _ended() -> dict[int, str]:
    rows = read_csv(catalog().root / "mappings" / MAPPING).to_pylist()
    return {int(row["code"]): row["valid_to"] for row in rows if row["valid_to"]}


def _name(entry: dict[str, Any]) -> str:
    return str(entry.get("text", "no name"))
