"""The pools that the Dags use: how many tasks may do the same costly thing at once."""

from __future__ import annotations

from collections.abc import Iterable

from agrocluster.model.specs import SourceSpec

COMPUTE_POOL = "agrocluster_compute"
"""Staging, validation and marts hold tables in memory; this pool bounds how many do so at once."""


def pool_name(source_id: str) -> str:
    """Pool of a publisher: the politeness limit that all its Dags share."""
    return f"agrocluster_{source_id}"


def pools(sources: Iterable[SourceSpec], compute_slots: int = 2) -> dict[str, tuple[int, str]]:
    """All pools the Dags use: name -> (slots, description)."""
    found = {pool_name(s.id): (s.pool_slots, f"Simultaneous tasks that ask {s.title.en}") for s in sources}
    found[COMPUTE_POOL] = (compute_slots, "Simultaneous tasks that hold tables in memory")
    return found
