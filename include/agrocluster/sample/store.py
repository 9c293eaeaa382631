"""The wire files on disk: built once, named by what made them, never half written.

The folder's name is a fingerprint of the package's code and data, so a changed generator never serves an old
file, and a second start finds everything in place. Altered files (data faults) live here too.
"""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from agrocluster.sample import comtrade_rows, wire_baci, wire_faostat
from agrocluster.sample.farms import farms
from agrocluster.sample.planted import VINTAGES
from agrocluster.sample.tables import CROSSWALK
from agrocluster.sample.trade import flows


@cache
def fingerprint() -> str:
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for path in [*sorted(package.glob("*.py")), *sorted((package / "data").glob("*.csv")), CROSSWALK]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Stored:
    path: Path
    etag: str
    size: int


class Store:
    def __init__(self, cache_folder: Path) -> None:
        self.folder = cache_folder / f"sample-{fingerprint()}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._locks: dict[str, threading.Lock] = {}
        self._known: dict[str, Stored] = {}
        self._guard = threading.Lock()

    def get(self, name: str, build: Callable[[], bytes]) -> Stored:
        """The stored file of this name, built first if it is not there."""
        with self._guard:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            if name not in self._known:
                path = self.folder / name
                if not path.exists():
                    self._write(path, build())
                digest = path.with_name(path.name + ".sha256").read_text()
                self._known[name] = Stored(path, f'"{digest[:32]}"', path.stat().st_size)
            return self._known[name]

    @staticmethod
    def _write(path: Path, body: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        for target, content in (
            (path.with_name(path.name + ".sha256"), hashlib.sha256(body).hexdigest().encode()),
            (path, body),
        ):
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as handle:
                handle.write(content)
            Path(handle.name).replace(target)

    def faostat(self, code: str, vintage: str) -> Stored:
        # Only QCL was released twice; the other domains are the same file in both vintages.
        release = vintage if code == "QCL" else "current"
        return self.get(f"faostat/{code}.{release}.zip", lambda: wire_faostat.build(code, release))

    def faostat_rows(self, code: str, vintage: str) -> int:
        release = vintage if code == "QCL" else "current"
        stored = self.get(
            f"faostat/{code}.{release}.rows", lambda: str(wire_faostat.facts(code, release).num_rows).encode()
        )
        return int(stored.path.read_text())

    def baci(self, version: str) -> Stored:
        return self.get(f"baci/{version}.zip", lambda: wire_baci.build(version))

    def comtrade(self, vintage: str) -> dict[str, Stored]:
        """The customs reports of one vintage: rows and datasets, made together."""
        names = {part: f"comtrade/{part}.{vintage}.parquet" for part in comtrade_rows.PARTS}
        with tempfile.TemporaryDirectory() as folder:
            there = all((self.folder / name).exists() for name in names.values())
            made = {} if there else comtrade_rows.build(vintage, Path(folder))
            return {part: self.get(name, lambda part=part: made[part].read_bytes()) for part, name in names.items()}  # type: ignore[misc]

    def sizes(self, vintage: str) -> dict[str, int]:
        return {code: self.faostat(code, vintage).size for code in wire_faostat.served()}

    def prepare(self, vintage: str) -> None:
        """Build what this vintage serves; two at a time."""
        if vintage not in VINTAGES:
            raise ValueError(f"unknown vintage {vintage!r}: choose one of {', '.join(VINTAGES)}")
        jobs: list[Callable[[], Stored]] = [lambda code=code: self.faostat(code, vintage) for code in _by_weight()]  # type: ignore[misc]
        versions = [version for version, of in wire_baci.VERSIONS.items() if of == vintage]
        jobs[1:1] = [lambda version=version: self.baci(version) for version in versions]  # type: ignore[misc]
        jobs.append(lambda: self.comtrade(vintage)["reports"])
        if any(not (self.folder / name).exists() for name in self._names(vintage)):
            flows()  # shared by both workers: computed before they start
            farms()
        self._run(jobs)
        for code in wire_faostat.served():
            self.faostat_rows(code, vintage)

    @staticmethod
    def _names(vintage: str) -> list[str]:
        versions = [f"baci/{version}.zip" for version, of in wire_baci.VERSIONS.items() if of == vintage]
        releases = {code: vintage if code == "QCL" else "current" for code in wire_faostat.served()}
        versions += [f"comtrade/{part}.{vintage}.parquet" for part in comtrade_rows.PARTS]
        return versions + [f"faostat/{code}.{release}.zip" for code, release in releases.items()]

    @staticmethod
    def _run(jobs: Iterable[Callable[[], Stored]]) -> None:
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(job) for job in jobs]:
                done.result()


def _by_weight() -> list[str]:
    heavy = ["TCL", "QCL", "FBS", "QV"]
    return heavy + [code for code in wire_faostat.served() if code not in heavy]
