"""Real Dags in an Airflow of their own."""

from __future__ import annotations

import support.airflow_home  # isort: skip

from collections.abc import Iterator
from pathlib import Path

import pytest

from agrocluster.sample.server import SampleServer
from support.world import use


@pytest.fixture(scope="session")
def airflow_db() -> None:
    """Airflow's metadata database, prepared once."""
    support.airflow_home.database()


@pytest.fixture(scope="session")
def sample_server(sample_cache: Path) -> Iterator[SampleServer]:
    with SampleServer(sample_cache) as server:
        yield server


@pytest.fixture
def world(sample_server: SampleServer, data_root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SampleServer]:
    """An empty data root, and the sample server without faults as every publisher."""
    use(monkeypatch, sample_server.url, data_root)
    monkeypatch.setenv("AGROCLUSTER_RETRY_DELAY_S", "0")
    yield sample_server
    sample_server.state.faults.clear()
