"""Errors cross process borders whole: Airflow pickles them between a task and its supervisor."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime

from agrocluster.errors import DataGateError, QuotaExhausted, SourceUnavailable


def test_an_error_says_where_what_and_what_to_do() -> None:
    error = DataGateError("Rows are missing.", source="faostat", dataset="qcl", period="2022", remedy="Look.")
    assert str(error) == "[source faostat, dataset qcl, period 2022] Rows are missing. What to do: Look."


def test_errors_survive_pickling() -> None:
    moment = datetime(2026, 9, 2, tzinfo=UTC)
    spent = QuotaExhausted("Spent.", resume_at=moment, source="comtrade", dataset="annual", remedy="Wait.")
    copy = pickle.loads(pickle.dumps(spent))
    assert isinstance(copy, SourceUnavailable)
    assert (str(copy), copy.resume_at) == (str(spent), moment)
    plain = pickle.loads(pickle.dumps(DataGateError("No.", dataset="qcl")))
    assert str(plain) == "[dataset qcl] No."
