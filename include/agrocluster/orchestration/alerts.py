"""Where alerts come from and whom they reach, in Airflow's terms: Connections, runs, addresses of the interface.

Three Connections, none of which has to exist: ``agrocluster_alerts_smtp``, ``agrocluster_alerts_slack`` and
``agrocluster_alerts_webhook`` (see docs/observability.md). What is said, to whom and how often is decided in
:mod:`agrocluster.notify`; nothing here lets a task fail.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec
from urllib.parse import quote

from airflow.sdk import Connection
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowSecretsBackendAccessDenied

from agrocluster import incidents
from agrocluster.errors import AgroclusterError, DeliveryFailed
from agrocluster.http.guard import is_loopback
from agrocluster.http.post import Receiver
from agrocluster.notify import deliver
from agrocluster.notify.alert import Alert, cause_of, healed_by_success, kinds
from agrocluster.notify.channels import Channel, Slack, Webhook
from agrocluster.notify.words import Message
from agrocluster.orchestration.endpoints import address, find
from agrocluster.orchestration.mail import Mail
from agrocluster.orchestration.needs import on_data
from agrocluster.settings import SAMPLE_LABEL, settings

log = logging.getLogger(__name__)
P = ParamSpec("P")
PREFIX = "agrocluster_alerts_"


def channels() -> list[Channel]:
    """The channels whose Connection exists; one that makes no sense says so when something is sent to it.

    Raises SomeUnknown in a process that Airflow gives only the Connections of its environment: Airflow 3.3.2 does so
    with what it calls when a deadline is missed.
    """
    found: list[Channel] = []
    complete = True
    for name, make in MAKERS.items():
        try:
            connection = find(f"{PREFIX}{name}")
        except AirflowSecretsBackendAccessDenied:
            connection, complete = None, False
        if connection:
            try:
                found.append(make(connection))
            except AgroclusterError as error:
                found.append(Unusable(name, str(error)))
    if not complete:
        raise deliver.SomeUnknown(found)
    return found


def accompanying(function: Callable[P, None]) -> Callable[P, None]:
    """Decorator: what only accompanies the work raises nothing, and works on the data root wherever that lies."""

    @wraps(function)
    def quietly(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            on_data()(function)(*args, **kwargs)
        except Exception:
            log.exception("People could not be told: %s.", function.__name__)

    return quietly


@accompanying
def report(kind: str, subject: str, problem: str, **more: Any) -> None:
    """Raise an alert; fields as in ``notify.alert.Alert``."""
    deliver.announce(Alert(kind, subject, more.pop("cause", kind), problem, **{**surroundings(more), **more}), channels)


def failed(entry: dict[str, Any]) -> None:
    """Raise the alert of an incident (see ``incidents``): drift where the source broke its contract, else failure."""
    kind = "source_drift" if entry["kind"] == "SourceContractError" else "failure"
    where = {name: entry.get(name) or "" for name in ("source", "dataset", "period", "remedy", "dag_id", "run_id")}
    about = {"task_id": entry["task_id"], "error": entry["kind"]}
    cause = cause_of(entry["kind"], entry["problem"])
    report(kind, entry["dag_id"], entry["problem"], cause=cause, details=about, **where)


def succeeded(dag_id: str) -> None:
    """A Dag has done its work: its incidents and alerts are over. What others could not send is sent now."""
    incidents.resolve(dag_id)
    _over(dag_id)


@accompanying
def _over(dag_id: str) -> None:
    deliver.resolve(healed_by_success(), dag_id, channels)
    deliver.repeat(channels, pending=True)


@accompanying
def well(kind: str, holder: str) -> None:
    """A check found nothing of this kind any more."""
    deliver.resolve((kind,), holder, channels)


@accompanying
def repeat() -> None:
    """Send what is open to the channels that missed it."""
    deliver.repeat(channels)


class Unusable:
    """A channel whose Connection makes no sense."""

    kinds: Sequence[str] = ()

    def __init__(self, name: str, problem: str) -> None:
        self.name, self.problem = name, problem

    def send(self, message: Message) -> None:
        """Say why it cannot be used."""
        raise DeliveryFailed(f"{self.problem} {message.alert.key} was not sent.")


def _mail(connection: Connection) -> Channel:
    extra = connection.extra_dejson
    to = extra.get("to") or ()
    return Mail(
        connection_id=f"{PREFIX}smtp",
        to=_listed(to),
        sender=str(extra.get("from_email") or ""),
        kinds=_kinds(connection),
    )


def _slack(connection: Connection) -> Channel:
    """The whole address is the secret; it stands in the password, or in two parts as Airflow's own Slack Connection."""
    url = secret = connection.password or ""
    if not secret:
        raise DeliveryFailed(f"{connection.conn_id} has no password.", remedy="Enter the address of the webhook there.")
    if not secret.startswith(("https://", "http://")):
        base = address(connection) or "https://hooks.slack.com/services"
        url = f"{base}/{secret.strip('/')}"
    return Slack(Receiver(url), kinds=_kinds(connection))


def _webhook(connection: Connection) -> Channel:
    return Webhook(Receiver(address(connection)), secret=connection.password or None, kinds=_kinds(connection))


MAKERS: dict[str, Callable[[Connection], Channel]] = {"smtp": _mail, "slack": _slack, "webhook": _webhook}
"""How a channel is made of its Connection, by the last word of the Connection's id."""


def _kinds(connection: Connection) -> tuple[str, ...]:
    wanted = _listed(connection.extra_dejson.get("kinds") or ())
    if unknown := sorted(set(wanted) - set(kinds())):
        raise DeliveryFailed(
            f"Extra `kinds` of {connection.conn_id} names {', '.join(unknown)}.",
            remedy=f"Use some of: {', '.join(kinds())}.",
        )
    return (*wanted, "test") if wanted else ()


def _listed(value: str | Iterable[str]) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else [str(part) for part in value]
    return tuple(part.strip() for part in parts if part.strip())


def surroundings(known: Mapping[str, Any]) -> dict[str, Any]:
    """Label of sample data, and addresses of board and run, as far as the interface's address is known."""
    found = {"label": SAMPLE_LABEL if settings().mode == "sample" else ""}
    if base := interface():
        found["board"] = f"{base}/agrocluster/"
        if known.get("dag_id") and known.get("run_id"):
            found["run"] = f"{base}/dags/{known['dag_id']}/runs/{quote(known['run_id'], safe='')}"
    return found


def interface() -> str:
    """Address of Airflow's interface: ``[api] base_url``, or that of an api-server on this machine; else empty."""
    if base := conf.get("api", "base_url", fallback=""):
        return base.rstrip("/")
    host, port = conf.get("api", "host", fallback=""), conf.get("api", "port", fallback="")
    return f"http://{host}:{port}" if is_loopback(host) and port else ""
