"""One request at a time: session, key, politeness, redirects, and the verdict on the status.

Knows nothing of repeating (``client``) nor of bodies beyond the first words of an error page (``body``).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib import metadata
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from agrocluster import __version__
from agrocluster.errors import SourceContractError
from agrocluster.http.body import TooLarge, first_words, stream
from agrocluster.http.guard import HostGuard, is_loopback
from agrocluster.http.pace import pace
from agrocluster.http.redaction import redact
from agrocluster.http.retry import Transient, is_transient, retry_after
from agrocluster.http.tally import Tally
from agrocluster.model.specs import SourceSpec

log = logging.getLogger(__name__)

MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ERROR_PAGE = 1 << 20


class Transport:
    """Sends requests to one publisher's hosts. Usable from several threads."""

    def __init__(
        self,
        source: SourceSpec,
        base_url: str,
        key: str | None,
        *,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.source = source
        self.guard = HostGuard(base_url, source.allowed_hosts, source=source.id)
        self.pause, self.clock, self.now = pause, clock, now
        self.tally = Tally()
        self._key = key
        self._local = threading.local()
        self._sessions: list[requests.Session] = []

    def close(self) -> None:
        """Close all connections."""
        for session in self._sessions:
            session.close()

    @contextmanager
    def open(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, *, accept: Collection[int] = ()
    ) -> Iterator[requests.Response]:
        """One request with its redirects; the body is still to be read.

        Raises Transient for faults that may heal, SourceContractError for every other status that is neither
        2xx nor in ``accept``, and for redirects that lead to foreign hosts.
        """
        response = self._follow(method, url, headers or {})
        try:
            self._judge(response, accept)
            yield response
        finally:
            response.close()

    def clean(self, text: str) -> str:
        """``text`` without the key and other secrets."""
        return redact(text, [self._key])

    def recorded(self, url: str) -> str:
        """``url`` as provenance keeps it: without keys, and without the passing port of a server on this machine."""
        parts = urlsplit(self.clean(url))
        if not is_loopback(parts.hostname or ""):
            return parts.geturl()
        return f"loopback:{parts.path}{'?' if parts.query else ''}{parts.query}"

    def retrieved_at(self, response: requests.Response) -> str:
        """When the publisher answered, by its own ``Date`` header, else by our clock: ``2026-07-13T08:15:00Z``."""
        moment = self.now()
        try:
            moment = parsedate_to_datetime(response.headers.get("Date", ""))
        except ValueError:
            log.debug("%s sent no readable Date header", self.source.id)
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _session(self) -> requests.Session:
        # Sessions are not documented as thread-safe; one per thread costs nothing.
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.headers.update({"User-Agent": user_agent()})
            session.auth = _no_auth
            session.trust_env = not self.guard.loopback
            adapter = HTTPAdapter(max_retries=0)
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            self._local.session = session
            self._sessions.append(session)
        return session

    def _follow(self, method: str, url: str, headers: Mapping[str, str]) -> requests.Response:
        for _ in range(MAX_REDIRECTS + 1):
            response = self._send(method, url, headers)
            target = response.headers.get("Location")
            if response.status_code not in _REDIRECTS or not target:
                return response
            response.close()
            url = self.guard.resolve(target, relative_to=url)
        raise SourceContractError(f"More than {MAX_REDIRECTS} redirects in a row, the last to {url}.")

    def _send(self, method: str, url: str, headers: Mapping[str, str]) -> requests.Response:
        own = dict(headers)
        if self._key and self.source.key_header and self.guard.is_home(url):
            own[self.source.key_header] = self._key
        host = urlsplit(url).netloc
        # A server on this very machine needs no rest between requests.
        interval = 0.0 if self.guard.loopback else self.source.min_interval_s
        with pace(host, self.source.max_connections, interval).turn(self.clock, self.pause):
            try:
                response = self._session().request(
                    method, url, headers=own, stream=True, allow_redirects=False, timeout=self.source.timeout_s
                )
            except requests.Timeout as error:
                raise Transient(f"the host {host} did not answer in time (time-out)") from error
            except requests.ConnectionError as error:
                raise Transient(f"the host {host} {_trouble(error)}") from error
            except requests.RequestException as error:
                raise SourceContractError(f"{url} cannot be asked: {type(error).__name__}.") from error
        self.tally.answer(response.elapsed.total_seconds())
        return response

    def _judge(self, response: requests.Response, accept: Collection[int]) -> None:
        status, kind = response.status_code, response.headers.get("Content-Type", "")
        if is_transient(status, kind, html_400=self.source.retry_html_400):
            page = " with an HTML page" if status == 400 else ""
            raise Transient(f"the service answered {status}{page}", retry_after(response.headers, self.now()))
        if status < 300 or status in accept:
            return
        try:
            words = first_words(next(stream(response, decode=True, limit=_ERROR_PAGE), b""))
        except TooLarge:
            words = "(a page too long to read)"
        raise SourceContractError(
            f"The service answered {status} for {response.url}: {words!r}.",
            remedy="Check the key of this source." if status in {401, 403} else None,
        )


def user_agent() -> str:
    """Who asks: ``agrocluster/<version>`` and, if the package declares one, its home page."""
    try:
        urls = metadata.metadata("agrocluster").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        urls = []
    home = [url.partition(",")[2].strip() for url in urls if url.lower().startswith("homepage")]
    return f"agrocluster/{__version__}" + (f" (+{home[0]})" if home else "")


def _trouble(error: requests.ConnectionError) -> str:
    if "NameResolutionError" in repr(error):
        return "cannot be found (no network, or the name service does not know it)"
    return "cannot be reached or broke the connection"


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    # Keeps requests from reading ~/.netrc, whose passwords are none of a publisher's business.
    return request
