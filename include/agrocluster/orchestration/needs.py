"""What a task needs of a data root that lies in an object store, said beside the task.

``on_data`` lets a task's function work on a copy with just that (see ``storage.mirror``); where the data root is a
folder it does nothing. A Connection ``agrocluster_store`` may give the keys (login, password) and, in its extra, the
``endpoint_url`` and ``region_name`` of the store; without one, the environment of the process counts.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from agrocluster.orchestration.endpoints import find
from agrocluster.settings import environment, settings

P = ParamSpec("P")
R = TypeVar("R")
STORE = "agrocluster_store"
"""Id of the Connection with the keys of the object store."""

KEPT = ("baselines/*", "overlay/*")
"""What people keep beside vintages."""
ACCEPTED = ("staged/*/report.json", "staged/*/gate.json")
"""What tells which vintages count."""
PUBLISHED = ("marts/*.json",)
"""What tells which releases there are, which is current, and what was done with them."""
CHECKED = ("quality/*",)
"""Results of the gates."""
ALWAYS = ("quality/incidents/*", "state/*")
"""What a task may have to say of itself when it ends: small, and given to every one."""


def on_data(*patterns: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorator: the function runs on a copy that holds ``patterns``.

    They may name ``{landing}`` and ``{dataset}`` of the function's ``dataset_id`` (or of its ``check``),
    ``{snapshot}`` (its ``snapshot_id``, or that of its ``piece``), ``{release}`` of its ``plan``, and ``{current}``.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)

        @wraps(function)
        def on_copy(*args: P.args, **kwargs: P.kwargs) -> R:
            if settings().store is None:
                return function(*args, **kwargs)
            from agrocluster.storage.mirror import working_copy

            names = _names(signature.bind(*args, **kwargs).arguments)
            with store_access(), working_copy(*ALWAYS, *(_named(pattern, names) for pattern in patterns)):
                return function(*args, **kwargs)

        return on_copy

    return decorate


@contextmanager
def store_access() -> Iterator[None]:
    """Within the block, the store's Connection (if there is one) is in the environment, as its driver reads it."""
    with environment(_from_connection()):
        yield


def _from_connection() -> dict[str, str]:
    connection = find(STORE)
    if connection is None:
        return {}
    extra = connection.extra_dejson
    found = {
        "AWS_ACCESS_KEY_ID": connection.login,
        "AWS_SECRET_ACCESS_KEY": connection.password,
        "AWS_ENDPOINT_URL": extra.get("endpoint_url"),
        "AWS_DEFAULT_REGION": extra.get("region_name"),
    }
    return {key: str(value) for key, value in found.items() if value}


def _names(given: dict[str, Any]) -> dict[str, str]:
    check, piece, plan = (given.get(name) or {} for name in ("check", "piece", "plan"))
    dataset_id = str(given.get("dataset_id") or check.get("dataset_id") or "")
    return {
        "{landing}": dataset_id.replace("__", "/", 1),
        "{dataset}": dataset_id,
        "{snapshot}": str(given.get("snapshot_id") or piece.get("snapshot_id") or "*"),
        "{release}": str(plan.get("release_id") or "*"),
    }


def _named(pattern: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        pattern = pattern.replace(name, value)
    return pattern
