"""A tiny web server whose every answer a test scripts, and a source to ask it as."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

from agrocluster.model.specs import SourceSpec

DATE = "Mon, 13 Jul 2026 08:15:00 GMT"
NOW = datetime(2026, 7, 13, 9, 0, tzinfo=UTC)


@dataclass
class Reply:
    """One scripted answer. ``announce`` overrides Content-Length and closes the connection afterwards."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    announce: int | None = None
    hang_up: bool = False
    wait: float = 0.0


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]


class Script:
    """Answers in order; the last one repeats. A callable gets the request and returns the reply."""

    def __init__(self) -> None:
        self.replies: list[Reply | Callable[[Request], Reply]] = []
        self.requests: list[Request] = []
        self.url = ""
        self._lock = threading.Lock()

    def says(self, *replies: Reply | Callable[[Request], Reply]) -> None:
        self.replies = list(replies)

    def take(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return reply(request) if callable(reply) else reply


def handler(script: Script, stop: threading.Event) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            reply = script.take(Request(self.command, self.path, dict(self.headers.items())))
            if reply.wait:
                stop.wait(reply.wait)
            if reply.hang_up:
                self.close_connection = True
                return
            self.send_response_only(reply.status)
            length = len(reply.body) if reply.announce is None else reply.announce
            for name, value in {"Date": DATE, "Content-Length": str(length), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body)
            self.close_connection = reply.announce is not None

        do_HEAD = do_GET

        def log_message(self, *_: Any) -> None:
            """Silence."""

    return Handler


def source(**changes: Any) -> SourceSpec:
    facts: dict[str, Any] = {
        "id": "testbank",
        "title": {"en": "Test bank", "ru": "Тестовый банк"},
        "base_url": "https://api.example.org/v2",
        "homepage": "https://example.org",
        "licence": "CC-BY-4.0",
        "licence_url": "https://example.org/licence",
        "attribution": "Source: test.",
        "max_connections": 4,
        "timeout_s": (2.0, 2.0),
    }
    return SourceSpec(**{**facts, **changes})


@dataclass
class Waiting:
    """Records the waits instead of waiting; time goes on by them."""

    waits: list[float] = field(default_factory=list)
    time: float = 1000.0

    def pause(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time += seconds

    def clock(self) -> float:
        return self.time
