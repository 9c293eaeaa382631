"""A daily allowance is never overdrawn, whoever spends it, and survives whoever is killed while spending it."""

from __future__ import annotations

import json
import pickle
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agrocluster.errors import QuotaExhausted, SourceUnavailable
from agrocluster.storage.budget import Budget

NOON = datetime(2026, 7, 13, 12, 0, tzinfo=UTC)
SPENDER = """
import sys
from datetime import UTC, datetime
from agrocluster.errors import QuotaExhausted
from agrocluster.storage.budget import Budget
noon = datetime(2026, 7, 13, 12, 0, tzinfo=UTC)
budget, made = Budget("comtrade", "key", int(sys.argv[1]), lambda: noon), 0
try:
    while True:
        budget.spend()
        made += 1
        print(made, flush=True)
except QuotaExhausted:
    pass
"""


class Clock:
    def __init__(self, time: datetime = NOON) -> None:
        self.time = time

    def __call__(self) -> datetime:
        return self.time


def spend(budget: Budget, calls: int) -> int:
    made = 0
    for _ in range(calls):
        try:
            budget.spend()
        except QuotaExhausted:
            break
        made += 1
    return made


def test_an_allowance_ends_and_the_next_utc_day_has_another(data_root):
    clock = Clock()
    budget = Budget("comtrade", "key", 3, clock)
    assert budget.left() == 3
    assert spend(budget, 5) == 3
    assert (budget.left(), budget.resume_at()) == (0, datetime(2026, 7, 14, tzinfo=UTC))
    with pytest.raises(QuotaExhausted, match="3 calls a day") as caught:
        budget.spend()
    assert isinstance(caught.value, SourceUnavailable)
    assert caught.value.resume_at == datetime(2026, 7, 14, tzinfo=UTC)
    assert "COMTRADE_CALLS_PER_DAY" in str(caught.value)
    clock.time = caught.value.resume_at - timedelta(seconds=1)
    assert budget.left() == 0
    clock.time = caught.value.resume_at
    assert (budget.left(), budget.resume_at()) == (3, None)
    assert spend(budget, 5) == 3


def test_keys_publishers_and_worlds_have_accounts_of_their_own(data_root, monkeypatch):
    one = Budget("comtrade", "key", 2, Clock())
    assert spend(one, 9) == 2
    for other in (Budget("comtrade", "other", 2, Clock()), Budget("comtrade", None, 2, Clock())):
        assert other.left() == 2
    assert Budget("wto", "key", 2, Clock()).left() == 2
    monkeypatch.setenv("SOURCES", "live")
    assert one.left() == 2


def test_the_key_is_never_stored(data_root: Path):
    budget = Budget("comtrade", "s3cret-key", 2, Clock())
    budget.spend()
    files = list((data_root / "state").rglob("*"))
    assert all("s3cret" not in str(path) for path in files)
    assert all("s3cret" not in path.read_text() for path in files if path.is_file())
    assert "s3cret" not in repr(budget)


def test_what_the_publisher_says_closes_the_account_until_then(data_root):
    clock = Clock()
    budget = Budget("comtrade", "key", 10, clock)
    error = pickle.loads(pickle.dumps(budget.close(NOON + timedelta(hours=2))))
    assert error.resume_at == NOON + timedelta(hours=2)
    with pytest.raises(QuotaExhausted):
        budget.spend()
    clock.time += timedelta(hours=2)
    assert budget.left() == 10
    budget.close(NOON + timedelta(days=900))
    assert budget.resume_at() == clock.time + timedelta(hours=25), "a day's allowance is back after a day"


def test_two_processes_together_make_no_call_too_many(data_root):
    command = [sys.executable, "-c", SPENDER, "60"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    made = [len(process.communicate(timeout=60)[0].splitlines()) for process in processes]
    assert sum(made) == 60
    assert spend(Budget("comtrade", "key", 60, Clock()), 1) == 0


def test_a_process_that_is_killed_while_spending_costs_at_most_one_call(data_root: Path):
    process = subprocess.Popen([sys.executable, "-c", SPENDER, "100000"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for _ in range(20):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    made = 20 + len(process.stdout.readlines())
    process.wait()
    budget = Budget("comtrade", "key", 100_000, Clock())
    assert made <= 100_000 - budget.left() <= made + 1
    state = json.loads(budget.path.read_text())
    assert state["spent"] == 100_000 - budget.left()
    budget.spend()
