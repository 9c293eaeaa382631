"""The import of all real files from a test's point of view."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agrocluster.importing.report import Line, Report


@dataclass(frozen=True)
class Imported:
    """The import of all real files, in a data root of its own."""

    folder: Path
    root: Path
    report: Report

    def lines(self, file: str) -> dict[str, Line]:
        """Dataset -> line of a file, for the datasets that read it."""
        return {line.dataset: line for line in self.report.lines if line.file == file and line.dataset}

    def line(self, file: str) -> Line:
        """The one line of a file that one dataset reads."""
        (found,) = self.lines(file).values()
        return found

    def staged(self, line: Line) -> Path:
        """The staged rows of a line."""
        return self.root / "staged" / line.dataset / line.vintage.partition("@")[2] / "data.parquet"
