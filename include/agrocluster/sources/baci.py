"""CEPII BACI: reconciled bilateral trade at HS6, one zip per HS edition with one CSV per year.

Contract: CEPII item page id 37 names the current release; files are ``BACI_<edition>_V<YYYYMM>.zip`` and never
change, so the version is the change signal. Columns t, i, j, k, v (thousand current USD), q (tonnes, ``NA`` or
empty where unknown). Method: Gaulier and Zignago (2010), CEPII working paper 2010-23.

BACI lists a flow once. A file that repeats one is refused as a whole: repeated rows would be hidden inside the
totals, and which copy is right cannot be known.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from agrocluster.errors import SourceContractError
from agrocluster.model.fetching import Probe, RawFile, Slice, StageLog, Years
from agrocluster.model.specs import DatasetSpec
from agrocluster.sources.baci_countries import country_codes
from agrocluster.sources.baci_read import YearReader
from agrocluster.sources.textfile import text_pieces
from agrocluster.sources.zipsafe import SafeZip

if TYPE_CHECKING:
    from agrocluster.http import Client
    from agrocluster.sources.base import Divider, Reader


class Baci:
    """Adapter ``baci``. Parameters: ``page``, ``download`` (with ``{version}``), ``edition`` (``HS12``)."""

    def probe(self, spec: DatasetSpec, client: Client, years: Years) -> Probe:  # noqa: ARG002 - protocol
        """The newest release the item page offers for the edition; stamp ``V202601``."""
        page = client.get_text(spec.params["page"], expect=None)
        offered = page[max(page.find("telechargement"), 0) :]
        versions = re.findall(rf"BACI_{spec.params['edition']}_(V\d{{6}})\.zip", offered)
        if not versions:
            raise SourceContractError(
                f"CEPII's page {spec.params['page']} offers no BACI_{spec.params['edition']}_V<YYYYMM>.zip.",
                source=spec.source,
                dataset=spec.dataset,
                remedy="Look at the page; if the download moved, correct page or edition in the dataset's file.",
            )
        version = max(versions)
        digest = hashlib.sha256(f"{spec.params['edition']}\0{version}".encode()).hexdigest()[:32]
        return Probe(version, digest, {"version": version, "url": spec.params["download"].format(version=version)})

    def slices(self, spec: DatasetSpec, probe: Probe, client: Client) -> list[Slice]:  # noqa: ARG002 - protocol
        """The one zip of the edition."""
        name = f"BACI_{spec.params['edition']}_{probe.stamp}.zip"
        return [{"id": f"{spec.dataset}-{probe.stamp}", "url": probe.details["url"], "name": name}]

    def fetch(self, spec: DatasetSpec, probe: Probe, piece: Slice, client: Client, into: Path) -> list[RawFile]:
        """Stream the zip to landing (an interrupted download goes on where it stopped) and check its directory."""
        got = client.download(piece["url"], into / piece["name"], expect="zip", period=probe.stamp)
        archive = SafeZip(got.path, source=spec.source, dataset=spec.dataset)
        return [
            RawFile(
                name=piece["name"],
                format="baci_zip",
                url=got.url,
                sha256=got.sha256,
                size=got.size,
                retrieved_at=got.retrieved_at,
                headers=got.headers,
                details={"years": sorted(_years(archive, spec))},
            )
        ]


def year_parts(path: Path, spec: DatasetSpec) -> list[str]:
    """Runs of years, ``2012-2015``, each of at least ``part_mib`` unpacked: seconds of work and not less."""
    archive = SafeZip(path, source=spec.source, dataset=spec.dataset)
    parts: list[str] = []
    first, size = 0, 0
    for year, name in sorted(_wanted(archive, spec).items()):
        first, size = first or year, size + archive.size(name)
        if size >= spec.params["part_mib"] << 20:
            parts.append(f"{first}-{year}")
            first, size = 0, 0
    if first:
        parts.append(f"{first}-{year}")
    return parts


def read_zip(path: Path, spec: DatasetSpec, log: StageLog, part: str = "") -> Iterator[pa.RecordBatch]:
    """Batches of a release, or of one of its ``year_parts``.

    Per year the totals of every exporter and of every importer, then the flows of the chosen countries.

    Raises SourceContractError for a missing country list or year, a renamed column, an unknown country code or
    a repeated flow.
    """
    archive = SafeZip(path, source=spec.source, dataset=spec.dataset)
    listed = archive.one("country_codes_*.csv")
    codes = country_codes(archive.read(listed), listed)
    wanted = _wanted(archive, spec)
    log.notes["years_outside_the_dataset"] = sorted(set(_years(archive, spec)) - set(wanted))
    first, _, last = (part or "0-9999").partition("-")
    for year, name in sorted(wanted.items()):
        if not int(first) <= year <= int(last):
            continue
        yield from YearReader(name, spec, codes, log).batches(partial(archive.stream, name), year)


def read_csv(path: Path, spec: DatasetSpec, log: StageLog) -> Iterator[pa.RecordBatch]:
    """Batches of a single year's CSV, plain or gzipped, with or without its leading zeros.

    The year is that of the rows; the edition in the file's name, if it has one, must be the dataset's.
    """
    named = re.search(r"BACI_(HS\d\d)_", path.name)
    if named and named[1] != spec.params["edition"]:
        raise _wrong_edition(path.name, named[1], spec)
    reader = YearReader(path.name, spec, country_codes(None), log)
    yield from reader.batches(lambda: text_pieces(path, spec))


def _years(archive: SafeZip, spec: DatasetSpec) -> dict[int, str]:
    members = {}
    for name in archive.find("BACI_HS??_Y????_V*.csv"):
        edition, year = re.findall(r"BACI_(HS\d\d)_Y(\d{4})_", name)[0]
        if edition != spec.params["edition"]:
            raise _wrong_edition(name, edition, spec)
        members[int(year)] = name
    if not members:
        raise SourceContractError(
            f"{archive.path.name} holds no member BACI_{spec.params['edition']}_Y<year>_V<version>.csv; "
            f"it holds {', '.join(archive.names[:10])}.",
            source=spec.source,
            dataset=spec.dataset,
            remedy="This is no BACI release, or CEPII renamed its files: compare it with CEPII's page.",
        )
    return members


def _wanted(archive: SafeZip, spec: DatasetSpec) -> dict[int, str]:
    first, last = spec.first_year, spec.last_year or 9999
    return {year: name for year, name in _years(archive, spec).items() if first <= year <= last}


def _wrong_edition(name: str, edition: str, spec: DatasetSpec) -> SourceContractError:
    return SourceContractError(
        f"{name} is in {edition}, the dataset in {spec.params['edition']}; editions are never mixed.",
        source=spec.source,
        dataset=spec.dataset,
        remedy=f"Take the {spec.params['edition']} file from CEPII's page.",
    )


ADAPTER = Baci()
READERS: dict[str, Reader] = {
    "baci_zip": lambda path, file, spec, log: read_zip(path, spec, log, file.details.get("part", "")),
    "baci_csv": lambda path, _, spec, log: read_csv(path, spec, log),
}
PARTS: dict[str, Divider] = {"baci_zip": year_parts}
