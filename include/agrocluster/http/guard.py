"""Which addresses may be asked: the publisher's own hosts and nothing else.

Redirects and addresses inside catalogues (FAOSTAT's ``FileLocation``) come from outside; without this check they
could point into the network of whoever runs the pipeline (server-side request forgery).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import SplitResult, urljoin, urlsplit

from agrocluster.errors import SourceContractError, UsageError
from agrocluster.http.redaction import redact

_PORTS = {"http": 80, "https": 443}


class HostGuard:
    """Resolves references against a base address and refuses those that lead elsewhere.

    A loopback base (sample server, tests) allows the same host and port only. Any other base allows its own host
    and ``allowed_hosts`` on their usual ports, and never a step down from https to http.

    Raises UsageError at once if the base itself is not an http(s) address or carries a password.
    """

    def __init__(self, base_url: str, allowed_hosts: Iterable[str] = (), *, source: str | None = None) -> None:
        self.source = source
        self.base = urlsplit(base_url)
        if self.base.scheme not in _PORTS or not self.base.hostname:
            raise UsageError(
                f"{redact(base_url)!r} is not an http(s) address.",
                source=source,
                remedy="Correct the Airflow Connection or the AGROCLUSTER_<SOURCE>_URL variable.",
            )
        if self.base.username or self.base.password:
            raise UsageError(
                "The base address carries a user name or password.",
                source=source,
                remedy="Take it out of the address and set the key (Connection password, AGROCLUSTER_<SOURCE>_KEY).",
            )
        self.loopback = is_loopback(self.base.hostname)
        self._hosts = {self.base.hostname, *(host.lower() for host in allowed_hosts)}

    def resolve(self, reference: str, *, relative_to: str | None = None) -> str:
        """The absolute address of ``reference``, checked. Raises SourceContractError if it leads elsewhere.

        A relative path is taken below the base address; with ``relative_to`` (redirects) it is resolved as
        browsers do.
        """
        if relative_to is not None:
            url = urljoin(relative_to, reference)
        elif "://" in reference:
            url = reference
        else:
            url = f"{self.base.geturl().rstrip('/')}/{reference.lstrip('/')}"
        parts = urlsplit(url)
        if not self._allows(parts):
            raise SourceContractError(
                f"Refused to follow the address {redact(url)}: it is not on a host of this publisher.",
                source=self.source,
                remedy="If the publisher moved, add the host to allowed_hosts of its source file in the catalogue.",
            )
        return url

    def is_home(self, url: str) -> bool:
        """Whether ``url`` is on the very host and port of the base address (only there keys are sent)."""
        return _place(urlsplit(url)) == _place(self.base)

    def _allows(self, parts: SplitResult) -> bool:
        if parts.scheme not in _PORTS or parts.username or parts.password:
            return False
        if _place(parts) == _place(self.base):
            return parts.scheme == self.base.scheme
        if self.loopback or (parts.hostname or "") not in self._hosts:
            return False
        downgrade = self.base.scheme == "https" and parts.scheme == "http"
        return not downgrade and _place(parts)[1] == _PORTS[parts.scheme]


def is_loopback(host: str) -> bool:
    """Whether ``host`` names this very machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _place(parts: SplitResult) -> tuple[str, int]:
    try:
        port = parts.port
    except ValueError:
        port = -1
    return (parts.hostname or "", port or _PORTS.get(parts.scheme, 0))
