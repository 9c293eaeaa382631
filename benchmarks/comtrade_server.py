"""A UN Comtrade with one year of made-up mirror reports, for the benchmark of a whole year.

Reports lie ready in files, one per reporter, so that answering costs little beside what is measured.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from agrocluster.model.loader import catalog
from agrocluster.sources.comtrade_areas import areas
from benchmarks import synthetic

CAP = 100_000
YEAR = "2022"
REPORTERS = 40
KEY = "benchmark"


def reports(folder: Path, rows: int) -> dict[int, list[bytes]]:
    """Records of ``REPORTERS`` countries about the four, ``rows`` in all; made once per folder."""
    focus = areas().focus_codes
    codes = [c.comtrade_code for c in catalog().countries.values() if c.comtrade_code and c.comtrade_code not in focus]
    each = rows // REPORTERS
    found = {}
    for code in sorted(codes)[:REPORTERS]:
        path = folder / f"comtrade_mirror_{code}_{each}.jsonl"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            temporary = path.with_suffix(".part")
            temporary.write_bytes(b"\n".join(synthetic.comtrade_records(code, each, "(398, 417, 762, 860)")))
            temporary.replace(path)
        found[code] = path.read_bytes().split(b"\n")
    return found


def handler(held: dict[int, list[bytes]]) -> type[BaseHTTPRequestHandler]:
    """The endpoints that a fetch asks."""

    def data(query: dict[str, str]) -> bytes:
        wanted = [int(code) for code in query["reporterCode"].split(",")]
        every = (record for code in wanted for record in held.get(code, ()))
        found = list(islice(every, min(CAP, int(query["maxRecords"]))))
        return b'{"elapsedTime":"1","count":%d,"data":[%s],"error":""}' % (len(found), b",".join(found))

    def available() -> bytes:
        facts: dict[str, Any] = {"period": YEAR, "classificationCode": "H6", "datasetChecksum": 1}
        facts["lastReleased"] = "2026-03-01T00:00:00"
        rows = [{"reporterCode": code, "totalRecords": 30 * len(found), **facts} for code, found in held.items()]
        return json.dumps({"count": len(rows), "data": rows, "error": ""}).encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if "getDA" in parts.path:
                body = available()
            elif "/reference/" in parts.path:
                body = json.dumps({"results": [{"id": int(code), "text": "area"} for code in areas().codes]}).encode()
            else:
                body = data(dict(parse_qsl(parts.query)))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Silence."""

    return Handler


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(reports(Path(sys.argv[1]), int(sys.argv[2]))))
    print(server.server_address[1], flush=True)
    server.serve_forever()
