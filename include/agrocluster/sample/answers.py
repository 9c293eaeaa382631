"""Small pieces every emulated service needs: dates, byte ranges, conditional requests.

The server's clock is part of the sample world. It stands still unless configured otherwise, so that two runs
against the same world give the same answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from agrocluster.sample.store import Stored

NOW = "Tue, 01 Sep 2026 06:00:00 GMT"
_CHUNK = 1 << 20


def http_date(iso: str) -> str:
    return format_datetime(datetime.fromisoformat(iso).replace(tzinfo=UTC), usegmt=True)


def not_modified(request: Request, etag: str, modified: str) -> bool:
    """RFC 9110: the entity tag decides when both conditions are given."""
    if tags := request.headers.get("if-none-match"):
        return tags.strip() == "*" or etag in [tag.strip().removeprefix("W/") for tag in tags.split(",")]
    if since := request.headers.get("if-modified-since"):
        try:
            return parsedate_to_datetime(modified) <= parsedate_to_datetime(since)
        except ValueError:
            return False
    return False


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte wanted; None when the header is no single byte range."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header.strip())
    if not match or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return max(size - int(last), 0), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1


def _read(stored: Stored, first: int, last: int) -> Iterator[bytes]:
    with stored.path.open("rb") as handle:
        handle.seek(first)
        left = last - first + 1
        while left > 0:
            chunk = handle.read(min(_CHUNK, left))
            left -= len(chunk)
            yield chunk


def file_response(request: Request, stored: Stored, modified: str, media: str = "application/zip") -> Response:
    headers = {"ETag": stored.etag, "Last-Modified": modified, "Accept-Ranges": "bytes"}
    if not_modified(request, stored.etag, modified):
        return Response(status_code=304, headers=headers)
    first, last, status = 0, stored.size - 1, 200
    wanted = request.headers.get("range")
    if wanted and request.headers.get("if-range", stored.etag) in (stored.etag, modified):
        span = byte_range(wanted, stored.size)
        if span and span[0] >= stored.size:
            return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{stored.size}"})
        if span:
            (first, last), status = span, 206
            headers["Content-Range"] = f"bytes {first}-{last}/{stored.size}"
    headers["Content-Length"] = str(last - first + 1)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media)
    return StreamingResponse(_read(stored, first, last), status, headers=headers, media_type=media)


def text_response(request: Request, body: bytes, modified: str, etag: str, media: str) -> Response:
    headers = {"ETag": etag, "Last-Modified": modified, "Accept-Ranges": "bytes"}
    if not_modified(request, etag, modified):
        return Response(status_code=304, headers=headers)
    wanted = byte_range(request.headers.get("range", ""), len(body))
    if wanted and wanted[0] < len(body):
        headers["Content-Range"] = f"bytes {wanted[0]}-{wanted[1]}/{len(body)}"
        return Response(body[wanted[0] : wanted[1] + 1], 206, headers, media)
    return Response(body, 200, headers, media)
