"""Keeps keys and passwords out of logs, errors and recorded addresses.

Keys travel in headers only, so this is the second line of defence: it also catches what a publisher echoes back
and what a person writes into a base address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MASK = "***"

_PARAMETER = re.compile(
    r"(?i)([?&;\s\"'](?:subscription-key|ocp-apim-subscription-key|api[-_]?key|key|access[-_]?token|token"
    r"|password|secret|signature|sig)=)[^&#\s\"']+"
)
_USERINFO = re.compile(r"(?i)([a-z][a-z0-9+.-]*://)[^/\s@\"']+@")


def redact(text: str, secrets: Iterable[str | None] = ()) -> str:
    """``text`` with secrets, key-like query values and ``user:password@`` masked.

    Args:
        secrets: values to mask wherever they occur, also in their URL-encoded forms; empty ones are ignored.
    """
    for secret in secrets:
        if secret:
            for form in {secret, quote(secret, safe=""), quote_plus(secret)}:
                text = text.replace(form, MASK)
    text = _USERINFO.sub(rf"\1{MASK}@", text)
    return _PARAMETER.sub(rf"\1{MASK}", text)
