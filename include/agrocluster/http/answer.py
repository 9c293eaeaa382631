"""What the client hands back: plain records, free of connections and keys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import requests

KEPT_HEADERS = ("Content-Type", "ETag", "Last-Modified", "Retry-After")


@dataclass(frozen=True)
class Fetched:
    """A whole answer in memory.

    ``url`` is the final address without keys, ``retrieved_at`` UTC by the publisher's clock (HTTP ``Date``),
    ``sha256`` that of ``content``, the decoded body.
    """

    status: int
    url: str
    content: bytes
    headers: dict[str, str]
    retrieved_at: str
    sha256: str

    @property
    def text(self) -> str:
        """The body as text; a byte order mark is dropped, undecodable bytes become U+FFFD."""
        return self.content.decode("utf-8-sig", errors="replace")


@dataclass(frozen=True)
class Download:
    """A file that arrived completely: where it lies, its hash and size, and the facts ``RawFile`` needs."""

    path: Path
    url: str
    sha256: str
    size: int
    retrieved_at: str
    headers: dict[str, str]


def kept_headers(response: requests.Response) -> dict[str, str]:
    """The response headers worth keeping beside a raw file."""
    return {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
