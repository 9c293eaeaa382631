"""Grammar of the World Bank Indicators API v2: addresses within its limits, and what its answers say.

The service reports most errors with status 200, some as XML although JSON was asked, and all of them vaguely.
Here an answer becomes either a ``Page`` or a ``Notice``; nothing is fetched and no row is interpreted.
Source: help desk articles 898581 (call structure), 898599 (queries), 898620 (error codes).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from agrocluster.errors import SourceContractError
from agrocluster.http.body import first_words
from agrocluster.model.fetching import Years

MAX_INDICATORS = 60
MAX_SEGMENT = 1_500
MAX_URL = 4_000
PER_PAGE = 20_000
_URL_OVERHEAD = 500
"""Characters kept free for the host, the fixed parts of the path and the query."""

UNAVAILABLE = frozenset({"100", "105"})
NOT_SERVED = frozenset({"120", "140", "175"})
"""Message ids that mean an indicator or economy of the list is not served; the whole list fails with it."""


@dataclass(frozen=True)
class Notice:
    """A message in place of data: its id in the service's list of errors and its text."""

    id: str
    text: str


@dataclass(frozen=True)
class Page:
    """The header of a page and the number of rows on it. ``updated`` is the source's date, None if not told."""

    page: int
    pages: int
    per_page: int
    total: int
    rows: int
    updated: str | None
    source: str | None


def batches(codes: Sequence[str], most: int = MAX_INDICATORS, economies: Sequence[str] = ("all",)) -> list[list[str]]:
    """``codes`` in order, cut into lists of nearly equal length that each fit into one call.

    A call takes at most 60 indicators, 1,500 characters between two slashes and 4,000 in all.
    """
    room = min(MAX_SEGMENT, MAX_URL - _URL_OVERHEAD - len(";".join(economies)))
    most = max(1, min(most, MAX_INDICATORS))
    parts = ceil(len(codes) / most)
    cut: list[list[str]] = []
    for part in range(parts):
        group = list(codes[part * len(codes) // parts : (part + 1) * len(codes) // parts])
        cut.extend(_fit(group, room))
    return cut


def _fit(group: list[str], room: int) -> list[list[str]]:
    if len(group) < 2 or len(";".join(group)) <= room:
        return [group]
    middle = len(group) // 2
    return _fit(group[:middle], room) + _fit(group[middle:], room)


def data_path(codes: Sequence[str], economies: Sequence[str] = ("all",)) -> str:
    """Path of the data call below the base address (``.../v2``)."""
    return f"country/{';'.join(economies)}/indicator/{';'.join(codes)}"


def data_query(source_id: int, years: Years, *, page: int = 1, per_page: int = PER_PAGE) -> dict[str, str | int]:
    """Query of the data call. ``source`` is always sent: lists of indicators need it, and codes exist in several."""
    return {
        "format": "json",
        "source": source_id,
        "date": f"{years.first}:{years.last}",
        "per_page": per_page,
        "page": page,
    }


def read_answer(text: str) -> Page | Notice:
    """What an answer says. ``text`` is the body without byte order mark.

    Raises SourceContractError for anything that is neither a page of data nor one of the service's messages.
    """
    if text.lstrip().startswith("<"):
        return _xml_notice(text)
    answer = parse(text)
    head = answer[0]
    if "message" in head:
        found = head["message"][0] if head["message"] else {}
        return Notice(str(found.get("id", "?")), f"{found.get('key', '')}: {found.get('value', '')}".strip(": "))
    try:
        # per_page, and in some sources every number, is sometimes a string.
        page, pages, per_page, total = (int(head[name]) for name in ("page", "pages", "per_page", "total"))
    except (KeyError, TypeError, ValueError) as error:
        raise _unlike(text) from error
    return Page(
        page=page,
        pages=pages,
        per_page=per_page,
        total=total,
        rows=len(rows_of(answer)),
        updated=head.get("lastupdated") or None,
        source=str(head["sourceid"]) if head.get("sourceid") else None,
    )


def parse(text: str) -> list[Any]:
    """The JSON array of an answer; its first element is a header or a message."""
    try:
        answer = json.loads(text)
    except ValueError as error:
        raise _unlike(text) from error
    if isinstance(answer, list) and not answer:
        # Pages past the end may be a bare [].
        return [{"page": 0, "pages": 0, "per_page": 0, "total": 0}, []]
    if not isinstance(answer, list) or not isinstance(answer[0], dict):
        raise _unlike(text)
    return answer


def rows_of(answer: list[Any]) -> list[dict[str, Any]]:
    """The rows of a parsed answer; none if the second element is null or missing."""
    rows = answer[1] if len(answer) > 1 else None
    if rows is not None and not isinstance(rows, list):
        raise _unlike(json.dumps(answer))
    return rows or []


def _xml_notice(text: str) -> Notice:
    found = re.search(r"<wb:message\b([^>]*)>(.*?)</wb:message>", text, re.DOTALL)
    if not found:
        raise _unlike(text)
    attributes = dict(re.findall(r'(\w+)\s*=\s*"([^"]*)"', found.group(1)))
    body = re.sub(r"<[^>]*>", " ", found.group(2)).strip()
    return Notice(attributes.get("id", "?"), f"{attributes.get('key', '')}: {body}".strip(": "))


def _unlike(text: str) -> SourceContractError:
    return SourceContractError(
        f"The answer is neither a page of data nor a known message; it begins: {first_words(text.encode())!r}.",
        source="worldbank",
        remedy="Open the address in a browser; if the service changed, adapt sources/worldbank_api.py.",
    )
