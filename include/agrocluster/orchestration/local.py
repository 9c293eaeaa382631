"""The main job of ``make run``: Airflow on this machine, one round over all sources, and the result.

Starts the sample source server (in sample mode) and Airflow's api-server, scheduler and Dag processor on
loopback, triggers the ingest Dags, follows them to the release and says what came of it. It imports no Airflow:
it starts processes and talks to the REST API.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import FrameType

import click
import requests
from rich.console import Console

from agrocluster.errors import AgroclusterError, UsageError
from agrocluster.model.loader import catalog
from agrocluster.orchestration import sqlite, summary
from agrocluster.orchestration.components import Components, end_processes
from agrocluster.orchestration.follow import MARTS, RELEASE, Round, follow
from agrocluster.orchestration.home import LOOPBACK, USER, Home, claimed_ports, environment
from agrocluster.orchestration.pools import pools
from agrocluster.orchestration.rest import Airflow, AirflowError
from agrocluster.sample import addresses
from agrocluster.settings import settings

START_S = 180.0
"""How long Airflow may take to start on a slow machine."""


SAMPLE_PORT = 8800
SCHEDULER = [sys.executable, "-m", "agrocluster.orchestration.scheduler"]


class Stopped(Exception):
    """Somebody asked the run to end."""


@dataclass
class Run:
    """One supervised run: its processes, its Airflow, its console."""

    home: Home
    components: Components
    console: Console
    port: int
    sample_port: int
    sample: str | None = None

    @property
    def url(self) -> str:
        """Where the user interface is."""
        return f"http://{LOOPBACK}:{self.port}"

    def check(self) -> None:
        """Raise when a component has died."""
        if dead := self.components.dead():
            raise AirflowError(
                f"The {dead.name} ended unexpectedly (exit code {dead.process.returncode}).\n{dead.tail()}",
                remedy=f"See {dead.log}, then run again; finished work is kept.",
            )

    def wait(self, what: str, done: Callable[[], bool], limit: float = START_S) -> None:
        """Wait until ``done()`` holds, watching the components meanwhile."""
        deadline = time.monotonic() + limit
        while not done():
            self.check()
            if time.monotonic() > deadline:
                raise AirflowError(
                    f"Waited {limit:.0f} s for {what}.", remedy=f"See the logs in {self.home.logs}, then run again."
                )
            time.sleep(0.3)


@click.command("run")
@click.option("--exit/--stay", "leave", default=None, help="End after the release (environment: EXIT=1).")
@click.option("--sources", type=click.Choice(["sample", "files", "live"]), help="Data mode (environment: SOURCES).")
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Folder of downloads for files mode.")
@click.option("--port", type=click.IntRange(1024, 65535), default=8080, show_default=True, help="Port of the UI.")
def run_command(leave: bool | None, sources: str | None, data: Path | None, port: int) -> None:
    """Run Airflow here, refresh every source and publish a release."""
    if sources:
        os.environ["SOURCES"] = sources
    if data:
        os.environ["DATA"] = str(data)
    if leave is None:
        leave = os.environ.get("EXIT", "").lower() not in ("", "0", "no", "false")
    sys.exit(run(leave=leave, port=port, console=Console(highlight=False)))


@click.command("stop")
def stop_command() -> None:
    """End the run that uses this data root."""
    home = Home(settings().data / "airflow")
    running = home.running()
    if not running:
        killed = end_processes(home.path, 10, ask=True)
        click.echo("No run is using this data root." + (f" {killed} leftover processes were ended." if killed else ""))
        return
    os.kill(int(running["pid"]), signal.SIGTERM)
    deadline = time.monotonic() + 60
    while home.running() and time.monotonic() < deadline:
        time.sleep(0.2)
    click.echo(f"The run of process {running['pid']} has ended.")


def run(*, leave: bool, port: int, console: Console) -> int:
    """The whole main job; returns the exit code (0 published or unchanged, 1 failed, 130 interrupted)."""
    if address := settings().store:
        raise UsageError(
            f"A run on this machine works on a folder, and AGROCLUSTER_DATA is {address}.",
            remedy="Name a folder, use `agrocluster refresh`, or set up a server as docs/deployment.md says.",
        )
    home = Home(settings().data / "airflow")
    home.prepare()
    if settings().mode == "files":
        _show_files(console)
    with home.locked(), claimed_ports(port, SAMPLE_PORT) as (ui_port, sample_port), _signals():
        end_processes(home.path, 10, ask=True)
        components = Components(home.logs, home.path)
        job = Run(home, components, console, ui_port, sample_port)
        round_ = Round(sorted(f"ingest_{dataset_id}" for dataset_id in catalog().datasets))
        try:
            began = time.monotonic()
            problem = _round(job, round_)
            if problem or round_.failed:
                summary.failure(console, round_, problem, home.logs)
                return 1
            summary.success(console, round_, time.monotonic() - began)
            if not leave:
                _stay(job)
        except Stopped:
            console.print("Stopping ...")
            return 0 if round_.ended and not round_.failed else 130
        except AgroclusterError as error:
            summary.failure(console, round_, str(error), home.logs)
            return 1
        finally:
            with _deaf():
                components.stop()
    return 0


def _show_files(console: Console) -> None:
    """What the files of the folder are and what is wrong with them. UsageError when none can be used."""
    from agrocluster.importing.land import survey
    from agrocluster.importing.report import render, totals

    found = survey(settings().files or Path())
    console.print(render(found))
    console.print(totals(found), highlight=False)
    if not found.usable:
        raise UsageError(
            f"No file in {found.folder} can be used.", remedy="The table says why; choose another folder with DATA."
        )


def _round(job: Run, round_: Round) -> str | None:
    """Start everything, trigger every ingest Dag and follow; returns what Airflow failed to do, if anything."""
    airflow = _start(job)
    wanted = {*round_.ingest, MARTS, RELEASE}
    job.wait("Airflow to read the Dags", lambda: wanted <= set(airflow.dags()) or _refuse(airflow))
    airflow.unpause_all()
    airflow.forget_asset_events([MARTS, RELEASE])
    job.wait("the scheduler", lambda: airflow.healthy().get("scheduler") == "healthy")
    job.wait("the sample source server", lambda: _answers(job.sample))
    since = datetime.now(UTC)
    for dag_id in round_.ingest:
        airflow.trigger(dag_id, f"run__{since:%Y-%m-%dT%H:%M:%S}")
    return follow(airflow, round_, since, job.check, job.console)


def _start(job: Run) -> Airflow:
    """Start every component in the order that is quickest and safe; returns the client, logged in."""
    data, home = settings().data, job.home
    job.sample = _start_sample(job, data) if settings().mode == "sample" else None
    env = environment(home, data, job.port, addresses(job.sample) if job.sample else {})
    known = home.database.exists()
    job.console.print(f"Starting Airflow on {job.url} (data root {data}) ...")
    _migrate(job, env)
    job.components.start("api-server", _airflow("api-server"), env)
    patient = {**env, **sqlite.PATIENT}
    job.components.start("dag-processor", _airflow("dag-processor"), patient)
    if not known:
        job.components.start("scheduler", SCHEDULER, patient)
    airflow = Airflow(job.url, USER, home.password())
    job.wait("the api-server", lambda: airflow.healthy().get("metadatabase") == "healthy")
    airflow.log_in()
    airflow.set_pools(pools(catalog().sources.values()))
    if known:
        if left := airflow.fail_unfinished():
            job.console.print(f"Runs left unfinished by an earlier session were ended: {', '.join(left)}.")
        job.components.start("scheduler", SCHEDULER, patient)
    home.announce(pid=os.getpid(), url=job.url)
    return airflow


def _start_sample(job: Run, data: Path) -> str:
    """Start the sample source server; it makes its data while Airflow starts. Returns its address.

    ``AGROCLUSTER_SAMPLE_FAULTS`` (JSON, see ``agrocluster.sample.faults``) lets it misbehave, to show what a run
    does about it.
    """
    url = f"http://{LOOPBACK}:{job.sample_port}"
    command = [sys.executable, "-m", "agrocluster.sample", "--port", str(job.sample_port)]
    command += ["--cache", str(data / "sample")]
    command += ["--faults", os.environ.get("AGROCLUSTER_SAMPLE_FAULTS") or "[]"]
    job.components.start("sample-server", command, os.environ)
    job.console.print(f"Starting the sample source server on {url} ...")
    return url


def _answers(url: str | None) -> bool:
    """Whether the sample source server is ready, or none is needed."""
    try:
        return url is None or requests.get(f"{url}/_sample/health", timeout=5).ok
    except requests.RequestException:
        return False


def _migrate(job: Run, env: dict[str, str]) -> None:
    stamp = job.home.path / f"migrated-{version('apache-airflow-core')}"
    if stamp.exists() and job.home.database.exists():
        return
    migration = job.components.start("migration", _airflow("db", "migrate"), env)
    if migration.process.wait():
        raise AirflowError(
            f"Airflow's database could not be prepared.\n{migration.tail()}",
            remedy=f"Delete {job.home.database} and run again; no data of ours are in it.",
        )
    job.components.running.remove(migration)
    sqlite.share(job.home.database)
    stamp.touch()


def _airflow(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "airflow", *arguments]


def _refuse(airflow: Airflow) -> bool:
    if errors := airflow.import_errors():
        raise AirflowError("Dag files cannot be read: " + "; ".join(errors))
    return False


def _stay(job: Run) -> None:
    console = job.console
    console.print(f"User interface: {job.url} (user {USER}, password {job.home.password()})", soft_wrap=True)
    console.print("Ctrl-C ends it.")
    while True:
        job.check()
        time.sleep(1)


@contextmanager
def _signals() -> Iterator[None]:
    """SIGINT and SIGTERM become Stopped."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _deaf() -> Iterator[None]:
    """While the components are being stopped, a second Ctrl-C must not leave some behind."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
