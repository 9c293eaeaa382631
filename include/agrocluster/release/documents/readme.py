"""``README.txt``: what lies in the folder and how to open it, for whoever finds it."""

from __future__ import annotations

from agrocluster.release.documents.extracts import too_large
from agrocluster.release.documents.folder import Folder
from agrocluster.release.documents.plan import plan

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
    label = f"{manifest['label']}\n\n" if manifest["label"] else ""
    marts = "\n".join(f"  {m['path']:<40}{m['rows']:>10,} rows  {m['title_en']}" for m in manifest["marts"])
    own = [entry for entry in folder.written if "mart" not in entry]
    listed = "\n".join(f"  {entry['path']:<40}{entry['title']}" for entry in own)
    several = "".join(
        f"  {pattern:<40}{what}\n"
        for pattern, what, start in (
            ("csv/<mart>.csv", "Small marts as CSV", "csv/"),
            ("contracts/<mart>.odcs.yaml", "Contract of every mart, Open Data Contract Standard 3", "contracts/"),
        )
        if any(entry["path"].startswith(start) for entry in folder.written)
    )
    notes = "".join(
        f"{mart} has more than {plan().extracts.max_rows:,} rows in this release and is neither CSV nor a sheet.\n"
        for mart in too_large(folder)
    )
    notes += "".join(
        f"Left out of this copy: {left['mart']}, {left['rows']:,} rows ({left['reason']}).\n"
        for left in manifest.get("left_out", [])
    )
    text = (
        f"{label}agrocluster release {manifest['release']}\nData mode: {manifest['data_mode']}\n\n{marts}\n\n"
        f"{listed}\n{several}"
        f"  {'manifest.json':<40}Inputs, hashes, contracts; this folder is never modified\n\n{USE}"
        f"{f'{chr(10)}{notes}' if notes else ''}"
    )
    folder.add("README.txt", text.encode(), "What lies in the folder and how to open it", "text/plain")
