"""UN Comtrade: customs reports of the four countries, and of all others about them.

First the availability of data is asked, without a key and without cost: which reporter filed which period, when,
and with what checksum. Only what changed since the last fetch is then asked for, within the daily allowance of the
key; without a key the preview of 500 records per question is used, with the same plan and an allowance of its own.
Contract: API v1 (evidence 2023-11 to 2026-09). How to ask is ``comtrade_api``'s business, what to ask
``comtrade_plan``'s, asking ``comtrade_fetch``'s, reading ``comtrade_rows``'s.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from agrocluster.errors import SourceContractError
from agrocluster.http import Client, endpoint, quota
from agrocluster.model.fetching import Probe, RawFile, Slice, StageLog, Years
from agrocluster.model.specs import DatasetSpec
from agrocluster.sources import comtrade_api as api
from agrocluster.sources import comtrade_plan, comtrade_reference
from agrocluster.sources.comtrade_api import Filed
from agrocluster.sources.comtrade_areas import areas
from agrocluster.sources.comtrade_fetch import SliceFetch
from agrocluster.sources.comtrade_plan import Limits, Scope
from agrocluster.storage import atomic
from agrocluster.storage.budget import Budget, Clock, utc_now

if TYPE_CHECKING:
    from agrocluster.sources.base import Reader

REFERENCE = "comtrade_reference"
NOTHING = "none"
PREVIEW = "AGROCLUSTER_COMTRADE_PREVIEW"
"""Environment variable: ask the public preview where there is no key."""
LISTS = "reference-lists"
"""Id of the slice that fetches the lists of areas."""


@dataclass
class Comtrade:
    """Adapter of the datasets of UN Comtrade; ``now`` is the clock that tells one day's allowance from the next.

    params: ``freq`` (A, M), ``view`` (reporter, partner), ``products`` (TOTAL, AG2, AG4, AG6), ``downloads_only``.
    """

    now: Clock = utc_now

    def probe(self, spec: DatasetSpec, client: Client, years: Years) -> Probe:
        """What is on file (see ``on_file``), if it is to be fetched.

        ``details.absent`` says why it is not: the dataset comes from downloads only, or there is no key and nobody has
        asked for the preview, in which the same history takes weeks.
        """
        if why := _not_asked(spec):
            return Probe(NOTHING, NOTHING, {"absent": why})
        if found := self.on_file(spec, client, years):
            return found
        raise SourceContractError(
            f"Nothing is on file for {years.first}-{years.last}: no report asked for is available.",
            source=spec.source,
            dataset=spec.dataset,
            remedy="Ask for other years; which reports exist is shown at https://comtradeplus.un.org.",
        )

    def on_file(self, spec: DatasetSpec, client: Client, years: Years) -> Probe | None:
        """What is on file for the years asked for, None if nothing; the stamp is the last release among it."""
        scope = scope_of(spec)
        filed = available(scope, client, years)
        if not filed:
            return None
        signed = [scope.as_dict(), [[e.reporter, e.period, e.signature] for e in filed]]
        return Probe(
            stamp=max(entry.released for entry in filed)[:19],
            fingerprint=hashlib.sha256(json.dumps(signed, sort_keys=True).encode()).hexdigest(),
            details={"filed": [list(vars(entry).values()) for entry in filed]},
        )

    def slices(self, spec: DatasetSpec, probe: Probe, client: Client) -> list[Slice]:  # noqa: ARG002 - protocol
        """The lists of areas first, then one slice per reporter and year, or one per year of all other reporters."""
        filed = [Filed(*entry) for entry in probe.details["filed"]]
        return [{"id": LISTS, "filed": []}, *comtrade_plan.slices(scope_of(spec), filed)]

    def fetch(self, spec: DatasetSpec, probe: Probe, piece: Slice, client: Client, into: Path) -> list[RawFile]:  # noqa: ARG002
        """The answers of one slice, unchanged; what an earlier fetch holds already is taken over from it.

        Raises QuotaExhausted when the daily allowance is spent; the answers so far are kept in ``into``.
        """
        if piece["id"] == LISTS:
            return [_land_list(name, client, into) for name in comtrade_reference.LISTS]
        budget = budget_of(spec.source, self.now)
        return SliceFetch(
            client=client,
            budget=budget,
            scope=scope_of(spec),
            limits=limits_of(spec.source, keyed=budget.key is not None, base=client.url("")),
            dataset_id=spec.id,
            slice_id=piece["id"],
            filed=[Filed(*entry) for entry in piece["filed"]],
            into=into,
        ).run()


def _not_asked(spec: DatasetSpec) -> str:
    if spec.params.get("downloads_only"):
        return "comes from downloads only"
    if endpoint(spec.source).key is None and not os.environ.get(PREVIEW):
        return f"no key: set one, or {PREVIEW}=1 for the public preview"
    return ""


def scope_of(spec: DatasetSpec) -> Scope:
    """What a dataset asks for, from its params and the catalogue's four countries."""
    params = spec.params
    return Scope(params["freq"], params["view"], tuple(params["products"]), areas().focus_codes)


