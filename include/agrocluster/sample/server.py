"""The sample source server: World Bank, FAOSTAT, CEPII and UN Comtrade on one loopback port, with sample data.

For fresh machines, demonstrations and tests. It answers what the services answer, errors included, and marks
every answer ``X-Sample-Data: true``. It never calls out, it binds to loopback only, and it is no mock of our own
client: it shares no code with the pipeline that reads it.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from agrocluster.sample.answers import NOW
from agrocluster.sample.routes import Routes
from agrocluster.sample.state import Recorder, State

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def create_app(state: State) -> ASGIApp:
    at = Routes(state)
    page = "/bdd_modele/bdd_modele_item.asp"
    app = Starlette(
        routes=[
            Route("/worldbank/v2/{rest:path}", at.worldbank),
            Route("/faostat/production/datasets_E.json", at.faostat_catalogue),
            Route("/faostat/production/{name}", at.faostat_file),
            Route("/faostat/api/v1/{rest:path}", at.faostat_api, methods=["GET", "POST"]),
            Route(f"/cepii{page}", at.baci_page),
            Route(f"/cepii/CEPII/en{page}", at.baci_page),
            Route("/cepii/DATA_DOWNLOAD/baci/data/BACI_HS12_{version}.zip", at.baci_file),
            Route("/comtrade/{rest:path}", at.comtrade.answer),
            Route("/_sample/truth.{form}", at.truth),
            Route("/_sample/health", at.health),
            Route("/_sample/log", at.log, methods=["GET", "DELETE"]),
            Route("/_sample/faults", at.faults, methods=["GET", "POST", "DELETE"]),
            Route("/_sample/vintage", at.vintage, methods=["POST"]),
            Route("/_sample/comtrade", at.comtrade_limits, methods=["GET", "POST"]),
            Route("/_sample/clock", at.clock, methods=["GET", "POST"]),
        ]
    )
    return Recorder(app, state)


def _protocol(state: State) -> type[H11Protocol]:
    """The HTTP protocol, keeping the connections so that a fault can cut one."""

    class Protocol(H11Protocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if self.client:
                state.transports[self.client] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            if self.client:
                state.transports.pop(self.client, None)
            super().connection_lost(exc)

    return Protocol


def _listen(host: str, port: int) -> socket.socket:
    if host not in _LOOPBACK:
        raise ValueError(f"the sample source server listens on loopback only, not on {host!r}")
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(128)  # a client may connect as soon as the address is announced
    return listener


def _uvicorn(state: State) -> uvicorn.Server:
    # A cut connection makes uvicorn complain about an incomplete answer; that is what was asked for.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    config = uvicorn.Config(
        create_app(state),
        http=_protocol(state),
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    cache: Path,
    vintage: str = "current",
    faults: list[dict[str, Any]] | None = None,
    now: str = NOW,
    comtrade: dict[str, Any] | None = None,
    announce: Callable[[str], None] = print,
) -> None:
    """Build what is missing, announce the address, and answer until stopped."""
    state = State(Path(cache), vintage, faults, now, comtrade)
    state.store.prepare(vintage)
    listener = _listen(host, port)
    announce(f"sample source server listening on http://{host}:{listener.getsockname()[1]}")
    _uvicorn(state).run(sockets=[listener])


class SampleServer:
    """The server on a thread of its own, for tests: ``with SampleServer(cache) as server: server.url``."""

    def __init__(
        self,
        cache: Path,
        *,
        vintage: str = "current",
        faults: list[dict[str, Any]] | None = None,
        port: int = 0,
        now: str = NOW,
        comtrade: dict[str, Any] | None = None,
    ) -> None:
        self.state = State(Path(cache), vintage, faults, now, comtrade)
        self._port = port
        self.url = ""

    def __enter__(self) -> SampleServer:
        self.state.store.prepare(self.state.vintage)
        listener = _listen("127.0.0.1", self._port)
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._server = _uvicorn(self.state)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]}, daemon=True)
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the sample source server did not start")
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=5)
