"""Errors that say what went wrong, where, and what to do about it.

Four families, because they call for different reactions: a source that may answer later (retry), a source
that answers something else than its contract says (do not retry, look), data that break a critical rule
(do not publish), and a request of ours that makes no sense (fix the call).
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any


class AgroclusterError(Exception):
    """Base class. ``str(error)`` names source, dataset, period and remedy, as far as they are known.

    Args:
        problem: one sentence, what happened.
        source: publisher id, e.g. ``faostat``.
        dataset: dataset id within the source, e.g. ``qcl``.
        period: year, range or release the problem concerns.
        remedy: one sentence, what the reader can do.
    """

    def __init__(
        self,
        problem: str,
        *,
        source: str | None = None,
        dataset: str | None = None,
        period: str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.problem, self.source, self.dataset, self.period, self.remedy = (
            problem,
            source,
            dataset,
            period,
            remedy,
        )
        super().__init__(problem)

    def __str__(self) -> str:
        where = ", ".join(
            f"{label} {value}"
            for label, value in (("source", self.source), ("dataset", self.dataset), ("period", self.period))
            if value
        )
        text = f"[{where}] {self.problem}" if where else self.problem
        return f"{text} What to do: {self.remedy}" if self.remedy else text

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword arguments do not survive the default pickling, and errors cross process borders.
        named = {name: value for name, value in vars(self).items() if name != "problem"}
        return (partial(type(self), **named), (self.problem,))


class SourceUnavailable(AgroclusterError):
    """The source did not answer properly, but may later: network, time-out, 5xx, 429, truncated body.

    ``retry_after``: seconds that the publisher asked to wait, if it asked for longer than a request may take.
    """

    def __init__(self, problem: str, *, retry_after: float | None = None, **where: str | None) -> None:
        super().__init__(problem, **where)
        self.retry_after = retry_after


class QuotaExhausted(SourceUnavailable):
    """The publisher's allowance is spent; asking again before ``resume_at`` (UTC) is of no use."""

    def __init__(self, problem: str, *, resume_at: datetime, **more: Any) -> None:
        super().__init__(problem, **more)
        self.resume_at = resume_at


class SourceContractError(AgroclusterError):
    """The source answered something its contract does not allow; waiting does not help."""


class DataGateError(AgroclusterError):
    """Data break a critical rule; the last good release stays as it is."""


class UsageError(AgroclusterError):
    """The caller asked for something impossible; nothing was changed."""


class NotHeld(UsageError, KeyError):
    """A name that is not among those there are; a KeyError too, so that mappings of ours behave as such."""


class DeliveryFailed(AgroclusterError):
    """A message did not reach whom it was meant for; nothing that was done depends on it."""


class StorageError(AgroclusterError):
    """The data root cannot be read or written (disk full, permissions, damaged file)."""
