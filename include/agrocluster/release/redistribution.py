"""What of a release its publishers allow to be handed on: one rule for every copy that leaves the house.

It decides which marts and which publishers are closed; whoever copies or shows a release leaves them out.
"""

from __future__ import annotations

from typing import Any

from agrocluster.model.loader import catalog
from agrocluster.release import reading


def closed_marts(manifest: dict[str, Any]) -> set[str]:
    """Marts of a release that may not be handed on at all: ``restricted`` ones, and ``by_variant`` ones where customs
    reports went into the trade that chain indices rest on."""
    classes = {"restricted"} if _trade_variant(manifest) == "baci" else {"restricted", "by_variant"}
    return {mart["name"] for mart in manifest["marts"] if mart["redistribution"] in classes}


def restricted_sources() -> list[str]:
    """Publishers whose rows may not be handed on, in marts that are ``by_source``."""
    return sorted(s.id for s in catalog().sources.values() if s.redistribution == "restricted")


def _trade_variant(manifest: dict[str, Any]) -> str:
    """The trade that the chain indices of a release rest on; empty, and so closed, where it is not recorded."""
    with reading.connect(manifest) as con:
        row = con.execute("SELECT value FROM method_parameters WHERE name = 'trade_variant'").fetchone()
    return str(row[0]) if row else ""
