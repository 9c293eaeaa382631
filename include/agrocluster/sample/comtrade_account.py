"""Keys, caps and quotas of the sample's UN Comtrade, and what its gateway says when something is not allowed.

The free key answers up to ``cap`` records and ``quota`` calls per UTC day of the server's own clock; the premium
key has a larger cap and may use the bulk and asynchronous services. Without a key there is the preview. All numbers
can be set when the server starts and while it runs.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from starlette.responses import Response

FREE_KEY, PREMIUM_KEY = "sample-key", "sample-premium-key"
_DENIED = '{{ "statusCode": 401, "message": "Access denied due to {} subscription key. {}" }}'
_MISSING = ("missing", "Make sure to include subscription key when making requests to an API.")
_BAD = ("invalid", "Make sure to provide a valid key for an active subscription.")
NOT_FOUND = '{ "statusCode": 404, "message": "Resource not found" }'
RATE = '{{ "statusCode": 429, "message": "Rate limit is exceeded. Try again in {} seconds." }}'
_QUOTA = '{{"statusCode":403,"message":"Out of call volume quota. Quota will be replenished in {}."}}'


def gateway(status: int, body: str, **headers: str) -> Response:
    return Response(body, status, headers, "application/json")


@dataclass
class Limits:
    """What an account may do; ``calls_per_second`` null means that no rate is held against the caller."""

    cap: int = 100_000
    premium_cap: int = 250_000
    preview_cap: int = 500
    quota: int = 500
    max_periods: int = 12
    preview_periods: int = 12
    calls_per_second: float | None = None

    def change(self, wanted: dict[str, Any]) -> None:
        known = {entry.name for entry in fields(self)}
        for name, value in wanted.items():
            if name not in known:
                raise ValueError(f"unknown setting {name!r}: choose one of {', '.join(sorted(known))}, reset")
            if value is None and name == "calls_per_second":
                continue
            least = {"quota": 0, "calls_per_second": 0.001}.get(name, 1)
            if isinstance(value, bool) or not isinstance(value, int | float) or value < least:
                raise ValueError(f"{name} must be a number of at least {least}, not {value!r}")
        for name, value in wanted.items():
            setattr(self, name, value)


@dataclass
class Account:
    """What each key has used; one per server."""

    limits: Limits = field(default_factory=Limits)
    used: dict[tuple[str, str], int] = field(default_factory=dict)
    jobs: list[str] = field(default_factory=list)
    _last: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def change(self, wanted: dict[str, Any]) -> None:
        """Set limits; ``{"reset": true}`` forgets the calls that were counted."""
        with self._lock:
            self.limits.change({name: value for name, value in wanted.items() if name != "reset"})
            if wanted.get("reset"):
                self.used.clear()
                self.jobs.clear()
                self._last.clear()

    def show(self, now: str) -> dict[str, Any]:
        day = parsedate_to_datetime(now).date().isoformat()
        used = {key: count for (key, when), count in self.used.items() if when == day}
        return vars(self.limits) | {"day": day, "used": used}

    def refuse(self, key: str | None, now: str, *, premium: bool = False) -> Response | None:
        """Count one keyed call; the gateway's refusal when it may not be made."""
        if not key:
            return gateway(401, _DENIED.format(*_MISSING))
        if key not in (FREE_KEY, PREMIUM_KEY) or (premium and key != PREMIUM_KEY):
            return gateway(401, _DENIED.format(*_BAD))
        with self._lock:
            return self._too_fast(key) or self._spent(key, parsedate_to_datetime(now).astimezone(UTC))

    def _too_fast(self, key: str) -> Response | None:
        rate, moment = self.limits.calls_per_second, time.monotonic()
        if rate is not None and moment - self._last.get(key, 0.0) < 1 / rate:
            wait = max(1, round(1 / rate))
            return gateway(429, RATE.format(wait), **{"Retry-After": str(wait)})
        self._last[key] = moment
        return None

    def _spent(self, key: str, now: datetime) -> Response | None:
        day = now.date().isoformat()
        if self.used.get((key, day), 0) >= self.limits.quota:
            midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
            left = int((midnight - now).total_seconds())
            clock = f"{left // 3600:02d}:{left // 60 % 60:02d}:{left % 60:02d}"
            return gateway(403, _QUOTA.format(clock), **{"Retry-After": str(left)})
        self.used[key, day] = self.used.get((key, day), 0) + 1
        return None

    def cap_of(self, key: str | None) -> int:
        if key is None:
            return self.limits.preview_cap
        return self.limits.premium_cap if key == PREMIUM_KEY else self.limits.cap
