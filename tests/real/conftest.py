"""The real files are imported once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agrocluster.importing.land import files_mode, land
from support.real_import import Imported


@pytest.fixture(scope="session")
def imported(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Imported:
    root = tmp_path_factory.mktemp("real-import")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGROCLUSTER_DATA", str(root))
        return Imported(real_data, root, land(real_data))


@pytest.fixture
def readable(imported: Imported, monkeypatch: pytest.MonkeyPatch) -> Iterator[Imported]:
    """The import, with its data root as the one that is read."""
    monkeypatch.setenv("AGROCLUSTER_DATA", str(imported.root))
    with files_mode(imported.folder):
        yield imported
