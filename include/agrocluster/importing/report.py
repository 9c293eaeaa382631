"""The account of an import: one line per file and dataset, as a table for people and as plain data for machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.table import Table

from agrocluster.importing.plan import Item, Part

STATES = {"data": "green", "broken": "red", "unknown": "yellow", "other": "dim", "companion": "dim"}
"""States of a file, in the order of the table, and their colours."""


@dataclass(frozen=True)
class Line:
    """One file for one dataset; ``dataset`` is empty for a file that no dataset reads.

    Attributes:
        recognised_as: publisher and kind of the file, empty if unknown.
        stamp, dated_by: date of the vintage and where it comes from.
        vintage: id of the staged vintage, empty if there is none (or nothing was landed yet).
        excluded: rows left out on purpose, by reason; quarantined: rows that broke a rule.
        problem: why the file is not in the facts; notes: what else the reader of the report should know.
    """

    file: str
    state: str
    recognised_as: str
    dataset: str = ""
    stamp: str = ""
    dated_by: str = ""
    vintage: str = ""
    rows: int = 0
    first_year: int | None = None
    last_year: int | None = None
    countries: int = 0
    excluded: Mapping[str, int] = field(default_factory=dict)
    quarantined: int = 0
    problem: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """All lines, and the conflicts between vintages of one date (dataset, stamp, vintages, cells)."""

    folder: str
    lines: tuple[Line, ...]
    conflicts: tuple[dict[str, Any], ...]

    @property
    def usable(self) -> bool:
        """Whether at least one file came in (or would)."""
        return any(line.dataset and not line.problem for line in self.lines)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able form with totals."""
        states = [line.state for line in {line.file: line for line in self.lines}.values()]
        return {
            "folder": self.folder,
            "files": len(states),
            "states": {state: states.count(state) for state in STATES if state in states},
            "lines": [asdict(line) for line in self.lines],
            "conflicts": list(self.conflicts),
        }


def line_of(item: Item, part: Part | None = None, outcome: Mapping[str, Any] | None = None) -> Line:
    """The line of a file for one dataset; ``outcome`` is what landing it gave, None before."""
    file = item.file
    if item.duplicate_of:
        return Line(file.path, "companion", file.what, notes=(f"Same content as {item.duplicate_of}.",))
    if part is None:
        known = file.state in {"companion", "other"}
        return Line(
            file.path, file.state, file.what, problem="" if known else file.note, notes=(file.note,) if known else ()
        )
    extent = part.extent
    facts = outcome if outcome and "rows" in outcome else {}
    quarantined = facts.get("quarantined")
    return Line(
        file=file.path,
        state=file.state,
        recognised_as=file.what,
        dataset=part.dataset_id,
        stamp=part.dated.stamp,
        dated_by=part.dated.by,
        vintage=str(facts.get("vintage_id", "")),
        rows=facts.get("rows", extent.rows),
        first_year=facts.get("first_year", extent.first_year),
        last_year=facts.get("last_year", extent.last_year),
        countries=facts.get("countries", extent.countries),
        excluded=facts.get("excluded", extent.excluded),
        quarantined=sum(quarantined.values()) if quarantined is not None else extent.rejected,
        problem=extent.problem or (outcome or {}).get("problem", ""),
        notes=_notes(part, outcome),
    )


def _notes(part: Part, outcome: Mapping[str, Any] | None) -> tuple[str, ...]:
    notes = []
    if part.dated.weak:
        notes.append(f"Dated by {part.dated.by}: if that is wrong, import it with --vintage.")
    if warnings := (outcome or {}).get("warnings"):
        notes.append(f"Warnings of the check: {', '.join(map(str, warnings))}.")
    return tuple(notes)


def render(report: Report) -> Table:
    """The report as a table; files that no dataset reads stand in it too."""
    table = Table(title=f"Files in {report.folder}", show_lines=False)
    for name in ("file", "recognised as", "dataset", "vintage"):
        table.add_column(name, overflow="fold")
    for name in ("rows", "years", "countries"):
        table.add_column(name, justify="right")
    table.add_column("problems and notes", overflow="fold")
    order = list(STATES)
    for line in sorted(report.lines, key=lambda line: (order.index(line.state), line.file)):
        table.add_row(*_cells(line), style=STATES["broken"] if line.problem and line.dataset else STATES[line.state])
    return table


def totals(report: Report) -> str:
    """One sentence under the table, and one per conflict."""
    used = {line.file for line in report.lines if line.dataset and not line.problem}
    bad = {line.file for line in report.lines if line.state == "broken"}
    files = {line.file for line in report.lines}
    rows = sum(line.rows for line in {line.vintage or line.file: line for line in report.lines}.values())
    text = [f"{len(used)} of {len(files)} files usable, {rows:,} rows; {len(bad)} broken, the others of no dataset."]
    text += [
        f"{c['dataset']}, {c['stamp']}: {c['cells']:,} cells differ between {len(c['vintages'])} vintages of this date."
        for c in report.conflicts
    ]
    return "\n".join(text)


def _cells(line: Line) -> list[str]:
    years = f"{line.first_year}-{line.last_year}" if line.first_year else ""
    counts = [f"{line.rows:,}", years, str(line.countries)] if line.dataset else ["", "", ""]
    left_out = [f"{rows:,} {reason}" for reason, rows in line.excluded.items()]
    remarks = [line.problem, *line.notes]
    if left_out:
        remarks.append(f"Left out: {', '.join(left_out)}.")
    if line.quarantined:
        remarks.append(f"In quarantine: {line.quarantined:,}.")
    vintage = line.vintage.partition("@")[2] or line.stamp
    return [
        line.file,
        line.recognised_as or "not recognised",
        line.dataset,
        vintage,
        *counts,
        " ".join(filter(None, remarks)),
    ]
