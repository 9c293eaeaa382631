"""From the pages of a brief to a PDF: the one place that knows the typesetter.

The words go in as one JSON value that the layout reads as text, so nothing in a release can become markup. Fonts are
those the typesetter brings along, and no clock is read: equal pages give equal bytes on every machine.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from agrocluster.errors import StorageError

if TYPE_CHECKING:
    from typst import Compiler

LAYOUT = Path(__file__).with_name("brief.typ")
STANDARD: Literal["ua-1"] = "ua-1"
"""PDF/UA-1: tagged, with language, title and text alternatives; the typesetter refuses a document that is not."""


def pdf(told: dict[str, Any]) -> bytes:
    """The brief as tagged PDF. StorageError names the brief that cannot be set."""
    from typst import TypstError

    inputs = {"told": json.dumps(told, ensure_ascii=False)}
    try:
        made = _compiler().compile(
            LAYOUT.read_bytes(), format="pdf", sys_inputs=inputs, pdf_standards=STANDARD, timestamp=_moment(told)
        )
    except TypstError as error:
        raise StorageError(
            f"The brief of {told['country']} ({told['lang']}) cannot be set: {error.message}.",
            remedy="The atlas shows the same figures; report this with the release's id.",
        ) from error
    return cast(bytes, made)  # a list only where every page is a file of its own


def _moment(told: dict[str, Any]) -> int:
    """The document's date as seconds; the beginning of time where there is none."""
    if not told["date"]:
        return 0
    year, month, day = told["date"]
    return int(datetime(year, month, day, tzinfo=UTC).timestamp())


@cache
def _compiler() -> Compiler:
    from typst import Compiler, Fonts

    return Compiler(font_paths=Fonts(include_system_fonts=False))
