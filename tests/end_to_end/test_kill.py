"""Killed at any instant, the data root shows a whole release or none, and the next run ends where it would have.

The runs are processes of their own, in another folder, time zone and language, with other hashes of texts and other
matrix routines than the release they are compared with: what holds here also holds for another machine.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pyarrow.parquet as pq
import pytest

from agrocluster.storage.parquet import file_sha256
from support.world import Published, addresses

pytestmark = pytest.mark.slow

KILLS = 20
SEED = 20260901


def check_reader(root: Path) -> None:
    """What a reporting job sees: either no release yet, or one whose every file is whole."""
    pointer = root / "marts" / "latest.json"
    if not pointer.exists():
        return
    found = json.loads(pointer.read_text())
    for file in found["files"]:
        path = root / "marts" / found["path"] / file["path"]
        assert file_sha256(path) == file["sha256"]
        assert pq.read_metadata(path).num_rows == file["rows"]


class Reader(Thread):
    """A reporting job that looks all the time; ``wrong`` is the first thing it should not have seen."""

    def __init__(self, root: Path) -> None:
        super().__init__(daemon=True)
        self.root, self.looks, self.wrong, self.done = root, 0, "", Event()

    def run(self) -> None:
        while not self.done.wait(0.2):
            try:
                check_reader(self.root)
            except (AssertionError, OSError, ValueError) as error:
                self.wrong = self.wrong or repr(error)
            self.looks += 1


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    watching = Reader(tmp_path / "data")
    watching.start()
    yield watching
    watching.done.set()
    watching.join()


def contents(folder: Path) -> dict[str, str]:
    """Every file below ``folder`` and its hash."""
    return {str(p.relative_to(folder)): file_sha256(p) for p in sorted(folder.rglob("*")) if p.is_file()}


ELSEWHERE = {"PATH": "/usr/bin:/bin", "TZ": "Pacific/Auckland", "LC_ALL": "C", "OPENBLAS_CORETYPE": "Haswell"}


def test_twenty_kills_end_in_the_same_bytes_elsewhere(published: Published, tmp_path: Path, reader: Reader) -> None:
    root = tmp_path / "data"
    environment = {**ELSEWHERE, **addresses(published.server.url), "AGROCLUSTER_DATA": str(root)}
    command = [str(Path(sys.executable).with_name("agrocluster")), "refresh", "--json"]
    chance = random.Random(SEED)
    survived = 0
    for _ in range(KILLS):
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path
        )
        time.sleep(chance.uniform(1.0, 7.0))
        survived += process.poll() is not None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        check_reader(root)
    assert survived < KILLS, "no run was ever interrupted"
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path, timeout=600)
    assert done.returncode == 0, done.stderr
    check_reader(root)
    assert (reader.wrong, reader.looks > KILLS) == ("", True)
    assert json.loads(done.stdout)["release_id"] == published.result["release_id"]
    release = root / "marts" / "releases" / published.result["release_id"]
    assert contents(release) == contents(published.folder)
    visible = [p.name for p in (root / "marts" / "releases").iterdir() if not p.name.startswith(".")]
    assert visible == [release.name]
