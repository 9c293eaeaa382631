"""Reading releases: which there are, where their files lie, and DuckDB over one of them.

The one place for command line, Python interface and board. It loads DuckDB, Arrow and the catalogue only when they
are used, because whoever reads one mart should not wait for them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agrocluster.errors import NotHeld, StorageError, UsageError
from agrocluster.settings import SAMPLE_LABEL, settings
from agrocluster.storage.paths import Layout, layout
from agrocluster.storage.places import Place, Root

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

SUGGESTIONS = 3
_PLAIN = re.compile(r"[A-Za-z0-9][\w.+-]*")
"""What a release may be called; anything else could name another folder."""


def latest(root: Root = None) -> dict[str, Any] | None:
    """The pointer to the current release, or None before the first one."""
    return _json(home(root) / "latest.json")


def names(root: Root = None) -> list[str]:
    """Ids of the published releases, sorted (the date of the newest input comes first in an id)."""
    folder = home(root) / "releases"
    return [name for name in folder.names() if _PLAIN.fullmatch(name) and (folder / name / "manifest.json").exists()]


def locate(name: str | None = None, root: Root = None) -> tuple[dict[str, Any], Place]:
    """Manifest and folder of the release called ``name``, of the current one by default.

    Args:
        root: a data root, its ``marts`` folder, or a release that was handed on (``agrocluster export``); a folder or
            an address for fsspec. The configured data root by default.

    The folder never changes, whatever is published later. Raises UsageError when there is no such release.
    """
    if root is not None and (alone := _json(Place.at(root) / "manifest.json")) is not None:
        if name not in {None, alone["release"]}:
            raise UsageError(f"{root} holds the release {alone['release']!r}, not {name!r}.", remedy="Leave it out.")
        return alone, Place.at(root)
    base, asked = home(root), name
    if asked is None:
        pointer = _json(base / "latest.json")
        if pointer is None:
            raise UsageError(
                f"No release has been published yet in {base.address}.",
                remedy="Run `make run EXIT=1` first, or name the data root: AGROCLUSTER_DATA, or root= in Python.",
            )
        asked = str(pointer["release"])
    folder = base / "releases" / asked
    found = _json(folder / "manifest.json") if _PLAIN.fullmatch(asked) else None
    if found is None:
        known = ", ".join(names(root)) or "none yet"
        raise UsageError(f"There is no release {asked!r} in {base.address}.", remedy=f"Use one of: {known}.")
    return found, folder


def current(root: Root = None) -> dict[str, Any]:
    """Manifest of the current release. UsageError if nothing was published yet."""
    return locate(None, root)[0]


def manifest(name: str, root: Root = None) -> dict[str, Any]:
    """Manifest of the release called ``name``. UsageError names the releases there are."""
    return locate(name, root)[0]


def release(name: str | None = None, root: Root = None) -> dict[str, Any]:
    """Manifest of the release called ``name``, of the current one by default; UsageError lists those there are."""
    return locate(name, root)[0]


def folder(manifest: dict[str, Any]) -> Path:
    """Where the Parquet files of a release of the configured data root lie."""
    return layout().releases / str(manifest["release"])


def mart(manifest: dict[str, Any], name: str) -> dict[str, Any]:
    """The manifest's entry of one mart; NotHeld suggests marts with a name like it."""
    for entry in manifest["marts"]:
        if entry["name"] == name:
            return dict(entry)
    known = [entry["name"] for entry in manifest["marts"]]
    like = alike(name, known)
    hint = f" Did you mean {' or '.join(like)}?" if like else ""
    listed = "`agrocluster show` lists all marts." if like else f"Use one of: {', '.join(known)}."
    raise NotHeld(f"There is no mart {name!r}.{hint}", remedy=listed)


def file(entry: dict[str, Any], place: Place) -> Place:
    """The Parquet file of a mart in the folder of its release. StorageError for an entry that leads elsewhere; whoever
    hands on a release may have written its manifest."""
    name, path = entry["name"], entry["path"]
    if not (_PLAIN.fullmatch(name) and _PLAIN.fullmatch(path)):
        raise StorageError(
            f"The manifest in {place.address} names {path!r} ({name!r}), which is no file of it.",
            remedy="Ask for the release again where it came from.",
        )
    return place / path


def unreadable(name: str, place: Place, error: Exception) -> StorageError:
    """The file of a mart cannot be read although its release was found."""
    return StorageError(
        f"{name} in {place.address} cannot be read: {error}.",
        remedy="If the release was removed after it had been opened, open the current one; else check the folder.",
    )


def alike(name: str, known: Iterable[str]) -> list[str]:
    """Up to three of the ``known`` names that hold ``name`` or are spelt like it."""
    listed, key = list(known), str(name).casefold()
    holding = [other for other in listed if key and key in other]
    close = get_close_matches(key, listed, SUGGESTIONS)
    return list(dict.fromkeys([*close, *holding]))[:SUGGESTIONS]


