"""Reading bodies: limits on decoded bytes, total deadlines, truncation, and whether a body is what was asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Literal

import requests
import urllib3

from agrocluster.errors import SourceContractError
from agrocluster.http.retry import Transient

Expect = Literal["json", "json_or_xml", "zip", "text"]
"""Shape of a body: JSON; JSON or an XML document (errors of some services); a zip archive; text but no HTML page."""

CHUNK = 1 << 18
ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_BOM = b"\xef\xbb\xbf"
_PARSE_LIMIT = 1 << 20


class TooLarge(SourceContractError):
    """A body outgrew its limit."""


def stream(
    response: requests.Response, *, decode: bool, limit: int, late: Callable[[], bool] = lambda: False
) -> Iterator[bytes]:
    """Pieces of the body as they arrive.

    Args:
        decode: undo Content-Encoding; ``limit`` then counts decoded bytes (a small gzip body may unpack to terabytes).
        limit: most bytes to accept.
        late: tells whether the total deadline has passed; asked between pieces, so a dripping server cannot hold us.

    Raises:
        Transient: connection broken, body shorter than announced, time-out or deadline.
        TooLarge: more than ``limit`` bytes.
    """
    announced = response.headers.get("Content-Length", "")
    if not response.headers.get("Content-Encoding") and announced.isdigit() and int(announced) > limit:
        raise TooLarge(f"The answer announces {int(announced):,} bytes, more than the limit of {limit:,}.")
    seen = 0
    while True:
        try:
            piece = response.raw.read1(CHUNK, decode_content=decode)
        except urllib3.exceptions.ReadTimeoutError as error:
            raise Transient("the connection went silent in the middle of the answer (time-out)") from error
        except urllib3.exceptions.DecodeError as error:
            raise Transient("the compressed answer is damaged or cut off") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Transient(f"the answer broke off after {seen:,} bytes (truncated body)") from error
        if not piece:
            return
        seen += len(piece)
        if seen > limit:
            raise TooLarge(f"The answer is larger than the limit of {limit:,} bytes.")
        yield piece
        if late():
            raise Transient(f"the answer did not arrive within the total time limit ({seen:,} bytes came)")


def check_shape(head: bytes, expect: Expect | None, content_type: str) -> str | None:
    """What is wrong with a body that begins with ``head``, or None if it may be what was asked for."""
    start = head.removeprefix(_BOM).lstrip()
    html = is_html(start, content_type)
    if expect == "zip" and not head.startswith(ZIP_MAGIC):
        return f"asked for a zip archive and got {_kind(html, content_type)} that begins: {first_words(head)!r}"
    xml = expect == "json_or_xml" and start.startswith(b"<") and not html
    if expect in {"json", "json_or_xml"} and not xml and not start.startswith((b"{", b"[")):
        return f"asked for JSON and got {_kind(html, content_type)} that begins: {first_words(head)!r}"
    if expect == "text" and html:
        return f"asked for a data file and got an HTML page that begins: {first_words(head)!r}"
    return None


def is_cut_off(content: bytes) -> bool:
    """Whether a JSON document is incomplete; large ones are judged by their last bracket, to save parsing twice."""
    body = content.removeprefix(_BOM).strip()
    if body.startswith(b"<"):
        return False
    if len(body) > _PARSE_LIMIT:
        return body[-1:] != {b"[": b"]", b"{": b"}"}[body[:1]]
    try:
        json.loads(body.decode("utf-8", errors="replace"))
    except ValueError:
        return True
    return False


def is_html(head: bytes, content_type: str) -> bool:
    """Whether a body is an HTML page, judged by its first bytes and only then by its declared type."""
    start = head.removeprefix(_BOM).lstrip()[:200].lower()
    return start.startswith((b"<!doctype html", b"<html")) or (
        "html" in content_type.lower() and start.startswith(b"<")
    )


def first_words(head: bytes, limit: int = 120) -> str:
    """The readable beginning of a body: tags dropped, white space folded."""
    text = head[:4000].decode("utf-8-sig", errors="replace")
    text = re.sub(r"(?is)<(script|style).*?</\1>|<!--.*?-->|<[^>]*>", " ", text)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= limit else text[:limit].rsplit(" ", 1)[0] + " ..."


def _kind(html: bool, content_type: str) -> str:
    return "an HTML page" if html else f"something else ({content_type or 'no content type'})"
