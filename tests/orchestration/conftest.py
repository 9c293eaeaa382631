"""The supervisor and the deployment files; Airflow only where a test says so."""

from __future__ import annotations

import pytest

import support.airflow_home


@pytest.fixture(scope="session")
def airflow_db() -> None:
    support.airflow_home.database()
