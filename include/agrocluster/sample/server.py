"""The sample source server: World Bank, FAOSTAT and CEPII on one loopback port, with sample data.

For fresh machines, demonstrations and tests. It answers what the services answer, errors included, and marks
every answer ``X-Sample-Data: true``. It never calls out, it binds to loopback only, and it is no mock of our own
client: it shares no code with the pipeline that reads it.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.csv as arrow_csv
import pyarrow.parquet as parquet
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from agrocluster.sample import cepii_page, wire_baci, wire_faostat, worldbank_routes
from agrocluster.sample.altered import alter
from agrocluster.sample.answers import NOW, file_response, http_date, text_response
from agrocluster.sample.faults import Fault, Faults, HangUp, apply
from agrocluster.sample.planted import VINTAGES
from agrocluster.sample.store import Store, Stored, fingerprint
from agrocluster.sample.tables import LABEL

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ACCESS_DENIED = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'
)


class State:
    """What the server holds while it runs."""

    def __init__(self, cache: Path, vintage: str, faults: list[dict[str, Any]] | None, now: str) -> None:
        self.store = Store(cache)
        self.vintage = vintage
        self.faults = Faults(faults)
        self.now = now
        self.log: list[dict[str, Any]] = []
        self.transports: dict[tuple[str, int], Any] = {}
        self.lock = threading.Lock()

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


def _base(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers.get('host', request.url.netloc)}"


class Routes:
    def __init__(self, state: State) -> None:
        self.state = state

    def _file(self, request: Request, name: str, stored: Stored, modified: str) -> Response:
        fault: Fault | None = request.scope.get("sample.fault")
        if fault:
            key = hashlib.sha256(
                f"{name} {fault.fault} {json.dumps(fault.params, sort_keys=True)}".encode()
            ).hexdigest()
            original = stored.path
            stored = self.state.store.get(
                f"altered/{key[:16]}.zip", lambda: alter(original.read_bytes(), fault.fault, fault.params)
            )
        return file_response(request, stored, modified)

    def worldbank(self, request: Request) -> Response:
        return worldbank_routes.answer(request, self.state.vintage)

    def faostat_catalogue(self, request: Request) -> Response:
        vintage = self.state.vintage
        store, base = self.state.store, f"{_base(request)}/faostat/production"
        counts = {code: store.faostat_rows(code, vintage) for code in wire_faostat.served()}
        body = wire_faostat.catalogue(base, vintage, store.sizes(vintage), counts)
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        return text_response(
            request, body, http_date(wire_faostat.CATALOGUE_UPDATED[vintage]), etag, "application/json"
        )

    def faostat_file(self, request: Request) -> Response:
        wanted = request.path_params["name"]
        for code in wire_faostat.served():
            if wire_faostat.file_name(code) == wanted:
                vintage = self.state.vintage
                stored = self.state.store.faostat(code, vintage)
                return self._file(request, f"{code} {vintage}", stored, http_date(wire_faostat.updated(code, vintage)))
        return Response(_ACCESS_DENIED, 403, media_type="application/xml")

    def faostat_api(self, request: Request) -> Response:
        if "authorization" not in request.headers:
            return Response("Missing Authorization Header", 401, media_type="text/plain")
        return Response("Forbidden", 403, media_type="text/plain")

    def baci_page(self, request: Request) -> Response:
        if request.query_params.get("id") != "37":
            return Response("Not Found", 404, media_type="text/html")
        return Response(cepii_page.page(self.state.vintage), media_type="text/html; charset=iso-8859-1")

    def baci_file(self, request: Request) -> Response:
        version = request.path_params["version"]
        vintage = wire_baci.VERSIONS.get(version)
        if vintage is None or (vintage == "current" and self.state.vintage == "previous"):
            return Response("<html><body><h1>Not Found</h1></body></html>", 404, media_type="text/html")
        stored = self.state.store.baci(version)
        return self._file(request, version, stored, cepii_page.MODIFIED[version])

    def truth(self, request: Request) -> Response:
        from agrocluster.sample.truth import truth

        def build() -> bytes:
            buffer = io.BytesIO()
            parquet.write_table(truth(self.state.vintage), buffer, compression="zstd")
            return buffer.getvalue()

        stored = self.state.store.get(f"truth/{self.state.vintage}.parquet", build)
        if request.path_params["form"] == "parquet":
            return Response(stored.path.read_bytes(), media_type="application/vnd.apache.parquet")
        buffer = io.BytesIO()
        arrow_csv.write_csv(parquet.read_table(stored.path), buffer)
        return Response(buffer.getvalue(), media_type="text/csv")

    def health(self, request: Request) -> Response:
        state = self.state
        body = {
            "status": "ok",
            "label": LABEL,
            "vintage": state.vintage,
            "fingerprint": fingerprint(),
            "now": state.now,
        }
        return JSONResponse(body | {"faults": [vars(fault) for fault in state.faults.active]})

    def log(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.state.log.clear()
        return JSONResponse(self.state.log)

    async def faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.state.faults.clear()
        elif request.method == "POST":
            try:
                self.state.faults.add(await request.json())
            except (TypeError, ValueError) as error:
                return JSONResponse({"error": str(error)}, 400)
        return JSONResponse([vars(fault) for fault in self.state.faults.active])

    async def vintage(self, request: Request) -> Response:
        wanted = (await request.json()).get("vintage")
        if wanted not in VINTAGES:
            return JSONResponse({"error": f"choose one of {', '.join(VINTAGES)}"}, 400)
        self.state.switch(wanted)
        return JSONResponse({"vintage": wanted})


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
            Route("/_sample/truth.{form}", at.truth),
            Route("/_sample/health", at.health),
            Route("/_sample/log", at.log, methods=["GET", "DELETE"]),
            Route("/_sample/faults", at.faults, methods=["GET", "POST", "DELETE"]),
            Route("/_sample/vintage", at.vintage, methods=["POST"]),
        ]
    )
    return Recorder(app, state)


def _protocol(state: State) -> type[H11Protocol]:
    """The HTTP protocol, keeping the connections so that a fault can cut one."""

    class Protocol(H11Protocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if self.client:
                state.transports[tuple(self.client)] = transport  # type: ignore[index]

        def connection_lost(self, exc: Exception | None) -> None:
            if self.client:
                state.transports.pop(tuple(self.client), None)  # type: ignore[call-overload]
            super().connection_lost(exc)

    return Protocol


def _listen(host: str, port: int) -> socket.socket:
    if host not in _LOOPBACK:
        raise ValueError(f"the sample source server listens on loopback only, not on {host!r}")
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
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
    announce: Callable[[str], None] = print,
) -> None:
    """Build what is missing, announce the address, and answer until stopped."""
    state = State(Path(cache), vintage, faults, now)
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
    ) -> None:
        self.state = State(Path(cache), vintage, faults, now)
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
