"""Follows the Dag runs of one round, from the ingest Dags to the release, and shows how far they are.

Knows Airflow only through its REST API. Ends when the round has ended: published, unchanged or failed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from agrocluster.orchestration.rest import UNFINISHED, Airflow

MARTS, RELEASE = "marts", "release"
DONE = ("success", "skipped", "failed", "upstream_failed", "removed")
POSTPONED = "up_for_reschedule"
POLL_S = 1.5
DETAILS_S = 6.0
"""How old the counts of tasks may be while no run changes its state: listing them is Airflow's dearest answer."""
HANDOVER_S = 120.0
"""How long an asset event may take to start the next Dag before that counts as a failure of Airflow."""


@dataclass
class DagState:
    """What is known about the run of one Dag in this round."""

    dag_id: str
    state: str = "waiting"
    done: int = 0
    total: int = 0
    rows: int | None = None
    note: str = ""
    run_id: str = ""
    seconds: float | None = None
    moving: int = 0
    postponed: int = 0

    @property
    def finished(self) -> bool:
        """Whether the run has ended."""
        return self.state in ("success", "failed")

    def line(self) -> str:
        """One plain line."""
        rows = "" if self.rows is None else f", {self.rows:,} rows"
        return f"{self.dag_id}: {self.state}, tasks {self.done}/{self.total}{rows}{self.note and ', ' + self.note}"


