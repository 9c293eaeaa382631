"""The folder that documents are written into, with what they are rendered from.

It keeps the list of what was written; that list goes into the manifest, so that readers know every file and its hash.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from agrocluster.storage.parquet import file_sha256


class Folder:
    """A release folder while its documents are written: it holds the marts already.

    Attributes:
        path: the folder.
        manifest: the manifest of the release, still without its documents.
        written: one entry per document: ``path``, ``title``, ``media_type``, ``bytes``, ``sha256`` and, for extracts
            of a mart, ``mart``.
    """

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self.path, self.manifest = path, manifest
        self.written: list[dict[str, Any]] = []

    @property
    def marts(self) -> dict[str, dict[str, Any]]:
        """Entries of the manifest by the name of the mart."""
        return {mart["name"]: mart for mart in self.manifest["marts"]}

    @cached_property
    def con(self) -> duckdb.DuckDBPyConnection:
        """DuckDB with a view per mart; one thread, so that rows keep the order of the file."""
        con = duckdb.connect(config={"threads": 1})
        for mart in self.manifest["marts"]:
            file = str(self.path / mart["path"])
            con.execute(f'CREATE VIEW "{mart["name"]}" AS FROM read_parquet({quoted(file)})')
        return con

    def add(self, name: str, content: bytes, title: str, media_type: str, mart: str | None = None) -> None:
        """Write a document. ``name`` is a path inside the folder with ``/``."""
        file = self.file(name)
        file.write_bytes(content)
        self.note(name, title, media_type, mart)

    def file(self, name: str) -> Path:
        """Where a document lies; its folder is made."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def note(self, name: str, title: str, media_type: str, mart: str | None = None) -> None:
        """List a document that was written to ``file(name)``."""
        file = self.path / name
        entry: dict[str, Any] = {"path": name, "title": title, "media_type": media_type}
        entry |= {"bytes": file.stat().st_size, "sha256": file_sha256(file)}
        self.written.append(entry | ({"mart": mart} if mart else {}))

    def close(self) -> None:
        """Let go of DuckDB."""
        if (con := self.__dict__.pop("con", None)) is not None:
            con.close()


def quoted(text: str) -> str:
    """``text`` as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def labelled(manifest: dict[str, Any], text: str) -> str:
    """``text`` behind the label of sample data, if they are any."""
    return f"[{manifest['label']}] {text}" if manifest["label"] else text
