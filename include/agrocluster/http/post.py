"""Hands a small document to a receiver that somebody configured: a chat's webhook, a service of their own.

Unlike a publisher, a receiver is not asked for anything: its answer is judged by the status alone, it is never followed
elsewhere, and its address may itself be the secret, so that no more than the host of it is ever named.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from agrocluster.errors import DeliveryFailed
from agrocluster.http.guard import is_loopback
from agrocluster.http.retry import Backoff, Transient, is_transient, retry_after
from agrocluster.http.transport import no_auth, trouble, user_agent

log = logging.getLogger(__name__)
TIMEOUT_S = (5.0, 15.0)
PATIENCE = Backoff(attempts=4, first_s=1.0, longest_s=10.0, longest_wait_asked_s=30.0)
"""A task waits at its end until its message is delivered or given up: seconds, not minutes."""


@dataclass(frozen=True)
class Receiver:
    """Where documents go.

    Attributes:
        url: http(s) address; never shown beyond its host.
        backoff: how often and how patiently a delivery that may still succeed is repeated.
        pause, now: replaced in tests.
    """

    url: str = field(repr=False)
    timeout_s: tuple[float, float] = TIMEOUT_S
    backoff: Backoff = PATIENCE
    pause: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def host(self) -> str:
        """The part of the address that may be named."""
        return urlsplit(self.url).hostname or ""

    def post(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Deliver ``body`` by POST. Raises DeliveryFailed when it was refused, or not taken in several attempts."""
        if urlsplit(self.url).scheme not in {"http", "https"} or not self.host:
            raise DeliveryFailed("The receiver's address is not an http(s) address.", remedy="Correct its Connection.")
        failures = 0
        while True:
            try:
                return self._post(body, headers)
            except Transient as error:
                fault = error
            failures += 1
            wait = self.backoff.wait(failures, fault.retry_after)
            if wait is None or failures >= self.backoff.attempts:
                raise DeliveryFailed(
                    f"{self.host}: {fault.problem} ({failures} attempts).",
                    remedy="Check the receiver; what is still open is sent again by the upkeep Dag.",
                )
            log.info("%s: %s; next attempt in %.1f s", self.host, fault.problem, wait)
            self.pause(wait)

    def _post(self, body: bytes, headers: Mapping[str, str]) -> None:
        with requests.Session() as session:
            session.auth = no_auth
            session.trust_env = not is_loopback(self.host)
            adapter = HTTPAdapter(max_retries=0)
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            own = {"User-Agent": user_agent(), "Content-Type": "application/json", **headers}
            try:
                response = session.post(
                    self.url, data=body, headers=own, allow_redirects=False, stream=True, timeout=self.timeout_s
                )
            except requests.Timeout:
                raise Transient("no answer in time") from None
            except requests.ConnectionError as error:
                raise Transient(trouble(error)) from None
            except requests.RequestException as error:
                # Its text holds the address.
                raise DeliveryFailed(f"{self.host} cannot be asked: {type(error).__name__}.") from None
            with response:
                status = response.status_code
                if is_transient(status, "", html_400=False):
                    raise Transient(f"answered {status}", retry_after(response.headers, self.now()))
                if 300 <= status < 400:
                    raise DeliveryFailed(
                        f"{self.host} answered {status}: it wants the message sent elsewhere, which is not done.",
                        remedy="Enter the final address in the Connection.",
                    )
                if status >= 400:
                    raise DeliveryFailed(
                        f"{self.host} refused the message with status {status}.",
                        remedy="Check address and secret of the Connection.",
                    )
