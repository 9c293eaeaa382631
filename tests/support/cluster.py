"""A cluster on this machine: Debian's PostgreSQL and Redis, an S3-compatible server, Airflow, and Celery workers.

Nothing of it is a container. All listen on loopback, have generated passwords, and end with the block.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import boto3
import psutil
from botocore.config import Config
from rich.console import Console

from agrocluster.model.loader import catalog
from agrocluster.orchestration.components import Component, Components
from agrocluster.orchestration.follow import MARTS, RELEASE, Round, follow
from agrocluster.orchestration.home import LOOPBACK, USER, Home, claimed_ports, environment
from agrocluster.orchestration.pools import pools
from agrocluster.orchestration.rest import Airflow

BUCKET = "agrocluster"
ADDRESS = f"s3://{BUCKET}/root"
START_S = 240.0
STORE = """
from threading import Event
from moto.server import ThreadedMotoServer
ThreadedMotoServer("{host}", {port}, verbose=False).start()
Event().wait()
"""
AIRFLOW = [sys.executable, "-m", "airflow"]


def postgres() -> Path | None:
    """Folder of PostgreSQL's programs."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return versions[-1] if versions else None


def missing() -> list[str]:
    """Debian packages that are not installed here."""
    return [
        name
        for name, there in (("postgresql", postgres()), ("redis-server", shutil.which("redis-server")))
        if not there
    ]


@dataclass
class Cluster:
    """What runs, and the environment that leads to it."""

    home: Home
    components: Components
    env: dict[str, str]
    airflow: Airflow
    workers: dict[str, Component] = field(default_factory=dict)
    since: datetime = datetime.max

    def check(self) -> None:
        """Raise when something has ended that nobody killed."""
        for component in self.components.running:
            assert component.alive, f"{component.name} ended: {component.tail(30)}"

    def kill_busy(self, name: str) -> int:
        """A machine that is gone at once, if it is at work: the worker, its children and their tasks.

        Returns the number of steps that it was in the middle of; 0, and nothing happens, if there is none.
        """
        worker = self.workers[name]
        if not (steps := len(self.steps(name))):
            return 0
        self.components.running.remove(worker)
        for process in [p for p in psutil.process_iter() if _session(p.pid) == worker.process.pid]:
            process.kill()
        worker.process.wait()
        return steps

    def steps(self, name: str) -> list[Path]:
        """Working copies of a worker that are in use, or were when it was killed."""
        return sorted((self.home.path.parent / name / "steps").glob("step-*.lock"))

    def run(self, watch: Callable[[Round], None]) -> Round:
        """One round over all sources; ``watch`` sees how far it is."""
        current = Round(sorted(f"ingest_{dataset_id}" for dataset_id in catalog().datasets))
        self.since = datetime.now(UTC)
        for dag_id in current.ingest:
            self.airflow.trigger(dag_id, f"run__{self.since:%Y-%m-%dT%H:%M:%S}")

        def look() -> None:
            self.check()
            watch(current)

        problem = follow(self.airflow, current, self.since, look, Console(file=sys.stderr, highlight=False, width=200))
        assert problem is None, problem
        return current

    def download(self, into: Path) -> None:
        """All objects of the store as files."""
        client = _client(self.env)
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
            for item in page.get("Contents", ()):
                path = into / item["Key"].removeprefix("root/")
                path.parent.mkdir(parents=True, exist_ok=True)
                client.download_file(BUCKET, item["Key"], str(path))


@contextmanager
def cluster(folder: Path, sources: Mapping[str, str], workers: tuple[str, ...]) -> Iterator[Cluster]:
    """Start everything in the order in which it is needed; ``sources`` leads to the sample server."""
    home = Home(folder / "airflow")
    home.prepare()
    components = Components(home.logs, home.path)
    database = Path(tempfile.mkdtemp(prefix="agrocluster-postgres-"))
    try:
        with claimed_ports(28080, 25432, 26379, 29000) as (port, sql, broker, store):
            env = _environment(home, dict(sources), port, sql, broker, store)
            _start_services(components, database, env, sql, broker, store)
            migrated = components.start("migration", [*AIRFLOW, "db", "migrate"], env)
            assert migrated.process.wait() == 0, migrated.tail(30)
            components.running.remove(migrated)
            for name, command in (
                ("api-server", "api-server"),
                ("dag-processor", "dag-processor"),
                ("scheduler", "scheduler"),
            ):
                components.start(name, [*AIRFLOW, command], env)
            made = Cluster(home, components, env, Airflow(f"http://{LOOPBACK}:{port}", USER, home.password()))
            for name in workers:
                own = {**env, "AGROCLUSTER_WORK": str(folder / name)}
                command = [sys.executable, "-m", "agrocluster.orchestration.worker"]
                command += ["--celery-hostname", name, "--skip-serve-logs"]
                made.workers[name] = components.start(name, command, own)
            _wait_for_airflow(made)
            yield made
    finally:
        components.stop()
        shutil.rmtree(database, ignore_errors=True)


