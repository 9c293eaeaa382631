"""What callers may write into addresses: short, plain names and small numbers. Anything else is refused with 422.

Names of files, vintages and rules are looked up among those there are, never joined to paths as they come.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query

PLAIN = r"^[A-Za-z0-9_][A-Za-z0-9_.@+-]*$"
LONGEST = 200

Name = Annotated[str, Path(pattern=PLAIN, max_length=LONGEST)]
"""A release, dataset, mart, column or vintage."""
FileName = Annotated[str, Path(min_length=1, max_length=LONGEST)]
"""A file of a release; it must be one of those that lie in its folder."""
Chosen = Annotated[str | None, Query(pattern=r"^$|" + PLAIN, max_length=LONGEST)]
"""A name in the query; empty for none."""
Told = Annotated[str | None, Query(max_length=250)]
"""Whatever Airflow fills in; looked up, never used as it is."""
PageNumber = Annotated[int, Query(ge=1, le=1_000_000)]
