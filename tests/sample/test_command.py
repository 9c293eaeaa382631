"""The command line: one line when ready, faults from the start, loopback only."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

import agrocluster.sample
from agrocluster.sample.server import serve

ROOT = Path(agrocluster.sample.__file__).parent.parent.parent


@pytest.mark.usefixtures("sample_server")  # its files are in the cache already
def test_second_start_is_quick_and_announces_itself(sample_cache):
    fault = '{"match": "worldbank", "fault": "status", "params": {"status": 500}}'
    command = [sys.executable, "-m", "agrocluster.sample", "--cache", str(sample_cache), "--faults", fault]
    command += ["--comtrade", '{"quota": 7}']
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    before = {path: path.stat().st_mtime_ns for path in sample_cache.rglob("*.zip")}
    start = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            line = process.stdout.readline()
            elapsed = time.monotonic() - start
            match = re.fullmatch(r"sample source server listening on (http://127\.0\.0\.1:\d+)\n", line)
            assert match
            assert {path: path.stat().st_mtime_ns for path in before} == before
            assert elapsed < 10  # about one second on an idle machine
            health = requests.get(f"{match[1]}/_sample/health", timeout=30).json()
            assert health["status"] == "ok"
            assert health["vintage"] == "current"
            assert requests.get(f"{match[1]}/worldbank/v2/sources", timeout=30).status_code == 500
            assert requests.get(f"{match[1]}/_sample/comtrade", timeout=30).json()["quota"] == 7
        finally:
            process.terminate()


def test_other_interfaces_are_refused(sample_cache):
    with pytest.raises(ValueError, match="loopback only"):
        serve("0.0.0.0", cache=sample_cache)
