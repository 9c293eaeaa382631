"""Route the paths of UN Comtrade to the sample's answers, keyed and keyless.

Path pieces and parameter names are read without regard to case. There is no page and no sign of truncation: an
answer ends at the cap of whoever asks. Tariff lines, the trade matrix and the tools services are not part of the
sample; their paths answer as any unknown operation does.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from agrocluster.sample import comtrade_lists, comtrade_wire
from agrocluster.sample.answers import text_response
from agrocluster.sample.comtrade_account import NOT_FOUND, gateway
from agrocluster.sample.comtrade_desk import Desk
from agrocluster.sample.comtrade_notes import availability, bulk_entry, live_update, metadata
from agrocluster.sample.comtrade_query import Invalid, Question, lowered, parse, path_parts, wanted_datasets
from agrocluster.sample.state import State

MAX_URL = 4095
_TOO_LONG = (
    '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN"><HTML><HEAD><TITLE>Request URL Too Long</TITLE></HEAD>'
    "<BODY><h2>Request URL Too Long</h2><hr><p>HTTP Error 414. The request URL is too long.</p></BODY></HTML>"
)
_GZIP_FROM = 1024


class _Refused(Exception):
    """An answer that ends the request early."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


def invalid(member: str) -> Response:
    body = {"elapsedTime": "0 secs", "count": -1, "data": [], "error": "Invalid parameter value"}
    told = {"MemberNames": [member], "ErrorMessage": f"The field {member} is invalid"}
    text = json.dumps(body | {"errorObject": [told]}, separators=(",", ":"))
    return Response(text, 400, media_type="application/json; charset=utf-8")


def _body(request: Request, body: bytes, status: int = 200) -> Response:
    headers = {}
    if len(body) >= _GZIP_FROM and "gzip" in request.headers.get("accept-encoding", ""):
        body, headers = gzip.compress(body, 1, mtime=0), {"Content-Encoding": "gzip"}
    return Response(body, status, headers, "application/json; charset=utf-8")


