"""Grammar of the UN Comtrade API v1: addresses of its questions, and what its answers mean.

Nothing is fetched here, and no record is interpreted. Every question pins second partner, customs procedure and mode of
transport to their totals, because totals come with their breakdowns otherwise; descriptions are not asked for.
Source: contract 1.1-1.6 (official client comtradeapicall, recorded answers of comtradr, live probes of 2026-06).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn

from agrocluster.errors import SourceContractError
from agrocluster.http import Fetched
from agrocluster.http.body import first_words
from agrocluster.http.retry import retry_after

KEYED, KEYLESS, AVAILABILITY = "data/v1/get", "public/v1/preview", "public/v1/getDA"
REFERENCE = "files/v1/app/reference"
PINS = {"partner2Code": "0", "customsCode": "C00", "motCode": "0"}
FLOWS = ("M", "X", "RX", "RM", "DX", "FM", "MIP", "MOP", "XIP", "XOP")
KEYLESS_PERIODS = 1
"""Without a key one period per question was observed to work (contract 1.2), several are unconfirmed."""
CAPS = frozenset({500, 100_000, 250_000})
"""Known ends of answers, by subscription; an answer of exactly this length is taken for a truncated one."""
REFUSALS = (400, 401, 403, 404, 414)
"""Statuses whose bodies say what is wrong."""
_CLOCK = re.compile(r"replenished in (\d{1,3}):(\d{2}):(\d{2})")
_KEY_REMEDY = (
    "Set the key of your subscription (free at https://comtradedeveloper.un.org) as password of the Airflow Connection "
    "agrocluster_comtrade or as AGROCLUSTER_COMTRADE_KEY; without one only 500 records per question are given."
)


@dataclass(frozen=True)
class Question:
    """One question to the data endpoint.

    Attributes:
        freq: A or M.
        reporters: area codes.
        periods: years, or years and months.
        products: ``TOTAL``, ``AG2``, ``AG4``, ``AG6``, or codes.
        partners: area codes; empty means every partner and the world.
        flows: empty means every flow.
    """

    freq: str
    reporters: tuple[int, ...]
    periods: tuple[str, ...]
    products: tuple[str, ...]
    partners: tuple[int, ...] = ()
    flows: tuple[str, ...] = ()

    def path(self, *, keyed: bool) -> str:
        """The address below the base."""
        return f"{KEYED if keyed else KEYLESS}/C/{self.freq}/HS"

    def parameters(self, most: int) -> dict[str, str | int]:
        """The query; ``most`` records are asked for, so that an answer of that length is known to be cut off."""
        lists: dict[str, Iterable[Any]] = {
            "reporterCode": self.reporters,
            "period": self.periods,
            "partnerCode": self.partners,
            "cmdCode": self.products,
            "flowCode": self.flows,
        }
        named: dict[str, str | int] = {name: ",".join(map(str, codes)) for name, codes in lists.items() if codes}
        return {**named, **PINS, "maxRecords": most}

    def as_dict(self) -> dict[str, Any]:
        """JSON-able form, for comparison and for the record beside the answer."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def of(cls, known: dict[str, Any]) -> Question:
        """The inverse of ``as_dict``."""
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in known.items()}
        return cls(**plain)


@dataclass(frozen=True)
class Filed:
    """What a reporter has on file for a period.

    Attributes:
        edition: classification it was reported in (``H6``).
        records: rows of all products, partners and flows together.
        signature: changes exactly when the data change.
        released: time of the last release, ISO 8601 without zone.
    """

    reporter: int
    period: str
    edition: str
    records: int
    signature: str
    released: str


def availability_parameters(reporters: Iterable[int], periods: Iterable[str]) -> dict[str, str | int]:
    """Query of the availability endpoint; none named means all of them."""
    named = {"period": ",".join(periods), "reporterCode": ",".join(map(str, reporters))}
    return {name: codes for name, codes in named.items() if codes}


