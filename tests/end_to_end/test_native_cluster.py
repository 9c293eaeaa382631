"""A cluster makes the release that one machine makes, byte for byte, although a worker dies in the middle of it.

PostgreSQL, Redis, an S3-compatible server, Airflow and two Celery workers that share nothing but them.
"""

from __future__ import annotations

import json
import time
import warnings
from pathlib import Path

import pytest

from agrocluster.orchestration.follow import MARTS, Round
from agrocluster.sample import addresses
from agrocluster.storage.parquet import file_sha256
from support.cluster import Cluster, cluster, missing
from support.world import Published

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.cluster, pytest.mark.timeout(1800)]

AFTER = 4
"""Groups of marts that are built when a worker is killed: some are there, most are not."""


def hashes(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in folder.rglob("*") if path.is_file()}


class Killer:
    """Kills a worker in the middle of its work when the marts are being built."""

    def __init__(self, made: Cluster, name: str) -> None:
        self.made, self.name, self.killed = made, name, 0

    def __call__(self, current: Round) -> None:
        state = current.states[MARTS]
        if not self.killed and state.state == "running" and state.done >= AFTER:
            self.killed = self.made.kill_busy(self.name)


def test_a_cluster_makes_the_same_release_although_a_worker_is_killed(published: Published, tmp_path: Path) -> None:
    if absent := missing():
        warnings.warn(f"{', '.join(absent)} not installed: the cluster is NOT tested", stacklevel=1)
        pytest.skip(f"Debian's {', '.join(absent)} are not installed")
    with cluster(tmp_path, addresses(published.server.url), ("worker-1", "worker-2")) as made:
        killer = Killer(made, "worker-2")
        began = time.monotonic()
        done = made.run(killer)
        print(f"The round took {time.monotonic() - began:.0f} s.")
        assert killer.killed, "the worker was never in the middle of a task"
        assert [state.line() for state in done.failed] == []
        retried = [task for task in made.airflow.tasks_since(made.since) if task["try_number"] > 1]
        assert MARTS in {task["dag_id"] for task in retried}, "what the worker was at was tried again"
        assert made.steps("worker-1") == [], "a step that ended leaves nothing"
        made.download(tmp_path / "store")
        shown = "".join(log.read_text(errors="replace") for log in made.home.logs.rglob("*.log"))
        assert made.env["AWS_SECRET_ACCESS_KEY"] not in shown
    release = published.result["release_id"]
    pointer = json.loads((tmp_path / "store" / "marts" / "latest.json").read_text())
    assert pointer["release"] == release
    folder = tmp_path / "store" / "marts" / "releases" / release
    wanted = hashes(published.folder)
    assert hashes(folder) == wanted
    assert len(wanted) > 60
    latest = Path("marts", "latest.json")
    assert (tmp_path / "store" / latest).read_bytes() == (published.root / latest).read_bytes()
    left = [path for path in (tmp_path / "store").rglob("*") if ".work-" in str(path) or "/marts/build/" in str(path)]
    assert left == [], "the store keeps nothing that was given up"
