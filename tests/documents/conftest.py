"""One documented release that no test here changes."""

from __future__ import annotations

import pytest

from support.documented import Made, publish


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return publish(tmp_path_factory.mktemp("documents") / "data")
