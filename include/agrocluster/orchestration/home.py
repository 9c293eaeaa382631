"""The Airflow home of a local run: folders, secrets, ports, environment, and the lock on the data root.

Everything is made for one machine and one person: SQLite, loopback only, generated secrets that no other user
can read. A server uses docker-compose instead. Imports no Airflow.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import agrocluster
from agrocluster.errors import UsageError
from agrocluster.settings import settings
from agrocluster.storage import atomic

PROJECT = Path(agrocluster.__file__).resolve().parents[2]
"""Folder that holds ``dags/`` and ``plugins/``."""

LOOPBACK = "127.0.0.1"
USER = "admin"
PARALLELISM = 4
OPT_IN = ("AIRFLOW__METRICS__", "AIRFLOW__OPENLINEAGE__", "AIRFLOW__LOGGING__JSON_LOGS")
"""Settings of Airflow that a caller may make for a local run, by how their names begin: what is measured and logged,
and where that goes. All others are ours."""


@dataclass(frozen=True)
class Home:
    """Folder of the Airflow state of one data root."""

    path: Path

    @property
    def logs(self) -> Path:
        """Logs of the components and of the tasks."""
        return self.path / "logs"

    @property
    def database(self) -> Path:
        """Airflow's metadata database."""
        return self.path / "airflow.db"

    @property
    def pid_file(self) -> Path:
        """Lock and address of the running supervisor."""
        return self.path / "run.json"

    def prepare(self) -> None:
        """Make the folders; only their owner may look inside."""
        if not (PROJECT / "dags").is_dir():
            raise UsageError(
                f"There is no dags folder in {PROJECT}.", remedy="Run from a clone of the repository, with make run."
            )
        with atomic.writing(self.path):
            self.logs.mkdir(parents=True, exist_ok=True)
            self.path.chmod(0o700)

    def secret(self, name: str) -> str:
        """A generated secret, made at the first call and kept (a Fernet key is a secret like any other)."""
        path = self.path / f"{name}.secret"
        if not path.exists():
            _write_private(path, base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
        return path.read_text(encoding="ascii")

    def password(self) -> str:
        """Password of the user ``admin`` of Airflow's simple auth manager."""
        path = self.path / "passwords.json"
        if not path.exists():
            _write_private(path, json.dumps({USER: secrets.token_urlsafe(12)}))
        return str(json.loads(path.read_text(encoding="utf-8"))[USER])

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the data root for this process. UsageError if another run holds it; a dead one does not."""
        self.pid_file.touch(mode=0o600)
        with self.pid_file.open("r+", encoding="utf-8") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                other = self.running() or {}
                raise UsageError(
                    f"A run is already using {self.path.parent} (process {other.get('pid')}, {other.get('url', '')}).",
                    remedy="Use it, end it with `make stop`, or choose another data root with AGROCLUSTER_DATA.",
                ) from None
            self.announce(pid=os.getpid())
            try:
                yield
            finally:
                self.pid_file.write_text("{}", encoding="utf-8")

    def announce(self, **facts: Any) -> None:
        """Write who runs, for ``running``. The file is not replaced: its lock belongs to the file itself."""
        self.pid_file.write_text(json.dumps(facts), encoding="utf-8")

    def running(self) -> dict[str, Any] | None:
        """Facts about the run that holds this data root, or None."""
        if not self.pid_file.exists():
            return None
        with self.pid_file.open("r+", encoding="utf-8") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return dict(json.loads(handle.read() or "{}"))
        return None


@contextmanager
def claimed_ports(*wanted: int) -> Iterator[tuple[int, ...]]:
    """One free port on loopback per wish, the wish itself where it can be had; other runs leave them alone.

    Between the choice of a port and the moment its server listens lie seconds, in which a run that starts at the
    same time would choose the same one. Claims go with the process. UsageError when no port is free.
    """
    with ExitStack() as claims:
        yield tuple(_claim(port, claims) for port in wanted)


def _claim(wanted: int, claims: ExitStack) -> int:
    for port in range(wanted, wanted + 100):
        claim = socket.socket(socket.AF_UNIX)
        try:
            # A name in the abstract namespace: no file, and gone with the process that holds it.
            claim.bind(f"\0agrocluster-port-{port}")
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((LOOPBACK, port))
        except OSError:
            claim.close()
            continue
        claims.enter_context(claim)
        return port
    raise UsageError(f"No port from {wanted} to {wanted + 99} is free.", remedy="End other programs and run again.")


def environment(home: Home, data: Path | str, port: int, sources: dict[str, str]) -> dict[str, str]:
    """Environment of every Airflow process of the run.

    Args:
        home: secrets and paths.
        data: data root, a folder or the address of an object store.
        port: port of the api-server.
        sources: addresses of publishers in sample mode, as environment variables; empty otherwise.
    """
    url = f"http://{LOOPBACK}:{port}"
    home.password()
    airflow = {
        "CORE__DAGS_FOLDER": PROJECT / "dags",
        "CORE__PLUGINS_FOLDER": PROJECT / "plugins",
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": PARALLELISM,
        "CORE__LOAD_EXAMPLES": False,
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": False,
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "CORE__HOSTNAME_CALLABLE": "socket.gethostname",
        "CORE__FERNET_KEY": home.secret("fernet"),
        "CORE__MP_START_METHOD": "fork",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": home.path / "passwords.json",
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home.database}",
        "API__HOST": LOOPBACK,
        "API__PORT": port,
        "API__WORKERS": 1,
        "API__SECRET_KEY": home.secret("session"),
        "API_AUTH__JWT_SECRET": home.secret("jwt"),
        # Every look at all runs of a round costs a tenth of a second of processor time that tasks could use.
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": 0.7,
        "SCHEDULER__ENABLE_HEALTH_CHECK": False,
        "SCHEDULER__TASK_QUEUED_TIMEOUT": 600,
        "DAG_PROCESSOR__REFRESH_INTERVAL": 300,
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": 300,
        "DAG_PROCESSOR__STALE_DAG_THRESHOLD": 600,
        "WORKERS__EXECUTION_API_TIMEOUT": 60,
        # A worker can miss the end of a task by a hair and then looks again only after this many seconds.
        "WORKERS__MIN_HEARTBEAT_INTERVAL": 1,
        "LOGGING__BASE_LOG_FOLDER": home.logs,
        "LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": home.logs / "dag_processor",
        "LOGGING__COLORED_CONSOLE_LOG": False,
        # An address somewhere in the environment is enough to switch it on.
        "OPENLINEAGE__DISABLED": True,
    }
    own = {
        "AIRFLOW_HOME": home.path,
        "AGROCLUSTER_DATA": data,
        "SOURCES": settings().mode,
        "DATA": settings().files or "",
        "AGROCLUSTER_SCHEDULE": "manual",
        "AGROCLUSTER_RETRY_DELAY_S": os.environ.get("AGROCLUSTER_RETRY_DELAY_S", "5"),
        "GX_ANALYTICS_ENABLED": "false",
        "PYTHONUNBUFFERED": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW__")}
    made = {f"AIRFLOW__{key}": str(value) for key, value in airflow.items()}
    chosen = {key: value for key, value in os.environ.items() if key.startswith(OPT_IN)}
    return {**inherited, **{key: str(value) for key, value in own.items()}, **made, **chosen, **sources}


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(text)