def budget_of(source: str, now: Clock = utc_now) -> Budget:
    """The allowance of the key in use."""
    return Budget(source, endpoint(source).key, quota(source).calls_per_day, now)


def limits_of(source: str, *, keyed: bool, base: str) -> Limits:
    """How large one question may be, with or without a key, at the base address ``base``."""
    allowed = quota(source)
    return Limits(
        records=allowed.records_per_call if keyed else allowed.records_without_key,
        periods=allowed.periods_per_call if keyed else api.KEYLESS_PERIODS,
        characters=allowed.url_characters - len(base),
    )


def available(scope: Scope, client: Client, years: Years) -> list[Filed]:
    """Reports on file that belong to the dataset, by reporter and period; groups and former countries are left out.

    Raises SourceContractError naming a reporter that the catalogue does not know.
    """
    known = areas()
    kinds = dict(zip(known.codes.tolist(), known.kinds, strict=True))
    asked = sorted(scope.focus) if scope.view == "reporter" else []
    found: list[Filed] = []
    for periods in _periods(scope, years, bool(asked)):
        path = f"{api.AVAILABILITY}/C/{scope.freq}/HS"
        answer = client.get(path, params=api.availability_parameters(asked, periods), expect="json")
        found += api.read_availability(answer)
    if lost := sorted({entry.reporter for entry in found} - set(kinds)):
        raise SourceContractError(
            f"There are reports of area code(s) that the catalogue does not know: {', '.join(map(str, lost[:10]))}.",
            remedy="Look them up in UN Comtrade's Reporters.json and add them to "
            f"catalog/mappings/{comtrade_reference.MAPPING}, or the country to catalog/countries.csv.",
        )
    return [
        entry
        for entry in found
        if kinds[entry.reporter] == "country" and scope.covers(entry.reporter) and int(entry.period[:4]) in years
    ]


def _periods(scope: Scope, years: Years, few: bool) -> Iterator[list[str]]:
    """Periods to ask the availability of, at most twelve at a time; none at all (every period) for few reporters."""
    if few:
        yield []
        return
    every = [str(year) for year in range(years.first, years.last + 1)]
    if scope.freq == "M":
        every = [f"{year}{month:02d}" for year in every for month in range(1, 13)]
    for start in range(0, len(every), 12):
        yield every[start : start + 12]


def _land_list(name: str, client: Client, into: Path) -> RawFile:
    answer = client.get(f"{api.REFERENCE}/{name}", expect="json")
    differences = comtrade_reference.compare(api.read_list(answer), name)
    atomic.write_bytes(into / name, answer.content)
    return RawFile(
        name=name,
        format=REFERENCE,
        url=answer.url,
        sha256=answer.sha256,
        size=len(answer.content),
        retrieved_at=answer.retrieved_at,
        headers=answer.headers,
        details={"differences": differences},
    )


def read_reference(path: Path, file: RawFile, spec: DatasetSpec, log: StageLog) -> Iterator[pa.RecordBatch]:  # noqa: ARG001
    """No rows: a list of areas explains codes. What it says otherwise than the catalogue is noted."""
    if differences := file.details.get("differences"):
        log.notes.setdefault("area_lists", []).extend(differences)
    yield from ()


ADAPTER = Comtrade()
READERS: dict[str, Reader] = {REFERENCE: read_reference}
