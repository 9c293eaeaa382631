"""From Airflow's Connections and the places that raise alerts to the receivers."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSecretsBackendAccessDenied
from click.testing import CliRunner, Result

from agrocluster import incidents
from agrocluster.board import freshness
from agrocluster.cli import main
from agrocluster.errors import DataGateError, QuotaExhausted, SourceContractError, SourceUnavailable
from agrocluster.http.retry import Backoff
from agrocluster.notify import ledger
from agrocluster.notify.ledger import Ledger, told
from agrocluster.orchestration import alerts, steps, upkeep
from agrocluster.orchestration.callbacks import report_failure, report_late
from agrocluster.settings import SAMPLE_LABEL
from support.receivers import MailReceiver, WebReceiver

DOWN = SourceUnavailable("No answer.", source="faostat", dataset="qcl", period="2026-07", remedy="Try tomorrow.")
SECRET = "sesame-opens"


def connect(monkeypatch: pytest.MonkeyPatch, name: str, **parts: Any) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_AGROCLUSTER_ALERTS_{name.upper()}", json.dumps(parts))


@pytest.fixture
def hook(web: WebReceiver, data_root: Path, monkeypatch: pytest.MonkeyPatch) -> WebReceiver:
    """The receiver of the generic webhook, in an empty data root."""
    monkeypatch.setattr(Backoff, "wait", lambda *_: 0.0)
    connect(monkeypatch, "webhook", conn_type="http", host=f"{web.url}/in", password=SECRET)
    return web


def fail(error: BaseException | None, dag_id: str = "ingest_faostat__qcl", task_id: str = "fetch") -> None:
    task = SimpleNamespace(dag_id=dag_id, task_id=task_id, map_index=2, try_number=5)
    report_failure({"ti": task, "run_id": "r 1", "exception": error})  # type: ignore[arg-type, typeddict-item]


def said(receiver: WebReceiver) -> list[tuple[str, str]]:
    return [(posted.json["kind"], posted.json["state"]) for posted in receiver.posted]


def test_without_a_connection_nobody_is_told_and_nothing_is_wrong(
    data_root: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AGROCLUSTER_ALERTS_SLACK", "")  # as docker-compose passes it on
    fail(DOWN)
    alerts.succeeded("ingest_faostat__qcl")
    assert alerts.channels() == []
    assert [r for r in caplog.records if "alert" in r.message] == []
    assert Ledger().open() == []


def test_a_failure_is_told_with_its_remedy_and_taken_back_when_the_dag_succeeds(hook: WebReceiver) -> None:
    for task_id in ("fetch", "fetch", "stage"):
        fail(DOWN, task_id=task_id)
    alerts.succeeded("ingest_faostat__qcl")
    assert said(hook) == [("failure", "open"), ("failure", "resolved")]
    found = hook.posted[0].json
    wanted = {"source": "faostat", "dataset": "qcl", "period": "2026-07", "remedy": "Try tomorrow.", "run_id": "r 1"}
    assert wanted.items() <= found.items()
    assert (found["problem"], found["label"]) == ("No answer.", SAMPLE_LABEL)
    assert found["details"] == {"task_id": "fetch", "error": "SourceUnavailable"}
    assert all(entry["resolved_at"] for entry in incidents.load())


def test_links_lead_to_the_board_and_the_run(hook: WebReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.org/x/")
    fail(DOWN)
    assert hook.posted[0].json["links"] == {
        "board": "https://airflow.example.org/x/agrocluster/",
        "run": "https://airflow.example.org/x/dags/ingest_faostat__qcl/runs/r%201",
    }


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (SourceContractError("The file lacks the column Area."), "source_drift"),
        (DataGateError("It breaks a rule."), "failure"),
        (ZeroDivisionError("division by zero"), "failure"),
        (None, "failure"),
    ],
)
def test_a_broken_contract_is_drift_and_everything_else_a_failure(
    hook: WebReceiver, error: BaseException | None, kind: str
) -> None:
    fail(error)
    assert said(hook) == [(kind, "open")]
    assert hook.posted[0].json["source"] == "faostat"


def test_a_receiver_that_is_down_hides_nothing_and_is_written_down(
    hook: WebReceiver, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook.answers = [(500, {})]
    fail(DOWN)
    assert "No answer." in caplog.text
    assert incidents.load()[0]["problem"] == "No answer."
    (entry,) = Ledger().open()
    assert "answered 500" in entry["channels"]["webhook"]["problem"]
    hook.answers = [(200, {})]
    monkeypatch.setattr(ledger, "HOLD_OFF", timedelta())
    alerts.repeat()
    assert told(Ledger().open()[0]) == ["webhook"]


def test_a_late_run_is_told_unless_it_has_ended(hook: WebReceiver) -> None:
    for state in ("success", "failed", "running"):
        run = {"dag_id": "marts", "dag_run_id": "r1", "state": state}
        report_late({"dag_run": run, "deadline": {"deadline_time": "2026-07-13T11:00:00Z"}}, "marts", "2:00:00")
    alerts.succeeded("marts")
    assert said(hook) == [("late_run", "open"), ("late_run", "resolved")]
    assert "within 2:00:00" in hook.posted[0].json["problem"]


def test_a_late_run_is_written_down_where_airflow_gives_no_connections_and_told_by_the_next_task(
    hook: WebReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is with Airflow 3.3.2 when a deadline is missed, unless the Connection is in the environment."""
    given = alerts.find

    def denied(connection_id: str) -> None:
        raise AirflowSecretsBackendAccessDenied(connection_id)

    monkeypatch.setattr(alerts, "find", denied)
    report_late({"dag_run": {"dag_id": "marts", "dag_run_id": "r1", "state": "running"}}, "marts", "2:00:00")
    assert hook.posted == []
    assert [entry["alert"]["kind"] for entry in Ledger().open()] == ["late_run"]
    monkeypatch.setattr(alerts, "find", given)
    alerts.succeeded("ingest_faostat__qcl")
    assert said(hook) == [("late_run", "open")]


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """As much of a task's context as the steps under test look at."""
    made: dict[str, Any] = {"ti": SimpleNamespace(dag_id="release"), "run_id": "r1", "params": {}}
    for module in (steps, upkeep):
        monkeypatch.setattr(module, "get_current_context", lambda: made)
    return made


