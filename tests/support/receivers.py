"""Receivers on this machine: a web server and a mail server that keep what they were sent and answer as told."""

from __future__ import annotations

import email
import email.policy
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Posted:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class WebReceiver:
    """Keeps every POST. ``answers``: (status, headers) in order, the last one repeated."""

    url: str = ""
    posted: list[Posted] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=lambda: [(200, {})])


@contextmanager
def web_receiver() -> Iterator[WebReceiver]:
    """A web server on loopback for the block."""
    kept, lock = WebReceiver(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with lock:
                kept.posted.append(Posted(self.path, dict(self.headers.items()), body))
                status, headers = kept.answers.pop(0) if len(kept.answers) > 1 else kept.answers[0]
            self.send_response_only(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def do_GET(self) -> None:
            with lock:
                kept.posted.append(Posted(f"GET {self.path}", dict(self.headers.items()), b""))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept.url = f"http://127.0.0.1:{server.server_address[1]}"
    with _serving(server):
        yield kept


@dataclass
class MailReceiver:
    """Keeps every mail. ``greetings``: what the next connections are greeted with, then 220; ``refuse``: the answer to
    every recipient, if it is not to be taken."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    greetings: list[str] = field(default_factory=list)
    refuse: str = ""
    connections: int = 0


@contextmanager
def mail_receiver() -> Iterator[MailReceiver]:
    """A mail server on loopback for the block: as much of SMTP (RFC 5321) as a client needs to hand over a mail."""
    kept = MailReceiver()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            kept.connections += 1
            self.say(greeting := kept.greetings.pop(0) if kept.greetings else "220 here")
            while greeting.startswith("220") and (line := self.rfile.readline()):
                words = line.decode().strip()
                verb = words[:4].upper()
                if verb == "QUIT":
                    self.say("221 bye")
                    return
                if verb == "DATA":
                    self.data()
                elif verb == "RCPT" and kept.refuse:
                    self.say(kept.refuse)
                else:
                    if verb == "RCPT":
                        kept.recipients.append(words.partition(":")[2].split(">")[0].strip(" <"))
                    self.say("250 ok")

        def data(self) -> None:
            self.say("354 go on")
            lines: list[bytes] = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            mail = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
            assert isinstance(mail, EmailMessage)
            kept.mails.append(mail)
            self.say("250 taken")

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept.port = server.server_address[1]
    with _serving(server):
        yield kept


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
