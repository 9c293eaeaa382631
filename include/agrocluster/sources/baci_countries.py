"""BACI's country codes to ISO3: the list shipped with the release, corrected where it is known to mislead.

The shipped list writes N/A for Taiwan, gives dissolved states the code of a successor (Belgium-Luxembourg as BEL)
and once gave Antigua and Barbuda the code of Antarctica. ``catalog/mappings/baci_countries.csv`` states these.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

from agrocluster.errors import SourceContractError
from agrocluster.model.loader import ROOT, catalog

_CODE = ("country_code", "i", "code")
_ISO3 = ("country_iso3", "iso_3digit_alpha", "iso3")
_NAME = ("country_name", "country_name_abbreviation", "country_name_full")


@dataclass(frozen=True)
class Codes:
    """``iso3``: code -> ISO3 of countries; ``outside``: code -> why it is none (``former``, ``aggregate``)."""

    iso3: Mapping[int, str]
    outside: Mapping[int, str]


def country_codes(shipped: bytes | None, name: str = "") -> Codes:
    """Codes of a release. Without its list (a single year's CSV) codes are M49 with BACI's known differences.

    Raises SourceContractError naming an entry that is neither an ISO country nor in the mapping file.
    """
    with (ROOT / "mappings" / "baci_countries.csv").open(encoding="utf-8", newline="") as handle:
        known = {int(row["baci_code"]): row for row in csv.DictReader(handle)}
    iso3 = {code: row["iso3"] for code, row in known.items() if row["iso3"]}
    outside = {code: row["kind"] for code, row in known.items() if not row["iso3"]}
    listed = _shipped(shipped, name) if shipped is not None else _m49()
    for code, (iso, label) in listed.items():
        if code in known:
            continue
        if iso not in catalog().countries:
            raise SourceContractError(
                f"{name} gives the code {iso!r} to {code} ({label}), which is no country of the catalogue.",
                source="cepii",
                remedy="Add the code to catalog/mappings/baci_countries.csv, with its ISO3 or as aggregate or former.",
            )
        iso3[code] = iso
    return Codes(iso3, outside)


def _m49() -> dict[int, tuple[str, str]]:
    return {country.m49: (iso3, country.name.en) for iso3, country in catalog().countries.items()}


def _shipped(data: bytes, name: str) -> dict[int, tuple[str, str]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    rows = csv.DictReader(io.StringIO(text))
    columns = rows.fieldnames or []
    found = [next((c for c in names if c in columns), None) for names in (_CODE, _ISO3, _NAME)]
    code, iso3, label = found
    if code is None or iso3 is None:
        raise SourceContractError(
            f"{name} has the columns {', '.join(columns)}; a country code and an ISO3 column are expected.",
            source="cepii",
            remedy="CEPII changed the country list: add the new column names to sources/baci_countries.py.",
        )
    return {int(row[code]): (row[iso3].strip(), row[label] if label else "") for row in rows}
