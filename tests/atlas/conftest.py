"""One small release and its atlas for all tests that only look at it."""

from __future__ import annotations

import atlas_release as small
import pytest

from agrocluster import shelf


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> small.Made:
    """A small sample release, its atlas and its briefs in both languages."""
    root = tmp_path_factory.mktemp("atlas")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGROCLUSTER_DATA", str(root / "data"))
        rows = small.tables()
        small.write("small", rows)
        shelf.write(root / "site")
    return small.Made(rows, root / "site")
