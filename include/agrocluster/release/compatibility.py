"""Which changes of a mart contract break its readers, and which version they therefore need. Reads and writes nothing.

Semver: a breaking change needs the next major version, an addition the next minor one. Below 1.0.0 each counts one
place lower: a breaking change needs the next minor version (0.2.0 -> 0.3.0), an addition the next patch. That a column
means something else under the same name, type and unit no program can see; whoever changes it raises the version.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from agrocluster.errors import DataGateError
from agrocluster.release.diff import changed_columns


class Bump(IntEnum):
    """How much of a version a change needs."""

    MINOR = 1
    MAJOR = 2


_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True)
class Kind:
    """A kind of change: the version it needs, and a sentence with ``column``, ``before`` and ``after``."""

    needs: Bump
    says: str


KINDS: Mapping[str, Kind] = {
    "mart_removed": Kind(Bump.MAJOR, "it is gone"),
    "column_removed": Kind(Bump.MAJOR, "column {column} ({before}) is gone"),
    "column_added": Kind(Bump.MINOR, "column {column} ({after}) is new"),
    "type_changed": Kind(Bump.MAJOR, "column {column} has type {after}, before {before}"),
    "unit_changed": Kind(Bump.MAJOR, "column {column} has unit {after}, before {before}"),
    "nullable_widened": Kind(Bump.MAJOR, "column {column} may be empty now"),
    "nullable_narrowed": Kind(Bump.MINOR, "column {column} is never empty now"),
    "codes_widened": Kind(Bump.MINOR, "column {column} may hold more codes: {after}, before {before}"),
    "codes_narrowed": Kind(Bump.MINOR, "column {column} holds codes of a list now: {after}"),
    "codes_changed": Kind(Bump.MAJOR, "column {column} has the codes {after}, before {before}"),
    "key_changed": Kind(Bump.MAJOR, "its key is {after}, before {before}"),
    "sort_changed": Kind(Bump.MAJOR, "its rows are sorted by {after}, before by {before}"),
    "licence_changed": Kind(Bump.MAJOR, "its licence is {after}, before {before}"),
    "redistribution_narrowed": Kind(Bump.MAJOR, "its redistribution is {after}, before {before}"),
    "redistribution_widened": Kind(Bump.MINOR, "its redistribution is {after}, before {before}"),
    "version_lowered": Kind(Bump.MAJOR, "its version is lower than before"),
}
"""Every kind of change that is looked for. What is not here needs no version."""


@dataclass(frozen=True)
class Change:
    """One change of one mart."""

    mart: str
    kind: str
    column: str = ""
    before: str = ""
    after: str = ""

    @property
    def needs(self) -> Bump:
        """The version this change needs."""
        return KINDS[self.kind].needs

    def __str__(self) -> str:
        return KINDS[self.kind].says.format(column=self.column, before=self.before, after=self.after)


@dataclass(frozen=True)
class Breach:
    """Changes of a mart that its version does not say. ``needed`` is the smallest version that would."""

    mart: str
    before: str
    after: str
    needed: str
    changes: tuple[Change, ...]

    def __str__(self) -> str:
        versions = self.before if self.before == self.after else f"{self.before} -> {self.after}"
        return f"{self.mart} ({versions}, needs {self.needed}): {'; '.join(map(str, self.changes))}"


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """What changed in the contract of a mart, given its entries in two manifests. Facts that the earlier manifest did
    not state are not compared."""
    name = str(after["name"])
    found: list[Change] = []
    if "columns" in before:
        found += _of_columns(name, before, after)
    for fact in ("key", "sort", "licence"):
        if fact in before and before[fact] != after[fact]:
            found.append(Change(name, f"{fact}_changed", "", _shown(before[fact]), _shown(after[fact])))
    if (was := before.get("redistribution", after["redistribution"])) != (now := after["redistribution"]):
        kind = "redistribution_widened" if now == "open" else "redistribution_narrowed"
        found.append(Change(name, kind, "", str(was), str(now)))
    if _parts(after["contract_version"]) < _parts(before["contract_version"]):
        found.append(Change(name, "version_lowered"))
    return found


def breaches(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Breach]:
    """Marts of two releases whose contract changed more than their version says.

    Args: manifests, or their parts ``version`` and ``marts``. The set of marts is versioned by ``version``, that of
    the package.
    """
    now = {mart["name"]: mart for mart in after["marts"]}
    found = []
    for was in before["marts"]:
        name = str(was["name"])
        if name not in now:
            found += _breach(name, before["version"], after["version"], [Change(name, "mart_removed")])
        elif "contract_version" in was:
            versions = was["contract_version"], now[name]["contract_version"]
            found += _breach(name, *versions, changes(was, now[name]))
    return found


def require_compatible(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Raises DataGateError when ``after`` would break readers of ``before`` without saying so; see ``breaches``."""
    if found := breaches(before, after):
        gone = [b.mart for b in found if b.changes[0].kind == "mart_removed"]
        versions = [f"`version: {b.needed}` in catalog/marts/{b.mart}.yaml" for b in found if b.mart not in gone]
        versions += [f"version {found[0].needed} of the package in pyproject.toml"] if gone else []
        raise DataGateError(
            f"Readers of release {before['release']} would not be told what changes: {'. '.join(map(str, found))}.",
            remedy=f"Set {', '.join(versions)} and say in CHANGELOG.md what readers have to do, or undo the change. "
            "The last release stays as it is.",
        )


