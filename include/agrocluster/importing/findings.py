"""What recognising a file can end in. Plain facts, JSON-able; nothing here looks at a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agrocluster.errors import AgroclusterError

Scope = Literal["full", "partial"]
Kind = Literal["data", "companion", "other"]


def in_words(error: AgroclusterError) -> str:
    """Problem and remedy of an error that concerns one file."""
    return f"{error.problem} {error.remedy}" if error.remedy else error.problem


@dataclass(frozen=True)
class Use:
    """A dataset that can read a file, and how: the reader's format and whether the file is the whole dataset."""

    dataset_id: str
    format: str
    scope: Scope = "partial"


@dataclass(frozen=True)
class Recognised:
    """A file whose form is known.

    Attributes:
        what: publisher, kind and subject of the file, for people.
        kind: ``data`` feeds the datasets in ``uses``, ``companion`` explains data beside it (code lists, metadata),
            ``other`` belongs to something that no dataset uses yet; ``note`` says why.
        uses: for data, the datasets that read it.
        stamp: the date or version of the publisher's release that stands inside the file.
        latest: a date after which the file cannot have been published, as its layout shows.
        last_year: the newest year the table has a place for, if its header says so.
        generation: age of the layout; files of a greater generation are younger.
        note: a reason or a hint, for people.
    """

    what: str
    kind: Kind = "data"
    uses: tuple[Use, ...] = ()
    stamp: str | None = None
    latest: str | None = None
    last_year: int | None = None
    generation: int = 0
    note: str = ""


@dataclass(frozen=True)
class Unrecognised:
    """A file that is unknown, or known but ``broken``; ``reason`` says why in one sentence."""

    reason: str
    broken: bool = False


Finding = Recognised | Unrecognised
