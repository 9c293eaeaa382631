"""Our own figures among Airflow's metrics: gauges, sent wherever ``[metrics]`` of Airflow's configuration says.

Without such a setting nothing is counted and nothing is sent. A metric that cannot be sent fails no task.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from airflow.sdk.configuration import conf
from airflow.sdk.observability import stats

from agrocluster.board.freshness import Freshness

log = logging.getLogger(__name__)
SWITCHES = ("otel_on", "statsd_on", "statsd_datadog_enabled")
ROWS = "agrocluster.mart.rows"
FAILING = "agrocluster.rules.failing"
AGE = "agrocluster.dataset.age_days"
ALLOWED = "agrocluster.dataset.allowed_days"
PUBLISHED = "agrocluster.release.published"


def on() -> bool:
    """Whether somebody collects metrics."""
    return any(conf.getboolean("metrics", switch, fallback=False) for switch in SWITCHES)


def release(rows: Mapping[str, int], data_mode: str) -> None:
    """A release was published: rows of every mart, and the event itself."""
    for mart, count in rows.items():
        _gauge(ROWS, count, mart=mart, data_mode=data_mode)
    _gauge(PUBLISHED, 1, data_mode=data_mode)


def quality() -> None:
    """Rules that are broken now, by severity; zero where none is."""
    if not on():
        return
    from agrocluster.quality import report

    try:
        found = Counter(row["severity"] for row in report.last(failed_only=True))
    except Exception:
        log.exception("Broken rules could not be counted.")
        return
    for severity in ("critical", "warning", "info"):
        _gauge(FAILING, found[severity], severity=severity)


def freshness(entries: Iterable[Freshness]) -> None:
    """Age of every dataset that was ever fetched, and the age that is usual, in days."""
    for entry in entries:
        if entry.age_days is not None:
            _gauge(AGE, entry.age_days, dataset=entry.dataset_id)
            _gauge(ALLOWED, entry.allowed_days, dataset=entry.dataset_id)


def _gauge(name: str, value: float, **tags: Any) -> None:
    try:
        stats.gauge(name, value, tags=tags)
    except Exception:
        log.exception("The metric %s could not be sent.", name)
