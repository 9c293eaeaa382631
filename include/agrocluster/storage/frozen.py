"""Frozen baselines: what a release said about one baseline, kept for good under a name and a version.

``<data>/baselines/<name>@v<N>/`` holds Parquet copies of rows, ``manifest.json`` and ``SHA256SUMS`` (also for
``sha256sum -c``). A folder appears whole or not at all and is never written again; whether its bytes are still those
that were written is checked here. What is frozen, and when, is decided in ``agrocluster.baseline``.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from agrocluster.errors import DataGateError, StorageError, UsageError
from agrocluster.model.specs import TableContract
from agrocluster.storage import atomic
from agrocluster.storage.parquet import ROW_GROUP, SQL_TYPES, file_sha256
from agrocluster.storage.paths import layout

MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
_ID = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)@v(?P<version>[1-9][0-9]*)")


@dataclass(frozen=True)
class Frozen:
    """One frozen baseline. ``manifest`` says where it comes from and what its folder holds."""

    frozen_id: str
    folder: Path
    manifest: dict[str, Any]

    @property
    def version(self) -> int:
        """1 for the first, then 2, 3 ... for every later one of other content."""
        return int(self.frozen_id.rpartition("@v")[2])

    @property
    def world(self) -> str:
        """``sample`` or ``real``."""
        return "sample" if self.manifest["data_mode"] == "sample" else "real"

    @property
    def digest(self) -> str:
        """SHA-256 over name and content of its files; neither the time nor the note of freezing enter."""
        parts = [self.frozen_id, *(f"{file['name']} {file['sha256']}" for file in self.manifest["files"])]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def table(self, name: str) -> pa.Table | None:
        """The rows of ``name``, a mart or ``revision``; None where its release did not have it."""
        path = self.folder / f"{name}.parquet"
        return pq.read_table(path) if path.exists() else None

    def require_table(self, name: str) -> pa.Table:
        """The rows of ``name``, which every frozen baseline has; StorageError where the file is gone."""
        found = self.table(name)
        if found is None:
            raise StorageError(
                f"{self.folder / name}.parquet is gone.", remedy="Put the file back from a copy of the data root."
            )
        return found


def known(world: str | None = None) -> list[Frozen]:
    """All frozen baselines, or those of one world (``sample``, ``real``), in the order in which they were frozen."""
    folders = (p for p in layout().baselines.glob("*@v*") if _ID.fullmatch(p.name))
    found = [Frozen(folder.name, folder, _manifest(folder)) for folder in folders]
    wanted = [f for f in found if world in (None, f.world)]
    return sorted(wanted, key=lambda f: (f.manifest["frozen_at"], f.manifest["name"], f.version))


def versions(name: str) -> list[Frozen]:
    """The frozen versions of one baseline, oldest first."""
    return sorted((f for f in known() if f.manifest["name"] == name), key=lambda f: f.version)


def find(frozen_id: str) -> Frozen:
    """The frozen baseline of this id; UsageError names those there are."""
    for frozen in known():
        if frozen.frozen_id == frozen_id:
            return frozen
    listed = ", ".join(f.frozen_id for f in known())
    remedy = f"Frozen are: {listed}." if listed else "Nothing is frozen yet; `agrocluster baseline freeze` does it."
    raise UsageError(f"There is no frozen baseline {frozen_id!r}.", remedy=remedy)


def is_frozen_id(text: str) -> bool:
    """Whether ``text`` has the form ``<name>@v<number>``."""
    return _ID.fullmatch(text) is not None


def write(frozen_id: str, tables: Mapping[str, pa.Table], manifest: Mapping[str, Any]) -> Frozen | None:
    """Write a new frozen baseline, whole or not at all.

    Args:
        frozen_id: ``<name>@v<number>``.
        tables: file name without ending -> rows.
        manifest: facts about it; ``files`` with rows and SHA-256 of each is added.

    Returns it, or None when somebody else took the id in the meantime.
    """
    final = layout().baselines / frozen_id
    temporary = atomic.new_folder(final.parent)
    try:
        with atomic.writing(final):
            files = [_write_rows(temporary / f"{name}.parquet", rows) for name, rows in sorted(tables.items())]
            facts = {**manifest, "files": files}
            (temporary / MANIFEST).write_bytes(atomic.to_json(facts))
            sums = [(f["sha256"], f["name"]) for f in files] + [(file_sha256(temporary / MANIFEST), MANIFEST)]
            (temporary / SUMS).write_text("".join(f"{sha256}  {name}\n" for sha256, name in sums), encoding="utf-8")
        return Frozen(frozen_id, final, facts) if atomic.commit_folder(temporary, final) else None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def damaged(frozen: Frozen) -> list[Path]:
    """Files of a frozen baseline that are gone or not what was written; empty when it is intact."""
    sums = frozen.folder / SUMS
    if not sums.exists():
        return [sums]
    lines = [line.split("  ", 1) for line in sums.read_text(encoding="utf-8", errors="replace").splitlines()]
    listed = {line[1]: line[0] for line in lines if len(line) == 2}
    wanted = {file["name"]: file["sha256"] for file in frozen.manifest["files"]}
    wanted[MANIFEST] = listed.get(MANIFEST, "")
    wrong = [name for name, sha256 in wanted.items() if _sha256(frozen.folder / name) != sha256]
    if not wrong and listed != wanted:
        wrong = [SUMS]
    # A manifest that is itself wrong says nothing about the others; the list beside it does.
    if MANIFEST in wrong:
        wrong = [MANIFEST, *(n for n in listed if n != MANIFEST and _sha256(frozen.folder / n) != listed[n])]
    return [frozen.folder / name for name in wrong]


def require_intact(found: Iterable[Frozen]) -> None:
    """Raise DataGateError when a frozen baseline has changed; it names the files and what to do."""
    for frozen in found:
        if paths := damaged(frozen):
            raise DataGateError(
                f"The frozen baseline {frozen.frozen_id} has changed: {', '.join(map(str, paths))}.",
                remedy=f"Put the file back from a copy of the data root. Without one, remove {frozen.folder} and run "
                f"`agrocluster baseline freeze {frozen.manifest['baseline_id']} --release "
                f"{frozen.manifest['release_id']}`. No release is built until then; the last one stays.",
            )


def rows_query(mart: str, contract: TableContract, found: Sequence[Frozen]) -> str:
    """SQL for the rows of ``mart`` in all of ``found``, with ``frozen_id`` and ``frozen_order`` (1, 2 ... as given).

    It has the columns of today's contract, whatever the frozen files have: what they lack is null, what the contract
    does not know any more is left out. Without files it gives no row.
    """
    typed = ", ".join(f"NULL::{SQL_TYPES[column.type]} AS {column.name}" for column in contract.columns)
    parts = [f"SELECT NULL::VARCHAR AS frozen_id, NULL::INTEGER AS frozen_order, {typed} WHERE false"]
    for order, frozen in enumerate(found, 1):
        path = frozen.folder / f"{mart}.parquet"
        if path.exists():
            have = set(pq.read_schema(path).names)
            own = ", ".join(
                f"{c.name if c.name in have else 'NULL'}::{SQL_TYPES[c.type]} AS {c.name}" for c in contract.columns
            )
            file = str(path).replace("'", "''")
            parts.append(f"SELECT '{frozen.frozen_id}', {order}, {own} FROM read_parquet('{file}')")
    return " UNION ALL ".join(parts)


def _write_rows(path: Path, rows: pa.Table) -> dict[str, Any]:
    pq.write_table(rows, path, compression="zstd", row_group_size=ROW_GROUP)
    return {"name": path.name, "rows": rows.num_rows, "sha256": file_sha256(path)}


def _sha256(path: Path) -> str | None:
    return file_sha256(path) if path.exists() else None


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        return dict(atomic.read_json(folder / MANIFEST))
    except (StorageError, FileNotFoundError) as error:
        problem = error.problem if isinstance(error, StorageError) else f"{folder / MANIFEST} is gone."
        raise StorageError(
            f"The frozen baseline {folder.name} has changed: {problem}",
            remedy="Put the file back from a copy of the data root; a frozen baseline is not made anew.",
        ) from error
