"""What webhooks are sent, and what becomes of answers that are none."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agrocluster.errors import DeliveryFailed
from agrocluster.http.post import Receiver
from agrocluster.http.retry import Backoff
from agrocluster.notify.alert import Alert
from agrocluster.notify.channels import Slack, Webhook, document
from agrocluster.notify.words import Message
from agrocluster.settings import SAMPLE_LABEL
from support.receivers import WebReceiver, web_receiver

ALERT = Alert(
    "source_drift",
    "ingest_faostat__qcl",
    "SourceContractError lacks",
    "The file lacks the column Area.",
    remedy="Map the new name.",
    source="faostat",
    dataset="qcl",
    period="2026-07",
    dag_id="ingest_faostat__qcl",
    run_id="scheduled__2026-07-13",
    label=SAMPLE_LABEL,
    board="http://127.0.0.1:8080/agrocluster/",
    run="http://127.0.0.1:8080/dags/ingest_faostat__qcl/runs/scheduled__2026-07-13",
    details={"task_id": "stage"},
)
OPEN = Message(ALERT, "open", at="2026-07-13T09:00:00+00:00", since="2026-07-13T09:00:00+00:00")


class Waits(list[float]):
    """Takes the place of sleeping."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def receiver(url: str, waits: Waits | None = None) -> Receiver:
    return Receiver(
        url,
        timeout_s=(1.0, 1.0),
        backoff=Backoff(attempts=3, first_s=1.0, longest_wait_asked_s=30.0, jitter=lambda: 0.0, scale=1.0),
        pause=Waits() if waits is None else waits,
        now=lambda: datetime(2026, 7, 13, 9, 0, tzinfo=UTC),
    )


def test_a_chat_gets_everything_a_reader_needs(web: WebReceiver) -> None:
    Slack(receiver(f"{web.url}/services/T0/B0/secret")).send(OPEN)
    (posted,) = web.posted
    assert posted.path == "/services/T0/B0/secret"
    assert posted.headers["Content-Type"] == "application/json"
    text = posted.json["text"]
    head, *lines = text.split("\n")
    assert head == f"*[{SAMPLE_LABEL}] agrocluster: A source answers otherwise than agreed (ingest_faostat__qcl)*"
    assert lines == [
        "What happened: The file lacks the column Area.",
        "Source: faostat",
        "Dataset: qcl",
        "Period: 2026-07",
        "Dag: ingest_faostat__qcl",
        "Run: scheduled__2026-07-13",
        "What to do: Map the new name.",
        "Board: http://127.0.0.1:8080/agrocluster/",
        "Run in Airflow: http://127.0.0.1:8080/dags/ingest_faostat__qcl/runs/scheduled__2026-07-13",
    ]


