"""What can go wrong between a server and its client, one function per fault."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agrocluster.sample.comtrade_account import RATE
from agrocluster.sample.tables import LABEL
from agrocluster.sample.worldbank_routes import bad_request_page

_HTML = (
    f"<!DOCTYPE html><html><head><title>Maintenance</title></head><body><h1>{LABEL}</h1>"
    "<p>We will be back.</p></body></html>"
)


class HangUp(Exception):
    """Raised to make the server close the connection; not an error of ours."""


@dataclass
class Call:
    params: dict[str, Any]
    scope: Scope
    receive: Receive
    send: Send
    app: ASGIApp

    async def answer(self, status: int, body: bytes, media: str, **headers: str) -> None:
        listed = {"content-type": media, "content-length": str(len(body)), **headers}
        pairs = [(name.encode(), value.encode()) for name, value in listed.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": pairs})
        await self.send({"type": "http.response.body", "body": body})

    async def collect(self) -> tuple[Message, bytes]:
        """What the application would have answered."""
        start: Message = {}
        body = bytearray()

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                body.extend(message.get("body", b""))

        await self.app(self.scope, self.receive, keep)
        return start, bytes(body)

    async def begin(self, start: Message, length: int) -> None:
        kept = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
        await self.send({**start, "headers": [*kept, (b"content-length", str(length).encode())]})

    async def body(self, part: bytes, *, more: bool = False) -> None:
        await self.send({"type": "http.response.body", "body": part, "more_body": more})

    async def rewrite_json(self, change: Callable[[Any, dict[str, Any]], Any]) -> None:
        start, body = await self.collect()
        document = json.loads(body.decode("utf-8-sig"))
        pages = isinstance(document, list) and len(document) == 2
        if pages or (isinstance(document, dict) and document.get("data")):
            body = json.dumps(change(document, self.params), ensure_ascii=False).encode()
        await self.begin(start, len(body))
        await self.body(body)


async def _status(call: Call) -> None:
    code = int(call.params.get("status", 503))
    await call.answer(code, str(call.params.get("body", f"{code} ({LABEL})")).encode(), "text/plain")


async def _rate_limit(call: Call) -> None:
    after = str(call.params.get("retry_after", 1))
    if call.scope["path"].startswith("/comtrade/"):
        await call.answer(429, RATE.format(after).encode(), "application/json", **{"retry-after": after})
    else:
        await call.answer(429, b"Too Many Requests", "text/plain", **{"retry-after": after})


async def _timeout(call: Call) -> None:
    await asyncio.sleep(float(call.params.get("seconds", 30)))
    raise HangUp


async def _slow(call: Call) -> None:
    start, body = await call.collect()
    step, pause = int(call.params.get("bytes", 1024)), float(call.params.get("delay", 0.1))
    await call.begin(start, len(body))
    for at in range(0, len(body), step):
        await asyncio.sleep(pause)
        await call.body(body[at : at + step], more=True)
    await call.body(b"")


async def _cut_short(call: Call, body: bytes, start: Message, claimed: int) -> None:
    await call.begin(start, claimed)
    await call.body(body, more=True)
    await asyncio.sleep(0.05)  # let the bytes leave before the connection goes
    raise HangUp


async def _truncate(call: Call) -> None:
    start, body = await call.collect()
    part = body[: int(len(body) * float(call.params.get("fraction", 0.5)))]
    await _cut_short(call, part, start, len(body))


async def _oversize(call: Call) -> None:
    start, body = await call.collect()
    await _cut_short(call, body, start, int(call.params.get("bytes", 1 << 44)))


async def _html(call: Call) -> None:
    await call.answer(200, _HTML.encode(), "text/html; charset=utf-8")


async def _wb_400_html(call: Call) -> None:
    await bad_request_page()(call.scope, call.receive, call.send)


async def _drop_connection(_: Call) -> None:
    raise HangUp


async def _bad_json(call: Call) -> None:
    start, body = await call.collect()
    await call.begin(start, len(body) // 2)
    await call.body(body[: len(body) // 2])


async def _wb_wrong_pages(call: Call) -> None:
    def change(document: list[Any], params: dict[str, Any]) -> list[Any]:
        return [document[0] | {"pages": int(params.get("pages", document[0]["pages"] + 3))}, document[1]]

    await call.rewrite_json(change)


async def _wb_null(call: Call) -> None:
    await call.rewrite_json(lambda document, _: [document[0], None])


WIRE_FAULTS: dict[str, Callable[[Call], Awaitable[None]]] = {
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
    "wb_wrong_pages": _wb_wrong_pages,
    "wb_null": _wb_null,
}


def _extra_row(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[list[Any], dict[str, Any]], list[Any]]:
    def run(document: list[Any], _: dict[str, Any]) -> list[Any]:
        head, rows = document
        return [head | {"total": head["total"] + 1}, [*rows, change(rows[0])]] if rows else document

    return run


def _each_row(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[list[Any], dict[str, Any]], list[Any]]:
    return lambda document, _: [document[0], [change(row) for row in document[1] or []]]


_ATLANTIS = {"country": {"id": "XZ", "value": "Atlantis"}, "countryiso3code": "XZZ"}

# The same names as the faults in archives, for the rows of a World Bank page.
JSON_ROW_FAULTS: dict[str, Callable[[list[Any], dict[str, Any]], list[Any]]] = {
    "unknown_country": _extra_row(lambda row: row | _ATLANTIS),
    "duplicate_keys": _extra_row(dict),
    "negative_tonnage": _each_row(lambda row: row | {"value": -1}),
    "rename_column": _each_row(
        lambda row: {("amount" if key == "value" else key): value for key, value in row.items()}
    ),
}
