"""A small UN Comtrade that a test fills with made-up records: caps, availability, lists, quota, messages.

In memory for the planner, over HTTP on loopback for everything that concerns statuses and headers.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from agrocluster.sources.comtrade_areas import areas
from agrocluster.sources.comtrade_json import UNREAD

KEY = "a-key-of-tests"
KEY_HEADER = "Ocp-Apim-Subscription-Key"


def record(
    reporter: int = 398,
    period: str = "2020",
    code: str = "100199",
    partner: int = 156,
    flow: str = "X",
    value: float = 1000.0,
    **changes: Any,
) -> dict[str, Any]:
    """A record with all 47 fields, total over everything, filed in H5."""
    found: dict[str, Any] = dict.fromkeys(UNREAD)
    return {
        **found,
        "typeCode": "C",
        "freqCode": "A" if len(period) == 4 else "M",
        "period": period,
        "reporterCode": reporter,
        "flowCode": flow,
        "partnerCode": partner,
        "partner2Code": 0,
        "classificationCode": "H5",
        "classificationSearchCode": "HS",
        "isOriginalClassification": True,
        "cmdCode": code,
        "customsCode": "C00",
        "mosCode": "0",
        "motCode": 0,
        "qtyUnitCode": 8,
        "qty": 20.0,
        "isQtyEstimated": False,
        "netWgt": 20.0,
        "isNetWgtEstimated": False,
        "cifvalue": value if flow == "M" else None,
        "fobvalue": None if flow == "M" else value,
        "primaryValue": value,
        "legacyEstimationFlag": 0,
        "isReported": True,
        "isAggregate": False,
        **changes,
    }


def envelope(records: list[dict[str, Any]], count: int | None = None, error: str = "") -> bytes:
    body = {"elapsedTime": "0.1 secs", "count": len(records) if count is None else count}
    return json.dumps({**body, "data": records, "error": error}).encode()


@dataclass
class Service:
    """Answers for ``records``. ``script`` may replace an answer: it gets path and query, returns (status, body,
    headers) or None. ``releases`` changes when a report was released; ``calls`` are the questions for data."""

    records: list[dict[str, Any]] = field(default_factory=list)
    cap: int = 100_000
    preview_cap: int = 500
    quota: int | None = None
    releases: dict[tuple[int, str], str] = field(default_factory=dict)
    script: Callable[[str, dict[str, str]], tuple[int, bytes, dict[str, str]] | None] = lambda *_: None
    calls: list[dict[str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    longest: int = 0

    def answer(self, target: str, key: str | None) -> tuple[int, bytes, dict[str, str]]:
        parts = urlsplit(target)
        path, query = parts.path.strip("/"), dict(parse_qsl(parts.query))
        self.asked.append(target)
        if scripted := self.script(path, query):
            return scripted
        if "/reference/" in path:
            return 200, b"\xef\xbb\xbf" + json.dumps(self._list(path.rsplit("/", 1)[1])).encode(), {}
        _, _, operation, _, freq, _ = path.split("/")
        if operation == "getDA":
            return 200, envelope(self._available(freq, query)), {}
        self.calls.append(query)
        self.longest = max(self.longest, len(target))
        if operation == "get" and key != KEY:
            return 401, b'{ "statusCode": 401, "message": "Access denied due to invalid subscription key." }', {}
        if operation == "get" and self.quota is not None and len(self.calls) > self.quota:
            text = "Out of call volume quota. Quota will be replenished in 05:30:00."
            return 403, json.dumps({"statusCode": 403, "message": text}).encode(), {"Retry-After": "19800"}
        limit = min(self.cap if operation == "get" else self.preview_cap, int(query["maxRecords"]))
        return 200, envelope([r for r in self.records if _matches(r, freq, query)][:limit]), {}

    def _available(self, freq: str, query: dict[str, str]) -> list[dict[str, Any]]:
        counted: dict[tuple[int, str], int] = {}
        for r in self.records:
            if (
                r["freqCode"] == freq
                and _in(query, "reporterCode", r["reporterCode"])
                and _in(query, "period", r["period"])
            ):
                counted[r["reporterCode"], r["period"]] = counted.get((r["reporterCode"], r["period"]), 0) + 1
        return [
            {
                "reporterCode": reporter,
                "period": int(period),
                "classificationCode": "H5",
                "totalRecords": number,
                "datasetChecksum": 7,
                "lastReleased": self.releases.get((reporter, period), "2026-03-01T10:00:00"),
            }
            for (reporter, period), number in counted.items()
        ]

    def _list(self, name: str) -> dict[str, Any]:
        if name in ("Reporters.json", "partnerAreas.json"):
            return {"results": [{"id": int(code), "text": f"Area {code}"} for code in areas().codes]}
        codes = sorted({r["cmdCode"] for r in self.records})
        return {"results": [{"id": code, "text": code} for code in codes]}


def _in(query: dict[str, str], name: str, value: Any) -> bool:
    return name not in query or str(value) in query[name].split(",")


def _matches(r: dict[str, Any], freq: str, query: dict[str, str]) -> bool:
    level = "TOTAL" if r["cmdCode"] == "TOTAL" else f"AG{len(r['cmdCode'])}"
    named = ("reporterCode", "period", "partnerCode", "flowCode", "partner2Code", "customsCode", "motCode")
    products = query["cmdCode"].split(",")
    return (
        r["freqCode"] == freq
        and all(_in(query, name, r[name]) for name in named)
        and (level in products or r["cmdCode"] in products)
    )


@contextmanager
def serving(service: Service) -> Iterator[str]:
    """The service on loopback; yields its base address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body, headers = service.answer(self.path, self.headers.get(KEY_HEADER))
            self.send_response_only(status)
            kind = "text/html" if body.lstrip()[:1] == b"<" else "application/json; charset=utf-8"
            for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