def test_a_release_is_told_with_its_warnings(hook: WebReceiver, context: dict[str, Any]) -> None:
    summary = {
        "release_id": "2026-07-13-sample-a",
        "data_mode": "sample",
        "rows": {"m": 1234},
        "warnings": {"m": ["w"]},
    }
    steps.report_release(summary, context)  # type: ignore[arg-type]
    steps.report_release({**summary, "release_id": "2026-07-14-sample-b"}, context)  # type: ignore[arg-type]
    steps.report_release({**summary, "release_id": "2026-07-15-sample-c", "warnings": {}}, context)  # type: ignore[arg-type]
    assert said(hook) == [
        ("release", "event"),
        ("quality_warning", "open"),
        ("release", "event"),
        ("release", "event"),
        ("quality_warning", "resolved"),
    ]
    new, warned = hook.posted[0].json, hook.posted[1].json
    assert "1 marts and 1,234 rows" in new["problem"]
    assert new["details"]["rows"] == {"m": 1234}
    assert warned["details"]["warnings"] == {"m": ["w"]}
    assert "m (w)" in warned["problem"]
    steps.report_release(summary, {**context, "run_id": "r1"})  # type: ignore[arg-type, typeddict-item]
    assert said(hook)[5:] == [], "the same run tried again is no news"
    steps.report_release({**summary, "warnings": {}}, {**context, "run_id": "back"})  # type: ignore[arg-type, typeddict-item]
    assert said(hook)[5:] == [("release", "event")], "going back is"


