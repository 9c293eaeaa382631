"""Where a publisher is asked and with which key, from the environment.

Airflow Connections are translated into the same two variables by the orchestration, so that the library needs
no Airflow. Without them the address in the catalogue counts, which is the live service.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from agrocluster.errors import UsageError
from agrocluster.model.loader import catalog


@dataclass(frozen=True)
class Endpoint:
    """Base address of a publisher and the key to use there; the key never shows in ``repr``."""

    base_url: str
    key: str | None = field(default=None, repr=False)


def endpoint(source_id: str) -> Endpoint:
    """Endpoint of a publisher: ``AGROCLUSTER_<SOURCE>_URL`` and ``_KEY``, else the catalogue's address.

    Raises UsageError for a publisher the catalogue does not know.
    """
    sources = catalog().sources
    if source_id not in sources:
        raise UsageError(
            f"There is no source {source_id!r} in the catalogue.",
            remedy=f"Use one of: {', '.join(sorted(sources))}.",
        )
    prefix = f"AGROCLUSTER_{source_id.upper()}"
    return Endpoint(
        base_url=os.environ.get(f"{prefix}_URL") or sources[source_id].base_url,
        key=os.environ.get(f"{prefix}_KEY") or None,
    )