def read_availability(answer: Fetched) -> list[Filed]:
    """What is on file, by reporter and period; several editions of one reporter-period count as one."""
    rows = _document(answer).get("data")
    if not isinstance(rows, list):
        raise _unlike(answer, "holds no list of what is available")
    found: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for row in rows:
        try:
            key = (int(row["reporterCode"]), str(row["period"]))
            signed = {name: row[name] for name in ("lastReleased", "datasetChecksum", "totalRecords")}
            edition = str(row["classificationCode"])
        except (KeyError, TypeError, ValueError) as error:
            raise _unlike(answer, f"has an entry without the field {error}") from error
        found.setdefault(key, []).append({**signed, "edition": edition})
    return [_filed(key, editions) for key, editions in sorted(found.items())]


def _filed(key: tuple[int, str], rows: list[dict[str, Any]]) -> Filed:
    rows = sorted(rows, key=lambda row: (str(row["lastReleased"]), row["edition"]))
    signed = [f"{r['edition']} {r['lastReleased']} {r['datasetChecksum']} {r['totalRecords']}" for r in rows]
    newest = rows[-1]
    records = max(int(row["totalRecords"] or 0) for row in rows)
    return Filed(*key, newest["edition"], records, "; ".join(signed), str(newest["lastReleased"]))


def read_list(answer: Fetched) -> list[dict[str, Any]]:
    """The entries of a reference list."""
    entries = _document(answer).get("results")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and "id" in entry for entry in entries):
        raise _unlike(answer, "is no list of codes")
    return entries


def refuse(answer: Fetched, *, keyed: bool) -> NoReturn:
    """Raise SourceContractError saying what a refusal (other than a spent quota) means and what to do."""
    said = first_words(answer.content, 400)
    if answer.status == 401:
        which = "the key is not valid" if keyed else "a key is missing"
        raise SourceContractError(f"The service refuses to answer, {which}: {said!r}.", remedy=_KEY_REMEDY)
    if answer.status == 400:
        said = _parameter_at_fault(answer) or said
        remedy = "The question does not follow the API's rules: compare sources/comtrade_api.py with its documentation."
    elif answer.status == 403:
        remedy = "Look at the subscription of this key on https://comtradedeveloper.un.org: it may be suspended."
    else:
        remedy = "Compare the address with the API's documentation; it may have moved."
    raise SourceContractError(f"The service answered {answer.status} for {answer.url}: {said!r}.", remedy=remedy)


def replenished_at(answer: Fetched, now: datetime) -> datetime | None:
    """When a spent quota is there again (UTC); None if the answer is not about a quota.

    The header ``Retry-After`` counts, else the time in the message, else the next UTC day.
    """
    text = answer.text
    if answer.status != 403 or "quota" not in text.lower():
        return None
    waits = [retry_after(answer.headers, now)]
    if clock := _CLOCK.search(text):
        hours, minutes, seconds = map(int, clock.groups())
        waits.append(float(3600 * hours + 60 * minutes + seconds))
    told = [wait for wait in waits if wait is not None]
    if told:
        return now + timedelta(seconds=told[0])
    return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def is_truncated(count: int, most: int) -> bool:
    """Whether an answer with ``count`` records was cut off, where at most ``most`` were asked for."""
    return count >= most or count in CAPS


def _parameter_at_fault(answer: Fetched) -> str | None:
    try:
        faults = json.loads(answer.text)["errorObject"]
        texts = [fault.get("ErrorMessage") or fault.get("errorMessage") for fault in faults]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return "; ".join(str(text) for text in texts if text) or None


def _document(answer: Fetched) -> dict[str, Any]:
    try:
        document = json.loads(answer.text)
    except ValueError as error:
        raise _unlike(answer, f"is no JSON ({error})") from error
    if not isinstance(document, dict):
        raise _unlike(answer, "is no JSON object")
    if message := document.get("error"):
        raise _unlike(answer, f"is the message {str(message)[:200]!r}")
    return document


def _unlike(answer: Fetched, problem: str) -> SourceContractError:
    return SourceContractError(
        f"The answer to {answer.url} {problem}.",
        remedy="Compare it with the API's documentation and adapt sources/comtrade_api.py.",
    )
