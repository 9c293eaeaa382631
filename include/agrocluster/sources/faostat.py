"""FAOSTAT bulk downloads: the catalogue tells what is new and where, one zip per domain holds every number.

A new domain is a new dataset YAML (``adapter: faostat``, ``params.domain``); nothing here names a domain.
The query API needs a token and is not used. Reading the files is in ``faostat_read``.

Contract: FAO, https://bulks-faostat.fao.org/production/datasets_E.json (seen 2026-01): per dataset ``DatasetCode``,
``DateUpdate``, ``FileLocation``; files are overwritten in place, so ``Last-Modified`` and ``ETag`` are asked too.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from agrocluster.errors import SourceContractError
from agrocluster.model.fetching import Probe, RawFile, Slice, Years
from agrocluster.model.specs import DatasetSpec
from agrocluster.sources.faostat_read import (
    DATA_MEMBER,
    READERS,
    read_bulk,
    read_csv,
    read_text,
)
from agrocluster.sources.zipsafe import SafeZip

if TYPE_CHECKING:
    from agrocluster.http import Client

__all__ = [
    "ADAPTER",
    "CATALOGUE",
    "READERS",
    "FaostatBulk",
    "read_bulk",
    "read_csv",
    "read_text",
]

CATALOGUE = "production/datasets_E.json"
"""Address of the catalogue below the base address; the spelling with a capital D is answered with 403."""


class FaostatBulk:
    """Adapter ``faostat``: catalogue, then one zip per domain. ``years`` plays no role: a zip holds them all."""

    def probe(self, spec: DatasetSpec, client: Client, years: Years) -> Probe:  # noqa: ARG002 - protocol
        """The domain's entry of the catalogue and the validators of its file; stamp is ``DateUpdate`` as a date.

        Raises SourceContractError if the catalogue has another shape or does not list the domain.
        """
        entry = self._entry(spec, client.get_json(CATALOGUE))
        stamp, url = str(entry["DateUpdate"])[:10], str(entry["FileLocation"])
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", stamp):
            raise self._broken(
                spec,
                f"gives {entry['DateUpdate']!r} as the date of domain {entry['DatasetCode']}",
            )
        answer = client.head(url)
        known = {name: answer.headers.get(name, "") for name in ("ETag", "Last-Modified", "Content-Length")}
        facts = {"stamp": stamp, "url": answer.url, **known}
        fingerprint = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]
        rows = entry.get("FileRows")
        return Probe(stamp, fingerprint, {**facts, "url": url, "rows": rows, "name": _file_name(url)})

    def slices(self, spec: DatasetSpec, probe: Probe, client: Client) -> list[Slice]:  # noqa: ARG002 - protocol
        """The one zip of the domain."""
        return [
            {
                "id": f"{spec.dataset}-{probe.stamp}",
                "url": probe.details["url"],
                "name": probe.details["name"],
            }
        ]

    def fetch(self, spec: DatasetSpec, probe: Probe, piece: Slice, client: Client, into: Path) -> list[RawFile]:
        """Stream the zip to landing and check its directory.

        Raises SourceUnavailable for a damaged archive, SourceContractError for a hostile one or one without data.
        """
        got = client.download(piece["url"], into / piece["name"], expect="zip", period=probe.stamp)
        archive = SafeZip(got.path, source=spec.source, dataset=spec.dataset)
        archive.one(str(spec.params.get("member", DATA_MEMBER)))
        details = {
            "members": list(archive.names),
            "rows_announced": probe.details["rows"],
        }
        return [
            RawFile(
                name=piece["name"],
                format="faostat_bulk_zip",
                url=got.url,
                sha256=got.sha256,
                size=got.size,
                retrieved_at=got.retrieved_at,
                headers=got.headers,
                details=details,
            )
        ]

    def _entry(self, spec: DatasetSpec, document: Any) -> dict[str, Any]:
        domain = str(spec.params["domain"])
        try:
            entries = {str(entry["DatasetCode"]): entry for entry in document["Datasets"]["Dataset"]}
        except (KeyError, TypeError) as error:
            raise self._broken(spec, "has another shape than Datasets / Dataset / DatasetCode") from error
        if domain not in entries:
            raise self._broken(
                spec,
                f"does not list the domain {domain}; it lists {', '.join(sorted(entries))}",
            )
        entry: dict[str, Any] = entries[domain]
        if missing := [name for name in ("DateUpdate", "FileLocation") if not entry.get(name)]:
            raise self._broken(spec, f"gives no {' and no '.join(missing)} for the domain {domain}")
        return entry

    @staticmethod
    def _broken(spec: DatasetSpec, problem: str) -> SourceContractError:
        return SourceContractError(
            f"FAO's catalogue {CATALOGUE} {problem}.",
            source=spec.source,
            dataset=spec.dataset,
            remedy="Look at the catalogue; if FAO renamed the domain, correct params.domain in the dataset's file.",
        )


def _file_name(url: str) -> str:
    """The archive's name as a safe file name."""
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    return re.sub(r"[^A-Za-z0-9._()-]+", "_", name).lstrip(".") or "data.zip"


ADAPTER = FaostatBulk()
