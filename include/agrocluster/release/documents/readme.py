"""``README.txt``: what lies in the folder and how to open it, for whoever finds it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agrocluster.release.documents.extracts import too_large
from agrocluster.release.documents.folder import Folder
from agrocluster.release.documents.plan import plan

SEVERAL = {
    "csv/<mart>.csv": "Small marts as CSV",
    "contracts/<mart>.odcs.yaml": "Contract of every mart, Open Data Contract Standard 3",
}
"""Documents that there is one of per mart."""
BESIDE = {
    "CHANGES.md": "What differs from the release before",
    "CHANGES.ru.md": "The same in Russian",
    "manifest.json": "Inputs, hashes, contracts; this folder is never modified",
    "SHA256SUMS": "Hash of every file: sha256sum -c SHA256SUMS",
}
"""Files that others write; those of changes are not in every folder."""
WRITTEN_LATER = ("manifest.json", "SHA256SUMS")
USE = """\
  duckdb -readonly agrocluster.duckdb "FROM mart_cluster_baseline"    # started in this folder
  duckdb -c "FROM 'mart_cluster_baseline.parquet'"
  duckdb -init marts.sql                    # the same views, for a database of your own
  python -c "import pandas; print(pandas.read_parquet('mart_cluster_baseline.parquet'))"

Started elsewhere, DuckDB needs to know this folder before it reads a view of agrocluster.duckdb:
  SET file_search_path = '<this folder>';   # the view "release" tells the line to run

csv/*.csv: UTF-8 with byte order mark, decimal point; the last columns name the release and the label of sample data.
A text that a spreadsheet would take for a formula begins with an apostrophe there. Empty is unknown, never zero.
sdmx/*.csv: SDMX-CSV 2.0, read with sdmx/structure.xml; NaN with status O is unknown.
"""


def write(folder: Folder) -> None:
    """Write the introduction; all other documents are listed already."""
    manifest = folder.manifest
    marts = [f"  {mart['path']:<40}{mart['rows']:>10,} rows  {mart['title_en']}" for mart in manifest["marts"]]
    told = [f"agrocluster release {manifest['release']}\nData mode: {manifest['data_mode']}"]
    told += [_lines(marts), _lines(f"  {name:<40}{what}" for name, what in _documents(folder)), USE.rstrip("\n")]
    if manifest["label"]:
        told.insert(0, manifest["label"])
    if notes := list(_notes(folder)):
        told.append(_lines(notes))
    text = "\n\n".join(told) + "\n"
    folder.add("README.txt", text.encode(), "What lies in the folder and how to open it", "text/plain")


def _documents(folder: Folder) -> Iterator[tuple[str, str]]:
    """Path, or the pattern of many paths, and what is there."""
    yield from ((entry["path"], entry["title"]) for entry in folder.written if "mart" not in entry)
    names = {entry["path"].replace(entry["mart"], "<mart>") for entry in folder.written if "mart" in entry}
    yield from ((pattern, what) for pattern, what in SEVERAL.items() if pattern in names)
    for name, what in BESIDE.items():
        if name in WRITTEN_LATER or (folder.path / name).exists():
            yield name, what


def _notes(folder: Folder) -> Iterator[str]:
    """What a reader may miss here."""
    limit = plan().extracts.max_rows
    for mart in too_large(folder):
        yield f"{mart} has more than {limit:,} rows in this release and is neither CSV nor a sheet."
    for left in folder.manifest.get("left_out", []):
        yield f"Left out of this copy: {left['mart']}, {left['rows']:,} rows ({left['reason']})."


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)
