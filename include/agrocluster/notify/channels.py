"""Receivers that take JSON: a chat with a Slack-compatible webhook, and any service with a webhook of its own.

Mail goes through Airflow's own notifier and is therefore wired in the orchestration.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Protocol

from agrocluster.http.post import Receiver
from agrocluster.notify.words import Message

VERSION = 1
"""Version of the JSON that a webhook gets; new fields may be added to it at any time."""
CHAT = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("@", "@\u200b"), ("](", "]\u200b("), ("\n", " "))
"""Signs that a chat would act on, and what is sent instead; the first comes first."""
CHANNELS = ("smtp", "slack", "webhook")
"""Names of all channels."""
EVERYTHING: Collection[str] = ()


class Channel(Protocol):
    """Somewhere people or programs are told.

    ``kinds``: only alerts of these kinds, all if empty. ``send`` raises DeliveryFailed.
    """

    @property
    def name(self) -> str: ...

    @property
    def kinds(self) -> Collection[str]: ...

    def send(self, message: Message) -> None: ...


@dataclass(frozen=True)
class Slack:
    """A chat that understands Slack's incoming webhooks (Slack, Mattermost, Rocket.Chat)."""

    receiver: Receiver
    kinds: Collection[str] = EVERYTHING
    name: str = "slack"

    def send(self, message: Message) -> None:
        """Post the message as text."""
        lines = [f"*{_chat(message.headline)}*"]
        lines += [f"{name}: {_chat(text)}" for name, text in message.lines()]
        self.receiver.post(_json({"text": "\n".join(lines)}), {})


@dataclass(frozen=True)
class Webhook:
    """A service that takes the alert as JSON (``document``), signed if there is a secret.

    The signature is ``sha256=`` and the hexadecimal HMAC-SHA256, with the secret, of the time stamp, a full stop and
    the body. Receivers compare it in constant time and refuse time stamps of more than five minutes ago.
    """

    receiver: Receiver
    secret: str | None = field(default=None, repr=False)
    kinds: Collection[str] = EVERYTHING
    name: str = "webhook"
    clock: Callable[[], float] = time.time

    def send(self, message: Message) -> None:
        """Post the document with time stamp, delivery id and signature in the headers."""
        body, stamp = _json(document(message)), str(int(self.clock()))
        headers = {
            "X-Agrocluster-Event": f"{message.alert.kind}.{message.state}",
            "X-Agrocluster-Delivery": delivery_id(message),
            "X-Agrocluster-Timestamp": stamp,
        }
        if self.secret:
            headers["X-Agrocluster-Signature"] = signature(self.secret, stamp, body)
        self.receiver.post(body, headers)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What stands in ``X-Agrocluster-Signature``."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"sha256={digest.hexdigest()}"


def delivery_id(message: Message) -> str:
    """The same for every attempt to deliver a message, so that a receiver can tell a repetition."""
    text = f"{message.alert.key} {message.state} {message.since}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def document(message: Message) -> dict[str, Any]:
    """The JSON that a webhook gets; what is not known is null."""
    alert = message.alert
    said = ("kind", "subject", "cause", "problem", "remedy", "source", "dataset", "period", "dag_id", "run_id", "label")
    return {
        "version": VERSION,
        "id": alert.key,
        "state": message.state,
        "severity": alert.spec.severity,
        "title": message.title,
        **{name: getattr(alert, name) or None for name in said},
        "links": {"board": alert.board or None, "run": alert.run or None},
        "details": alert.details,
        "since": message.since,
        "at": message.at,
    }


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True).encode()


def _chat(text: str) -> str:
    """Text that a chat shows as it is: no mark-up, no link under another name, nobody called by ``@all``."""
    for sign, shown in CHAT:
        text = text.replace(sign, shown)
    return text
