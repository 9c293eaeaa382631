"""One server for all contract tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from agrocluster.sample.server import SampleServer

Get = Callable[..., requests.Response]


@pytest.fixture(scope="session")
def sample_server(sample_cache: Path) -> Iterator[SampleServer]:
    with SampleServer(sample_cache) as server:
        yield server


@pytest.fixture
def server(sample_server: SampleServer) -> Iterator[SampleServer]:
    yield sample_server
    requests.delete(f"{sample_server.url}/_sample/faults", timeout=10)


@pytest.fixture
def get(server: SampleServer) -> Get:
    def call(path: str, **options: object) -> requests.Response:
        return requests.get(server.url + path, **{"timeout": 60, **options})  # type: ignore[arg-type]

    return call


@pytest.fixture
def fault(server: SampleServer) -> Callable[..., None]:
    def switch(match: str, name: str, *, times: int | None = None, **params: object) -> None:
        body = {"match": match, "fault": name, "times": times, "params": params}
        requests.post(f"{server.url}/_sample/faults", json=body, timeout=10).raise_for_status()

    return switch
