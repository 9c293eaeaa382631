"""``marts.sql`` and ``agrocluster.duckdb``: a commented view of every mart for whoever has DuckDB.

The database holds views only. Tables would double the marts, and DuckDB writes them differently each time; views are
written the same, as long as the file is of the storage version that has no identifier of its own. DuckDB looks for
relative paths in its working directory: elsewhere ``SET file_search_path`` is needed, and the view ``release`` says it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb

from agrocluster.release.documents.folder import Folder, labelled, quoted

STORAGE = "v1.0.0"
"""Read by DuckDB 1.0 and later; newer versions write a random identifier into the file."""
ELSEWHERE = (
    "(SELECT 'SET file_search_path = ''' || replace(coalesce(nullif(parse_dirpath(path), ''), '.'), '''', '''''') "
    "|| ''';' FROM duckdb_databases() WHERE path LIKE '%agrocluster.duckdb' LIMIT 1)"
)


def write(folder: Folder) -> None:
    """Write the script and the database made by it."""
    manifest = folder.manifest
    statements = list(_statements(manifest))
    script = "\n".join([f"-- agrocluster {manifest['release']} {manifest['label']}".rstrip(), *statements]) + "\n"
    folder.add("marts.sql", script.encode(), "DuckDB script: a commented view of every mart", "application/sql")
    with duckdb.connect(config={"threads": 1}) as con:
        con.execute(f"ATTACH {quoted(str(folder.file('agrocluster.duckdb')))} AS made (STORAGE_VERSION '{STORAGE}')")
        con.execute(f"USE made; SET file_search_path = {quoted(str(folder.path))}; BEGIN")
        con.execute("\n".join([*statements, *_release(manifest)]))
        con.execute("COMMIT; CHECKPOINT made; USE memory; DETACH made")
    folder.note("agrocluster.duckdb", "DuckDB database: the views of marts.sql", "application/vnd.duckdb")


def _statements(manifest: dict[str, Any]) -> Iterator[str]:
    for mart in manifest["marts"]:
        name = mart["name"]
        yield f"CREATE OR REPLACE VIEW {name} AS FROM {quoted(mart['path'])};"
        terms = f"Licence: {mart['licence']}; redistribution: {mart['redistribution']}."
        yield f"COMMENT ON VIEW {name} IS {quoted(labelled(manifest, mart['description_en']) + ' ' + terms)};"
        for column in mart["columns"]:
            yield f"COMMENT ON COLUMN {name}.{column['name']} IS {quoted(_column(column))};"


def _column(column: dict[str, Any]) -> str:
    unit = f" [{column['unit']}]" if column["unit"] else ""
    return f"{column['description_en']}{unit} / {column['description_ru']}"


def _release(manifest: dict[str, Any]) -> Iterator[str]:
    """One row about the release itself, readable wherever the database is opened from."""
    licences = ", ".join(sorted({mart["licence"] for mart in manifest["marts"]}))
    told = {
        "id": (manifest["release"], "Id of the release"),
        "data_mode": (manifest["data_mode"], "sample, files, live, or what was combined"),
        "label": (manifest["label"], "What sample data say about themselves; empty for real data"),
        "version": (manifest["version"], "Version of agrocluster that made it"),
        "licence": (licences, "Licences of the marts; the comment of each view says which"),
    }
    values = ", ".join(f"{quoted(value)} AS {name}" for name, (value, _) in told.items())
    yield f"CREATE VIEW release AS SELECT {values}, {ELSEWHERE} AS run_first_elsewhere;"
    yield f"COMMENT ON VIEW release IS {quoted(labelled(manifest, 'The release these views belong to.'))};"
    about = {name: text for name, (_, text) in told.items()}
    about["run_first_elsewhere"] = "To be run where the views find no files: DuckDB was started in another folder"
    for name, text in about.items():
        yield f"COMMENT ON COLUMN release.{name} IS {quoted(text)};"
