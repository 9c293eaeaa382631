"""Route the World Bank's paths to its answers and put the answers on pages."""

from __future__ import annotations

import json
import math
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from agrocluster.sample import worldbank as wb

_BAD_REQUEST = (
    b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>\r\n'
    b'<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN">'
    b'<html><head><title>Request Error</title></head><body><div id="content"><p class="heading1">Request Error</p>'
    b"<p>The server encountered an error processing the request. See server logs for more details.</p>"
    b"</div></body></html>"
)
_SINGULAR = {
    "countries": "country",
    "indicators": "indicator",
    "source": "sources",
    "topics": "topic",
    "incomelevels": "incomelevel",
}


def bad_request_page() -> Response:
    return Response(_BAD_REQUEST, 400, media_type="text/html")


def _positive(text: str, ceiling: int | None = None) -> int:
    if not text.isdigit() or int(text) < 1:
        raise wb.invalid()
    return min(int(text), ceiling) if ceiling else int(text)


def _page(
    request: Request, rows: list[Any], extra: dict[str, Any], *, text_count: bool
) -> tuple[dict[str, Any], list[Any] | None]:
    query = request.query_params
    size = _positive(query.get("per_page", "50"), wb.MAX_PER_PAGE)
    page = _positive(query.get("page", "1"))
    head: dict[str, Any] = {"page": page, "pages": math.ceil(len(rows) / size)}
    head |= {"per_page": str(size) if text_count else size, "total": len(rows)} | extra
    if not rows:
        return head | {"page": 0, "pages": 0}, None
    if page > head["pages"]:
        # Past the end the service counts again, with the default page size, and sends nothing.
        return head | {"pages": math.ceil(len(rows) / 50)}, []
    return head, rows[(page - 1) * size : page * size]


def _data(request: Request, place: str, indicator: str, vintage: str) -> tuple[dict[str, Any], list[Any] | None]:
    query = request.query_params
    wanted = wb.chosen_indicators(indicator, query.get("source"))
    where = wb.chosen_places(place)
    source = wanted[0].source
    years = wb.chosen_years(query.get("date"), wb.SOURCES[source][2])
    recent = None
    for name, only_filled in (("mrv", False), ("mrnev", True)):
        if name in query:
            recent = (_positive(query[name]), only_filled)
    rows = wb.observations(wanted, where, years, vintage, recent)
    updated = (wb.UPDATED_PREVIOUS if vintage == "previous" else wb.UPDATED)[source]
    head, page = _page(request, rows, {"sourceid": source, "lastupdated": updated}, text_count=len(wanted) > 1)
    return head, page and [wb.observation_entry(observation) for observation in page]


def _indicator(code: str) -> dict[str, Any]:
    found = {name.upper(): entry for name, entry in wb.catalogue().items()}.get(code.upper())
    if found is None:
        raise wb.invalid()
    return wb.indicator_entry(found)


def _source(number: str, tail: list[str], vintage: str) -> list[Any]:
    if number not in wb.SOURCES or tail not in ([], ["indicator"], ["indicators"]):
        raise LookupError(number)
    if not tail:
        return [wb.source_entry(number, vintage)]
    return [wb.indicator_entry(entry) for entry in wb.catalogue().values() if entry.source == number]


def _rows(parts: list[str], vintage: str) -> list[Any]:
    match parts:
        case ["country"]:
            return [wb.country_entry(place) for place in sorted(wb.places(), key=lambda p: p.name)]
        case ["country", codes]:
            return [wb.country_entry(place) for place in wb.chosen_places(codes)]
        case ["indicator"]:
            return [wb.indicator_entry(entry) for entry in wb.catalogue().values()]
        case ["indicator", code]:
            return [_indicator(code)]
        case ["sources"]:
            return [wb.source_entry(number, vintage) for number in wb.SOURCES]
        case ["sources", number, *tail]:
            return _source(number, tail, vintage)
        case ["topic"]:
            return [{"id": "1", "value": "Agriculture & Rural Development  ", "sourceNote": wb.LABEL}]
        case ["incomelevel"]:
            return [{"id": a.iso3, "iso2code": a.iso2, "value": a.name} for a in wb.aggregates()[-4:]]
    raise LookupError("/".join(parts))


def _listing(request: Request, parts: list[str], vintage: str) -> tuple[dict[str, Any], list[Any] | None]:
    return _page(request, _rows(parts, vintage), {}, text_count=True)


def answer(request: Request, vintage: str) -> Response:
    parts = [part for part in request.path_params["rest"].split("/") if part]
    if parts and len(parts[0]) == 2 and parts[0].isalpha():
        parts = parts[1:]  # a language prefix
    if len(str(request.url)) > wb.MAX_URL or any(len(part) > wb.MAX_SEGMENT for part in parts):
        return bad_request_page()
    parts = [_SINGULAR.get(part, part) if n % 2 == 0 else part for n, part in enumerate(parts)]
    json_wanted = request.query_params.get("format", "xml").lower() == "json"
    try:
        if len(parts) == 4 and (parts[0], parts[2]) == ("country", "indicator"):
            head, rows = _data(request, parts[1], parts[3], vintage)
        else:
            head, rows = _listing(request, parts, vintage)
    except wb.Refused as refused:
        if json_wanted:
            return _json([{"message": [refused.message]}])
        return Response(wb.error_xml(refused.message), media_type="text/xml")
    except LookupError:
        return Response("Resource not found", 404, media_type="text/plain")
    if json_wanted:
        return _json([head, rows])
    return Response(wb.as_xml(head, rows), media_type="text/xml")


def _json(content: Any) -> Response:
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(body, media_type="application/json;charset=utf-8")
