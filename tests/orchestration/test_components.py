"""Processes of a run: nothing is left behind, whoever ends and however."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from agrocluster.orchestration.components import Components, end_processes, memory, processes

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
PARENT = f"import os, subprocess, sys; subprocess.Popen([sys.executable, '-c', {STUBBORN!r}], preexec_fn=os.setpgrp); "
PARENT += "import time; time.sleep(60)"


@pytest.fixture
def components(tmp_path: Path) -> Components:
    return Components(tmp_path, tmp_path)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def start(components: Components, name: str, code: str) -> None:
    components.start(name, [sys.executable, "-c", code], os.environ)


def test_stop_ends_every_process_even_those_that_do_not_listen(components: Components) -> None:
    start(components, "polite", "import time; time.sleep(60)")
    start(components, "parent", PARENT)
    until(lambda: len(processes(components.home)) == 3)
    assert memory(components.home) > 0
    components.stop(grace=0.5)
    assert processes(components.home) == []
    assert components.running == []


def test_a_component_that_dies_is_noticed_and_its_last_words_are_kept(components: Components) -> None:
    start(components, "healthy", "import time; time.sleep(60)")
    start(components, "broken", "import sys; print('no space left'); sys.exit(3)")
    until(lambda: components.dead() is not None)
    dead = components.dead()
    assert dead is not None
    assert (dead.name, dead.process.returncode, dead.tail()) == ("broken", 3, "no space left")
    components.stop()


def test_leftovers_of_a_killed_run_are_found_and_ended(tmp_path: Path) -> None:
    supervisor = f"""
import os, pathlib, sys, time
from agrocluster.orchestration.components import Components
home = pathlib.Path(sys.argv[1])
Components(home, home).start("parent", [sys.executable, "-c", {PARENT!r}], os.environ)
print("started", flush=True)
time.sleep(60)
"""
    killed = subprocess.Popen([sys.executable, "-c", supervisor, str(tmp_path)], stdout=subprocess.PIPE)
    assert killed.stdout is not None
    killed.stdout.readline()
    until(lambda: len(processes(tmp_path)) == 2)
    (parent, stubborn) = sorted(processes(tmp_path), key=lambda process: process.create_time())
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    until(lambda: not parent.is_running() or parent.status() == psutil.STATUS_ZOMBIE)
    assert stubborn.is_running(), "a process that does not listen outlives the kill"
    assert end_processes(tmp_path, grace=0.3, ask=True) == 1
    assert not stubborn.is_running() or stubborn.status() == psutil.STATUS_ZOMBIE


def test_processes_of_others_are_left_alone(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    try:
        (tmp_path / "sessions.json").write_text(f'{{"{other.pid}": 1.0}}')
        assert processes(tmp_path) == []
        assert end_processes(tmp_path, grace=0.1, ask=True) == 0
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