def test_it_speaks_russian_where_asked(web: WebReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGROCLUSTER_ALERTS_LANG", "ru")
    Slack(receiver(web.url)).send(replace(OPEN, state="resolved"))
    text = web.posted[0].json["text"]
    assert "Устранено: Источник отвечает не по согласованному формату" in text
    assert "Что было: The file lacks" in text
    assert "Что делать" not in text, "what is over needs no remedy"


def test_names_from_outside_are_no_mark_up_in_a_chat(web: WebReceiver) -> None:
    hostile = replace(
        ALERT, problem="<!channel> @all [free](https://evil.example) <https://evil.example|here>\nBoard: x"
    )
    Slack(receiver(web.url)).send(replace(OPEN, alert=hostile))
    line = web.posted[0].json["text"].split("\n")[1]
    assert "<" not in line
    assert "@all" not in line
    assert "](" not in line
    assert line.endswith("Board: x"), "a line break of theirs makes no line of ours"


def test_a_service_gets_json_that_it_can_trust(web: WebReceiver) -> None:
    Webhook(receiver(f"{web.url}/in"), secret="sesame", clock=lambda: 1783933200.9).send(OPEN)
    (posted,) = web.posted
    stamp, body = posted.headers["X-Agrocluster-Timestamp"], posted.body
    assert stamp == "1783933200"
    expected = hmac.new(b"sesame", b"1783933200." + body, hashlib.sha256).hexdigest()
    assert posted.headers["X-Agrocluster-Signature"] == f"sha256={expected}"
    assert posted.headers["X-Agrocluster-Event"] == "source_drift.open"
    assert posted.json == document(OPEN)
    said = posted.json
    assert (said["version"], said["id"], said["severity"], said["label"]) == (1, ALERT.key, "critical", SAMPLE_LABEL)
    assert said["links"]["run"].endswith("scheduled__2026-07-13")
    assert said["details"] == {"task_id": "stage"}


def test_without_a_secret_there_is_no_signature_and_what_is_unknown_is_null(web: WebReceiver) -> None:
    alert = Alert("release", "2026-07-13-live-abc", "release", "It is there.")
    Webhook(receiver(web.url)).send(Message(alert, "event", at="a", since="s"))
    (posted,) = web.posted
    assert "X-Agrocluster-Signature" not in posted.headers
    assert posted.json["source"] is None
    assert posted.json["links"] == {"board": None, "run": None}


def test_every_attempt_of_a_message_has_the_same_id_and_others_have_not(web: WebReceiver) -> None:
    web.answers = [(503, {}), (200, {})]
    hook = Webhook(receiver(web.url))
    hook.send(OPEN)
    hook.send(replace(OPEN, state="resolved"))
    first, again, other = (posted.headers["X-Agrocluster-Delivery"] for posted in web.posted)
    assert first == again != other


def test_what_may_heal_is_tried_again_as_patiently_as_asked(web: WebReceiver) -> None:
    waits = Waits()
    web.answers = [(429, {"Retry-After": "7"}), (503, {}), (200, {})]
    Slack(receiver(web.url, waits)).send(OPEN)
    assert waits == [7.0, 2.0]
    assert len(web.posted) == 3


def test_a_receiver_that_asks_for_too_much_patience_is_left_alone(web: WebReceiver) -> None:
    waits = Waits()
    web.answers = [(429, {"Retry-After": "3600"})]
    with pytest.raises(DeliveryFailed, match="429"):
        Slack(receiver(web.url, waits)).send(OPEN)
    assert (waits, len(web.posted)) == ([], 1)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_refusal_is_not_repeated(web: WebReceiver, status: int) -> None:
    web.answers = [(status, {})]
    with pytest.raises(DeliveryFailed, match=str(status)):
        Slack(receiver(web.url)).send(OPEN)
    assert len(web.posted) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_message_goes_nowhere_else(web: WebReceiver, status: int) -> None:
    with web_receiver() as elsewhere:
        web.answers = [(status, {"Location": f"{elsewhere.url}/there"})]
        with pytest.raises(DeliveryFailed, match="elsewhere"):
            Slack(receiver(web.url)).send(OPEN)
        assert elsewhere.posted == []


def test_the_address_is_a_secret_whatever_happens(web: WebReceiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="agrocluster")
    for answer in ((500, {}), (403, {}), (302, {"Location": "/services/T0/B0/hush"})):
        web.answers = [answer]
        with pytest.raises(DeliveryFailed) as caught:
            Slack(receiver(f"{web.url}/services/T0/B0/hush")).send(OPEN)
        assert "hush" not in str(caught.value)
    closed = receiver("http://127.0.0.1:9/services/T0/B0/hush")
    with pytest.raises(DeliveryFailed) as caught:
        Slack(closed).send(OPEN)
    assert "cannot be reached" in str(caught.value)
    assert "hush" not in str(caught.value) + caplog.text + repr(closed) + repr(Webhook(closed, secret="hush"))


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "hooks.example.org/x", "ftp://a/b"])
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(DeliveryFailed, match="not an http"):
        receiver(url).post(b"{}", {})


def test_keys_and_control_characters_do_not_get_into_a_message() -> None:
    alert = replace(ALERT, problem="GET https://u:pw@a.example/?api_key=sesame\x1b[2J\u202efailed" + "x" * 5000)
    assert "sesame" not in alert.problem
    assert "pw@" not in alert.problem
    assert "\x1b" not in alert.problem
    assert "\u202e" not in alert.problem
    assert len(alert.problem) <= 1500
    assert "sesame" not in json.dumps(document(replace(OPEN, alert=alert)))
