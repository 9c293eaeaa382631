"""The paths of the sample server and what stands behind them."""

from __future__ import annotations

import hashlib
import io
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

import pyarrow.csv as arrow_csv
import pyarrow.parquet as parquet
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from agrocluster.sample import cepii_page, wire_baci, wire_faostat, worldbank_routes
from agrocluster.sample.altered import alter
from agrocluster.sample.answers import file_response, http_date, text_response
from agrocluster.sample.comtrade_routes import Comtrade
from agrocluster.sample.faults import Fault
from agrocluster.sample.planted import VINTAGES
from agrocluster.sample.state import State
from agrocluster.sample.store import Stored, fingerprint
from agrocluster.sample.tables import LABEL

_ACCESS_DENIED = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'
)


def _base(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers.get('host', request.url.netloc)}"


class Routes:
    def __init__(self, state: State) -> None:
        self.state = state
        self.comtrade = Comtrade(state)

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

    def health(self, _: Request) -> Response:
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
        await run_in_threadpool(self.state.switch, wanted)
        return JSONResponse({"vintage": wanted})

    async def comtrade_limits(self, request: Request) -> Response:
        if request.method == "POST":
            try:
                self.state.account.change(await request.json())
            except (TypeError, ValueError) as error:
                return JSONResponse({"error": str(error)}, 400)
        return JSONResponse(self.state.account.show(self.state.now))

    async def clock(self, request: Request) -> Response:
        """Show or move the server's clock: ``{"now": ISO time}`` or ``{"advance_hours": hours}``."""
        if request.method == "POST":
            try:
                self.state.now = _moved(self.state.now, await request.json())
            except (TypeError, ValueError, AttributeError, KeyError) as error:
                return JSONResponse({"error": f"give now (ISO time) or advance_hours: {error}"}, 400)
        return JSONResponse({"now": self.state.now})


def _moved(now: str, wanted: dict[str, str | float]) -> str:
    if "now" in wanted:
        moment = datetime.fromisoformat(str(wanted["now"]))
        moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    else:
        moment = parsedate_to_datetime(now) + timedelta(hours=float(wanted["advance_hours"]))
    return format_datetime(moment, usegmt=True)
