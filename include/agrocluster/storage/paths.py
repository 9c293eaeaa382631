"""The layout of the data root, in one place. Knows names, reads and writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agrocluster.settings import settings


@dataclass(frozen=True)
class Layout:
    """Paths below one data root."""

    root: Path

    def landing(self, dataset_id: str) -> Path:
        """Snapshots of raw files of a dataset: ``landing/<source>/<dataset>``."""
        source, _, dataset = dataset_id.partition("__")
        return self.root / "landing" / source / dataset

    def staged(self, dataset_id: str) -> Path:
        """Vintages of a dataset, one folder each."""
        return self.root / "staged" / dataset_id

    def vintage(self, vintage_id: str) -> Path:
        """The folder of one vintage; ``vintage_id`` is ``<dataset id>@<stamp>-<hash>``."""
        dataset_id, _, name = vintage_id.partition("@")
        return self.staged(dataset_id) / name

    def staged_parts(self, dataset_id: str, snapshot_id: str) -> Path:
        """Parts of a snapshot that are being staged by several workers, one folder each."""
        return self.staged(dataset_id) / f".parts-{snapshot_id}"

    def quarantine(self, vintage_id: str) -> Path:
        """Rejected rows of one vintage."""
        dataset_id, _, name = vintage_id.partition("@")
        return self.root / "quarantine" / dataset_id / f"{name}.parquet"

    def budget(self, source: str, account: str) -> Path:
        """What an account (a hash of its key) has spent of a publisher's daily allowance."""
        return self.root / "state" / "budget" / f"{source}-{account}.json"

    @property
    def alerts(self) -> Path:
        """What was reported to people."""
        return self.root / "state" / "alerts.json"

    @property
    def quality(self) -> Path:
        """Folder of validation results and incidents."""
        return self.root / "quality"

    @property
    def marts(self) -> Path:
        """Folder of builds, releases and the pointer."""
        return self.root / "marts"

    def build(self, release_id: str) -> Path:
        """Working folder of a release that is being built."""
        return self.marts / "build" / release_id

    @property
    def releases(self) -> Path:
        """Published releases, one immutable folder each."""
        return self.marts / "releases"

    @property
    def atlases(self) -> Path:
        """What releases are shown as, a folder each, and the page that leads to the current one."""
        return self.marts / "atlas"

    @property
    def overlays(self) -> Path:
        """Versions of the practitioner overlay: ``overlay/<world>/v<N>``."""
        return self.root / "overlay"

    @property
    def baselines(self) -> Path:
        """Frozen baselines, one immutable folder each: ``baselines/<name>@v<N>``."""
        return self.root / "baselines"

    @property
    def latest(self) -> Path:
        """The pointer to the current release."""
        return self.marts / "latest.json"


def layout() -> Layout:
    """The layout below the configured data root."""
    return Layout(settings().data)