def facts_as_of(day: str, root: Root = None) -> dict[str, Any]:
    """The facts as they were known on ``day`` (YYYY-MM-DD), described like a release whose marts are queries:
    ``fact_<kind>`` for every kind of staged table, each from the vintages that had been published by then; sample or
    real, as the current release.

    UsageError when ``day`` is no such date, or where ``root`` is an object store or a release that was handed on.
    """
    from agrocluster.model.loader import catalog
    from agrocluster.release import describe
    from agrocluster.storage import vintages

    try:
        when = date.fromisoformat(day).isoformat()
    except ValueError:
        raise UsageError(f"{day!r} is not a date.", remedy="Write it as 2023-12-31.") from None
    below = _data_root(root)
    pointer = latest(root)
    sample = pointer["data_mode"] == "sample" if pointer else settings().world == "sample"
    world = "sample" if sample else "real"
    known = vintages.accepted(catalog().datasets, as_of=when, world=world, below=below)
    marts = []
    for kind, contract in catalog().tables.items():
        entry = {"name": f"fact_{kind}", "title_en": contract.title.en, "title_ru": contract.title.ru}
        entry |= {"description_en": contract.description.en, "description_ru": contract.description.ru}
        query = vintages.current_query(contract, [v for v in known if v.kind is kind])
        marts.append({**entry, "query": query, "key": list(contract.key), "columns": describe.columns(contract)})
    return {
        "release": f"facts as of {when}",
        "as_of": when,
        "data_mode": world,
        "label": SAMPLE_LABEL if sample else "",
        "vintages": [{"vintage_id": v.vintage_id, "dataset": v.dataset_id, "stamp": v.stamp} for v in known],
        "marts": marts,
    }


def connect(manifest: dict[str, Any] | None = None, place: Place | None = None) -> duckdb.DuckDBPyConnection:
    """DuckDB over a release, the current one by default: a view per mart, all from the same release.

    Args:
        place: folder of the release, as ``locate`` gives it; that of the configured data root by default.
    """
    import duckdb

    found = manifest or current()
    where = place or Place.at(folder(found))
    con = duckdb.connect()
    if where.store is not None:
        con.register_filesystem(where.store)
    for entry in found["marts"]:
        try:
            con.execute(f'CREATE VIEW "{entry["name"]}" AS {_rows_of(entry, where)}')
        except duckdb.IOException as error:
            raise unreadable(entry["name"], where, error) from error
    return con


def select(con: duckdb.DuckDBPyConnection, sql: str) -> duckdb.DuckDBPyRelation:
    """The relation of one query. UsageError says what DuckDB did not understand, or that it is no query."""
    import duckdb

    try:
        statements = con.extract_statements(sql)
        if [s.type for s in statements] != [duckdb.StatementType.SELECT]:
            raise UsageError("That is not one query.", remedy="Write a single SELECT, FROM or DESCRIBE.")
        return con.sql(sql)
    except duckdb.Error as error:
        raise refused(error) from error


def refused(error: Exception) -> UsageError:
    """What DuckDB says about a query it cannot answer, with what to look at."""
    return UsageError(
        f"DuckDB refuses the query: {error}", remedy="`agrocluster show <mart>` lists the columns of a mart."
    )


def query(sql: str, as_of: str | None = None, name: str | None = None) -> pa.Table:
    """Rows of a query over the marts of a release (the current one by default), or over the facts as of a date.

    UsageError says what DuckDB did not understand.
    """
    import duckdb

    with connect(facts_as_of(as_of) if as_of else release(name)) as con:
        try:
            return select(con, sql).to_arrow_table()
        except duckdb.Error as error:
            raise refused(error) from error


def headline(manifest: dict[str, Any]) -> str:
    """One line that says which release this is and, for sample data, that they are none."""
    label = f" - {manifest['label']}" if manifest["label"] else ""
    return f"{'Facts' if 'as_of' in manifest else 'Release'} {manifest['release'].removeprefix('facts ')}{label}"


def home(root: Root) -> Place:
    """The folder that holds ``latest.json`` and ``releases``: ``marts`` below a data root, or ``root`` itself."""
    if root is None:
        store = settings().store
        return Place.at(store) / "marts" if store else Place.at(layout().marts)
    given = Place.at(root)
    return given if (given / "latest.json").exists() else given / "marts"


def _data_root(root: Root) -> Layout:
    if root is None:
        return layout()
    given = Place.at(root)
    if given.store is not None or not Path(given.path, "staged").is_dir():
        raise UsageError(
            f"{root} holds no staged vintages, which facts as of a date are made of.",
            remedy="Name a data root on this machine.",
        )
    return Layout(Path(given.path))


def _rows_of(entry: dict[str, Any], place: Place) -> str:
    if "path" not in entry:  # facts as of a date, which are queries of ours
        return str(entry["query"])
    path = file(entry, place).address.replace("'", "''")
    return f"FROM '{path}'"


def _json(place: Place) -> dict[str, Any] | None:
    data = place.read()
    try:
        return None if data is None else dict(json.loads(data))
    except ValueError as error:
        raise StorageError(f"{place.address} is damaged: {error}.", remedy="Publish again, or restore it.") from error
