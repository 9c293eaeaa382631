"""What the page of data quality shows: grades, coverage, gaps with their reasons, broken rules, age of the sources.

It counts and sorts what the marts and the manifest say. Rules and cadences are those of the installed catalogue.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any

from agrocluster.atlas.content import Row
from agrocluster.atlas.view import View
from agrocluster.atlas.words import known
from agrocluster.explain.facts import codes
from agrocluster.model.loader import catalog

GRADES = ("A", "B", "C", "D")
SHARES = ("coverage", "confidence", "c_cov", "c_src", "c_mir", "c_time")
"""Columns of mart_cluster_baseline whose lowest and highest value in a country is shown."""
PART = ":"
"""Between the part that is missing and the reason why; a reason without one concerns the whole chain."""


def grades(view: View) -> list[tuple[Row, list[int]]]:
    """Per country how many of its chains have each grade."""
    return [
        (c, [sum(cell["grade"] == letter for cell in view.of_country(c["iso3"])) for letter in GRADES])
        for c in view.content.countries
    ]


def shares(view: View) -> list[tuple[str, list[str]]]:
    """Per column of ``SHARES`` the range over the chains of each country."""
    return [(name, [_range(view, c["iso3"], name) for c in view.content.countries]) for name in SHARES]


def _range(view: View, iso3: str, column: str) -> str:
    held = [cell[column] for cell in view.of_country(iso3) if known(cell[column])]
    if not held:
        return view.words.say("unknown")
    low, high = (view.words.share(value) for value in (min(held), max(held)))
    return low if low == high else view.words.language.numbers.range.format(low=low, high=high)


def gaps(view: View) -> list[tuple[str, str, list[int]]]:
    """Part that is missing, reason, and the number of chains concerned per country; the most frequent first."""
    counted = [_counted(view.of_country(c["iso3"])) for c in view.content.countries]
    total = sum(counted, Counter())
    parts = view.words.language.words["part"]
    return [
        (
            parts.get(part, part) if part else view.words.say("whole_chain"),
            view.words.reason(reason),
            [held[part, reason] for held in counted],
        )
        for part, reason in sorted(total, key=lambda entry: (-total[entry], entry))
    ]


def _counted(cells: Iterable[Row]) -> Counter[tuple[str, str]]:
    listed = (entry for cell in cells for entry in codes(cell["reasons"], ";"))
    return Counter((part, reason) if sep else ("", part) for part, sep, reason in (e.partition(PART) for e in listed))


def broken(view: View) -> list[tuple[Row, str, str]]:
    """Table, rule and the rule's reason of every warning of the release; the reason is English, and empty where the
    installed catalogue has no such rule."""
    found = []
    for mart in view.content.manifest["marts"]:
        contract = catalog().marts.get(mart["name"])
        reasons = {rule.id: rule.reason for rule in contract.rules} if contract else {}
        found += [(mart, rule, reasons.get(rule, "")) for rule in mart["warnings"]]
    return found


def ages(view: View) -> list[dict[str, Any]]:
    """Per vintage the days between its publisher's stamp and our retrieval, and how often the publisher releases;
    None where the stamp is no date or the dataset is not in the installed catalogue."""
    found = []
    for line in view.content.provenance:
        spec = catalog().datasets.get(f"{line['source']}__{line['dataset']}")
        stamped, retrieved = _date(line["stamp"]), _date(line["retrieved_at"])
        age = (retrieved - stamped).days if stamped and retrieved else None
        found.append({"about": line, "age": age, "cadence": spec.cadence_days if spec else None})
    return found


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat((text or "")[:10])
    except ValueError:
        return None