def _environment(home: Home, sources: dict[str, str], port: int, sql: int, broker: int, store: int) -> dict[str, str]:
    url = f"{USER}:{home.secret('sql')}@{LOOPBACK}:{sql}/airflow"
    airflow = {
        "CORE__EXECUTOR": "CeleryExecutor",
        "CORE__PARALLELISM": 8,
        "DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{url}",
        "CELERY__BROKER_URL": f"redis://:{home.secret('broker')}@{LOOPBACK}:{broker}/0",
        "CELERY__RESULT_BACKEND": f"db+postgresql+psycopg2://{url}",
        "CELERY__WORKER_CONCURRENCY": 2,
        "CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": 10800,
        # A worker that is gone is missed after this time; a server waits longer.
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": 30,
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": 5,
        "SCHEDULER__TASK_QUEUED_TIMEOUT": 60,
        "SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": 10,
    }
    own = {
        "AWS_ACCESS_KEY_ID": "tester",
        "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(24),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{LOOPBACK}:{store}",
        "AGROCLUSTER_WORK": str(home.path / "work"),
    }
    made = {f"AIRFLOW__{key}": str(value) for key, value in airflow.items()}
    return {**environment(home, ADDRESS, port, sources), **own, **made}


def _start_services(
    components: Components, database: Path, env: dict[str, str], sql: int, broker: int, store: int
) -> None:
    programs, home = postgres(), Home(components.home)
    assert programs is not None
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    password = database / "password"
    password.write_text(home.secret("sql"))
    if as_user:
        shutil.chown(database, "postgres")
        shutil.chown(password, "postgres")
    make = [programs / "initdb", "-D", database / "db", "-U", USER, "--auth=scram-sha-256", "--pwfile", password]
    subprocess.run([*as_user, *make, "--no-sync"], check=True, capture_output=True, cwd=database)
    options = [f"listen_addresses={LOOPBACK}", f"port={sql}", "unix_socket_directories=", "fsync=off"]
    serve = [*as_user, str(programs / "postgres"), "-D", str(database / "db"), *(f"--{option}" for option in options)]
    # PostgreSQL wants to know its working folder, which its user must be allowed to enter.
    components.start("postgres", ["sh", "-c", 'cd "$0" && exec "$@"', str(database), *serve], env)
    redis = ["redis-server", "--bind", LOOPBACK, "--port", str(broker), "--save", "", "--appendonly", "no"]
    components.start("redis", [*redis, "--requirepass", home.secret("broker")], env)
    components.start("store", [sys.executable, "-c", STORE.format(host=LOOPBACK, port=store)], env)
    for port in (sql, broker, store):
        _until(lambda port=port: _listens(port), f"port {port}")
    _until(lambda: _made_database(env, sql, home.secret("sql")), "the database")
    _client(env).create_bucket(Bucket=BUCKET)


def _made_database(env: dict[str, str], port: int, password: str) -> bool:
    import psycopg2

    try:
        connection = psycopg2.connect(host=LOOPBACK, port=port, user=USER, password=password, dbname="postgres")
    except psycopg2.OperationalError:
        return False
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE airflow")
    connection.close()
    return True


def _wait_for_airflow(made: Cluster) -> None:
    airflow = made.airflow
    _until(lambda: airflow.healthy().get("metadatabase") == "healthy", "the api-server", made.check)
    airflow.log_in()
    airflow.set_pools(pools(catalog().sources.values()))
    wanted = {*(f"ingest_{dataset_id}" for dataset_id in catalog().datasets), MARTS, RELEASE}
    _until(lambda: wanted <= set(airflow.dags()), "the Dags", made.check)
    airflow.unpause_all()
    _until(lambda: airflow.healthy().get("scheduler") == "healthy", "the scheduler", made.check)
    for name, worker in made.workers.items():
        _until(lambda worker=worker: "ready." in worker.log.read_text(errors="replace"), name, made.check)


def _until(done: Callable[[], bool], what: str, check: Callable[[], None] | None = None) -> None:
    deadline = time.monotonic() + START_S
    while not done():
        if check:
            check()
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.2)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def _client(env: Mapping[str, str]):  # type: ignore[no-untyped-def]
    return boto3.client(
        "s3",
        endpoint_url=env["AWS_ENDPOINT_URL"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        region_name=env["AWS_DEFAULT_REGION"],
        config=Config(proxies={}),
    )


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None
