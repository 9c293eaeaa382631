"""Whether a release is still what was published: ``SHA256SUMS`` in its folder lists every other file of it.

``sha256sum -c SHA256SUMS`` checks the same without this project. What to do about damage is decided by whoever asks.
"""

from __future__ import annotations

from pathlib import Path

from agrocluster.errors import AgroclusterError, DataGateError
from agrocluster.release import reading, record
from agrocluster.storage.parquet import file_sha256
from agrocluster.storage.paths import layout

SUMS = "SHA256SUMS"


def write_sums(folder: Path, known: dict[str, str]) -> None:
    """List every file below ``folder`` in its ``SHA256SUMS``, the last file that is written into a release.

    Args:
        known: hashes by name that have been taken already.
    """
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    lines = [f"{known.get(name) or file_sha256(folder / name)}  {name}\n" for name in names if name != SUMS]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def sums_sha256(release: str) -> str:
    """Hash of the list itself, which the record keeps; empty for a release without a list."""
    path = layout().releases / release / SUMS
    return file_sha256(path) if path.exists() else ""


def damaged(release: str) -> list[str]:
    """Files of a release that are gone or not what was published; none when it is whole.

    Of a release from before ``SHA256SUMS`` only the marts are looked at. UsageError when there is no such release.
    """
    folder = layout().releases / release
    try:
        manifest = reading.manifest(release)
    except AgroclusterError:
        if (folder / "manifest.json").exists():
            return ["manifest.json"]
        raise
    wanted = {str(mart["path"]): str(mart["sha256"]) for mart in manifest["marts"]}
    published = record.sums(record.entries()).get(release)
    if (folder / SUMS).exists() or published:
        if published not in (None, sums_sha256(release)):
            return [SUMS]
        wanted |= _listed(folder / SUMS)
    return sorted(name for name, sha256 in wanted.items() if _sha256(folder / name) != sha256)


def require_intact(release: str) -> None:
    """Raise DataGateError, which names the files, when a release is not whole."""
    if wrong := damaged(release):
        raise DataGateError(
            f"Release {release} is damaged: {', '.join(wrong)} in {layout().releases / release}.",
            remedy="Put the files back from a copy of the data root, or choose another release with "
            "`agrocluster release list`. The current release stays as it is.",
        )


def _listed(sums: Path) -> dict[str, str]:
    lines = (line.split("  ", 1) for line in sums.read_text(encoding="utf-8", errors="replace").splitlines())
    return {line[1]: line[0] for line in lines if len(line) == 2}


def _sha256(path: Path) -> str:
    return file_sha256(path) if path.is_file() else ""
