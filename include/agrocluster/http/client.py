"""Asks one publisher: politely, patiently, within limits, and only on the publisher's own hosts.

The client knows HTTP and nothing about statistics. Whatever goes wrong ends as SourceUnavailable (may heal) or
SourceContractError (will not), with the publisher, the address without keys, and what to do.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import requests

from agrocluster.errors import SourceContractError, SourceUnavailable
from agrocluster.http.answer import Download, Fetched, kept_headers
from agrocluster.http.body import Expect, check_shape, is_cut_off, stream
from agrocluster.http.download import fetch_file
from agrocluster.http.endpoint import endpoint
from agrocluster.http.retry import Backoff, Transient
from agrocluster.http.tally import Tally
from agrocluster.http.transport import Transport
from agrocluster.model.loader import catalog
from agrocluster.model.specs import SourceSpec

log = logging.getLogger(__name__)

GET_LIMIT = 256 * 1024**2
DOWNLOAD_PATIENCE = 12
T = TypeVar("T")
Params = Mapping[str, str | int]


class Client:
    """HTTP client of one publisher.

    Args:
        source: politeness, time-outs, size limit, allowed hosts and retry peculiarities.
        base_url: address that relative paths are taken below; default the catalogue's.
        key: sent in the header ``source.key_header`` to the base host only; without such a header never sent.
        dataset: dataset for error messages, e.g. ``wdi``.
        backoff: retry policy.
        deadline_s: total time one ``get`` or ``head`` may take, waits included (``download``: twelve times as long).
        pause, clock, now: replaced in tests.

    Usable from several threads. Close it, or use it as a context manager.
    """

    def __init__(
        self,
        source: SourceSpec,
        *,
        base_url: str | None = None,
        key: str | None = None,
        dataset: str | None = None,
        backoff: Backoff | None = None,
        deadline_s: float = 900.0,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.source, self.dataset = source, dataset
        self.backoff = backoff or Backoff()
        self.deadline_s = deadline_s
        self.pause, self.clock, self.now = pause, clock, now
        self.transport = Transport(source, base_url or source.base_url, key, pause=pause, clock=clock, now=now)
        self.clean = self.transport.clean

    @property
    def tally(self) -> Tally:
        """How the publisher's answers came so far."""
        return self.transport.tally

    def __repr__(self) -> str:
        return f"Client(source={self.source.id!r}, base_url={self.transport.guard.base.geturl()!r})"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self.transport.close()

    def get(
        self,
        path_or_url: str,
        *,
        params: Params | None = None,
        max_bytes: int | None = None,
        expect: Expect | None = None,
        accept: Collection[int] = (),
        period: str | None = None,
        before: Callable[[], object] = lambda: None,
    ) -> Fetched:
        """Fetch a small answer into memory.

        Args:
            path_or_url: path below the base address, or a full address on an allowed host.
            params: query parameters.
            max_bytes: limit for the decoded body (default 256 MiB or the source's limit, whichever is smaller).
            expect: shape the body must have; not demanded of statuses in ``accept``.
            accept: statuses other than 2xx to return instead of raising (after the retry table had its say).
            period: for error messages.
            before: called before every attempt, for publishers that count calls; what it raises ends the matter.

        Raises SourceUnavailable or SourceContractError (see the module).
        """
        url = self.url(path_or_url, params)
        limit = min(max_bytes or GET_LIMIT, self.source.max_bytes)

        def once(deadline: float) -> Fetched:
            before()
            with self.transport.open("GET", url, accept=accept) as response:
                pieces = stream(response, decode=True, limit=limit, late=lambda: self.clock() > deadline)
                content = b"".join(pieces)
                _check(response, content, None if response.status_code in accept else expect)
                return self._fetched(response, content, kept_headers(response))

        return self._persist(url, once, deadline_s=self.deadline_s, period=period)

    def get_text(
        self,
        path_or_url: str,
        *,
        params: Params | None = None,
        max_bytes: int | None = None,
        expect: Expect | None = "text",
    ) -> str:
        """The body as text, a byte order mark dropped; an HTML page is refused unless ``expect`` is None."""
        return self.get(path_or_url, params=params, max_bytes=max_bytes, expect=expect).text

    def get_json(self, path_or_url: str, *, params: Params | None = None, max_bytes: int | None = None) -> Any:
        """The body as JSON; a cut-off document is asked for again."""
        return json.loads(self.get(path_or_url, params=params, max_bytes=max_bytes, expect="json").text)

    def head(self, path_or_url: str, *, params: Params | None = None, period: str | None = None) -> Fetched:
        """Status and all headers without the body (``content`` is empty).

        Servers that refuse HEAD are asked with GET for the first byte instead.
        """
        url = self.url(path_or_url, params)

        def once(_: float) -> Fetched:
            with self.transport.open("HEAD", url, accept=(403, 405, 501)) as response:
                if response.status_code < 300:
                    return self._fetched(response, b"", self._all_headers(response))
            with self.transport.open("GET", url, {"Range": "bytes=0-0"}) as response:
                return self._fetched(response, b"", self._all_headers(response))

        return self._persist(url, once, deadline_s=self.deadline_s, period=period)

    def download(
        self,
        path_or_url: str,
        into: Path,
        *,
        params: Params | None = None,
        max_bytes: int | None = None,
        expect: Expect | None = None,
        period: str | None = None,
    ) -> Download:
        """Stream a file of any size to ``into``, which appears only when every byte has arrived.

        An interrupted download goes on where it stopped, also in a later process, as long as the publisher's ETag
        or Last-Modified says it is still the same file. Limits and errors as for ``get``; a full disk raises
        StorageError.
        """
        url = self.url(path_or_url, params)
        limit = min(max_bytes or self.source.max_bytes, self.source.max_bytes)
        return self._persist(
            url,
            lambda deadline: fetch_file(self.transport, url, into, limit, expect, deadline),
            deadline_s=DOWNLOAD_PATIENCE * self.deadline_s,
            period=period,
        )

    def url(self, path_or_url: str, params: Params | None = None) -> str:
        """The address a request would go to, checked against the publisher's hosts."""
        url = self.transport.guard.resolve(path_or_url)
        if not params:
            return url
        return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(params, safe=':;,/')}"

    def _persist(self, url: str, action: Callable[[float], T], *, deadline_s: float, period: str | None) -> T:
        """Run ``action(deadline)`` until it works, by the retry table; turns faults into the error classes."""
        deadline = self.clock() + deadline_s
        failures = 0
        while True:
            try:
                return action(deadline)
            except Transient as error:
                fault = error
            except SourceContractError as error:
                raise SourceContractError(
                    self.clean(error.problem),
                    source=self.source.id,
                    dataset=self.dataset,
                    period=period,
                    remedy=error.remedy or f"Compare {self.clean(url)} with the source's contract.",
                ) from None
            failures += 1
            self.tally.retry()
            wait = self._next_wait(url, fault, failures, deadline, period)
            log.warning(
                "%s: %s; attempt %d of %d failed, next in %.1f s (%s)",
                self.source.id,
                self.clean(fault.problem),
                failures,
                self.backoff.attempts,
                wait,
                self.clean(url),
            )
            self.pause(wait)

    def _next_wait(self, url: str, fault: Transient, failures: int, deadline: float, period: str | None) -> float:
        wait = self.backoff.wait(failures, fault.retry_after)
        tries = f" ({failures} attempts)" if failures > 1 else ""
        if wait is None:
            back = self.now() + timedelta(seconds=fault.retry_after or 0)
            remedy = f"Come back after {back:%Y-%m-%d %H:%M:%S} UTC; the publisher asked for it (Retry-After)."
        elif failures >= self.backoff.attempts or self.clock() + wait > deadline:
            remedy = "Run again later; what was fetched so far is kept and the last release is intact."
        else:
            return wait
        raise SourceUnavailable(
            self.clean(f"{fault.problem[:1].upper()}{fault.problem[1:]}{tries}: {url}."),
            source=self.source.id,
            dataset=self.dataset,
            period=period,
            remedy=remedy,
            retry_after=None if wait is not None else fault.retry_after,
        ) from None

    def _fetched(self, response: requests.Response, content: bytes, headers: dict[str, str]) -> Fetched:
        return Fetched(
            status=response.status_code,
            url=self.transport.recorded(str(response.url)),
            content=content,
            headers=headers,
            retrieved_at=self.transport.retrieved_at(response),
            sha256=hashlib.sha256(content).hexdigest(),
        )

    def _all_headers(self, response: requests.Response) -> dict[str, str]:
        return {name: self.clean(value) for name, value in response.headers.items()}


def connect(source_id: str, *, dataset: str | None = None) -> Client:
    """A client for a publisher of the catalogue, with address and key from the environment (see ``endpoint``)."""
    place = endpoint(source_id)
    return Client(catalog().sources[source_id], base_url=place.base_url, key=place.key, dataset=dataset)


def _check(response: requests.Response, content: bytes, expect: Expect | None) -> None:
    if expect and not content:
        raise Transient("the answer is empty")
    if problem := check_shape(content[:4096], expect, response.headers.get("Content-Type", "")):
        raise SourceContractError(f"The service misbehaves: {problem}.")
    if expect in {"json", "json_or_xml"} and is_cut_off(content):
        raise Transient("the JSON document is cut off or damaged (truncated body)")
