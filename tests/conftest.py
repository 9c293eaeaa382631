"""Fixtures that every test may use. Nothing here starts Airflow; see tests/dags for that."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from xdist.scheduler.loadscope import LoadScopeScheduling

from agrocluster.sample.store import Store
from agrocluster.storage.locks import exclusive

if TYPE_CHECKING:
    from support.browser import Browser

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "real_data"

TOGETHER = {"end_to_end", "real", "sample", "dags"}
"""Folders whose tests share a published release, an import, a sample server or an Airflow home."""


def pytest_configure(config: pytest.Config) -> None:
    # Found examples must not depend on how busy the machine is, nor on chance where results decide a release.
    settings.register_profile("steady", deadline=None, derandomize=bool(os.environ.get("CI")))
    settings.load_profile("steady")
    # Nothing in a test may take its data mode or data root from the caller's environment.
    for name in [n for n in os.environ if n.startswith("AGROCLUSTER_") or n in {"SOURCES", "DATA", "EXIT"}]:
        del os.environ[name]


class Together(LoadScopeScheduling):
    """With several workers, tests that share a costly fixture stay on one, so that it is made once."""

    def _split_scope(self, nodeid: str) -> str:
        path = Path(nodeid.partition("::")[0])
        return path.parent.name if path.parent.name in TOGETHER else str(path)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Together:
    return Together(config, log)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real published files; the test is skipped, loudly, where it is absent."""
    if not REAL_DATA.is_dir():
        warnings.warn(f"{REAL_DATA} is absent: tests on real published files are SKIPPED", stacklevel=1)
        pytest.skip("real published files are not available here")
    return REAL_DATA


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One headless Chromium for all tests of a session; they are skipped, loudly, where there is none."""
    from support import browser as chromium  # its libraries are needed by these tests alone

    if chromium.program() is None:
        warnings.warn("There is no Chromium: tests of pages in a browser are SKIPPED", stacklevel=1)
        pytest.skip("no Chromium here")
    with chromium.running(tmp_path_factory.mktemp("chromium")) as started:
        yield started


@pytest.fixture
def data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data root of its own for one test, in sample mode."""
    root = tmp_path / "data"
    monkeypatch.setenv("AGROCLUSTER_DATA", str(root))
    monkeypatch.setenv("SOURCES", "sample")
    return root


@pytest.fixture(scope="session")
def sample_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wire files of the sample world, made by the worker that needs them first, for all of them.

    With ``PYTEST_SAMPLE_CACHE`` they are kept there between sessions.
    """
    base = tmp_path_factory.getbasetemp()
    of_all = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = Path(os.environ.get("PYTEST_SAMPLE_CACHE") or of_all / "sample-cache")
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(folder / "making.lock"):
        Store(folder).prepare("current")
    return folder
