"""A part of a page that is read on its own: damage to one file breaks one part, with a sentence, not the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import duckdb
import pyarrow as pa

from agrocluster.errors import AgroclusterError

T = TypeVar("T")
UNREADABLE = (AgroclusterError, OSError, duckdb.Error, pa.ArrowException, KeyError, TypeError, ValueError)
"""What reading a damaged data root can raise; anything else is a mistake of ours and may be seen."""


@dataclass(frozen=True)
class Section(Generic[T]):
    """``content`` of a part, or the ``problem`` because of which it cannot be shown."""

    content: T | None = None
    problem: str = ""


def section(read: Callable[[], T]) -> Section[T]:
    """What ``read`` returns, or why it could not."""
    try:
        return Section(read())
    except UNREADABLE as error:
        return Section(problem=f"This part cannot be read: {error}")
