"""Receivers on this machine; an Airflow home, so that no other is looked into."""

from __future__ import annotations

import support.airflow_home  # noqa: F401  # isort: skip

from collections.abc import Iterator

import pytest

from support.receivers import MailReceiver, WebReceiver, mail_receiver, web_receiver


@pytest.fixture
def web() -> Iterator[WebReceiver]:
    with web_receiver() as receiver:
        yield receiver


@pytest.fixture
def post_office() -> Iterator[MailReceiver]:
    with mail_receiver() as receiver:
        yield receiver
