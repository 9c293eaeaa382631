"""How tasks behave when something goes wrong, and how much may happen at once.

One retry policy for all Dags, by exception class: waiting heals a source that is down, it does not heal data.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryDecision, RetryRule

from agrocluster.errors import DataGateError, SourceContractError, SourceUnavailable, StorageError, UsageError
from agrocluster.orchestration.callbacks import report_failure
from agrocluster.orchestration.deadlines import deadline

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

OWNER = "agrocluster"
START = pendulum.datetime(2026, 1, 1, tz="UTC")
"""A fixed start date: Dag files must be the same at every parse. Nothing is caught up from it."""

RETRIES = 4
BACK_OFF = 2.0


LONGEST_WAIT_S = 24 * 3600.0


class KindRetryPolicy(ExceptionRetryPolicy):
    """Exception rules, plus what they cannot express: storage errors are tried again once, not four times, and a
    publisher that says when to come back is asked again then, or not at all if that is more than a day away."""

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Decide in the task process what follows ``exception``; ``try_number`` counts from 1."""
        if isinstance(exception, StorageError) and try_number > 1:
            return RetryDecision.fail("the storage failed twice; somebody has to look")
        if isinstance(exception, SourceUnavailable) and exception.retry_after is not None:
            if exception.retry_after > LONGEST_WAIT_S:
                return RetryDecision.fail("the publisher asks to wait for more than a day")
            return RetryDecision.retry(timedelta(seconds=exception.retry_after), "the publisher said when to come back")
        return super().evaluate(exception, try_number, max_tries, context)


RETRY = KindRetryPolicy(
    rules=[
        RetryRule(
            exception=[SourceContractError, DataGateError, UsageError],
            action=RetryAction.FAIL,
            reason="data and catalogue do not heal by waiting",
        ),
        RetryRule(exception=SourceUnavailable, reason="the source may answer later"),
        RetryRule(exception=StorageError, reason="one more try in case the disk had a moment"),
    ],
    default=RetryAction.FAIL,
)


PATIENT = timedelta(days=21)
"""A run that lives on a daily allowance may take weeks: history is fetched once, a day's worth at a time."""


def retry_delay() -> timedelta:
    """First delay before a retry; doubles each time. ``AGROCLUSTER_RETRY_DELAY_S``, default two minutes."""
    return timedelta(seconds=float(os.environ.get("AGROCLUSTER_RETRY_DELAY_S") or 120))


def default_args() -> dict[str, Any]:
    """Arguments of every task."""
    return {
        "owner": OWNER,
        "retries": RETRIES,
        "retry_delay": retry_delay(),
        "retry_exponential_backoff": BACK_OFF,
        "max_retry_delay": timedelta(minutes=30),
        "retry_policy": RETRY,
        "on_failure_callback": report_failure,
        "execution_timeout": timedelta(hours=2),
    }


def dag_args(tier: str, lasting: timedelta = timedelta(hours=6)) -> dict[str, Any]:
    """Arguments of every Dag of a tier: one run at a time, nothing caught up, stopped when it cannot end within
    ``lasting``; a run that may be patient has no deadline either."""
    start: datetime = START
    return {
        "start_date": start,
        "catchup": False,
        "max_active_runs": 1,
        "dagrun_timeout": lasting,
        "default_args": default_args(),
        "deadline": deadline(tier) if lasting < PATIENT else None,
        "render_template_as_native_obj": True,
    }


def started_by_hand() -> bool:
    """Whether ``AGROCLUSTER_SCHEDULE=manual`` says that somebody else starts the Dags, all in one round."""
    return os.environ.get("AGROCLUSTER_SCHEDULE") == "manual"


def schedule(cron: str) -> str | None:
    """``cron``, or None where somebody else starts the Dags."""
    return None if started_by_hand() else cron
