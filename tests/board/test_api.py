"""Releases for programs: what is listed can be had, whole or in part, and nobody fetches twice what did not change."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import board_root
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient
from fsspec.implementations.memory import MemoryFileSystem

from agrocluster.board.files import Held, listed
from agrocluster.storage.places import Place

pytestmark = pytest.mark.airflow
RELEASE = f"/api/releases/{board_root.SECOND}"
Client = Callable[..., TestClient]


def test_a_job_finds_the_latest_release_and_downloads_its_marts(full: Path, client: Client) -> None:
    job = client("VIEWER")
    latest = job.get("/api/latest").json()
    assert (latest["release"], latest["data_mode"]) == (board_root.SECOND, "sample")
    assert "SAMPLE" in latest["label"]
    listing = job.get(f"/api/{latest['links']['files']}").json()["files"]
    assert {mart["path"] for mart in latest["marts"]} < {file["name"] for file in listing}
    mart = next(m for m in latest["marts"] if m["name"] == "mart_cluster_baseline")
    answer = job.get(f"{RELEASE}/files/{mart['path']}")
    assert hashlib.sha256(answer.content).hexdigest() == mart["sha256"]
    assert pq.read_table(io.BytesIO(answer.content)).num_rows == mart["rows"]


def test_all_releases_are_listed_newest_first(full: Path, client: Client) -> None:
    found = client("VIEWER").get("/api/releases").json()["releases"]
    assert [entry["release"] for entry in found] == [board_root.SECOND, board_root.FIRST]
    assert [entry["current"] for entry in found] == [True, False]
    for entry in found:
        assert client("VIEWER").get(f"/api/{entry['links']['manifest']}").json()["release"] == entry["release"]


def test_every_file_of_a_release_can_be_had(full: Path, client: Client) -> None:
    folder = full / "marts" / "releases" / board_root.SECOND
    listing = client("VIEWER").get(f"{RELEASE}/files").json()["files"]
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {file["name"] for file in listing} == there
    of_each_kind = {(file["name"].count("/"), Path(file["name"]).suffix): file for file in listing}
    for file in of_each_kind.values():
        answer = client("VIEWER").get(f"/api/releases/{board_root.SECOND}/{file['href']}")
        assert answer.content == (folder / file["name"]).read_bytes()
        assert int(answer.headers["content-length"]) == file["bytes"]
        digest = hashlib.sha256(answer.content).digest()
        assert answer.headers["etag"] == f'"{digest.hex()}"'
        assert answer.headers["repr-digest"] == f"sha-256=:{base64.b64encode(digest).decode()}:"
        assert answer.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize("path", ["/api/latest", f"{RELEASE}/manifest", f"{RELEASE}/files/dim_country.parquet"])
def test_what_the_caller_holds_is_not_sent_again(full: Path, client: Client, path: str) -> None:
    tag = client("VIEWER").get(path).headers["etag"]
    for held in (tag, f'"other", W/{tag}', "*"):
        again = client("VIEWER").get(path, headers={"If-None-Match": held})
        assert (again.status_code, again.content) == (304, b"")
    assert client("VIEWER").get(path, headers={"If-None-Match": '"other"'}).status_code == 200
    assert client().get(path, headers={"If-None-Match": tag}).status_code == 401


def test_an_interrupted_download_goes_on(full: Path, client: Client) -> None:
    path = f"{RELEASE}/files/dim_country.parquet"
    whole = client("VIEWER").get(path)
    asked = {"Range": "bytes=100-", "If-Range": whole.headers["etag"]}
    rest = client("VIEWER").get(path, headers=asked)
    assert (rest.status_code, rest.content) == (206, whole.content[100:])
    changed = client("VIEWER").get(path, headers={**asked, "If-Range": '"other"'})
    assert (changed.status_code, changed.content) == (200, whole.content)


def test_restricted_marts_say_so(full: Path, client: Client) -> None:
    classes = {}
    marts = client("VIEWER").get("/api/latest").json()["marts"]
    for mart in [m for m in marts if m["name"] in {"mart_trade_cell", "dim_country"}]:
        headers = client("VIEWER").get(f"{RELEASE}/files/{mart['path']}").headers
        assert headers["x-agrocluster-licence"] == mart["licence"]
        assert headers["x-agrocluster-data-mode"] == "sample"
        classes[mart["name"]] = headers["x-agrocluster-redistribution"]
    assert classes == {"mart_trade_cell": "restricted", "dim_country": "open"}


def test_before_the_first_release_jobs_are_told_to_wait(data_root: Path, client: Client) -> None:
    answer = client("VIEWER").get("/api/latest")
    assert answer.status_code == 404
    assert "No release" in answer.json()["error"]
    assert "release Dag" in answer.json()["remedy"]
    assert client("VIEWER").get("/api/releases").json() == {"releases": []}


def test_errors_of_the_interface_are_json(full: Path, client: Client) -> None:
    for asking, path, status in (
        (client(), "/api/latest", 401),
        (client(None), "/api/latest", 403),
        (client("VIEWER"), f"{RELEASE}/files/dim_countri.parquet", 404),
        (client("VIEWER"), "/api/releases/../x", 404),
        (client("VIEWER"), "/api/releases/a b/manifest", 422),
    ):
        answer = asking.get(path)
        assert answer.status_code == status
        assert answer.json()["error"]
        assert answer.json()["remedy"]
    assert "dim_country.parquet" in client("VIEWER").get(f"{RELEASE}/files/dim_countri.parquet").json()["remedy"]


def test_files_in_an_object_store_are_listed_and_read_alike() -> None:
    store = MemoryFileSystem()
    store.pipe({"/bucket/r1/a.parquet": b"x" * 2_500_000, "/bucket/r1/docs/b.html": b"y", "/bucket/r1/.c": b"z"})
    place = Place.at("memory://bucket/r1")
    assert listed(place) == {"a.parquet": 2_500_000, "docs/b.html": 1}
    file = Held("a.parquet", 2_500_000, place / "a.parquet", None)
    assert b"".join(file.pieces()) == b"x" * 2_500_000
    assert file.sha256 == hashlib.sha256(b"x" * 2_500_000).hexdigest()
