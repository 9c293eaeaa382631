"""A published release of the sample world, made once by the pipeline itself (without Airflow)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from agrocluster import pipeline
from agrocluster.sample import truth
from agrocluster.sample.server import SampleServer
from support.world import Published, use


@pytest.fixture(scope="session")
def sample_server(sample_cache: Path) -> Iterator[SampleServer]:
    with SampleServer(sample_cache) as server:
        yield server


@pytest.fixture(scope="session")
def published(sample_server: SampleServer, tmp_path_factory: pytest.TempPathFactory) -> Published:
    root = tmp_path_factory.mktemp("published") / "data"
    with pytest.MonkeyPatch.context() as monkeypatch:
        use(monkeypatch, sample_server.url, root)
        return Published.of(root, sample_server, pipeline.refresh())


@pytest.fixture(scope="session")
def world_truth() -> pa.Table:
    """What the sample world knows about itself, computed without the pipeline."""
    return truth("current")
