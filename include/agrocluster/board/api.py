"""Releases for programs: list, latest, manifest, download. Reads only, and hands out only what lies in releases.

Marts that their publishers restrict are given, too: whoever may see the board belongs to the house that fetched the
data, and reading is not handing on. Every file says licence and class in its headers; ``agrocluster export`` makes the
copy that may leave the house.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse

from agrocluster.board.files import Held, held, listed
from agrocluster.board.names import FileName, Name
from agrocluster.board.render import HEADERS
from agrocluster.errors import NotHeld
from agrocluster.release import history, reading

router = APIRouter(prefix="/api")
KEPT = {**HEADERS, "Cache-Control": "private, no-cache"}
"""Callers may keep an answer, but must ask whether it still holds (``If-None-Match``)."""
MANIFEST = "manifest.json"


@router.get("/releases")
def api_releases() -> JSONResponse:
    """All releases, newest first, each with the addresses of its manifest and files relative to this one."""
    found = [{**entry, "links": _links(entry["release"])} for entry in history.releases()]
    return JSONResponse({"releases": found}, headers=HEADERS)


@router.get("/latest")
def api_latest(request: Request) -> Response:
    """The current release with its marts; the ETag is its id, so waiting for a new one costs next to nothing."""
    pointer = reading.latest()
    if pointer is None:
        raise NotHeld("No release has been published yet.", remedy="Ask again when the release Dag has succeeded.")
    tag = {"ETag": f'"{pointer["release"]}"', **KEPT}
    if _known(request, tag["ETag"]):
        return Response(status_code=304, headers=tag)
    manifest = reading.manifest(str(pointer["release"]))
    kept = ("name", "path", "rows", "bytes", "sha256", "contract_version", "licence", "redistribution")
    marts = [{key: mart.get(key) for key in kept} for mart in manifest["marts"]]
    about = {key: manifest[key] for key in ("release", "data_mode", "label")}
    return JSONResponse({**about, "links": _links(manifest["release"]), "marts": marts}, headers=tag)


@router.get("/releases/{release}/manifest")
def api_manifest(request: Request, release: Name) -> Response:
    """The manifest as it was published."""
    return _file(request, release, MANIFEST)


@router.get("/releases/{release}/files")
def api_files(release: Name) -> JSONResponse:
    """Names and bytes of all files of a release: marts and the documents beside them."""
    _, place = reading.locate(release)
    files = [{"name": name, "bytes": size, "href": f"files/{quote(name)}"} for name, size in listed(place).items()]
    return JSONResponse({"release": release, "files": files}, headers=HEADERS)


@router.get("/releases/{release}/files/{name:path}")
def api_file(request: Request, release: Name, name: FileName) -> Response:
    """One file, whole or the range asked for; 304 where the caller holds it already."""
    return _file(request, release, name)


def _file(request: Request, release: str, name: str) -> Response:
    file = held(release, name)
    headers = {**KEPT, **_about(file, reading.manifest(release))}
    if _known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    base = file.name.rpartition("/")[2]
    if file.place.store is None:
        return FileResponse(file.place.path, headers=headers, media_type=file.type, filename=base)
    headers |= {"Content-Disposition": f"attachment; filename*=utf-8''{quote(base)}", "Content-Length": str(file.size)}
    return StreamingResponse(file.pieces(), headers=headers, media_type=file.type)


def _about(file: Held, manifest: Mapping[str, Any]) -> dict[str, str]:
    digest = file.sha256
    mart = file.mart or {}
    return {
        "ETag": f'"{digest}"',
        "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(digest)).decode()}:",
        "X-Agrocluster-Release": str(manifest["release"]),
        "X-Agrocluster-Data-Mode": str(manifest["data_mode"]),
        "X-Agrocluster-Licence": str(mart.get("licence", "see datapackage.json")),
        "X-Agrocluster-Redistribution": str(mart.get("redistribution", "see datapackage.json")),
    }


def _known(request: Request, tag: str) -> bool:
    named = [part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")]
    return tag in named or "*" in named


def _links(release: str) -> dict[str, str]:
    return {"manifest": f"releases/{quote(release)}/manifest", "files": f"releases/{quote(release)}/files"}
