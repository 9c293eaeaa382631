"""Who may see what, and what nobody can do: every route is asked, also one that is added tomorrow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import board_root
import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from agrocluster.board.app import app
from agrocluster.board.files import held
from agrocluster.errors import NotHeld, StorageError
from agrocluster.release import reading

pytestmark = pytest.mark.airflow
ROUTES = [getattr(route, "path", repr(route)) for route in app.routes]
LONG = "a" * 5000
Client = Callable[..., TestClient]


def test_every_route_is_known_here_and_reads_only() -> None:
    assert sorted(ROUTES) == sorted(board_root.addresses()), "add the new route to board_root.addresses"
    for route in app.routes:
        assert isinstance(route, APIRoute), f"{route} is not behind the board's own permission"
        assert route.methods == {"GET"}


@pytest.mark.parametrize("path", ROUTES)
def test_only_viewers_are_let_in(full: Path, client: Client, path: str) -> None:
    address = board_root.addresses()[path]
    assert client().get(address).status_code == 401
    assert client(None).get(address).status_code == 403
    answer = client("VIEWER").get(address)
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ROUTES)
def test_whoever_is_not_let_in_learns_nothing(full: Path, client: Client, path: str) -> None:
    for stranger in (client(), client(None)):
        text = stranger.get(board_root.addresses()[path]).text
        assert board_root.SECOND not in text
        assert "SAMPLE" not in text
        assert "Log in to Airflow" in text or "Ask whoever looks after this Airflow" in text


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_nothing_can_be_changed(full: Path, client: Client, method: str) -> None:
    for path in ROUTES:
        answer = getattr(client("ADMIN"), method)(board_root.addresses()[path])
        assert answer.status_code == 405, path


@pytest.mark.parametrize("token", ["", "x", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbmEifQ."])
def test_a_token_that_is_none_is_refused(full: Path, client: Client, token: str) -> None:
    answer = client().get("/", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code in {401, 403}


@pytest.mark.parametrize(
    "name",
    [
        "../../latest.json", "..", ".", "/etc/passwd", "dim_country.parquet/../manifest.json", "./manifest.json",
        "../" + board_root.FIRST + "/manifest.json", "..\\..\\latest.json", "dim_country.parquet\0", ".hidden",
        "DIM_COUNTRY.parquet", "link.json", "folder", "folder/", "manifest.json?x", "*", "",
    ],
)  # fmt: skip
def test_no_name_leads_out_of_a_release(own: Path, client: Client, name: str) -> None:
    folder = own / "marts" / "releases" / board_root.SECOND
    (folder / ".hidden").write_text("secret")
    (folder / "folder").mkdir()
    (folder / "link.json").symlink_to(own / "marts" / "latest.json")
    with pytest.raises(NotHeld):
        held(board_root.SECOND, name)
    if name:  # dots are written as %2E, so that the test's own client does not tidy the path up
        path = quote(name, safe="").replace(".", "%2E")
        answer = client("ADMIN").get(f"/api/releases/{board_root.SECOND}/files/{path}")
        assert answer.status_code in {404, 422} or str(answer.url.path).endswith("/files")
        assert "manifest_sha256" not in answer.text
        assert "root:" not in answer.text


@pytest.mark.parametrize("release", ["..", "%2e%2e", "..%2f..", "a%2f..", ".", "%00", "x' OR 1=1", "<b>", LONG])
@pytest.mark.parametrize("template", [p for p in ROUTES if "{release}" in p])
def test_no_release_is_a_path(full: Path, client: Client, template: str, release: str) -> None:
    answer = client("VIEWER").get(template.replace("{release}", release).replace("{name:path}", "manifest.json"))
    assert answer.status_code in {404, 422} or answer.url.path in {"/releases", "/", "/api/releases"}
    assert "<b>" not in answer.text.replace("<b>What to do:</b>", "") or answer.status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        f"/?dag_id={LONG}", f"/?run_id={LONG}", f"/releases/{LONG}", f"/releases/diff?old={LONG}",
        "/releases/diff?new=../x",
        f"/validation/{LONG}", f"/validation/{board_root.DATASET}?run={LONG}", f"/quarantine/{LONG}",
        f"/quarantine/{board_root.VINTAGE}?number=0", f"/quarantine/{board_root.VINTAGE}?number=-1",
        f"/quarantine/{board_root.VINTAGE}?number={'9' * 400}", f"/quarantine/{board_root.VINTAGE}?number=x",
        f"/quarantine/{board_root.VINTAGE}?rule={LONG}", f"/quarantine/{board_root.VINTAGE}?rule=' OR 1=1 --",
        f"/sources/{LONG}", f"/lineage/{LONG}", f"/lineage/{board_root.MART}/{LONG}",
        f"/lineage/{board_root.MART}?release={LONG}", f"/api/releases/{LONG}/manifest",
        f"/api/releases/{board_root.SECOND}/files/{LONG}",
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_not_repeated(full: Path, client: Client, address: str) -> None:
    answer = client("VIEWER").get(address)
    assert answer.status_code == 422
    assert LONG not in answer.text
    assert "Correct the address" in answer.text


@pytest.mark.parametrize(
    "address",
    [
        "/nothing", "/releases/2020-01-01-sample-zz", "/validation/no_such_mart", "/sources/no__such",
        "/lineage/no_mart", f"/lineage/{board_root.MART}/no_column", f"/validation/{board_root.DATASET}?run=none",
        "/quarantine/faostat__qcl@none",
        "/quarantine/no__such@x", "/releases/diff?old=none&new=none2", "/api/releases/none/manifest", "/api/nothing",
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found_and_says_what_to_do(full: Path, client: Client, address: str) -> None:
    answer = client("VIEWER").get(address)
    assert answer.status_code == 404
    told = answer.json()["remedy"] if address.startswith("/api/") else answer.text.partition("What to do:")[2]
    assert told


def test_damage_that_no_page_expects_is_told_without_a_trace(
    full: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise StorageError("The disk is gone.", remedy="Look at the disk.")

    monkeypatch.setattr(reading, "locate", broken)
    for address in (f"/releases/{board_root.SECOND}", f"/api/releases/{board_root.SECOND}/manifest"):
        answer = client("VIEWER").get(address)
        assert answer.status_code == 500
        assert "The disk is gone." in answer.text
        assert "Look at the disk." in answer.text
        assert "Traceback" not in answer.text
