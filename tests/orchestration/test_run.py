"""The main job itself, as a person starts it: Airflow, sample server, release, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from agrocluster.orchestration.components import memory, processes

pytestmark = [pytest.mark.airflow, pytest.mark.slow]
COMMAND = Path(sys.executable).with_name("agrocluster")
LIMIT_S = 900
GIB = 1024**3


@dataclass
class World:
    """One data root, used by all tests here in turn."""

    data: Path
    output: Path

    @property
    def home(self) -> Path:
        return self.data / "airflow"

    @property
    def latest(self) -> bytes:
        return (self.data / "marts" / "latest.json").read_bytes()

    def start(self, **env: str) -> subprocess.Popen[bytes]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "AGROCLUSTER"))}
        settings = {"AGROCLUSTER_DATA": str(self.data), "EXIT": "1", "COLUMNS": "200", **env}
        with self.output.open("wb") as out:
            return subprocess.Popen(
                [str(COMMAND), "run"], env={**inherited, **settings}, stdout=out, stderr=subprocess.STDOUT
            )

    def run(self, **env: str) -> tuple[int, str]:
        code = self.start(**env).wait(LIMIT_S)
        return code, self.output.read_text()

    def left(self) -> list[str]:
        """Command lines of processes that still belong to this data root."""
        found = [" ".join(process.cmdline()) for process in processes(self.home)]
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if str(self.data) in " ".join(process.cmdline()):
                    found.append(" ".join(process.cmdline()))
        return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, sample_cache: Path) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("run")
    made = World(folder / "data", folder / "output.txt")
    made.data.mkdir()
    (made.data / "sample").symlink_to(sample_cache, target_is_directory=True)
    yield made
    for process in processes(made.home):
        process.kill()


@pytest.fixture(scope="module")
def first(world: World) -> tuple[int, str, int, set[str]]:
    """The first run: exit code, output, highest memory (PSS), addresses that were listened on."""
    job = world.start()
    highest, listening = 0, set()
    deadline = time.monotonic() + LIMIT_S
    while job.poll() is None:
        assert time.monotonic() < deadline, world.output.read_text()
        highest = max(highest, memory(world.home))
        for process in processes(world.home):
            with suppress(psutil.Error):
                found = process.net_connections(kind="inet")
                listening |= {c.laddr.ip for c in found if c.status == psutil.CONN_LISTEN}
        time.sleep(2)
    return job.returncode, world.output.read_text(), highest, listening


def test_the_first_run_publishes_a_release_and_says_what_to_do_with_it(
    world: World, first: tuple[int, str, int, set[str]]
) -> None:
    code, out, _, _ = first
    assert code == 0, out
    pointer = json.loads(world.latest)
    for wanted in ("SAMPLE DATA - NOT REAL STATISTICS", pointer["release"], "duckdb -c", "pandas", "Files:"):
        assert wanted in out
    for mart in pointer["files"]:
        assert f"{mart['rows']:,}" in out
    page = world.data / "marts/atlas" / pointer["release"] / "index.html"
    assert f"Atlas and country briefs: {page}" in out
    assert page.exists()
    lines = [line.split()[0] for line in out.splitlines() if line.endswith("%") or line.rstrip().endswith("%")]
    assert sorted(lines) == sorted(["KAZ", "KGZ", "TJK", "UZB"] * 3)


def test_it_stays_on_loopback_within_its_memory_and_leaves_nothing(
    world: World, first: tuple[int, str, int, set[str]]
) -> None:
    _, _, highest, listening = first
    assert listening == {"127.0.0.1"}
    assert 0 < highest < 4 * GIB
    assert world.left() == []


def test_a_second_run_only_checks_and_publishes_nothing_new(
    world: World, first: tuple[int, str, int, set[str]]
) -> None:
    before = world.latest
    job = world.start()
    while "tasks" not in world.output.read_text():
        assert job.poll() is None, world.output.read_text()
        time.sleep(0.5)
    env = {**os.environ, "AGROCLUSTER_DATA": str(world.data)}
    other = subprocess.run([str(COMMAND), "run"], env=env, capture_output=True, text=True, check=False)
    assert other.returncode == 1
    assert "A run is already using" in other.stderr

    assert job.wait(LIMIT_S) == 0, world.output.read_text()
    assert "No source has changed" in world.output.read_text()
    assert world.latest == before
    assert len(list((world.data / "marts" / "releases").iterdir())) == 1
    assert world.left() == []


def test_a_killed_run_does_not_hinder_the_next_and_a_source_that_is_down_is_named(
    world: World, first: tuple[int, str, int, set[str]]
) -> None:
    before = world.latest
    killed = world.start()
    while "running" not in world.output.read_text():
        assert killed.poll() is None, world.output.read_text()
        time.sleep(0.5)
    killed.send_signal(signal.SIGKILL)
    killed.wait()

    fault = json.dumps({"match": "cepii", "fault": "status", "params": {"status": 503}})
    fast = {"AGROCLUSTER_RETRY_DELAY_S": "0", "AGROCLUSTER_HTTP_BACKOFF": "0.01"}
    code, out = world.run(AGROCLUSTER_SAMPLE_FAULTS=fault, **fast)
    assert code == 1, out
    assert "Runs left unfinished by an earlier session were ended" in out
    assert "source cepii, dataset baci_hs12" in out
    assert "source faostat" not in out
    assert "What to do:" in out
    assert f"Release {json.loads(before)['release']} is still current" in out
    assert world.latest == before
    assert world.left() == []


def test_an_interrupted_run_ends_at_once_and_says_so(world: World, first: tuple[int, str, int, set[str]]) -> None:
    job = world.start()
    while "Starting Airflow" not in world.output.read_text():
        assert job.poll() is None, world.output.read_text()
        time.sleep(0.2)
    time.sleep(3)
    job.send_signal(signal.SIGINT)
    assert job.wait(60) == 130, world.output.read_text()
    assert world.left() == []