def test_a_spent_allowance_is_told_once_for_all_dags_of_a_publisher(hook: WebReceiver, context: dict[str, Any]) -> None:
    spent = QuotaExhausted("Spent.", resume_at=datetime(2026, 7, 14, tzinfo=UTC), remedy="Wait.")
    for dag_id in ("ingest_comtrade__annual", "ingest_comtrade__mirror"):
        context["ti"].dag_id = dag_id
        steps.report_quota(dag_id.removeprefix("ingest_"), spent)
    alerts.succeeded("ingest_comtrade__annual")
    assert said(hook) == [("quota", "open")]
    assert "2026-07-14 00:00 UTC" in hook.posted[0].json["remedy"]
    alerts.succeeded("ingest_comtrade__mirror")
    assert said(hook)[1:] == [("quota", "resolved")]


def test_a_late_dataset_is_told_and_taken_back_by_the_daily_check(
    hook: WebReceiver, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(age: int | None) -> list[freshness.Freshness]:
        return [freshness.Freshness("faostat__qcl", "t", "faostat", "2024-01-01", None, None, age, 456, False)]

    context["params"] = {"datasets": ["faostat__qcl"]}
    context["outlet_events"] = {upkeep.FRESHNESS: SimpleNamespace(extra=None)}
    for age in (500, 501, 10, None):
        monkeypatch.setattr(freshness, "freshness", lambda *_, age=age: found(age))
        upkeep.check_freshness()
    assert said(hook) == [("late_dataset", "open"), ("late_dataset", "resolved")]
    late = hook.posted[0].json
    assert (late["source"], late["dataset"], late["period"]) == ("faostat", "qcl", "2024-01-01")
    assert late["details"] == {"age_days": 500, "allowed_days": 456}


def test_a_mail_reaches_everybody_named(
    post_office: MailReceiver, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail_to(monkeypatch, post_office, to="ana@example.org, ben@example.org")
    fail(SourceContractError("The area <b>Ruritania</b> is unknown.\r\nBcc: evil@example.org", remedy="Map it."))
    (mail,) = post_office.mails
    assert post_office.recipients == ["ana@example.org", "ben@example.org"]
    assert mail["From"] == "agrocluster@example.org"
    assert mail["Subject"].startswith(f"[{SAMPLE_LABEL}] agrocluster: A source answers otherwise than agreed")
    assert mail["Bcc"] is None
    text = mail.get_body().get_content()  # type: ignore[union-attr]
    assert "<b>Ruritania" not in text
    assert "&lt;b&gt;Ruritania" in text
    assert "Map it." in text


def mail_to(monkeypatch: pytest.MonkeyPatch, office: MailReceiver, **extra: Any) -> None:
    more = {"from_email": "agrocluster@example.org", "disable_ssl": True, "disable_tls": True, "timeout": 5}
    parts = {"conn_type": "smtp", "host": "127.0.0.1", "port": office.port}
    connect(monkeypatch, "smtp", **parts, extra={**more, "retry_limit": 0, **extra})


def test_a_mail_server_that_is_busy_is_tried_again_and_one_that_refuses_is_not(
    post_office: MailReceiver, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Backoff, "wait", lambda *_: 0.0)
    mail_to(monkeypatch, post_office, to=["ana@example.org"])
    post_office.greetings = ["421 busy"]
    fail(DOWN)
    assert len(post_office.mails) == 1
    assert post_office.connections == 2
    post_office.refuse = "550 nobody here"
    fail(ZeroDivisionError("x"))
    assert post_office.connections == 3
    assert "refused every recipient" in json.dumps(Ledger().open())


def test_a_mail_server_that_speaks_otherwise_is_explained(
    post_office: MailReceiver, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail_to(monkeypatch, post_office, to="ana@example.org", disable_tls=False)
    found = json.loads(command("alerts", "test", "--json").stdout)
    assert "SMTPNotSupportedError" in found["smtp"]
    assert "Port 587" in found["smtp"]
    assert post_office.mails == []


def test_a_chat_is_found_by_a_whole_address_or_by_its_parts(
    web: WebReceiver, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, "slack", conn_type="http", password=f"{web.url}/services/T/B/whole")
    fail(DOWN)
    connect(monkeypatch, "slack", conn_type="http", host=f"{web.url}/services", password="T/B/parts")
    fail(ZeroDivisionError("x"))
    assert [posted.path for posted in web.posted] == ["/services/T/B/whole", "/services/T/B/parts"]


@pytest.mark.parametrize(
    ("name", "parts", "problem"),
    [
        ("webhook", {"conn_type": "http", "extra": {"kinds": "failures"}}, "names failures"),
        ("webhook", {"conn_type": "http"}, "not an http"),
        ("slack", {"conn_type": "http", "host": "ftp://x", "password": SECRET}, "not an http"),
        ("slack", {"conn_type": "http", "host": "https://hooks.slack.com/services"}, "has no password"),
        ("smtp", {"conn_type": "smtp", "host": "127.0.0.1"}, "lacks recipients"),
    ],
)
def test_a_connection_that_makes_no_sense_is_named_when_it_is_tried(
    data_root: Path, monkeypatch: pytest.MonkeyPatch, name: str, parts: dict[str, Any], problem: str
) -> None:
    connect(monkeypatch, name, **parts)
    done = command("alerts", "test", "--json")
    assert done.exit_code == 1
    assert problem in json.loads(done.stdout)[name]
    assert SECRET not in done.output


def command(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_a_channel_can_be_tried(hook: WebReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, "slack", conn_type="http", password=f"{hook.url}/{SECRET}", extra={"kinds": ["release"]})
    done = command("alerts", "test")
    assert (done.exit_code, done.stdout) == (0, "slack: sent\nwebhook: sent\n")
    assert SECRET not in done.output
    assert "The channel works" in hook.posted[0].json["text"]
    assert command("alerts", "test", "--channel", "webhook").stdout == "webhook: sent\n"
    assert Ledger().open() == []
    monkeypatch.setenv("AGROCLUSTER_ALERTS_QUIET_HOURS", "soon")
    assert "no number of hours" in command("alerts", "test").output
    nothing = command("alerts", "test", "--channel", "smtp")
    assert nothing.exit_code == 1
    assert "no Connection agrocluster_alerts_smtp" in nothing.output


def test_what_is_open_can_be_listed(hook: WebReceiver) -> None:
    assert command("alerts", "list").stdout == "Nothing is open.\n"
    fail(DOWN)
    hook.answers = [(403, {})]
    fail(DataGateError("Rows are missing."), dag_id="marts")
    text = command("alerts", "list").stdout
    for wanted in ("No answer.", "Try tomorrow.", "Told: webhook", "Told: nobody", "status 403", SAMPLE_LABEL):
        assert wanted in text
    assert [entry["subject"] for entry in json.loads(command("alerts", "list", "--json").stdout)] == [
        "marts",
        "ingest_faostat__qcl",
    ]


def test_no_secret_gets_into_logs_or_files(
    hook: WebReceiver,
    post_office: MailReceiver,
    data_root: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, logger="agrocluster")
    connect(monkeypatch, "slack", conn_type="http", password=f"{hook.url}/{SECRET}")
    mail_to(monkeypatch, post_office, to="ana@example.org")
    hook.answers = [(200, {}), (500, {}), (403, {}), (302, {"Location": "/x"})]
    for number in range(3):
        fail(RuntimeError(f"{'abc'[number]} GET https://a.example/?api_key={SECRET} failed"))
    alerts.succeeded("ingest_faostat__qcl")
    assert hook.posted
    assert post_office.mails
    assert SECRET not in caplog.text
    for posted in hook.posted:
        assert SECRET.encode() not in posted.body
    for path in data_root.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path
