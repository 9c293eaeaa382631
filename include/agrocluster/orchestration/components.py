"""The processes of a local run: each in a session of its own, watched, and stopped without remains.

A component dies with the supervisor (parent-death signal). Everything it starts stays in its session, so the
recorded sessions tell which processes a killed run has left behind; they are ended before the next one begins.
(A mark in the environment would not do: Airflow's process titles overwrite it.)
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from agrocluster.storage import atomic

GRACE_S = 15.0
PR_SET_PDEATHSIG = 1


@dataclass
class Component:
    """One long-running process and where it logs."""

    name: str
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def tail(self, lines: int = 15) -> str:
        """The last lines of its log."""
        with suppress(OSError):
            return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
        return ""


@dataclass
class Components:
    """All components of a run, in the order in which they were started."""

    logs: Path
    home: Path
    running: list[Component] = field(default_factory=list)

    def start(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> Component:
        """Start a process whose output goes to ``<logs>/<name>.log`` (the last run's is kept as ``.1``)."""
        log = self.logs / f"{name}.log"
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603
                list(command),
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.home,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        component = Component(name, log, process)
        self.running.append(component)
        _record(self.home, process.pid)
        return component

    def dead(self) -> Component | None:
        """A component that ended although nobody asked it to, if any."""
        return next((component for component in self.running if not component.alive), None)

    def stop(self, grace: float = GRACE_S) -> None:
        """End everything: a polite signal in reverse order, then, after ``grace`` seconds, the hard one."""
        for component in reversed(self.running):
            with suppress(ProcessLookupError):
                component.process.send_signal(signal.SIGTERM)
        end_processes(self.home, grace)
        for component in self.running:
            component.process.wait()
        self.running.clear()
        _sessions_file(self.home).unlink(missing_ok=True)


def processes(home: Path) -> list[psutil.Process]:
    """Living processes of the recorded sessions of ``home``."""
    sessions = {sid for sid, started in _recorded(home).items() if _is_same(sid, started)}
    found = []
    for process in psutil.process_iter() if sessions else ():
        with suppress(psutil.Error, OSError):
            if os.getsid(process.pid) in sessions and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def end_processes(home: Path, grace: float, *, ask: bool = False) -> int:
    """Wait up to ``grace`` seconds for the processes of a run to end, then kill them; returns how many were killed.

    With ``ask`` they are asked to end first (leftovers of a run whose supervisor was killed).
    """
    if ask:
        for process in processes(home):
            with suppress(psutil.Error):
                process.terminate()
    deadline = time.monotonic() + grace
    while (left := processes(home)) and time.monotonic() < deadline:
        time.sleep(0.1)
    killed = len(left)
    while left:
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        time.sleep(0.1)
        left = processes(home)
    return killed


def memory(home: Path) -> int:
    """Bytes of memory the run uses, shared pages counted once (PSS)."""
    total = 0
    for process in processes(home):
        with suppress(psutil.Error, OSError):
            total += process.memory_full_info().pss
    return total


def _sessions_file(home: Path) -> Path:
    return home / "sessions.json"


def _recorded(home: Path) -> dict[int, float]:
    path = _sessions_file(home)
    return {int(sid): started for sid, started in atomic.read_json(path).items()} if path.exists() else {}


def _record(home: Path, leader: int) -> None:
    with suppress(psutil.Error):
        atomic.write_json(_sessions_file(home), {**_recorded(home), leader: psutil.Process(leader).create_time()})


def _is_same(sid: int, started: float) -> bool:
    """Whether session ``sid`` is the recorded one: a session without its leader keeps its number reserved."""
    try:
        return abs(psutil.Process(sid).create_time() - started) < 1.0
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
