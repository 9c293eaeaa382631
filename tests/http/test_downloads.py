"""Large files arrive whole or not at all, and interrupted ones go on where they stopped."""

from __future__ import annotations

import hashlib
import os
import pathlib

import pytest
from http_server import Reply

from agrocluster.errors import SourceContractError, SourceUnavailable, StorageError
from agrocluster.http.retry import Backoff

ZIP = b"PK\x03\x04" + os.urandom(900_000)
ONCE = Backoff(attempts=1)


def ranged(request, body=ZIP, etag='"v1"'):
    """What a file server does: the whole file, or the rest of it if the validator still holds."""
    headers = {"ETag": etag, "Accept-Ranges": "bytes"}
    wanted = request.headers.get("Range")
    if wanted and request.headers.get("If-Range") == etag:
        first = int(wanted.removeprefix("bytes=").split("-")[0])
        if first >= len(body):
            return Reply(416, headers={"Content-Range": f"bytes */{len(body)}"})
        rest = body[first:]
        return Reply(206, rest, {**headers, "Content-Range": f"bytes {first}-{len(body) - 1}/{len(body)}"})
    return Reply(200, body, headers)


def interrupted(request):
    """The first two thirds, then the connection breaks."""
    whole = ranged(request)
    return Reply(200, whole.body[:600_000], whole.headers, announce=len(ZIP))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_with_its_facts(script, client_for, tmp_path):
    script.says(ranged)
    got = client_for().download("a.zip", tmp_path / "deep" / "a.zip", expect="zip")
    assert got.path.read_bytes() == ZIP
    assert (got.sha256, got.size) == (hashlib.sha256(ZIP).hexdigest(), len(ZIP))
    assert got.headers == {"ETag": '"v1"'}
    assert names(tmp_path / "deep") == ["a.zip"]


def test_an_interrupted_file_is_never_visible_and_goes_on_later(script, client_for, tmp_path):
    target = tmp_path / "a.zip"
    script.says(interrupted)
    with pytest.raises(SourceUnavailable, match="truncated body"):
        client_for(backoff=ONCE).download("a.zip", target, expect="zip")
    assert not target.exists()
    script.says(ranged)
    got = client_for().download("a.zip", target, expect="zip")
    assert script.requests[-1].headers["Range"] == "bytes=600000-"
    assert target.read_bytes() == ZIP
    assert got.sha256 == hashlib.sha256(ZIP).hexdigest()
    assert names(tmp_path) == ["a.zip"]


def test_a_file_that_changed_meanwhile_is_fetched_afresh(script, client_for, tmp_path):
    script.says(interrupted, lambda request: ranged(request, ZIP[::-1][:700_000], '"v2"'))
    got = client_for().download("a.zip", tmp_path / "a.bin")
    assert got.path.read_bytes() == ZIP[::-1][:700_000]
    assert script.requests[-1].headers["If-Range"] == '"v1"'


def test_a_server_that_ignores_ranges_costs_a_fresh_start_only(script, client_for, tmp_path):
    script.says(interrupted, Reply(200, ZIP, {"ETag": '"v1"'}))
    assert client_for().download("a.zip", tmp_path / "a.zip").path.read_bytes() == ZIP


def test_without_a_strong_validator_nothing_is_continued(script, client_for, tmp_path):
    weak = {"ETag": 'W/"v1"'}
    script.says(Reply(200, ZIP[:500_000], weak, announce=len(ZIP)), Reply(200, ZIP, weak))
    assert client_for().download("a.zip", tmp_path / "a.zip").path.read_bytes() == ZIP
    assert "Range" not in script.requests[-1].headers


def test_a_piece_that_does_not_fit_is_thrown_away(script, client_for, tmp_path):
    wrong = Reply(206, ZIP[5:], {"Content-Range": f"bytes 5-{len(ZIP) - 1}/{len(ZIP)}", "ETag": '"v1"'})
    script.says(interrupted, wrong, ranged)
    assert client_for().download("a.zip", tmp_path / "a.zip").path.read_bytes() == ZIP


def test_a_file_that_shrank_is_fetched_afresh(script, client_for, tmp_path):
    script.says(interrupted, lambda request: ranged(request, ZIP[:100_000]))
    assert client_for().download("a.zip", tmp_path / "a.zip").path.read_bytes() == ZIP[:100_000]


def test_a_web_page_instead_of_a_zip_leaves_nothing_behind(script, client_for, tmp_path):
    script.says(Reply(body=b"<html><body>Sorry, maintenance</body></html>", headers={"Content-Type": "text/html"}))
    with pytest.raises(SourceContractError, match="zip archive and got an HTML page that begins: 'Sorry"):
        client_for().download("a.zip", tmp_path / "a.zip", expect="zip")
    assert not (tmp_path / "a.zip").exists()
    script.says(ranged)
    assert client_for().download("a.zip", tmp_path / "a.zip", expect="zip").path.read_bytes() == ZIP


@pytest.mark.parametrize("announce", [None, 10**13])
def test_a_file_beyond_the_limit_is_refused(script, client_for, tmp_path, announce):
    script.says(Reply(body=ZIP, announce=announce))
    with pytest.raises(SourceContractError, match="limit of 500,000"):
        client_for().download("a.zip", tmp_path / "a.zip", max_bytes=500_000)
    assert not (tmp_path / "a.zip").exists()


def test_a_download_replaces_an_older_file_only_at_the_end(script, client_for, tmp_path):
    target = tmp_path / "a.zip"
    target.write_bytes(b"old")
    script.says(interrupted)
    with pytest.raises(SourceUnavailable):
        client_for(backoff=ONCE).download("a.zip", target)
    assert target.read_bytes() == b"old"


@pytest.mark.skipif(os.geteuid() == 0 and not pathlib.Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_named(script, client_for, tmp_path):
    (tmp_path / "a.zip.part").symlink_to("/dev/full")
    script.says(ranged)
    with pytest.raises(StorageError, match="disk is full"):
        client_for().download("a.zip", tmp_path / "a.zip")


def test_a_kill_between_two_versions_never_joins_them(script, client_for, tmp_path, monkeypatch):
    """Killed just after the new version's validator was written: what is left of the old one must be gone."""
    target, other = tmp_path / "a.zip", b"PK\x03\x04" + os.urandom(900_000)
    script.says(interrupted)
    with pytest.raises(SourceUnavailable):
        client_for(backoff=ONCE).download("a.zip", target, expect="zip")
    script.says(lambda request: ranged(request, other, '"v2"'))

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("agrocluster.http.download._append", killed)
        with pytest.raises(KeyboardInterrupt):
            client_for(backoff=ONCE).download("a.zip", target, expect="zip")
    script.says(lambda request: ranged(request, other, '"v2"'))
    client_for(backoff=ONCE).download("a.zip", target, expect="zip")
    assert target.read_bytes() == other
