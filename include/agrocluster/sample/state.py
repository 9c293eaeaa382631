"""What the running server holds, and the layer through which every request passes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agrocluster.sample.comtrade_account import Account
from agrocluster.sample.comtrade_desk import Desk
from agrocluster.sample.faults import Faults, apply
from agrocluster.sample.store import Store
from agrocluster.sample.wire_faults import HangUp


class State:
    """What the server holds while it runs."""

    def __init__(
        self,
        cache: Path,
        vintage: str,
        faults: list[dict[str, Any]] | None,
        now: str,
        comtrade: dict[str, Any] | None = None,
    ) -> None:
        self.store = Store(cache)
        self.vintage = vintage
        self.faults = Faults(faults)
        self.now = now
        self.account = Account()
        self.account.change(comtrade or {})
        self._desks: dict[str, Desk] = {}
        self.log: list[dict[str, Any]] = []
        self.transports: dict[tuple[str, int], Any] = {}
        self.lock = threading.Lock()

    def desk(self, vintage: str) -> Desk:
        """The customs reports of one vintage, opened on first use."""
        with self.lock:
            if vintage not in self._desks:
                parts = self.store.comtrade(vintage)
                self._desks[vintage] = Desk(parts["reports"].path, parts["datasets"].path)
            return self._desks[vintage]

    def switch(self, vintage: str) -> None:
        self.store.prepare(vintage)
        self.vintage = vintage


class Recorder:
    """Outermost layer: the frozen clock, the sample mark, the request log, the faults."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self.app, self.state = app, state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        query = scope["query_string"].decode("latin-1")
        entry = {"method": scope["method"], "path": scope["path"], "query": query, "status": 0, "bytes": 0}
        control = scope["path"].startswith("/_sample/")

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry["status"] = message["status"]
                extra = [(b"date", self.state.now.encode()), (b"x-sample-data", b"true"), (b"server", b"sample")]
                message = {**message, "headers": [*message["headers"], *extra]}
            else:
                entry["bytes"] += len(message.get("body", b""))
            await send(message)

        fault = None if control else self.state.faults.strike(scope["path"] + ("?" + query if query else ""))
        if not control:
            self.state.log.append(entry)
        try:
            if fault:
                entry["fault"] = fault.fault
                await apply(fault, scope, receive, marked, self.app)
            else:
                await self.app(scope, receive, marked)
        except HangUp:
            if transport := self.state.transports.get(tuple(scope["client"])):
                transport.close() if entry["status"] else transport.abort()