def enough(before: str, after: str, needs: Bump) -> bool:
    """Whether going from version ``before`` to ``after`` says as much as ``needs``."""
    return _parts(after) >= _parts(smallest(before, needs))


def smallest(before: str, needs: Bump) -> str:
    """The next version after ``before`` that says ``needs``."""
    major, minor, patch = _parts(before)
    place = 2 - needs + (major == 0)  # which of the three numbers is raised
    raised = [(major + 1, 0, 0), (major, minor + 1, 0), (major, minor, patch + 1)][place]
    return ".".join(map(str, raised))


def _of_columns(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterable[Change]:
    differences = changed_columns(before, after)
    was, now = ({c["name"]: _column(c) for c in entry["columns"]} for entry in (before, after))
    yield from (Change(name, "column_removed", c, before=was[c]) for c in differences["columns_removed"])
    yield from (Change(name, "column_added", c, after=now[c]) for c in differences["columns_added"])
    for change in differences["columns_changed"]:
        kind = f"{change['what']}_changed"
        if change["what"] == "nullable":
            kind = "nullable_widened" if change["after"] else "nullable_narrowed"
        elif change["what"] == "codelist":
            kind = _of_codes(change["before"], change["after"])
        yield Change(name, kind, change["name"], _shown(change["before"]), _shown(change["after"]))


def _of_codes(before: str | None, after: str | None) -> str:
    """A list is the codes themselves (``a|b``), or where they stand (``cat_country.iso3``)."""
    if before is None:
        return "codes_narrowed"
    written = after is not None and "|" in before and "|" in after
    return "codes_widened" if written and set(before.split("|")) < set(str(after).split("|")) else "codes_changed"


def _breach(name: str, before: str, after: str, changed: Sequence[Change]) -> list[Breach]:
    untold = tuple(c for c in changed if not enough(before, after, c.needs))
    if not untold:
        return []
    return [Breach(name, before, after, smallest(before, max(c.needs for c in untold)), untold)]


def _column(column: Mapping[str, Any]) -> str:
    return ", ".join(str(column[fact]) for fact in ("type", "unit") if column.get(fact))


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "none" if value is None else str(value)


def _parts(version: str) -> tuple[int, int, int]:
    """The three numbers of a version; of anything else (a source tree without one) zeros."""
    numbers = _VERSION.match(version)
    return (int(numbers[1]), int(numbers[2]), int(numbers[3])) if numbers else (0, 0, 0)