@dataclass
class Round:
    """The Dags of one round by id, ingest Dags first."""

    ingest: list[str]
    states: dict[str, DagState] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.states = {dag_id: DagState(dag_id) for dag_id in (*self.ingest, MARTS, RELEASE)}

    def take(self, runs: Iterable[dict[str, Any]], tasks: Iterable[dict[str, Any]], events: Iterable[Any]) -> None:
        """Take over what Airflow reports; the newest run of a Dag counts."""
        for run in sorted(runs, key=lambda run: run["run_after"]):
            if state := self.states.get(run["dag_id"]):
                state.state, state.run_id, state.seconds = run["state"], run["dag_run_id"], run.get("duration")
                state.done = state.total = state.moving = state.postponed = 0
        listed = [task for task in tasks if self._is_mine(task)]
        for task in listed:
            state = self.states[task["dag_id"]]
            state.total += 1
            state.done += task["state"] in DONE
            state.postponed += task["state"] == POSTPONED
            state.moving += task["state"] not in (None, POSTPONED, *DONE)
            if task["task_id"] == "plan_release" and task["state"] == "skipped":
                state.note = "nothing changed"
        for state in self.states.values():
            if state.postponed:
                state.note = f"{state.postponed} wait for the publisher's next daily allowance"
        for event in events:
            if state := self.states.get(event.get("source_dag_id") or ""):
                _take_event(state, event.get("extra") or {})

    def _is_mine(self, task: dict[str, Any]) -> bool:
        state = self.states.get(task["dag_id"])
        return state is not None and state.run_id == task["dag_run_id"]

    @property
    def failed(self) -> list[DagState]:
        """Dags whose run has failed."""
        return [state for state in self.states.values() if state.state == "failed"]

    @property
    def postponed(self) -> list[DagState]:
        """Ingest Dags that wait for a publisher's next daily allowance and for nothing else."""
        listed = [self.states[dag_id] for dag_id in self.ingest]
        return [s for s in listed if s.state in UNFINISHED and s.postponed and not s.moving]

    @property
    def ingested(self) -> bool:
        """Whether all ingest runs have ended, or will do nothing more today."""
        waiting = {state.dag_id for state in self.postponed}
        return all(self.states[dag_id].finished or dag_id in waiting for dag_id in self.ingest)

    @property
    def unchanged(self) -> bool:
        """Whether the marts Dag found that nothing is to be built."""
        return self.states[MARTS].state == "success" and bool(self.states[MARTS].note)

    @property
    def published(self) -> bool:
        """Whether a release was published in this round, whatever came after that."""
        return self.states[RELEASE].rows is not None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen in this round, today."""
        if not self.ingested:
            return False
        return bool(self.failed) or self.unchanged or self.states[RELEASE].state == "success"

    @property
    def running(self) -> bool:
        """Whether a Dag has yet to end today."""
        waiting = self.postponed
        return any(state.state in UNFINISHED and state not in waiting for state in self.states.values())

    @property
    def waiting_for(self) -> str | None:
        """The Dag that should have been started by an asset event by now, if it has not."""
        if not self.ingested or self.failed or self.ended:
            return None
        if self.states[MARTS].state == "waiting":
            return MARTS
        if self.states[MARTS].state == "success" and self.states[RELEASE].state == "waiting":
            return RELEASE
        return None


def _take_event(state: DagState, extra: dict[str, Any]) -> None:
    if extra.get("changed") is False:
        state.note = str(extra.get("absent") or f"unchanged since {extra.get('stamp')}")
    if rejected := sum((extra.get("quarantined") or {}).values()):
        state.note = f"{rejected:,} rows in quarantine: agrocluster check --failed"
    rows = extra.get("rows")
    if not isinstance(rows, dict) and state.dag_id in (MARTS, RELEASE):
        return
    state.rows = sum(rows.values()) if isinstance(rows, dict) else rows


def follow(
    airflow: Airflow, current: Round, since: datetime, check: Callable[[], None], console: Console
) -> str | None:
    """Poll until the round has ended. Returns None, or what Airflow failed to do.

    Where only a publisher's daily allowance holds the round up, the marts are started without it: the release takes
    what is there, and a later one the rest. ``check`` is called at every poll and raises when the run cannot go on
    (a component died, a signal came).
    """
    handover: tuple[str, float] | None = None
    details = _Details(airflow, since)
    with _display(current, console) as show:
        while True:
            check()
            runs = [run for run in airflow.runs_since(since) if run["dag_id"] in current.states]
            current.take(runs, *details.of(runs))
            show()
            if current.ended and not current.running:
                return None
            late = current.waiting_for
            if late == MARTS and current.postponed:
                airflow.trigger(MARTS, f"run__{since:%Y-%m-%dT%H:%M:%S}")
            if late is None or handover is None or handover[0] != late:
                handover = (late, time.monotonic()) if late else None
            elif time.monotonic() - handover[1] > HANDOVER_S:
                return f"Airflow did not start the Dag {late} within {HANDOVER_S:.0f} s of its asset events."
            time.sleep(POLL_S)


class _Details:
    """Tasks and asset events of the round, asked for again when a run changed its state, or now and then."""

    def __init__(self, airflow: Airflow, since: datetime) -> None:
        self._airflow, self._since = airflow, since
        self._states: dict[tuple[str, str], str] = {}
        self._asked = float("-inf")
        self._known: tuple[list[Any], list[Any]] = ([], [])

    def of(self, runs: Iterable[dict[str, Any]]) -> tuple[list[Any], list[Any]]:
        """Tasks and events, no older than the states of ``runs`` or than ``DETAILS_S``."""
        states = {(run["dag_id"], run["dag_run_id"]): run["state"] for run in runs}
        if states != self._states or time.monotonic() - self._asked > DETAILS_S:
            self._known = (self._airflow.tasks_since(self._since), self._airflow.events_since(self._since))
            self._states, self._asked = states, time.monotonic()
        return self._known


class _display:
    """A live table on a terminal; elsewhere one line whenever a Dag starts or ends."""

    def __init__(self, current: Round, console: Console) -> None:
        self._round, self._console = current, console
        self._live = Live(console=console, refresh_per_second=4) if console.is_terminal else None
        self._said: dict[str, str] = {}
        self._began = time.monotonic()

    def __enter__(self) -> Callable[[], None]:
        if self._live:
            self._live.start()
        return self._show

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def _show(self) -> None:
        if self._live:
            self._live.update(self._table())
            return
        for state in self._round.states.values():
            if state.state != "waiting" and self._said.get(state.dag_id) != state.state:
                self._said[state.dag_id] = state.state
                line = f"[{time.monotonic() - self._began:5.0f} s] {state.line()}"
                self._console.print(line, markup=False, soft_wrap=True)

    def _table(self) -> Table:
        table = Table(title=f"{time.monotonic() - self._began:.0f} s", title_justify="left", box=None, pad_edge=False)
        for name, justify in (("Dag", "left"), ("state", "left"), ("tasks", "right"), ("rows", "right"), ("", "left")):
            table.add_column(name, justify=justify)  # type: ignore[arg-type]
        colours = {"success": "green", "failed": "red", "running": "cyan", "queued": "yellow"}
        for state in self._round.states.values():
            rows = "" if state.rows is None else f"{state.rows:,}"
            colour = colours.get(state.state, "dim")
            table.add_row(state.dag_id, f"[{colour}]{state.state}[/]", f"{state.done}/{state.total}", rows, state.note)
        return table
