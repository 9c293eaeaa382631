"""Following a round: when it has ended, and what is said while it goes on."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from agrocluster.orchestration import follow as following
from agrocluster.orchestration.follow import Round, follow

RUN = {"dag_run_id": "r1", "run_after": "2026-01-01T00:00:00Z"}


def run(dag_id: str, state: str, **more: Any) -> dict[str, Any]:
    return {**RUN, "dag_id": dag_id, "state": state, **more}


def task(dag_id: str, task_id: str, state: str | None, **more: Any) -> dict[str, Any]:
    return {"dag_run_id": "r1", "dag_id": dag_id, "task_id": task_id, "state": state, **more}


def taken(runs: list[Any], tasks: list[Any] = (), events: list[Any] = ()) -> Round:  # type: ignore[assignment]
    current = Round(["ingest_a", "ingest_b"])
    current.take(runs, tasks, events)
    return current


INGESTED = [run("ingest_a", "success"), run("ingest_b", "success")]


def test_a_round_goes_on_until_the_release_is_published() -> None:
    assert not taken(INGESTED).ended
    assert taken(INGESTED).waiting_for == "marts"
    assert taken([*INGESTED, run("marts", "success")]).waiting_for == "release"
    assert not taken([*INGESTED, run("marts", "success"), run("release", "running")]).ended
    done = taken([*INGESTED, run("marts", "success"), run("release", "success")])
    assert done.ended
    assert not done.unchanged


def test_a_round_without_changes_ends_with_the_plan() -> None:
    skipped = [task("marts", "plan_release", "skipped"), task("marts", "fact_trade", "skipped")]
    done = taken([*INGESTED, run("marts", "success")], skipped)
    assert done.ended
    assert done.unchanged


@pytest.mark.parametrize("runs", [[run("ingest_a", "failed"), INGESTED[1]], [*INGESTED, run("marts", "failed")]])
def test_a_failure_ends_the_round_when_the_others_have_ended(runs: list[dict[str, Any]]) -> None:
    assert taken(runs).ended
    assert len(taken(runs).failed) == 1
    assert not taken([run("ingest_a", "failed"), run("ingest_b", "running")]).ended


def test_the_newest_run_of_a_dag_counts() -> None:
    older = run("ingest_a", "failed", run_after="2025-01-01T00:00:00Z", dag_run_id="r0")
    current = taken([run("ingest_a", "running"), older], [task("ingest_a", "stage", "success", dag_run_id="r0")])
    assert (current.states["ingest_a"].state, current.states["ingest_a"].total) == ("running", 0)


def test_tasks_rows_and_unchanged_sources_are_told() -> None:
    events = [
        {"source_dag_id": "ingest_a", "extra": {"changed": True, "rows": 1234}},
        {"source_dag_id": "ingest_b", "extra": {"changed": False, "stamp": "2026-07-13"}},
        {"source_dag_id": "release", "extra": {"rows": {"x": 1, "y": 2}}},
        {"source_dag_id": None, "extra": None},
    ]
    current = taken(INGESTED, [task("ingest_a", "fetch", "success"), task("ingest_a", "stage", None)], events)
    assert current.states["ingest_a"].line() == "ingest_a: success, tasks 1/2, 1,234 rows"
    assert current.states["ingest_b"].note == "unchanged since 2026-07-13"
    assert current.states["release"].rows == 3


def test_a_round_that_waits_for_an_allowance_only_has_done_what_can_be_done_today() -> None:
    tasks = [task("ingest_a", "fetch", "success"), task("ingest_a", "fetch", "up_for_reschedule")]
    postponed = [run("ingest_a", "running"), INGESTED[1]]
    waiting = taken(postponed, [*tasks, task("ingest_a", "seal", None)])
    assert [state.dag_id for state in waiting.postponed] == ["ingest_a"]
    assert waiting.states["ingest_a"].note == "1 wait for the publisher's next daily allowance"
    assert (waiting.ingested, waiting.waiting_for, waiting.ended) == (True, "marts", False)
    busy = taken(postponed, [*tasks, task("ingest_a", "fetch", "running")])
    assert (busy.postponed, busy.ingested) == ([], False)
    assert not taken([run("ingest_a", "running"), run("ingest_b", "running")], tasks).ingested
    done = taken([*postponed, run("marts", "success"), run("release", "success")], tasks)
    assert (done.ended, done.running) == (True, False)


def test_marts_do_not_wait_for_tomorrows_allowance(monkeypatch: pytest.MonkeyPatch) -> None:
    postponed = [run("ingest_a", "running"), INGESTED[1]]
    script = Script(
        postponed,
        [*postponed, run("marts", "success"), run("release", "success")],
        tasks=[task("ingest_a", "fetch", "up_for_reschedule")],
    )
    problem, _ = followed(script, monkeypatch)
    assert problem is None
    assert script.triggered == ["marts"]


class Script:
    """An Airflow that goes through prepared answers, the last one for ever."""

    def __init__(self, *answers: list[dict[str, Any]], tasks: list[dict[str, Any]] | None = None) -> None:
        self.answers, self.tasks = list(answers), tasks or []
        self.triggered: list[str] = []
        self.listed = 0

    def trigger(self, dag_id: str, _: str) -> None:
        self.triggered.append(dag_id)

    def runs_since(self, _: datetime) -> list[dict[str, Any]]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def tasks_since(self, _: datetime) -> list[dict[str, Any]]:
        self.listed += 1
        return self.tasks

    def events_since(self, _: datetime) -> list[dict[str, Any]]:
        return []


def followed(script: Script, monkeypatch: pytest.MonkeyPatch) -> tuple[str | None, str]:
    monkeypatch.setattr(following, "POLL_S", 0.0)
    out = StringIO()
    current = Round(["ingest_a", "ingest_b"])
    console = Console(file=out, width=200)
    problem = follow(script, current, datetime.now(UTC), lambda: None, console)  # type: ignore[arg-type]
    return problem, out.getvalue()


def test_each_change_of_state_is_one_line_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    last = [*INGESTED, run("marts", "success"), run("release", "success")]
    problem, out = followed(Script([run("ingest_a", "running")], [run("ingest_a", "running")], last), monkeypatch)
    assert problem is None
    said = [line.partition("] ")[2].partition(",")[0] for line in out.splitlines()]
    assert said == [
        "ingest_a: running",
        "ingest_a: success",
        "ingest_b: success",
        "marts: success",
        "release: success",
    ]


def test_tasks_are_listed_again_only_when_a_run_changed_or_time_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    going, last = [run("ingest_a", "running")], [*INGESTED, run("marts", "success"), run("release", "success")]
    script = Script(going, going, going, INGESTED, INGESTED, last)
    followed(script, monkeypatch)
    assert script.listed == 3
    monkeypatch.setattr(following, "DETAILS_S", -1.0)
    script = Script(going, going, going, INGESTED, INGESTED, last)
    followed(script, monkeypatch)
    assert script.listed == 6


def test_an_asset_event_that_starts_nothing_is_reported_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "HANDOVER_S", 0.05)
    problem, _ = followed(Script(INGESTED), monkeypatch)
    assert problem is not None
    assert "did not start the Dag marts" in problem
