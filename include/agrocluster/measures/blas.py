"""Linear algebra in one thread: the same bits on every machine, and no waiting for processors that others use.

A product space is many products of small matrices. BLAS threads wait for each other after every one, and on a machine
that is shared or runs several years at once that takes ten times as long as one thread needs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import numpy as np  # noqa: F401 - its BLAS must be loaded before it is looked for
from threadpoolctl import ThreadpoolController

_P = ParamSpec("_P")
_R = TypeVar("_R")
_LIBRARIES = ThreadpoolController()


def one_thread(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """``function`` with BLAS in one thread while it runs; the setting of the process comes back afterwards."""

    @wraps(function)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with _LIBRARIES.limit(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return run
