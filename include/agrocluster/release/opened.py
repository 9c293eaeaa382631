"""A release in Python: its marts as pandas, Polars, Arrow or DuckDB, with what their columns mean.

``agrocluster.open`` and ``agrocluster.marts`` lead here. A release that was opened stays the one it was while another
is published. Libraries are imported when they are asked for, so that each costs only those who use it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Self

from agrocluster.errors import NotHeld, UsageError
from agrocluster.release import reading
from agrocluster.storage.places import Place, Root

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from duckdb import DuckDBPyConnection, DuckDBPyRelation
    from polars import DataFrame as PolarsFrame


@dataclass(frozen=True)
class Column:
    """What the contract says about a column. ``unit`` is a symbol (``USD``, ``t``, ``points``) or None; ``codelist``
    holds the codes as ``a|b|c``, names the list they are in (``cat_country.iso3``), or is None."""

    name: str
    type: str
    unit: str | None
    nullable: bool
    description_en: str
    description_ru: str
    codelist: str | None = None


class Rows(ABC):
    """Rows of a release, read when one of the methods is called and as that library holds them."""

    def __init__(self, release: Release) -> None:
        self.release = release

    @abstractmethod
    def relation(self) -> DuckDBPyRelation:
        """A lazy DuckDB relation: ``.filter("iso3 = 'KGZ'").aggregate("sum(exports_usd)")``."""

    @abstractmethod
    def arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """A pyarrow Table of all or of the named columns. NotHeld suggests columns with a name like it."""

    def df(
        self, columns: Sequence[str] | None = None, *, dtype_backend: Literal["pyarrow"] | None = None
    ) -> pd.DataFrame:
        """A pandas DataFrame; ``attrs`` names the release, its data mode and, for sample data, their label.

        Args:
            columns: read only these.
            dtype_backend: ``pyarrow`` keeps integers and booleans with empty cells what they are; by default they
                become floats and objects, as pandas has it.
        """
        pandas = _library("pandas")
        rows = self.arrow(columns)
        types = pandas.ArrowDtype if dtype_backend == "pyarrow" else None
        frame: pd.DataFrame = rows.to_pandas(types_mapper=types, date_as_object=False)
        frame.attrs = {key: self.release.manifest[key] for key in ("release", "data_mode", "label")}
        return frame

    def pl(self, columns: Sequence[str] | None = None) -> PolarsFrame:
        """A Polars DataFrame of all or of the named columns."""
        frame: PolarsFrame = _library("polars").from_arrow(self.arrow(columns))
        return frame


class Mart(Rows):
    """One mart: ``name``, ``title_en``, ``title_ru``, ``description_en``, ``description_ru``, ``key`` (columns)."""

    def __init__(self, release: Release, entry: dict[str, Any]) -> None:
        super().__init__(release)
        self.entry = entry
        self.name: str = entry["name"]
        self.title_en: str = entry["title_en"]
        self.title_ru: str = entry["title_ru"]
        self.description_en: str = entry["description_en"]
        self.description_ru: str = entry["description_ru"]
        self.key: tuple[str, ...] = tuple(entry["key"])

    @cached_property
    def columns(self) -> dict[str, Column]:
        """Name -> type, unit and meaning of every column, in the order of the file."""
        return {c["name"]: Column(**c) for c in self.entry["columns"]}

    @property
    def path(self) -> str:
        """The Parquet file, for tools of your own. UsageError for facts as of a date, which have none."""
        if "path" not in self.entry:
            raise UsageError(
                f"{self.name} as of a date is no file.", remedy="Use .df(), .pl(), .arrow() or .relation()."
            )
        return reading.file(self.entry, self.release.place).address

    def relation(self) -> DuckDBPyRelation:
        return self.release.duckdb().table(self.name)

    def arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        for name in columns or ():
            if name not in self.columns:
                hint = " or ".join(reading.alike(name, self.columns))
                remedy = f"Did you mean {hint}?" if hint else f"`agrocluster show {self.name}` lists them."
                raise NotHeld(f"{self.name} has no column {name!r}.", remedy=remedy)
        if "path" not in self.entry:
            rows = self.relation()
            return (rows.select(*columns) if columns else rows).to_arrow_table()
        place = reading.file(self.entry, self.release.place)
        try:
            return import_module("pyarrow.parquet").read_table(
                place.path, columns=list(columns) if columns else None, filesystem=place.store
            )
        except OSError as error:
            raise reading.unreadable(self.name, self.release.place, error) from error

    def __len__(self) -> int:
        return int(self.entry["rows"] if "rows" in self.entry else self.relation().shape[0])

    def __repr__(self) -> str:
        rows = f"{self.entry['rows']:,} rows x " if "rows" in self.entry else ""
        return f"<Mart {self.name}: {rows}{len(self.columns)} columns, {self.title_en}; {self.release.headline}>"


class Selection(Rows):
    """The answer to a query."""

    def __init__(self, release: Release, rows: DuckDBPyRelation) -> None:
        super().__init__(release)
        self._rows = rows

    def relation(self) -> DuckDBPyRelation:
        return self._rows

    def arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        import duckdb

        try:
            return (self._rows.select(*columns) if columns else self._rows).to_arrow_table()
        except duckdb.Error as error:
            raise reading.refused(error) from error

    def __repr__(self) -> str:
        return f"{self.release.headline}\n{self._rows}"


class Marts(Mapping[str, Mart]):
    """Name -> mart; nothing is read before a mart is asked for its rows."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self._entries = {entry["name"]: entry for entry in release.manifest["marts"]}

    def __getitem__(self, name: str) -> Mart:
        return Mart(self._release, reading.mart(self._release.manifest, name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        lines = [f"  {name}: {entry['title_en']}" for name, entry in self._entries.items()]
        return "\n".join([f"{len(lines)} marts of {self._release.headline}", *lines])


class Release:
    """An opened release, or the facts as of a date in its shape.

    Attributes:
        manifest: inputs, hashes, contracts and warnings, as published.
        place: where its files lie.
        id: id of the release.
        data_mode: ``sample``, ``files``, ``live``, or what was combined (``files+live``).
        label: what sample data say about themselves; empty for real data.
    """

    def __init__(self, manifest: dict[str, Any], place: Place) -> None:
        self.manifest, self.place = manifest, place
        self.id: str = manifest["release"]
        self.data_mode: str = manifest["data_mode"]
        self.label: str = manifest["label"]

    @property
    def is_sample(self) -> bool:
        """Whether the figures are sample data, which are no statistics."""
        return self.data_mode == "sample"

    @property
    def headline(self) -> str:
        """One line that says which release this is and, for sample data, that they are none."""
        return reading.headline(self.manifest)

    @property
    def provenance(self) -> list[dict[str, Any]]:
        """The vintages of sources behind it; ``marts()["mart_provenance"]`` adds licences, citations and hashes."""
        return [dict(vintage) for vintage in self.manifest["vintages"]]

    def marts(self) -> Marts:
        """Name -> mart, lazily."""
        return Marts(self)

    def sql(self, query: str) -> Selection:
        """The answer to one SELECT over the marts, each a view. UsageError says what DuckDB did not understand."""
        return Selection(self, reading.select(self.duckdb(), query))

    def duckdb(self) -> DuckDBPyConnection:
        """A DuckDB connection with every mart as a view; each call gives one of its own over the same views."""
        return self._connection.cursor()

    @cached_property
    def _connection(self) -> DuckDBPyConnection:
        return reading.connect(self.manifest, self.place)

    def __repr__(self) -> str:
        return (
            f"<{self.headline}: {len(self.manifest['marts'])} marts, data mode {self.data_mode}, {self.place.address}>"
        )

    def __reduce__(self) -> tuple[type[Self], tuple[dict[str, Any], Place]]:
        return type(self), (self.manifest, self.place)  # connections do not cross process borders

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the DuckDB connection, if one was made. The release can be used again."""
        if (con := self.__dict__.pop("_connection", None)) is not None:
            con.close()


def open_release(release: str | None = None, as_of: str | date | None = None, root: Root = None) -> Release:
    """See ``agrocluster.open``."""
    if as_of is None:
        return Release(*reading.locate(release, root))
    if release is not None:
        raise UsageError("A release holds what it was made of.", remedy="Give either release or as_of.")
    return Release(reading.facts_as_of(str(as_of), root), reading.home(root))


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise UsageError(f"{name} is not installed.", remedy=f"pip install {name}") from error
