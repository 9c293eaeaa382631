"""The scripted server and a client that does not really wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from typing import Any

import pytest
from http_server import NOW, Script, Waiting, handler, source

from agrocluster.http import Client
from agrocluster.http.retry import Backoff


@pytest.fixture
def script() -> Iterator[Script]:
    made, stop = Script(), threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(made, stop))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield made
    stop.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def waiting() -> Waiting:
    return Waiting()


@pytest.fixture
def client_for(script: Script, waiting: Waiting) -> Iterator[Callable[..., Client]]:
    made: list[Client] = []

    def make(**changes: Any) -> Client:
        options = {name: changes.pop(name) for name in ("key", "dataset", "deadline_s") if name in changes}
        options["backoff"] = changes.pop("backoff", Backoff(jitter=lambda: 0.0, scale=1.0))
        base = changes.pop("base", script.url)
        client = Client(
            source(**changes), base_url=base, pause=waiting.pause, clock=waiting.clock, now=lambda: NOW, **options
        )
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()
