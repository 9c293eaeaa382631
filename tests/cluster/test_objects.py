"""The driver of the object store against a server with the S3 interface, over the wire."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

import agrocluster as ac
from agrocluster.errors import StorageError
from agrocluster.storage.mirror import EVERYTHING, working_copy
from agrocluster.storage.objects import NEW, S3, Taken
from support.small_release import CHAINS, publish_small

KEYS = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "hidden-from-logs", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    running = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": server}.items():
        monkeypatch.setenv(name, value)
    name = "b-" + hashlib.sha256(request.node.name.encode()).hexdigest()[:12]
    boto3.client("s3", endpoint_url=server).create_bucket(Bucket=name)
    return name


@pytest.fixture
def store(bucket: str) -> S3:
    return S3.at(f"s3://{bucket}/some/prefix")


def test_objects_come_back_as_they_were_written(store: S3, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 3_000_000)
    names = [f"landing/x/y/s (Normalized) & co/{n:04}.json" for n in range(3)]
    for name in names:
        store.put(name, tmp_path / "a")
    listed = store.list()
    assert [(e.key, e.size) for e in listed] == [(name, 3_000_000) for name in names]
    store.fetch(listed[1], tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == (tmp_path / "a").read_bytes()
    etag = store.copy(listed[0], "landing/x/y/copy")
    copied = next(e for e in store.list() if e.key.endswith("copy"))
    assert (copied.etag, copied.size) == (etag, 3_000_000)
    store.fetch(copied, tmp_path / "c")
    store.delete([*names, "never/was"])
    assert [e.key for e in store.list()] == ["landing/x/y/copy"]


def test_a_listing_has_more_than_one_page(store: S3) -> None:
    names = [f"quality/runs/{number:05}" for number in range(11)]
    for name in names:
        store.write(name, b"")
    assert [entry.key for entry in replace(store, page=5).list()] == names


def test_conditions_hold(store: S3, tmp_path: Path) -> None:
    assert store.read("marts/latest.json") is None
    etag = store.write("marts/latest.json", b"1", condition=NEW)
    assert store.read("marts/latest.json") == (b"1", etag)
    with pytest.raises(Taken):
        store.write("marts/latest.json", b"2", condition=NEW)
    newer = store.write("marts/latest.json", b"2", condition=etag)
    with pytest.raises(Taken):
        store.write("marts/latest.json", b"3", condition=etag)
    assert store.read("marts/latest.json") == (b"2", newer)
    (entry,) = store.list()
    store.write("marts/latest.json", b"4")
    with pytest.raises(Taken):
        store.fetch(entry, tmp_path / "x")
    store.delete(["marts/latest.json"])
    with pytest.raises(Taken):
        store.fetch(entry, tmp_path / "x")


def test_bytes_that_are_not_those_written_are_refused(store: S3, server: str, tmp_path: Path) -> None:
    """Somebody has cut an object short and kept its metadata, or the listing speaks of another length."""
    store.write("marts/x", b"the whole of it")
    client = boto3.client("s3", endpoint_url=server)
    known = client.head_object(Bucket=store.bucket, Key=f"{store.prefix}marts/x")["Metadata"]
    client.put_object(Bucket=store.bucket, Key=f"{store.prefix}marts/x", Body=b"the whole", Metadata=known)
    with pytest.raises(StorageError, match="damaged"):
        store.fetch(store.list()[0], tmp_path / "x")


def test_errors_say_what_to_do_and_no_key(store: S3, server: str, tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        S3.at("s3://no-such-bucket/x").list()
    assert "NoSuchBucket" in str(caught.value)
    assert "AWS_ENDPOINT_URL" in str(caught.value)
    for error in (caught.value, caught.value.__cause__):
        assert KEYS["AWS_SECRET_ACCESS_KEY"] not in repr(error)
    with pytest.raises(StorageError, match="did not list"):
        S3.at("s3://no-such-bucket/x").list()


@pytest.fixture
def root(bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Address of a data root with one small release, which is the configured one."""
    address = f"s3://{bucket}/root"
    monkeypatch.setenv("AGROCLUSTER_DATA", address)
    monkeypatch.setenv("AGROCLUSTER_WORK", str(tmp_path / "work"))
    with working_copy(*EVERYTHING):
        publish_small("small-1")
    return address


def test_a_release_in_the_store_is_read_by_python(root: str) -> None:
    rows = ac.marts()["mart_cluster_baseline"].df()
    assert set(rows["chain"]) == set(CHAINS)
    assert len(ac.marts(root=root)["mart_cluster_baseline"].df()) == len(rows)


def test_commands_take_the_address_as_they_take_a_folder(root: str, tmp_path: Path, store: S3) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("agrocluster")), *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)

    asked = run("query", "select count(*) as n from mart_cluster_baseline", "--json")
    assert json.loads(asked.stdout) == [{"n": 2 * len(CHAINS)}], asked.stderr
    shown = run("show", "--release", "small-1", "--json")
    assert json.loads(shown.stdout)["release"] == "small-1", shown.stderr
    refused = run("run", "--exit")
    assert refused.returncode == 1
    assert "works on a folder" in refused.stderr
    helped = run("query", "--help")
    assert helped.returncode == 0
    for done in (asked, shown, refused, helped):
        assert KEYS["AWS_SECRET_ACCESS_KEY"] not in done.stdout + done.stderr
    assert not list((tmp_path / "work" / "steps").glob("step-*"))
    assert not [path for path in tmp_path.iterdir() if path.name not in ("work", "home")], "no folder of another name"
