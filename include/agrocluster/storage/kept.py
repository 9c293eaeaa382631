"""What people keep in the data root beside vintages: frozen baselines and the practitioner overlay.

A release rests on them as on its vintages: another of them makes another release.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agrocluster.storage.frozen import Frozen
from agrocluster.storage.overlays import Overlay


@dataclass(frozen=True)
class Kept:
    """``frozen`` baselines of the same world in the order of freezing; the newest ``overlay``, if one was imported."""

    frozen: Sequence[Frozen] = ()
    overlay: Overlay | None = None

    @property
    def digests(self) -> list[str]:
        """Hashes of everything kept, for the identity of a release."""
        return [f.digest for f in self.frozen] + ([self.overlay.digest] if self.overlay else [])

    def described(self) -> dict[str, Any]:
        """Entries of a release's manifest."""
        overlay = self.overlay
        return {
            "frozen_baselines": [{"frozen_id": f.frozen_id, "sha256": f.digest} for f in self.frozen],
            "overlay": {"overlay_id": overlay.overlay_id, "sha256": overlay.digest} if overlay else None,
        }
