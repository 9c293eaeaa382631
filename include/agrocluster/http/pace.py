"""Politeness: how many requests a host gets at once and how far apart, across all threads of one process.

Across processes Airflow's pools (one per publisher) take over.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class HostPace:
    """At most ``connections`` requests at a time, their starts at least ``interval`` seconds apart."""

    def __init__(self, connections: int, interval: float) -> None:
        self._slots = threading.BoundedSemaphore(max(1, connections))
        self._interval = interval
        self._lock = threading.Lock()
        self._next = float("-inf")

    @contextmanager
    def turn(self, clock: Callable[[], float], pause: Callable[[float], None]) -> Iterator[None]:
        """Waits for a free connection and for the interval, then holds the connection for the block."""
        with self._slots:
            with self._lock:
                now = clock()
                start = max(now, self._next)
                self._next = start + self._interval
            if start > now:
                pause(start - now)
            yield


_paces: dict[tuple[str, int, float], HostPace] = {}
_paces_lock = threading.Lock()


def pace(host: str, connections: int, interval: float) -> HostPace:
    """The pace of a host, shared by every client of this process that asks it under the same terms."""
    with _paces_lock:
        return _paces.setdefault((host, connections, interval), HostPace(connections, interval))
