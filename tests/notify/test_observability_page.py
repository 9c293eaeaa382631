"""docs/observability.md says what is so: its kinds, settings, metrics and commands are those of the code."""

from __future__ import annotations

import json
import re
import shlex
import time
from typing import Any

import pytest
from airflow.cli.cli_parser import get_parser

from agrocluster.notify.alert import Alert, kinds
from agrocluster.notify.channels import CHANNELS, Webhook, document
from agrocluster.notify.ledger import QUIET_ENV
from agrocluster.notify.words import LANGUAGE_ENV, Message
from agrocluster.orchestration import metrics
from agrocluster.orchestration.alerts import MAKERS, PREFIX
from agrocluster.orchestration.deadlines import SWITCH
from agrocluster.orchestration.home import OPT_IN
from support.airflow_home import PROJECT
from support.receivers import WebReceiver

PAGE = (PROJECT / "docs" / "observability.md").read_text(encoding="utf-8")
COMPOSE = (PROJECT / "docker-compose.yaml").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_every_kind_is_explained_with_its_severity() -> None:
    for name, kind in kinds().items():
        if name != "test":
            assert f"| `{name}` | {kind.severity} |" in PAGE, name


def test_every_setting_and_metric_is_named() -> None:
    for setting in (QUIET_ENV, LANGUAGE_ENV, SWITCH, *OPT_IN):
        assert setting in PAGE, setting
    for metric in (metrics.ROWS, metrics.FAILING, metrics.AGE, metrics.PUBLISHED):
        assert f"airflow.{metric}`" in PAGE, metric
    example = (PROJECT / ".env.example").read_text(encoding="utf-8")
    for setting in re.findall(r"#(\w+)=", example.partition("docs/observability.md")[2].partition("\n\n")[0]):
        assert f"${{{setting}:-" in COMPOSE, setting


def test_the_commands_that_add_connections_are_commands_of_airflow() -> None:
    commands = [c for block in blocks("sh") for c in block.replace("\\\n", " ").splitlines() if "connections add" in c]
    added = set()
    for command in commands:
        words = shlex.split(command)
        given = get_parser().parse_args(words[words.index("connections") :])
        added.add(given.conn_id)
        if given.conn_extra:
            json.loads(given.conn_extra)
    assert added == {f"{PREFIX}{name}" for name in CHANNELS}
    assert set(MAKERS) == set(CHANNELS)


def test_the_example_of_a_message_has_the_fields_of_one(web: WebReceiver) -> None:
    (example,) = (json.loads(block.replace("…", "")) for block in blocks("json"))
    alert = Alert("release", "r", "release", "New.", details={"release_id": "r", "data_mode": "live", "rows": {}})
    made = document(Message(alert, "event", at="a", since="s"))
    assert set(example) == set(made)
    assert set(example["links"]) == set(made["links"])
    assert set(example["details"]) == set(alert.details)


@pytest.mark.parametrize(("secret", "late", "ours"), [("sesame", 0, True), ("other", 0, False), ("sesame", 301, False)])
def test_the_check_of_the_signature_works_as_printed(
    web: WebReceiver, secret: str, late: float, ours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agrocluster.http.post import Receiver

    Webhook(Receiver(web.url), secret="sesame").send(Message(Alert("test", "s", "c", "p"), "event", at="a", since="s"))
    (posted,) = web.posted
    names: dict[str, Any] = {}
    exec(blocks("python")[0], names)
    assert names["is_ours"](secret, posted.headers, posted.body, time.time() + late) is ours
