"""All documents of a release folder, in the order in which they are written: later ones list earlier ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agrocluster.release.documents import (
    contracts,
    database,
    dictionary,
    dictionary_page,
    extracts,
    package,
    readme,
    sdmx,
    workbook,
)
from agrocluster.release.documents.folder import Folder

WRITERS = (
    workbook.write,
    extracts.write,
    sdmx.write,
    database.write,
    contracts.write,
    dictionary.write,
    dictionary_page.write,
    package.write,
    readme.write,
)


def write(path: Path, manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Write all documents of a release into its folder, which holds its marts already.

    Returns one entry per document for the manifest: ``path``, ``title``, ``media_type``, ``bytes``, ``sha256`` and,
    for those about one mart, ``mart``; sorted by path.
    """
    folder = Folder(path, manifest)
    try:
        for writer in WRITERS:
            writer(folder)
    finally:
        folder.close()
    return sorted(folder.written, key=lambda entry: str(entry["path"]))
