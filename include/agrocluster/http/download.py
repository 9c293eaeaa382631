"""Large files to disk: streamed, hashed on the way, resumed, renamed into place when complete.

Beside ``<name>`` lie, while it is incomplete, ``<name>.part`` with the bytes so far and ``<name>.part.json`` with
the validator (ETag or Last-Modified) that must still hold for them to be of use.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import requests

from agrocluster.errors import SourceContractError
from agrocluster.http.answer import Download, kept_headers
from agrocluster.http.body import CHUNK, Expect, TooLarge, check_shape, stream
from agrocluster.http.retry import Transient
from agrocluster.http.transport import Transport
from agrocluster.storage.atomic import sync, writing


def fetch_file(
    transport: Transport, url: str, into: Path, limit: int, expect: Expect | None, deadline: float
) -> Download:
    """One attempt to bring ``url`` completely to ``into``. Raises Transient where another attempt may help."""
    part = into.with_name(into.name + ".part")
    note = into.with_name(into.name + ".part.json")
    with writing(into):
        into.parent.mkdir(parents=True, exist_ok=True)
        have, validator = _resumable(part, note, url)
    # Encodings would make ranges and lengths speak of other bytes than those kept.
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": validator}
    with transport.open("GET", url, headers, accept=(416,)) as response:
        if response.status_code == 416:
            _forget(part, note)
            raise Transient("the publisher's file is shorter than what was fetched before; starting afresh")
        resumed = response.status_code == 206 and _continues(response, have)
        if response.status_code == 206 and not resumed:
            _forget(part, note)
            raise Transient("the publisher answered with another piece of the file than asked for")
        digest = _rehash(part) if resumed else hashlib.sha256()
        total = _total(response, have if resumed else 0)
        if total is not None and total > limit:
            raise TooLarge(f"The file announces {total:,} bytes, more than the limit of {limit:,}.")
        with writing(into):
            if not resumed:
                have = 0
                part.write_bytes(b"")  # before the new validator stands: it must never vouch for old bytes
                note.write_text(json.dumps({"url": transport.clean(url), "validator": _validator(response)}))
            size = _append(transport, response, part, have, digest, limit, expect, deadline)
        if total is not None and size != total:
            raise Transient(f"{size:,} of {total:,} bytes arrived (truncated body)")
        with writing(into):
            sync(part)
            part.replace(into)
            note.unlink(missing_ok=True)
            sync(into.parent)
        return Download(
            path=into,
            url=transport.recorded(str(response.url)),
            sha256=digest.hexdigest(),
            size=size,
            retrieved_at=transport.retrieved_at(response),
            headers=kept_headers(response),
        )


def _append(
    transport: Transport,
    response: requests.Response,
    part: Path,
    have: int,
    digest: Any,
    limit: int,
    expect: Expect | None,
    deadline: float,
) -> int:
    size = have
    pieces = stream(response, decode=False, limit=limit - have, late=lambda: transport.clock() > deadline)
    with part.open("ab" if have else "wb") as handle:
        for piece in pieces:
            if size == 0:
                _refuse_wrong_shape(piece, expect, response)
            handle.write(piece)
            digest.update(piece)
            size += len(piece)
    if size == 0:
        raise Transient("the file arrived empty")
    return size


def _refuse_wrong_shape(head: bytes, expect: Expect | None, response: requests.Response) -> None:
    if problem := check_shape(head[:4096], expect, response.headers.get("Content-Type", "")):
        raise SourceContractError(f"The service misbehaves: {problem}.")


def _resumable(part: Path, note: Path, url: str) -> tuple[int, str]:
    if not part.exists() or not note.exists():
        return 0, ""
    try:
        known = json.loads(note.read_text())
        validator = str(known["validator"] or "") if known["url"] == url else ""
    except (ValueError, KeyError, TypeError):
        validator = ""
    return (part.stat().st_size, validator) if validator else (0, "")


def _validator(response: requests.Response) -> str | None:
    """A value fit for If-Range: a strong ETag, else Last-Modified; None if the server cannot continue anyway."""
    if response.headers.get("Accept-Ranges", "bytes").lower() == "none":
        return None
    etag = response.headers.get("ETag", "")
    return etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified")


def _continues(response: requests.Response, have: int) -> bool:
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return match is not None and int(match.group(1)) == have and have > 0


def _total(response: requests.Response, have: int) -> int | None:
    length = response.headers.get("Content-Length", "")
    return have + int(length) if length.isdigit() and not response.headers.get("Content-Encoding") else None


def _rehash(part: Path) -> Any:
    digest = hashlib.sha256()
    with part.open("rb") as handle:
        while piece := handle.read(CHUNK):
            digest.update(piece)
    return digest


def _forget(part: Path, note: Path) -> None:
    part.unlink(missing_ok=True)
    note.unlink(missing_ok=True)
