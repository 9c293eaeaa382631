"""What a row of the baseline says, ready for words: missing is None, codes are split.

It decides which facts there are, not how they are said (``sentences``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

STAGES = ("input", "primary", "processed", "final", "market")
QUADRANTS = ("build", "defend", "prepare", "leave")
PILLARS = ("p1", "p2", "p3", "p4", "h1", "h2", "h3", "h4")
PARTS_OF = {"position": PILLARS[:4], "headroom": PILLARS[4:]}

COLUMNS = (
    "baseline_id", "first_year", "last_year", "iso3", "chain", "focus",
    "position", "headroom", "potential", "potential_p05", "potential_p95",
    "rank_country", "rank_p05", "rank_p95", "tied_with", "quadrant", "typology", "ssr",
    *(f"p_{place}" for place in QUADRANTS),
    "bottleneck", "bottleneck_margin", *(f"b_{stage}" for stage in STAGES),
    "exports_usd", "largest_market", "share_largest", "untapped_usd",
    "grade", "weakest_part", "coverage", "reasons",
    "territory_unknown", "policy_klaster_flag", "reexport_flag", "caveats",
)  # fmt: skip
"""Columns of mart_cluster_baseline that a sentence reads."""


class Facts:
    """One row. ``ranked`` is the number of ranked chains of its country in its baseline."""

    def __init__(self, row: Mapping[str, Any], ranked: int) -> None:
        self.row = row
        self.ranked = ranked
        self.reasons = dict(_reason(entry) for entry in codes(row["reasons"], ";"))

    def __getitem__(self, column: str) -> Any:
        """Value of a column; None where it is null or not a number."""
        value = self.row[column]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    def known(self, *columns: str) -> bool:
        """Whether all these columns have a value."""
        return all(self[column] is not None for column in columns)

    @property
    def stages_known(self) -> int:
        """Number of stages of the bottleneck vector with a score."""
        return sum(self.known(f"b_{stage}") for stage in STAGES)

    @property
    def bottleneck(self) -> str | None:
        """The stage that is clearly the lowest; None where none is, or where too few stages are known to say."""
        return self["bottleneck"] if self["bottleneck"] in STAGES else None

    @property
    def tied(self) -> list[str]:
        """Chains of the country that share the rank."""
        return codes(self["tied_with"])

    @property
    def caveats(self) -> list[str]:
        """Codes of the caveats, klaster policy first, none twice."""
        policy = ["policy_klaster_flag"] if self["policy_klaster_flag"] else []
        return list(dict.fromkeys(policy + codes(self["caveats"], ";")))

    def why_none(self) -> list[tuple[str, str]]:
        """Part and reason of what stands in the way of a score: missing sub-indices, then their pillars."""
        found = [(sub, self.reasons[sub]) for sub in PARTS_OF if self[sub] is None and sub in self.reasons]
        missing = [p for sub, pillars in PARTS_OF.items() if self[sub] is None for p in pillars]
        found += [(p, self.reasons[p]) for p in missing if p in self.reasons]
        return found + [
            (part, reason) for part, reason in self.reasons.items() if part == reason != "territory_unknown"
        ]

    def left_out(self) -> list[tuple[str, str]]:
        """Part and reason of everything else that is missing, except what has a sentence of its own."""
        told = {part for part, _ in self.why_none()} if self["potential"] is None else set()
        territory = {"territory_unknown", "p4"} if self["territory_unknown"] else {"territory_unknown"}
        return [(part, reason) for part, reason in self.reasons.items() if part not in told | territory]


def codes(text: str | None, separator: str | None = None) -> list[str]:
    """The codes of a list column (blanks unless a separator is given), none empty."""
    return [code for code in (part.strip() for part in (text or "").split(separator)) if code]


def _reason(entry: str) -> tuple[str, str]:
    part, _, reason = entry.partition(":")
    return part, reason or part
