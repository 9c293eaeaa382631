"""The commands ``agrocluster alerts``: try a channel, see what is open."""

from __future__ import annotations

import json
import os
import sys
from contextlib import redirect_stdout
from datetime import UTC, datetime
from typing import Any

import click

from agrocluster.errors import UsageError
from agrocluster.notify.alert import Alert, kinds
from agrocluster.notify.channels import CHANNELS
from agrocluster.notify.ledger import Ledger, quiet_time, told
from agrocluster.orchestration.home import Home, environment
from agrocluster.settings import SAMPLE_LABEL, settings

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


@click.group("alerts")
def alerts_command() -> None:
    """What people are told: open alerts, and the channels they go to."""


@alerts_command.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List what is open, the newest first: what, since when, who was told, what to do."""
    found = [
        {
            "kind": entry["alert"]["kind"],
            "severity": kinds()[entry["alert"]["kind"]].severity,
            "subject": entry["alert"]["subject"],
            "problem": entry["alert"]["problem"],
            "remedy": entry["alert"]["remedy"],
            "since": entry["opened_at"],
            "times": entry["times"],
            "told": told(entry),
            "not_told": {name: s["problem"] for name, s in sorted(entry["channels"].items()) if s.get("problem")},
            "label": entry["alert"]["label"],
        }
        for entry in Ledger().open()
    ]
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    if not found:
        click.echo("Nothing is open.")
    for alert in found:
        click.echo("\n".join(_lines(alert)))


@alerts_command.command("test")
@click.option("--channel", type=click.Choice(CHANNELS), help="Only this one (default: all that have a Connection).")
@json_option
def test_command(channel: str | None, as_json: bool) -> None:
    """Send a test message to the channels that have a Connection, and say what came of it."""
    with redirect_stdout(sys.stderr):  # Airflow logs to standard output, which belongs to the answer here.
        outcome = _try(channel)
    if as_json:
        click.echo(json.dumps(outcome, ensure_ascii=False))
    else:
        click.echo("\n".join(f"{name}: {problem or 'sent'}" for name, problem in outcome.items()))
    if any(outcome.values()):
        sys.exit(1)


def _try(channel: str | None) -> dict[str, str | None]:
    """Send a test message; by channel, what went wrong with it, if anything."""
    _find_airflow()
    from agrocluster.notify.deliver import sent
    from agrocluster.notify.words import Message, language
    from agrocluster.orchestration.alerts import channels, surroundings

    wanted = [found for found in channels() if channel in (None, found.name)]
    if not wanted:
        raise UsageError(
            f"There is no Connection agrocluster_alerts_{channel or '...'}, so nobody is told of anything.",
            remedy="Add one as docs/observability.md shows, in the Airflow of this data root.",
        )
    quiet_time(), language()  # settings that make no sense are said here, where somebody reads it
    now = datetime.now(UTC).isoformat(timespec="seconds")
    text = "This message was asked for with `agrocluster alerts test`. The channel works."
    message = Message(Alert("test", "agrocluster", now, text, **surroundings({})), "event", at=now, since=now)
    return {found.name: sent(found, message) for found in wanted}


def _lines(alert: dict[str, Any]) -> list[str]:
    label = f"[{SAMPLE_LABEL}] " if alert["label"] else ""
    lines = [f"{label}{alert['severity']} {alert['kind']} {alert['subject']}, since {alert['since'][:16]}"]
    lines.append(f"  {alert['problem']}")
    if alert["remedy"]:
        lines.append(f"  What to do: {alert['remedy']}")
    lines.append(f"  Told: {', '.join(alert['told']) or 'nobody'}")
    return lines + [f"  Not told: {name}: {problem}" for name, problem in alert["not_told"].items()]


def _find_airflow() -> None:
    """Let Airflow find the Connections: those of the local run of this data root, unless another home is named.

    Outside of a task only the server's side of Airflow may look into its database.
    """
    home = Home(settings().data / "airflow")
    if "AIRFLOW_HOME" not in os.environ and home.database.exists():
        os.environ.update(environment(home, settings().data, 8080, {}))
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
