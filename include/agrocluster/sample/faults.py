"""Faults that can be switched on while the server runs: which request, what goes wrong, how often.

Every fault is deterministic: it strikes the next ``times`` matching requests, or all of them. Wire faults live in
``wire_faults``; faults in archives are handed to the route through the scope, because only the route knows the file.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from agrocluster.sample.altered import ARCHIVE_FAULTS
from agrocluster.sample.comtrade_faults import COMTRADE_ROW_FAULTS
from agrocluster.sample.wire_faults import JSON_ROW_FAULTS, WIRE_FAULTS, Call

NAMES = frozenset([*WIRE_FAULTS, *ARCHIVE_FAULTS, *COMTRADE_ROW_FAULTS])


@dataclass
class Fault:
    match: str
    fault: str
    times: int | None = None
    params: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.fault not in NAMES:
            raise ValueError(f"unknown fault {self.fault!r}: choose one of {', '.join(sorted(NAMES))}")
        if not isinstance(self.params, dict) or not (self.times is None or self.times > 0):
            raise ValueError("params must be an object, times a positive number or null")
        re.compile(self.match)


class Faults:
    def __init__(self, initial: list[dict[str, Any]] | None = None) -> None:
        self._lock = threading.Lock()
        self.active = [Fault(**entry) for entry in initial or []]

    def add(self, entry: dict[str, Any]) -> None:
        fault = Fault(**entry)
        with self._lock:
            self.active.append(fault)

    def clear(self) -> None:
        with self._lock:
            self.active.clear()

    def strike(self, target: str) -> Fault | None:
        """The first fault whose pattern matches; one that has struck often enough is gone."""
        with self._lock:
            for fault in self.active:
                if re.search(fault.match, target):
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times == 0:
                            self.active.remove(fault)
                    return fault
        return None


async def apply(fault: Fault, scope: Scope, receive: Receive, send: Send, app: ASGIApp) -> None:
    # What is about to be altered has to be readable.
    headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
    scope = {**scope, "headers": headers}
    call = Call(fault.params, scope, receive, send, app)
    if fault.fault in WIRE_FAULTS:
        await WIRE_FAULTS[fault.fault](call)
    elif scope["path"].startswith("/worldbank/") and fault.fault in JSON_ROW_FAULTS:
        await call.rewrite_json(JSON_ROW_FAULTS[fault.fault])
    elif scope["path"].startswith("/comtrade/") and fault.fault in COMTRADE_ROW_FAULTS:
        await call.rewrite_json(COMTRADE_ROW_FAULTS[fault.fault])
    else:
        await app({**scope, "sample.fault": fault}, receive, send)
