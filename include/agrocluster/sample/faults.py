"""Faults that can be switched on while the server runs: which request, what goes wrong, how often.

Wire faults replace or maim an answer here. Data faults are handed on to the route through the scope, because
only the route knows the file. Every fault is deterministic: it strikes the next ``times`` matching requests.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agrocluster.sample.altered import ARCHIVE_FAULTS
from agrocluster.sample.tables import LABEL
from agrocluster.sample.worldbank_routes import bad_request_page

_HTML = f"<!DOCTYPE html><html><head><title>Maintenance</title></head><body><h1>{LABEL}</h1><p>We will be back.</p></body></html>"


class HangUp(Exception):
    """Raised to make the HTTP server close the connection; not an error of ours."""


@dataclass
class Fault:
    match: str
    fault: str
    times: int | None = None
    params: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.fault not in NAMES:
            raise ValueError(f"unknown fault {self.fault!r}: choose one of {', '.join(sorted(NAMES))}")
        if not isinstance(self.params, dict) or not (self.times is None or self.times > 0):
            raise ValueError("params must be an object, times a positive number or null")
        re.compile(self.match)


class Faults:
    def __init__(self, initial: list[dict[str, Any]] | None = None) -> None:
        self._lock = threading.Lock()
        self.active = [Fault(**entry) for entry in initial or []]

    def add(self, entry: dict[str, Any]) -> None:
        fault = Fault(**entry)
        with self._lock:
            self.active.append(fault)

    def clear(self) -> None:
        with self._lock:
            self.active.clear()

    def strike(self, target: str) -> Fault | None:
        """The first fault whose pattern matches; one that has struck often enough is gone."""
        with self._lock:
            for fault in self.active:
                if re.search(fault.match, target):
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times == 0:
                            self.active.remove(fault)
                    return fault
        return None


async def _answer(send: Send, status: int, body: bytes, media: str, **headers: str) -> None:
    listed = {"content-type": media, "content-length": str(len(body)), **headers}
    pairs = [(name.encode(), value.encode()) for name, value in listed.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


async def _collect(app: ASGIApp, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
    start: Message = {}
    body = bytearray()

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            body.extend(message.get("body", b""))

    await app(scope, receive, keep)
    return start, bytes(body)


def _with_length(start: Message, length: int) -> Message:
    kept = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
    return {**start, "headers": [*kept, (b"content-length", str(length).encode())]}


async def _status(fault: Fault, scope: Scope, receive: Receive, send: Send, app: ASGIApp) -> None:
    code = int(fault.params.get("status", 503))
    await _answer(send, code, str(fault.params.get("body", f"{code} ({LABEL})")).encode(), "text/plain")


async def _rate_limit(fault: Fault, scope: Scope, receive: Receive, send: Send, app: ASGIApp) -> None:
    after = str(fault.params.get("retry_after", 1))
    await _answer(send, 429, b"Too Many Requests", "text/plain", **{"retry-after": after})


async def _timeout(fault: Fault, scope: Scope, receive: Receive, send: Send, app: ASGIApp) -> None:
    await asyncio.sleep(float(fault.params.get("seconds", 30)))
    raise HangUp


async def _slow(fault: Fault, scope: Scope, receive: Receive, send: Send, app: ASGIApp) -> None:
    start, body = await _collect(app, scope, receive)
    step, pause = int(fault.params.get("bytes", 1024)), float(fault.params.get("delay", 0.1))
    await send(_with_length(start, len(body)))
    for at in range(0, len(body), step):
        await asyncio.sleep(pause)
        await send({"type": "http.response.body", "body": body[at : at + step], "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _truncate(fault: Fault, scope: Scope, receive: Receive, send: Send, app: ASGIApp) -> None:
    start, body = await _collect(app, scope, receive)
    sent = body[: int(len(body) * float(fault.params.get("fraction", 0.5)))]
    await send(_with_length(start, len(body)))
    await send({"type": "http.response.body", "body": sent, "more_body": True})
    await asyncio.sleep(0.05)
    raise HangUp


async def _oversize(fault: Fault, scope: Scope, receive: Receive, send: Send, app: ASGIApp) -> None:
    start, body = await _collect(app, scope, receive)
    await send(_with_length(start, int(fault.params.get("bytes", 1 << 44))))
    await send({"type": "http.response.body", "body": body, "more_body": True})
    await asyncio.sleep(0.05)
    raise HangUp


async def _html(fault: Fault, scope: Scope, receive: Receive, send: Send, app: ASGIApp) -> None:
    await _answer(send, 200, _HTML.encode(), "text/html; charset=utf-8")


async def _wb_400_html(fault: Fault, scope: Scope, receive: Receive, send: Send, app: ASGIApp) -> None:
    await bad_request_page()(scope, receive, send)


async def _drop_connection(fault: Fault, scope: Scope, receive: Receive, send: Send, app: ASGIApp) -> None:
    raise HangUp


async def _bad_json(fault: Fault, scope: Scope, receive: Receive, send: Send, app: ASGIApp) -> None:
    start, body = await _collect(app, scope, receive)
    cut = body[: len(body) // 2]
    await send(_with_length(start, len(cut)))
    await send({"type": "http.response.body", "body": cut})


def _json_fault(change: Callable[[list[Any], dict[str, Any]], Any]) -> Any:
    async def run(fault: Fault, scope: Scope, receive: Receive, send: Send, app: ASGIApp) -> None:
        start, body = await _collect(app, scope, receive)
        document = json.loads(body.decode("utf-8-sig"))
        changed = json.dumps(change(document, fault.params), ensure_ascii=False).encode()
        await send(_with_length(start, len(changed)))
        await send({"type": "http.response.body", "body": changed})

    return run


def _wrong_pages(document: list[Any], params: dict[str, Any]) -> list[Any]:
    return [document[0] | {"pages": int(params.get("pages", document[0]["pages"] + 3))}, document[1]]


def _null(document: list[Any], params: dict[str, Any]) -> list[Any]:
    return [document[0], None]


Wire = Callable[[Fault, Scope, Receive, Send, ASGIApp], Awaitable[None]]
_WIRE: dict[str, Wire] = {
    "status": _status,
    "rate_limit": _rate_limit,
    "timeout": _timeout,
    "slow": _slow,
    "truncate": _truncate,
    "oversize": _oversize,
    "html": _html,
    "wb_400_html": _wb_400_html,
    "drop_connection": _drop_connection,
    "bad_json": _bad_json,
    "wb_wrong_pages": _json_fault(_wrong_pages),
    "wb_null": _json_fault(_null),
}


def _json_row_change(fault: Fault, document: list[Any]) -> list[Any]:
    """Data faults on World Bank pages: what can go wrong in a row rather than in a file."""
    head, rows = document
    extra = {
        "unknown_country": lambda row: row | {"country": {"id": "XZ", "value": "Atlantis"}, "countryiso3code": "XZZ"},
        "duplicate_keys": lambda row: dict(row),
        "negative_tonnage": lambda row: row | {"value": -1},
        "rename_column": lambda row: {("amount" if key == "value" else key): value for key, value in row.items()},
    }
    change = extra.get(fault.fault)
    if not rows or change is None:
        return document
    if fault.fault in ("negative_tonnage", "rename_column"):
        return [head, [change(row) for row in rows]]
    return [head | {"total": head["total"] + 1}, [*rows, change(rows[0])]]


NAMES = frozenset([*_WIRE, *ARCHIVE_FAULTS])


async def apply(fault: Fault, scope: Scope, receive: Receive, send: Send, app: ASGIApp) -> None:
    if fault.fault in _WIRE:
        await _WIRE[fault.fault](fault, scope, receive, send, app)
    elif scope["path"].startswith("/worldbank/"):
        await _json_fault(lambda document, _: _json_row_change(fault, document))(fault, scope, receive, send, app)
    else:
        await app({**scope, "sample.fault": fault}, receive, send)
