"""One small release that no test here changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.small_release import publish_small


@pytest.fixture(scope="session")
def small_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root whose current release is ``2026-01-01-sample-small``."""
    root = tmp_path_factory.mktemp("small") / "data"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGROCLUSTER_DATA", str(root))
        patch.setenv("SOURCES", "sample")
        publish_small("2026-01-01-sample-small")
    return root
