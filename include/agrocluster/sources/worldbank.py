"""World Bank Indicators API v2: World Development Indicators and the databases beside it.

All economies, many indicators per call, page by page. One indicator that the service does not serve fails the
whole list, so a failing list is halved until the culprits are known by name; they are reported, the others kept.
What the answers look like is in ``worldbank_api``, how they become rows in ``worldbank_rows``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

from agrocluster.errors import SourceContractError, SourceUnavailable
from agrocluster.http import Client, Fetched
from agrocluster.model.fetching import Probe, RawFile, Slice, Years
from agrocluster.model.loader import catalog
from agrocluster.model.specs import DatasetSpec, IndicatorSpec
from agrocluster.sources import worldbank_api as api
from agrocluster.sources.worldbank_rows import read_worldbank_json
from agrocluster.storage import atomic

FORMAT = "worldbank_json"
RESTARTS = 2
PROBED = 5
"""How many indicators a probe tries before it gives up on a source."""


class _Changed(Exception):
    """Pages of one slice contradict each other; it must be fetched again from the start."""


@dataclass
class _Haul:
    """What one attempt at a slice has brought home."""

    into: Path
    stem: str
    files: list[RawFile] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def keep(self, answer: Fetched, page: api.Page, codes: list[str]) -> None:
        name = f"{self.stem}-p{len(self.files) + 1:03d}.json"
        atomic.write_bytes(self.into / name, answer.content)
        self.files.append(
            RawFile(
                name=name,
                format=FORMAT,
                url=answer.url,
                sha256=answer.sha256,
                size=len(answer.content),
                retrieved_at=answer.retrieved_at,
                headers=answer.headers,
                details={"indicators": codes, "rows": page.rows, "lastupdated": page.updated},
            )
        )


class WorldBank:
    """Adapter of the datasets whose ``params.source_id`` is a database of the service.

    params: ``source_id`` (number of the database), ``indicators_per_call`` (default 60),
    ``economies`` (ISO3 codes, default all).
    """

    def probe(self, spec: DatasetSpec, client: Client, years: Years) -> Probe:
        """The day the database was last updated, read from one row."""
        codes, archived = _codes(spec)
        updated = _last_updated(spec, client, codes, years)
        economies = _economies(spec)
        asked = [updated, spec.params["source_id"], sorted(codes), economies, years.first, years.last]
        return Probe(
            stamp=updated,
            fingerprint=hashlib.sha256(json.dumps(asked).encode()).hexdigest(),
            details={
                "first_year": years.first,
                "last_year": years.last,
                "indicators": codes,
                "archived": archived,
                "economies": economies,
            },
        )

    def slices(self, spec: DatasetSpec, probe: Probe, client: Client) -> list[Slice]:  # noqa: ARG002
        """One slice per list of indicators that fits into a call."""
        most = int(spec.params.get("indicators_per_call", api.MAX_INDICATORS))
        groups = api.batches(probe.details["indicators"], most, probe.details["economies"])
        return [
            {"id": f"{spec.dataset}-{number:02d}", "indicators": group} for number, group in enumerate(groups, start=1)
        ]

    def fetch(self, spec: DatasetSpec, probe: Probe, piece: Slice, client: Client, into: Path) -> list[RawFile]:
        """All pages of one list of indicators, unchanged, as ``<slice>-p001.json`` and so on.

        The first file's details name under ``left_out`` the indicators and economies that are not served and why.

        Raises:
            SourceUnavailable: pages contradict each other or the database was updated meanwhile.
            SourceContractError: not a single indicator of the list is served.
        """
        period = f"{probe.details['first_year']}-{probe.details['last_year']}"
        for _ in range(RESTARTS + 1):
            haul = _Haul(into, piece["id"])
            try:
                fetch = _Fetch(spec, probe, client, haul, period, list(probe.details["economies"]))
                fetch.run(piece["indicators"])
            except _Changed as contradiction:
                problem = str(contradiction)
                continue
            first = haul.files[0]
            return [_with_report(first, haul.left_out), *haul.files[1:]]
        raise SourceUnavailable(
            problem,
            source=spec.source,
            dataset=spec.dataset,
            period=period,
            remedy="Run again in an hour: the service is probably publishing an update just now.",
        )


@dataclass
class _Fetch:
    """One attempt at a slice. ``economies`` shrinks when the service does not know some of them."""

    spec: DatasetSpec
    probe: Probe
    client: Client
    haul: _Haul
    period: str
    economies: list[str]

    def run(self, codes: list[str]) -> None:
        """Fetch all pages for ``codes``; those not served end in ``haul.left_out``."""
        self._pages(codes)
        if not self.haul.files:
            reasons = "; ".join(f"{code} ({reason})" for code, reason in sorted(self.haul.left_out.items()))
            raise self._broken(
                f"The service serves none of the {len(codes)} indicators asked for: {reasons}.",
                f"Compare catalog/indicators/{self.spec.id}.csv with the service's list of indicators.",
            )

    def _pages(self, codes: list[str]) -> None:
        answer, first = self._ask(codes, 1)
        if isinstance(first, api.Notice):
            self._without_culprits(codes, first)
            return
        self._check(first, first, 1, 0)
        self.haul.keep(answer, first, codes)
        seen, number = first.rows, 1
        while seen < first.total:
            number += 1
            answer, page = self._ask(codes, number)
            if isinstance(page, api.Notice):
                raise _Changed(f"Page {number} of {first.pages} is the message {page.id} ({page.text}).")
            self._check(page, first, number, seen)
            self.haul.keep(answer, page, codes)
            seen += page.rows

    def _without_culprits(self, codes: list[str], notice: api.Notice) -> None:
        if notice.id not in api.NOT_SERVED:
            raise self._broken(
                f"The service refuses the question: message {notice.id} ({notice.text}).",
                "Look the message up in the service's list of error codes.",
            )
        served = self.economies if self.economies == ["all"] else self._served(self.economies)
        if served and served != self.economies:
            self.economies = served
            self._pages(codes)
        elif len(codes) == 1:
            self.haul.left_out[codes[0]] = f"message {notice.id}, {notice.text}"
        else:
            middle = len(codes) // 2
            self._pages(codes[:middle])
            self._pages(codes[middle:])

    def _served(self, economies: list[str]) -> list[str]:
        query: dict[str, str | int] = {"format": "json", "per_page": 400}
        path = f"country/{';'.join(economies)}"
        _, said = _ask(self.client, self.spec, path, query, self.period)
        if isinstance(said, api.Page):
            return economies
        if len(economies) == 1:
            self.haul.left_out[economies[0]] = f"economy: message {said.id}, {said.text}"
            return []
        middle = len(economies) // 2
        return self._served(economies[:middle]) + self._served(economies[middle:])

    def _ask(self, codes: list[str], number: int) -> tuple[Fetched, api.Page | api.Notice]:
        years = Years(self.probe.details["first_year"], self.probe.details["last_year"])
        query = api.data_query(int(self.spec.params["source_id"]), years, page=number)
        return _ask(self.client, self.spec, api.data_path(codes, self.economies), query, self.period)

    def _check(self, page: api.Page, first: api.Page, number: int, seen: int) -> None:
        """Raises _Changed if ``page`` does not continue the series that ``first`` began and the probe announced."""
        if page.source and page.source != str(self.spec.params["source_id"]):
            raise self._broken(
                f"Asked database {self.spec.params['source_id']} and got an answer from database {page.source}.",
                "Check params.source_id of the dataset in the catalogue.",
            )
        if page.updated and page.updated != self.probe.stamp:
            raise _Changed(f"The database was updated from {self.probe.stamp} to {page.updated} during the fetch.")
        if not first.total and not page.rows:
            return
        pages = ceil(first.total / max(first.per_page, 1))
        due = min(first.per_page, first.total - seen)
        if due < 1 or (page.page, page.pages, page.total, page.rows) != (number, pages, first.total, due):
            raise _Changed(
                f"Page {number} does not fit: it calls itself page {page.page} of {page.pages} with {page.rows} of "
                f"{page.total} rows, where page {number} of {pages} with {due} of {first.total} was due."
            )

    def _broken(self, problem: str, remedy: str) -> SourceContractError:
        return SourceContractError(
            problem, source=self.spec.source, dataset=self.spec.dataset, period=self.period, remedy=remedy
        )


def _codes(spec: DatasetSpec) -> tuple[list[str], list[str]]:
    listed: Iterable[IndicatorSpec] = catalog().indicators.get(spec.id, ())
    live = [i.code for i in listed if not i.archived]
    if not live:
        raise SourceContractError(
            f"The catalogue lists no live indicator for {spec.id}.",
            source=spec.source,
            dataset=spec.dataset,
            remedy=f"Add lines to catalog/indicators/{spec.id}.csv.",
        )
    return live, [i.code for i in listed if i.archived]


def _economies(spec: DatasetSpec) -> list[str]:
    return list(spec.params.get("economies") or ["all"])


def _last_updated(spec: DatasetSpec, client: Client, codes: list[str], years: Years) -> str:
    query = api.data_query(int(spec.params["source_id"]), years, per_page=1)
    notices = []
    for code in codes[:PROBED]:
        _, page = _ask(client, spec, api.data_path([code], ["KAZ"]), query, None)
        if isinstance(page, api.Notice):
            notices.append(f"{code}: message {page.id} ({page.text})")
        elif page.updated and re.fullmatch(r"\d{4}-\d{2}-\d{2}", page.updated):
            return page.updated
        else:
            notices.append(f"{code}: lastupdated is {page.updated!r}")
    raise SourceContractError(
        f"The service does not say when database {spec.params['source_id']} was updated: {'; '.join(notices)}.",
        source=spec.source,
        dataset=spec.dataset,
        remedy=f"Compare catalog/indicators/{spec.id}.csv with the service's list of indicators.",
    )


def _ask(
    client: Client, spec: DatasetSpec, path: str, query: dict[str, str | int], period: str | None
) -> tuple[Fetched, api.Page | api.Notice]:
    answer = client.get(path, params=query, expect="json_or_xml", accept=(400, 404), period=period)
    said = api.read_answer(answer.text)
    if isinstance(said, api.Notice) and said.id in api.UNAVAILABLE:
        raise SourceUnavailable(
            f"The service answered with message {said.id} ({said.text}).",
            source=spec.source,
            dataset=spec.dataset,
            period=period,
            remedy="Run again later; the last release is intact.",
        )
    return answer, said


def _with_report(file: RawFile, left_out: dict[str, str]) -> RawFile:
    return RawFile(**{**file.__dict__, "details": {**file.details, "left_out": left_out}})


ADAPTER = WorldBank()
READERS = {FORMAT: read_worldbank_json}
