"""A publisher is not asked faster or more often at once than agreed, by all threads of a process together."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from http_server import Reply

from agrocluster.http.pace import HostPace


def test_requests_start_at_least_the_interval_apart(script, client_for, waiting):
    script.says(Reply(body=b"{}"))
    one, two = client_for(min_interval_s=3.0), client_for(min_interval_s=3.0)
    for client in (one, two, one):
        client.transport.guard.loopback = False  # as if the server were somebody else's
        client.get("data")
    assert waiting.waits == [3.0, 3.0]


def test_a_server_on_this_machine_needs_no_rest(script, client_for, waiting):
    script.says(Reply(body=b"{}"))
    client = client_for(min_interval_s=3.0)
    for _ in range(3):
        client.get("data")
    assert waiting.waits == []
    assert len(script.requests) == 3


def test_no_more_requests_at_once_than_agreed():
    pace, lock = HostPace(2, 0.0), threading.Lock()
    running, most, gate = 0, 0, threading.Event()

    def request(_: int) -> None:
        nonlocal running, most
        with pace.turn(lambda: 0.0, lambda _: None):
            with lock:
                running += 1
                most = max(most, running)
            gate.wait(0.02)
            with lock:
                running -= 1

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(request, range(12)))
    assert most == 2


def test_one_client_serves_several_threads(script, client_for):
    script.says(Reply(body=b'{"a": 1}'))
    client = client_for()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: client.get_json("data"), range(20))) == [{"a": 1}] * 20
