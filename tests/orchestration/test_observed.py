"""Metrics, lineage and JSON logs: sent where they are switched on, and nowhere else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agrocluster.model.loader import catalog
from agrocluster.orchestration.home import Home, environment
from support.airflow_home import HOME, PROJECT
from support.receivers import WebReceiver, web_receiver

OURS = ("AIRFLOW__METRICS__", "AIRFLOW__OPENLINEAGE__", "AIRFLOW__LOGGING__", "OTEL_", "OPENLINEAGE")


def observed(data: Path, **settings: str) -> tuple[dict[str, Any], list[str]]:
    """What the process of ``support.observed`` found, and the lines it logged, with these settings alone."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(OURS)}
    env |= {"AIRFLOW_HOME": str(HOME), "AGROCLUSTER_DATA": str(data), "PYTHONPATH": str(PROJECT / "tests")}
    command = [sys.executable, "-m", "support.observed"]
    done = subprocess.run(command, env={**env, **settings}, capture_output=True, text=True, check=True)
    *lines, last = [line for line in done.stdout.splitlines() if line]
    return json.loads(last), [*lines, *done.stderr.splitlines()]


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> tuple[WebReceiver, Path, list[str]]:
    """What arrives, what is written and what is logged with everything switched on."""
    events = tmp_path_factory.mktemp("observed") / "events.jsonl"
    with web_receiver() as receiver:
        transports = {
            "file": {"type": "file", "log_file_path": str(events), "append": True},
            "http": {"type": "http", "url": receiver.url},
        }
        found, lines = observed(
            events.parent,
            AIRFLOW__METRICS__OTEL_ON="True",
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
            AIRFLOW__OPENLINEAGE__DISABLED="False",
            AIRFLOW__OPENLINEAGE__TRANSPORT=json.dumps({"type": "composite", "transports": transports}),
            AIRFLOW__LOGGING__JSON_LOGS="True",
        )
    assert found == {"listeners": 1, "loaded": True}
    return receiver, events, lines


def test_our_metrics_arrive_by_otlp(sent: tuple[WebReceiver, Path, list[str]]) -> None:
    bodies = b"".join(posted.body for posted in sent[0].posted if posted.path == "/v1/metrics")
    for name in ("mart.rows", "release.published", "rules.failing", "dataset.age_days", "dataset.allowed_days"):
        assert f"airflow.agrocluster.{name}".encode() in bodies, name
    for tag in (b"mart_x", b"sample", b"critical", b"faostat__qcl"):
        assert tag in bodies, tag


def test_assets_are_datasets_of_lineage_events_by_file_and_by_http(sent: tuple[WebReceiver, Path, list[str]]) -> None:
    receiver, events, _ = sent
    written = [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()]
    posted = [p.json for p in receiver.posted if p.path == "/api/v1/lineage"]
    assert written == posted
    edges = {event["job"]["name"]: (named(event["inputs"]), named(event["outputs"])) for event in written}
    needed = sorted(f"staged/{spec.id}" for spec in catalog().datasets.values() if not spec.optional)
    assert edges["ingest_faostat__qcl.mark"] == ([], ["staged/faostat__qcl"])
    assert edges["marts.complete_build"] == (needed, ["marts/build"])
    assert edges["release.publish"] == (
        ["marts/build"],
        sorted([*(f"marts/{name}" for name in catalog().marts), "release"]),
    )


def named(datasets: list[dict[str, Any]]) -> list[str]:
    assert {dataset["namespace"] for dataset in datasets} <= {"agrocluster"}
    return sorted(dataset["name"] for dataset in datasets)


def test_every_line_of_the_log_is_json_where_asked(sent: tuple[WebReceiver, Path, list[str]]) -> None:
    lines = [json.loads(line) for line in sent[2]]
    (ours,) = [line for line in lines if line["logger"] == "agrocluster.observed"]
    assert (ours["level"], ours["event"]) == ("warning", "something happened")


def test_nothing_is_sent_or_loaded_unless_it_is_switched_on(tmp_path: Path) -> None:
    with web_receiver() as receiver:
        # An address alone switches nothing on in a local run.
        home = environment(Home(tmp_path), tmp_path, 8080, {"OPENLINEAGE_URL": receiver.url})
        disabled = home["AIRFLOW__OPENLINEAGE__DISABLED"]
        found, lines = observed(tmp_path, OPENLINEAGE_URL=receiver.url, AIRFLOW__OPENLINEAGE__DISABLED=disabled)
        assert receiver.posted == []
    assert found == {"listeners": 0, "loaded": False}
    assert len([line for line in lines if "something happened" in line]) == 1
    assert not any(line.startswith("{") for line in lines)


def test_a_local_run_takes_over_what_its_caller_wants_to_observe_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {
        "AIRFLOW__METRICS__OTEL_ON": "True",
        "AIRFLOW__OPENLINEAGE__DISABLED": "False",
        "AIRFLOW__OPENLINEAGE__TRANSPORT": '{"type": "file"}',
        "AIRFLOW__LOGGING__JSON_LOGS": "True",
        "AIRFLOW_CONN_AGROCLUSTER_ALERTS_SLACK": "{}",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
    }
    for name, value in {**wanted, "AIRFLOW__LOGGING__BASE_LOG_FOLDER": "/elsewhere"}.items():
        monkeypatch.setenv(name, value)
    made = environment(Home(tmp_path), tmp_path, 8080, {})
    assert wanted.items() <= made.items()
    assert made["AIRFLOW__LOGGING__BASE_LOG_FOLDER"] == str(tmp_path / "logs")


@pytest.mark.parametrize("as_json", [True, False])
def test_the_command_line_logs_words_or_json(tmp_path: Path, as_json: bool) -> None:
    script = (
        "import logging\nfrom agrocluster import logs\nlogs.configure(logging.INFO)\nlog = logging.getLogger('a.b')\n"
    )
    script += "log.info('жар %s', 1)\ntry: 1 / 0\nexcept ZeroDivisionError: log.exception('two\\nlines')"
    env = {**os.environ, "AIRFLOW__LOGGING__JSON_LOGS": str(as_json)}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    lines = done.stderr.splitlines()
    if not as_json:
        assert lines[0] == "INFO жар 1"
        return
    first, second = (json.loads(line) for line in lines)
    assert (first["level"], first["logger"], first["event"]) == ("info", "a.b", "жар 1")
    assert first["timestamp"].endswith("Z")
    assert second["event"] == "two\nlines"
    assert "ZeroDivisionError" in second["exception"]
