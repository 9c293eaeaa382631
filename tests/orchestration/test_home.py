"""The local run's home: ports, secrets, the lock on the data root."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from agrocluster.errors import UsageError
from agrocluster.orchestration.home import LOOPBACK, Home, claimed_ports, environment
from agrocluster.orchestration.local import run


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "data" / "airflow")
    made.prepare()
    return made


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on loopback that somebody listens on."""
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_port_that_is_taken_is_replaced_by_a_free_one(taken: int) -> None:
    with claimed_ports(taken, 8800) as (port, other), socket.socket() as probe:
        assert len({port, other, taken}) == 3
        probe.bind((LOOPBACK, port))


def test_a_port_is_left_to_the_run_that_chose_it_first(taken: int) -> None:
    with claimed_ports(taken) as (first,):
        with claimed_ports(first) as (second,):
            assert second != first
        script = f"from agrocluster.orchestration.home import claimed_ports as c\nwith c({first}) as p: print(*p)"
        other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert int(other.stdout) != first
    with claimed_ports(first) as (again,):
        assert again == first


def test_secrets_are_made_once_and_only_their_owner_reads_them(home: Home) -> None:
    assert home.password() == Home(home.path).password()
    assert home.secret("jwt") == Home(home.path).secret("jwt") != home.secret("fernet")
    for path in home.path.iterdir():
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(home.path.stat().st_mode) == 0o700


def test_everything_listens_on_loopback_and_nothing_is_reported_to_anyone(home: Home, tmp_path: Path) -> None:
    env = environment(home, tmp_path, 8123, {"AGROCLUSTER_FAOSTAT_URL": "http://127.0.0.1:1/faostat"})
    assert env["AIRFLOW__API__HOST"] == LOOPBACK
    assert env["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:8123/execution/"
    assert env["AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK"] == "False"
    assert env["GX_ANALYTICS_ENABLED"] == "false"
    assert env["AGROCLUSTER_FAOSTAT_URL"] == "http://127.0.0.1:1/faostat"


def test_settings_of_another_airflow_do_not_leak_in(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("AIRFLOW__CELERY__BROKER_URL", "redis://elsewhere")
    env = environment(home, tmp_path, 8123, {})
    assert env["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert "AIRFLOW__CELERY__BROKER_URL" not in env


def test_two_runs_do_not_share_a_data_root(home: Home) -> None:
    other = "from agrocluster.orchestration.home import Home; import pathlib, sys\n"
    other += "with Home(pathlib.Path(sys.argv[1])).locked(): print('locked')"
    command = [sys.executable, "-c", other, str(home.path)]
    with home.locked():
        home.announce(pid=os.getpid(), url="http://127.0.0.1:8080")
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
        assert refused.returncode != 0
        assert "A run is already using" in refused.stderr
        assert str(os.getpid()) in refused.stderr
        assert "make stop" in refused.stderr
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "locked\n"


def test_a_killed_run_does_not_hold_the_data_root(home: Home) -> None:
    killed = "from agrocluster.orchestration.home import Home; import os, pathlib, sys\n"
    killed += "with Home(pathlib.Path(sys.argv[1])).locked(): os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", killed, str(home.path)], check=False)
    assert home.running() is None
    with home.locked():
        assert (Home(home.path).running() or {})["pid"] == os.getpid()


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(Exception, match="cannot be written"):
        Home(tmp_path / "data" / "airflow").prepare()


def test_the_lock_says_so_when_nobody_runs(home: Home) -> None:
    assert home.running() is None
    with pytest.raises(UsageError), home.locked(), home.locked():
        pass


def test_a_folder_named_from_here_is_found_from_elsewhere(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tasks run in the Airflow home; a relative DATA would point elsewhere there."""
    (tmp_path / "downloads").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCES", "files")
    monkeypatch.setenv("DATA", "downloads")
    env = environment(home, tmp_path, 8123, {})
    assert (env["SOURCES"], env["DATA"]) == ("files", str(tmp_path / "downloads"))


def test_a_folder_without_usable_files_is_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "downloads"
    folder.mkdir()
    (folder / "garbage.bin").write_bytes(b"\x00\x01garbage")
    monkeypatch.setenv("AGROCLUSTER_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SOURCES", "files")
    monkeypatch.setenv("DATA", str(folder))
    out = StringIO()
    with pytest.raises(UsageError, match="No file in"):
        run(leave=True, port=8080, console=Console(file=out, width=200))
    assert "garbage.bin" in out.getvalue()
    assert "Starting Airflow" not in out.getvalue()
