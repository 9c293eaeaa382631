"""The first page: what is published, what failed, which datasets are late, which rules are broken.

Every part is read on its own, so that a damaged file breaks its part and not the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agrocluster import incidents
from agrocluster.board.checks import Checked, last_checks
from agrocluster.board.focus import Focus
from agrocluster.board.freshness import Freshness, freshness
from agrocluster.board.publishers import Health, health_of
from agrocluster.board.section import Section, section
from agrocluster.model.loader import catalog
from agrocluster.release import reading
from agrocluster.storage.vintages import Vintage, accepted

SHOWN_INCIDENTS = 12


@dataclass(frozen=True)
class Release:
    """The current release, as its manifest says."""

    release: str
    data_mode: str
    label: str
    version: str
    marts: list[dict[str, Any]]
    vintages: int

    @property
    def rows(self) -> int:
        """Rows of all marts."""
        return sum(mart["rows"] for mart in self.marts)

    @property
    def warned(self) -> list[dict[str, Any]]:
        """Marts that were published with a warning."""
        return [mart for mart in self.marts if mart["warnings"]]


@dataclass(frozen=True)
class Overview:
    """The page. ``vintages`` and ``health`` are filled in for the tab of an ingest run only."""

    focus: Focus
    release: Section[Release | None]
    incidents: Section[list[dict[str, Any]]]
    freshness: Section[list[Freshness]]
    checks: Section[list[Checked]]
    health: Section[Health | None]
    vintages: Section[list[Vintage]]

    @property
    def open_incidents(self) -> list[dict[str, Any]]:
        """Incidents that nobody has mended yet."""
        return [entry for entry in self.incidents.content or [] if not entry.get("resolved_at")]

    @property
    def late(self) -> list[Freshness]:
        """Datasets that are older than usual, or absent although they are needed."""
        known = self.freshness.content or []
        return [e for e in known if e.status == "late" or (e.status == "missing" and not e.optional)]

    @property
    def troubled(self) -> list[Checked]:
        """Datasets and marts with broken rules that matter."""
        return [checked for checked in self.checks.content or [] if checked.verdict != "ok"]


def overview(focus: Focus) -> Overview:
    """Everything the first page shows, narrowed to ``focus``."""
    dataset = focus.dataset
    wanted = [spec for spec in catalog().datasets.values() if focus.wants_dataset(spec.id)]
    return Overview(
        focus=focus,
        release=section(current),
        incidents=section(lambda: _incidents(focus)),
        freshness=section(lambda: freshness(wanted)),
        checks=section(lambda: last_checks(focus)),
        health=section(lambda: health_of(dataset) if dataset else None),
        vintages=section(lambda: accepted([dataset])[::-1] if dataset else []),
    )


def current() -> Release | None:
    """The current release; None before the first one. StorageError when it is damaged."""
    pointer = reading.latest()
    if pointer is None:
        return None
    found = reading.manifest(str(pointer["release"]))
    return Release(
        release=found["release"],
        data_mode=found["data_mode"],
        label=found["label"],
        version=found["version"],
        marts=found["marts"],
        vintages=len(found["vintages"]),
    )


def _incidents(focus: Focus) -> list[dict[str, Any]]:
    entries = [entry for entry in incidents.load() if focus.wants_dag(entry["dag_id"])]
    return sorted(entries, key=lambda entry: bool(entry.get("resolved_at")))[:SHOWN_INCIDENTS]
