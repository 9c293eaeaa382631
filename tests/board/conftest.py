"""The board needs Airflow's authentication, and that needs its database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pytest
from fastapi.testclient import TestClient

import support.airflow_home


@pytest.fixture(scope="session", autouse=True)
def airflow_db() -> None:
    support.airflow_home.database()


@pytest.fixture(scope="session")
def client() -> Callable[..., TestClient]:
    """``client("VIEWER")``: who asks the board; ``client()`` is anonymous, ``client(None)`` may do nothing."""
    from board_root import token

    from agrocluster.board.app import app

    def asking(*role: str | None) -> TestClient:
        browser = TestClient(app, raise_server_exceptions=False)
        if role:
            browser.headers["Authorization"] = f"Bearer {token(role[0])}"
        return browser

    return asking


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data root of ``board_root``, built once; nobody may change it."""
    import board_root

    root = tmp_path_factory.mktemp("board") / "data"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGROCLUSTER_DATA", str(root))
        patch.setenv("SOURCES", "sample")
        board_root.build()
    return root


@pytest.fixture
def full(built: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data root of ``board_root``, to read."""
    monkeypatch.setenv("AGROCLUSTER_DATA", str(built))
    monkeypatch.setenv("SOURCES", "sample")
    return built


@pytest.fixture
def own(built: Path, data_root: Path) -> Path:
    """A copy of it, to damage."""
    return Path(copytree(built, data_root))
