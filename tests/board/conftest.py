"""The board needs Airflow's authentication, and that needs its database."""

from __future__ import annotations

import pytest

import support.airflow_home


@pytest.fixture(scope="session", autouse=True)
def airflow_db() -> None:
    support.airflow_home.database()