class Comtrade:
    """The endpoints over one server's state."""

    def __init__(self, state: State) -> None:
        self.state = state

    def answer(self, request: Request) -> Response:
        if len(str(request.url)) > MAX_URL:
            return Response(_TOO_LONG, 414, media_type="text/html; charset=us-ascii")
        parts = [part for part in request.path_params["rest"].split("/") if part]
        lower = [part.lower() for part in parts]
        try:
            match lower:
                case ["files", "v1", "app", "reference", _]:
                    return self._reference(request, parts[-1])
                case ["public", "v1", operation, *tail]:
                    return self._open(request, operation, tail, None)
                case ["data", "v1", operation, *tail]:
                    return self._keyed(request, operation, tail)
                case ["bulk" | "async" as service, "v1", operation, *tail]:
                    return self._premium(request, service, operation, tail)
                case _:
                    return gateway(404, NOT_FOUND)
        except _Refused as refused:
            return refused.response
        except Invalid as wrong:
            return invalid(wrong.member)
        except LookupError:
            return gateway(404, NOT_FOUND)

    def _reference(self, request: Request, file: str) -> Response:
        body = comtrade_lists.reference(file)
        etag = f'"0x{hashlib.sha256(body).hexdigest()[:15].upper()}"'
        found = text_response(request, body, comtrade_lists.MODIFIED, etag, "application/json")
        found.headers["Cache-Control"] = "max-age=604800"
        return found

    def _key(self, request: Request) -> str | None:
        return request.headers.get("ocp-apim-subscription-key") or lowered(request.query_params).get("subscription-key")

    def _pass(self, request: Request, *, premium: bool = False) -> str:
        key = self._key(request)
        refusal = self.state.account.refuse(key, self.state.now, premium=premium)
        if refusal is not None:
            raise _Refused(refusal)
        return str(key)

    def _keyed(self, request: Request, operation: str, tail: list[str]) -> Response:
        if operation == "getliveupdate" and not tail:
            self._pass(request)
            rows = [live_update(row) for freq in ("A", "M") for row in self._desk().datasets(freq)]
            rows.sort(key=lambda row: str(row["startedAt"]), reverse=True)
            return _body(request, comtrade_wire.objects(rows[:500]))
        if operation not in ("get", "getda", "getdatariffline", "getmetadata"):
            raise LookupError(operation)
        self._path(tail)
        return self._open(request, operation, tail, self._pass(request))

    @staticmethod
    def _path(tail: list[str]) -> tuple[str, str, str]:
        if len(tail) != 3:
            raise LookupError("/".join(tail))
        return path_parts(*tail)

    def _open(self, request: Request, operation: str, tail: list[str], key: str | None) -> Response:
        path = self._path(tail)
        match operation:
            case "get" if key:
                return self._data(request, path, key)
            case "preview" if not key:
                return self._data(request, path, None)
            case "getda" | "getdatariffline":
                extra = {"lengthCmdCode": 10} if operation == "getdatariffline" else {}
                rows = [availability(row) | extra for row in self._datasets(request, path)]
                return _body(request, comtrade_wire.objects(rows))
            case "getmetadata":
                rows = [metadata(row) for row in self._datasets(request, path)]
                return _body(request, comtrade_wire.objects(rows))
        raise LookupError(operation)

    def _data(self, request: Request, path: tuple[str, str, str], key: str | None) -> Response:
        limits = self.state.account.limits
        most = limits.max_periods if key else limits.preview_periods
        question = parse(*path, request.query_params, most)
        return _body(request, self._desk().data(question, self.state.account.cap_of(key)))

    def _datasets(self, request: Request, path: tuple[str, str, str]) -> list[dict[str, Any]]:
        kind, freq, classification = path
        wanted = wanted_datasets(classification, request.query_params)
        return [row for row in self._desk().datasets(freq) if kind == "C" and wanted(row)]

    def _premium(self, request: Request, service: str, operation: str, tail: list[str]) -> Response:
        match (service, operation):
            case ("bulk", "get"):
                path = self._path(tail)
                self._pass(request, premium=True)
                rows = [bulk_entry(row, self.state.vintage) for row in self._datasets(request, path)]
                return _body(request, comtrade_wire.objects(rows))
            case ("bulk", "file") if len(tail) == 2:
                self._pass(request, premium=True)
                return self._bulk_file(*tail)
            case ("async", "get"):
                question = parse(*self._path(tail), request.query_params, self.state.account.limits.max_periods)
                self._pass(request, premium=True)
                return self._submitted(request, question)
            case ("async", "getda") if not tail:
                self._pass(request, premium=True)
                jobs: list[dict[str, object]] = [
                    {"requestId": job, "status": "Submitted", "uri": None} for job in self.state.account.jobs
                ]
                return _body(request, comtrade_wire.objects(jobs))
        raise LookupError(operation)

    def _submitted(self, request: Request, question: Question) -> Response:
        job = hashlib.sha256(repr(question).encode()).hexdigest()[:32]
        self.state.account.jobs.append(job)
        body = {"requestId": job, "message": "Request is accepted, its result will be a file."}
        return _body(request, json.dumps(body).encode(), 202)

    def _bulk_file(self, reporter: str, row_key: str) -> Response:
        for freq in ("A", "M"):
            for row in self._desk().datasets(freq):
                entry = bulk_entry(row, self.state.vintage)
                if (str(entry["reporterCode"]), entry["rowKey"]) == (reporter, row_key):
                    period, edition = row["period"], row["edition"]
                    chosen = {"period": str(period), "reporterCode": reporter}
                    body = self._desk().bulk(parse("C", freq, "HS", chosen), availability(row)["datasetCode"])
                    name = f"C/{freq}/{reporter}/C_{freq}_{reporter}_{period}_H{edition}_O.txt.gz"
                    headers = {"Content-Disposition": f"attachment; filename={name}"}
                    return Response(body, 200, headers, "application/TSV")
        raise LookupError(row_key)

    def _desk(self) -> Desk:
        return self.state.desk(self.state.vintage)
