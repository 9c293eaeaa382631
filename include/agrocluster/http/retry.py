"""Which faults heal by waiting, and how long to wait. Pure decisions; sleeping is the client's business.

Retried: broken connections, time-outs, truncated bodies, 429, 500, 502, 503, 504 and, where the source declares
it, the World Bank's random 400 with an HTML page. Nothing else: asking again for a wrong address is rude.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

TRANSIENT = frozenset({429, 500, 502, 503, 504})
BACKOFF_ENV = "AGROCLUSTER_HTTP_BACKOFF"


class Transient(Exception):
    """A fault that may heal. ``retry_after``: seconds the publisher asked to wait, if it did."""

    def __init__(self, problem: str, retry_after: float | None = None) -> None:
        super().__init__(problem)
        self.problem, self.retry_after = problem, retry_after


def is_transient(status: int, content_type: str, *, html_400: bool) -> bool:
    """Whether an answer with this status is worth asking again."""
    return status in TRANSIENT or (html_400 and status == 400 and "html" in content_type.lower())


LONGEST = 366 * 86_400.0
"""No publisher means a longer wait; larger numbers are cut to this many seconds."""


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds the ``Retry-After`` header asks for (number or HTTP date), None if it is absent or unreadable."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    if value.isdecimal():
        return min(float(value), LONGEST)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - now).total_seconds()), LONGEST)


@dataclass(frozen=True)
class Backoff:
    """Exponential back-off with jitter.

    Attributes:
        attempts: tries in all.
        first_s: wait after the first failure, doubled each time up to ``longest_s``; jitter takes up to half of it.
        longest_wait_asked_s: a longer ``Retry-After`` is not slept through but reported.
        scale: factor on our own waits (environment ``AGROCLUSTER_HTTP_BACKOFF``), never on ``Retry-After``.
    """

    attempts: int = 5
    first_s: float = 1.0
    longest_s: float = 60.0
    longest_wait_asked_s: float = 120.0
    scale: float = field(default_factory=lambda: float(os.environ.get(BACKOFF_ENV) or 1.0))
    jitter: Callable[[], float] = random.SystemRandom().random

    def wait(self, failures: int, asked: float | None) -> float | None:
        """Seconds to wait after ``failures`` failures, None if the publisher asks for longer than we wait."""
        own = min(self.longest_s, self.first_s * 2.0 ** (failures - 1)) * (1 - self.jitter() / 2) * self.scale
        if asked is None:
            return own
        return None if asked > self.longest_wait_asked_s else max(asked, own)
