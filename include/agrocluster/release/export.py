"""A copy of the current release that may be handed on: what its publishers keep for themselves is left out.

Marts whose contract says ``restricted`` are left out whole (``by_variant``: where customs reports went in), from those
that say ``by_source`` the rows of restricted publishers. What was left out is counted in the manifest of the copy. The
release itself is not touched. The copy has documents of its own, made from the marts that are in it.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from agrocluster.errors import UsageError
from agrocluster.model.loader import catalog
from agrocluster.release import intact, reading, redistribution
from agrocluster.release.documents import register as documents
from agrocluster.storage import atomic
from agrocluster.storage.parquet import read_metadata, rows_sha256, write_table


def export(target: Path) -> dict[str, Any]:
    """Copy what may be redistributed of the current release into the new folder ``target``, whole or not at all.

    Returns the manifest of the copy: that of the release with ``marts`` as exported and ``left_out``, a list of
    ``mart``, ``rows`` and ``reason``.

    Raises UsageError when ``target`` exists or nothing is published.
    """
    found = reading.current()
    if target.exists():
        raise UsageError(f"{target} exists already.", remedy="Name a folder that does not exist; nothing was changed.")
    kept, left_out = [], []
    with atomic.folder(target) as temporary:
        closed = redistribution.closed_marts(found)
        for mart in found["marts"]:
            if mart["name"] in closed:
                left_out.append(_left_out(mart, mart["rows"], "its contract restricts redistribution"))
                continue
            exported, dropped = _copy(reading.folder(found) / mart["path"], temporary, mart)
            kept.append(exported)
            if dropped:
                left_out.append(_left_out(mart, dropped, "rows of publishers that restrict redistribution"))
        manifest = {**found, "marts": kept, "left_out": left_out}
        manifest["documents"] = documents.write(temporary, manifest)
        (temporary / "manifest.json").write_bytes(atomic.to_json(manifest))
        intact.write_sums(temporary, {file["path"]: file["sha256"] for file in (*kept, *manifest["documents"])})
    return manifest


def _left_out(mart: dict[str, Any], rows: int, reason: str) -> dict[str, Any]:
    return {"mart": mart["name"], "rows": rows, "reason": reason}


def _copy(origin: Path, folder: Path, mart: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Copy one mart without restricted rows; returns its manifest entry and the number of rows left out."""
    copy = folder / mart["path"]
    if mart["redistribution"] == "by_source":
        rows = pq.read_table(origin)
        open_rows = rows.filter(
            pc.invert(pc.is_in(rows["source"], pa.array(redistribution.restricted_sources(), pa.string())))
        )
        if dropped := rows.num_rows - open_rows.num_rows:
            facts = {k: v for k, v in read_metadata(origin).items() if k not in _OF_CONTRACT}
            written = write_table(open_rows, copy, catalog().marts[mart["name"]], facts)
            facts_of_file = {"rows": written.rows, "bytes": written.bytes, "sha256": written.sha256}
            return {**mart, **facts_of_file, "rows_sha256": rows_sha256(copy)}, dropped
    shutil.copyfile(origin, copy)
    return mart, 0


_OF_CONTRACT = ("contract", "contract_version", "licence", "redistribution")
"""Facts that the writer takes from the contract itself."""
