"""Where a publisher is asked and with which key, from the environment.

Airflow Connections are translated into the same two variables by the orchestration, so that the library needs
no Airflow. Without them the address in the catalogue counts, which is the live service.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from agrocluster.errors import UsageError
from agrocluster.http.guard import is_loopback
from agrocluster.http.redaction import redact
from agrocluster.model.loader import catalog
from agrocluster.model.specs import Quota, SourceSpec
from agrocluster.settings import settings


@dataclass(frozen=True)
class Endpoint:
    """Base address of a publisher and the key to use there; the key never shows in ``repr``."""

    base_url: str
    key: str | None = field(default=None, repr=False)


def endpoint(source_id: str) -> Endpoint:
    """Endpoint of a publisher: ``AGROCLUSTER_<SOURCE>_URL`` and ``_KEY``, else the catalogue's address.

    Raises UsageError for a publisher the catalogue does not know, and in sample mode for an address that is not on
    this machine: real figures must never be fetched under the label of sample data.
    """
    source = _source(source_id)
    prefix = f"AGROCLUSTER_{source_id.upper()}"
    base_url = os.environ.get(f"{prefix}_URL") or source.base_url
    if settings().mode == "sample" and not is_loopback(urlsplit(base_url).hostname or ""):
        raise UsageError(
            f"Sample mode asks the sample source server, and {redact(base_url)} is not on this machine.",
            source=source_id,
            remedy="Use `make run`, which starts one, or set SOURCES=live for the publishers themselves.",
        )
    return Endpoint(
        base_url=base_url,
        key=os.environ.get(f"{prefix}_KEY") or None,
    )


def quota(source_id: str) -> Quota:
    """What a publisher allows: the catalogue's numbers, or those of another subscription from the environment
    (``AGROCLUSTER_<SOURCE>_CALLS_PER_DAY`` and ``_RECORDS_PER_CALL``).

    Raises UsageError for a publisher without a quota, or when a variable is no positive number.
    """
    allowed = _source(source_id).quota
    if allowed is None:
        raise UsageError(f"The catalogue states no quota for {source_id}.", remedy="Add one to its source file.")
    changes = {}
    for limit in ("calls_per_day", "records_per_call"):
        name = f"AGROCLUSTER_{source_id.upper()}_{limit.upper()}"
        if text := os.environ.get(name):
            if not text.isdecimal() or int(text) < 1:
                raise UsageError(f"{name}={text!r} is no positive number.", remedy="Correct or unset the variable.")
            changes[limit] = int(text)
    return allowed.model_copy(update=changes)


def _source(source_id: str) -> SourceSpec:
    sources = catalog().sources
    if source_id not in sources:
        raise UsageError(
            f"There is no source {source_id!r} in the catalogue.",
            remedy=f"Use one of: {', '.join(sorted(sources))}.",
        )
    return sources[source_id]
