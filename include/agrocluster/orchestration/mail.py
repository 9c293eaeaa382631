"""Alerts by mail, through Airflow's own SMTP notifier and Connection.

The notifier fills no templates here: what a publisher sent must never be read as one.
"""

from __future__ import annotations

import logging
import smtplib
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from html import escape

from agrocluster.errors import DeliveryFailed
from agrocluster.http.post import PATIENCE
from agrocluster.http.retry import Backoff
from agrocluster.notify.words import Message

log = logging.getLogger(__name__)
LONGEST_SUBJECT = 180
PORTS = 'Port 587 needs "disable_ssl": true in the extra of the Connection, port 465 "disable_tls": true.'
"""Airflow's hook does both TLS from the start and STARTTLS unless told otherwise, which no server takes."""


@dataclass(frozen=True)
class Mail:
    """Mail through the server of an Airflow Connection of type ``smtp``.

    Attributes:
        to: recipients; sender: address it comes from.
        backoff, pause: how patiently an attempt that may still succeed is repeated.
    """

    connection_id: str
    to: tuple[str, ...]
    sender: str
    kinds: Collection[str] = ()
    name: str = "smtp"
    backoff: Backoff = PATIENCE
    pause: Callable[[float], None] = time.sleep

    def send(self, message: Message) -> None:
        """Send one mail to all recipients. Raises DeliveryFailed."""
        if not self.to or not self.sender:
            raise DeliveryFailed(
                f"The Connection {self.connection_id} lacks recipients or sender.",
                remedy='Its extra needs {"from_email": "...", "to": "a@example.org, b@example.org"}.',
            )
        failures = 0
        while problem := self._attempt(message):
            failures += 1
            wait = self.backoff.wait(failures, None)
            if wait is None or failures >= self.backoff.attempts:
                raise DeliveryFailed(
                    f"The mail server {problem} ({failures} attempts).",
                    remedy=f"Check it; what is still open is sent again by the upkeep Dag. {PORTS}",
                )
            self.pause(wait)

    def _attempt(self, message: Message) -> str:
        """Empty when the server took the mail, else what may heal by waiting. Raises DeliveryFailed for the rest."""
        from airflow.providers.smtp.notifications.smtp import SmtpNotifier
        from airflow.sdk.exceptions import AirflowException

        try:
            SmtpNotifier(
                to=list(self.to),
                from_email=self.sender,
                subject=message.headline[:LONGEST_SUBJECT],
                html_content=html(message),
                smtp_conn_id=self.connection_id,
            ).notify({})
        except smtplib.SMTPResponseException as error:
            if not 400 <= error.smtp_code < 500:
                raise DeliveryFailed(
                    f"The mail server refused the message with code {error.smtp_code}.",
                    remedy="Check login and addresses of the Connection.",
                ) from None
            return f"answered {error.smtp_code}"
        except smtplib.SMTPRecipientsRefused as error:
            if all(400 <= code < 500 for code, _ in error.recipients.values()):
                return "takes no mail for these recipients at the moment"
            raise DeliveryFailed(
                "The mail server refused every recipient.", remedy="Check `to` in the extra of the Connection."
            ) from None
        except smtplib.SMTPServerDisconnected:
            return "broke the connection"
        except (smtplib.SMTPException, AirflowException) as error:
            raise DeliveryFailed(f"The mail could not be sent ({type(error).__name__}).", remedy=PORTS) from None
        except OSError as error:
            return f"cannot be reached ({type(error).__name__})"
        return ""


def html(message: Message) -> str:
    """The message as a small page; every text is escaped, addresses can be followed."""
    rows = "".join(f"<tr><td><b>{escape(name)}</b></td><td>{_cell(text)}</td></tr>" for name, text in message.lines())
    return f"<h3>{escape(message.headline)}</h3><table cellpadding='4'>{rows}</table>"


def _cell(text: str) -> str:
    shown = escape(text)
    is_address = text.startswith(("http://", "https://")) and not any(c.isspace() for c in text)
    return f'<a href="{shown}">{shown}</a>' if is_address else shown
