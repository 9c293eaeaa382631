"""Which faults are waited out, how long, and what a person reads when they do not heal."""

from __future__ import annotations

import pytest
from http_server import Reply

from agrocluster.errors import SourceContractError, SourceUnavailable
from agrocluster.http.retry import Backoff

GOOD = Reply(body=b'{"ok": 1}', headers={"Content-Type": "application/json"})
HTML_400 = Reply(400, b"\xef\xbb\xbf<html><body>Request Error</body></html>", {"Content-Type": "text/html"})


@pytest.mark.parametrize(
    "fault",
    [
        *[pytest.param(Reply(status, b"later"), id=str(status)) for status in (429, 500, 502, 503, 504)],
        pytest.param(Reply(hang_up=True), id="connection broken"),
        pytest.param(Reply(body=b'{"ok"', announce=500), id="shorter than announced"),
        pytest.param(Reply(body=b'{"ok": [1, 2'), id="JSON cut off"),
        pytest.param(Reply(body=b""), id="empty"),
    ],
)
def test_a_passing_fault_is_waited_out(script, client_for, waiting, fault):
    script.says(fault, fault, GOOD)
    assert client_for().get_json("data") == {"ok": 1}
    assert len(script.requests) == 3
    assert waiting.waits == [1.0, 2.0]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422, 501])
def test_a_wrong_question_is_not_repeated(script, client_for, waiting, status):
    script.says(Reply(status, b"<html><body><h1>No such thing</h1></body></html>", {"Content-Type": "text/html"}))
    with pytest.raises(SourceContractError, match="No such thing") as caught:
        client_for(dataset="wdi").get_json("data")
    assert len(script.requests) == 1
    assert waiting.waits == []
    assert str(status) in str(caught.value)
    assert (caught.value.source, caught.value.dataset) == ("testbank", "wdi")


def test_the_random_400_is_repeated_only_where_the_source_declares_it(script, client_for):
    script.says(HTML_400, GOOD)
    assert client_for(retry_html_400=True).get_json("data") == {"ok": 1}
    script.says(Reply(400, b'{"error": "bad date"}', {"Content-Type": "application/json"}), GOOD)
    with pytest.raises(SourceContractError, match="bad date"):
        client_for(retry_html_400=True).get_json("data")


def test_a_silent_server_ends_as_unavailable(script, client_for):
    script.says(Reply(wait=3))
    with pytest.raises(SourceUnavailable, match="time-out") as caught:
        client_for(timeout_s=(0.2, 0.2), backoff=Backoff(attempts=2, scale=0)).get_json(
            "data",
        )
    assert "Run again later" in str(caught.value)
    assert "2 attempts" in str(caught.value)


def test_nobody_listens(client_for):
    client = client_for(base="http://127.0.0.1:9/v2", backoff=Backoff(attempts=2, scale=0))
    with pytest.raises(SourceUnavailable, match="cannot be reached"):
        client.get_json(
            "data",
        )


def test_retry_after_in_seconds_is_honoured(script, client_for, waiting):
    script.says(Reply(429, headers={"Retry-After": "17"}), GOOD)
    client_for().get_json("data")
    assert waiting.waits == [17.0]


def test_retry_after_as_a_date_is_honoured(script, client_for, waiting):
    script.says(Reply(503, headers={"Retry-After": "Mon, 13 Jul 2026 09:00:40 GMT"}), GOOD)
    client_for().get_json("data")
    assert waiting.waits == [40.0]


@pytest.mark.parametrize("asked", ["3600", "Mon, 13 Jul 2026 10:00:00 GMT"])
def test_a_long_retry_after_is_reported_not_slept_through(script, client_for, waiting, asked):
    script.says(Reply(429, headers={"Retry-After": asked}))
    with pytest.raises(SourceUnavailable, match="Come back after 2026-07-13 10:00:00 UTC") as caught:
        client_for().get("data", period="2020-2024")
    assert caught.value.retry_after == 3600
    assert len(script.requests) == 1
    assert waiting.waits == []


def test_an_unreadable_retry_after_is_ignored(script, client_for, waiting):
    script.says(Reply(503, headers={"Retry-After": "soon"}), GOOD)
    client_for().get_json("data")
    assert waiting.waits == [1.0]


def test_waits_grow_and_stay_bounded():
    backoff = Backoff(first_s=1, longest_s=10, scale=1, jitter=lambda: 0.0)
    assert [backoff.wait(n, None) for n in range(1, 7)] == [1, 2, 4, 8, 10, 10]
    assert Backoff(jitter=lambda: 1.0, scale=1).wait(1, None) == 0.5


def test_the_environment_shortens_our_waits_but_not_those_the_publisher_asks_for(monkeypatch):
    monkeypatch.setenv("AGROCLUSTER_HTTP_BACKOFF", "0.01")
    backoff = Backoff(jitter=lambda: 0.0)
    assert backoff.wait(1, None) == pytest.approx(0.01)
    assert backoff.wait(1, 5.0) == 5.0


def test_the_total_deadline_ends_the_retries(script, client_for, waiting):
    script.says(Reply(500))
    with pytest.raises(SourceUnavailable):
        client_for(deadline_s=4.0).get("data")
    assert waiting.waits == [1.0, 2.0]


def test_a_redirect_in_circles_ends(script, client_for):
    script.says(Reply(302, headers={"Location": "/again"}))
    with pytest.raises(SourceContractError, match="redirects"):
        client_for().get("data")


def test_answers_and_retries_are_counted(script, client_for):
    client = client_for()
    script.says(Reply(503, b"later"), GOOD, GOOD)
    client.get_json("data")
    client.get_json("data")
    assert (client.tally.answers, client.tally.retries) == (3, 1)
    assert 0 < client.tally.slowest <= client.tally.seconds
    script.says(Reply(hang_up=True), GOOD)
    client.get_json("data")
    assert (client.tally.answers, client.tally.retries) == (4, 2), "a broken connection is no answer"
