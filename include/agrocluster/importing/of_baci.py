"""Recognises BACI files: the archive of a release, one year of it, and the code lists beside them.

The edition of the HS and the version stand in BACI's own file names only (``BACI_HS12_Y2020_V202601.csv``); a table
that has lost its name cannot be placed and is refused rather than guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from agrocluster.importing.findings import Recognised, Scope, Unrecognised, Use
from agrocluster.importing.sniff import Sniffed
from agrocluster.model.loader import catalog
from agrocluster.sources.zipsafe import SafeZip

TABLE = re.compile(r"BACI_(HS\d\d)_Y(\d{4})_(V\d{6}[a-z]?)", re.IGNORECASE)
VERSION = re.compile(r"_(V\d{6}[a-z]?)", re.IGNORECASE)
COLUMNS = ["t", "i", "j", "k", "v", "q"]
COUNTRIES = ({"country_code", "country_iso3"}, {"country_code", "iso_3digit_alpha"})


def is_table(names: Sequence[str]) -> bool:
    """Whether these columns are those of a year of BACI."""
    return [name.casefold() for name in names] == COLUMNS


def recognise_codes(names: Sequence[str], seen: Sniffed) -> Recognised | None:
    """BACI's list of countries or products, or None if the columns are others."""
    found = {name.casefold() for name in names}
    version = VERSION.search(seen.name)
    stamp = version[1].upper() if version else None
    if any(columns <= found for columns in COUNTRIES):
        return Recognised("BACI list of countries", kind="companion", stamp=stamp, note="Explains BACI's codes.")
    if found == {"code", "description"}:
        return Recognised("BACI list of products", kind="companion", stamp=stamp, note="Explains BACI's codes.")
    return None


def recognise_table(seen: Sniffed) -> Recognised | Unrecognised:
    """One year of BACI as CSV."""
    match = TABLE.search(seen.name)
    if match is None:
        return Unrecognised(
            "BACI table without edition and version; name it as CEPII does, e.g. BACI_HS12_Y2022_V202601.csv."
        )
    edition, year, version = match[1].upper(), match[2], match[3].upper()
    return _used(f"BACI {edition}, year {year}, {version}", edition, version, "baci_csv", "partial")


def recognise_archive(archive: SafeZip) -> Recognised | Unrecognised | None:
    """The archive of a release, or None if this is another kind of zip."""
    found = [match for name in archive.names if (match := TABLE.search(PurePosixPath(name).name))]
    if not found:
        return None
    editions = {(match[1].upper(), match[3].upper()) for match in found}
    if len(editions) > 1:
        return Unrecognised("BACI archive that mixes editions or versions; take CEPII's own archive.", broken=True)
    edition, version = editions.pop()
    return _used(f"BACI {edition} archive, {len(found)} years, {version}", edition, version, "baci_zip", "full")


def _used(what: str, edition: str, version: str, file_format: str, scope: Scope) -> Recognised:
    datasets = [
        spec.id
        for spec in catalog().datasets.values()
        if spec.adapter == "baci" and str(spec.params.get("edition", "")).upper() == edition
    ]
    if not datasets:
        held = ", ".join(sorted({str(s.params["edition"]) for s in catalog().datasets.values() if s.adapter == "baci"}))
        return Recognised(what, kind="other", note=f"The catalogue uses {held or 'no edition of BACI'}, not {edition}.")
    uses = tuple(Use(dataset, file_format, scope) for dataset in datasets)
    return Recognised(what, uses=uses, stamp=version)
