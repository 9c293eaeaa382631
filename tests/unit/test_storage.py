"""Landing and atomic writes: nothing half-written is ever seen, nothing is kept twice."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from agrocluster import pipeline
from agrocluster.errors import StorageError
from agrocluster.model.fetching import Probe, RawFile
from agrocluster.storage import atomic, landing

PROBE = Probe(stamp="2026-07-13", fingerprint="f1")
DATASET = "worldbank__wdi"


def put(work: Path, name: str, content: bytes) -> RawFile:
    work.mkdir(parents=True, exist_ok=True)
    (work / name).write_bytes(content)
    return RawFile(
        name,
        "worldbank_json",
        f"https://example.org/{name}",
        f"sha-of-{content!r}",
        len(content),
        "2026-09-01T06:00:00Z",
    )


def land(content: bytes = b"one", probe: Probe = PROBE) -> landing.Snapshot:
    work = landing.work_folder(DATASET, probe)
    landing.keep_slice(work, "s1", [put(work, "a.json", content)])
    return landing.seal(DATASET, probe, ["s1"], scope="full")


def test_a_snapshot_keeps_bytes_and_provenance(data_root: Path) -> None:
    snapshot = land()
    assert snapshot.file(snapshot.files[0]).read_bytes() == b"one"
    assert snapshot.files[0].url == "https://example.org/a.json"
    assert snapshot.stamp == "2026-07-13"
    assert landing.load(DATASET, snapshot.snapshot_id) == snapshot


def test_equal_content_is_kept_once_and_known_under_every_fingerprint(data_root: Path) -> None:
    first = land()
    again = land(probe=Probe(stamp="2026-07-13", fingerprint="f2"))
    assert first.snapshot_id == again.snapshot_id
    assert landing.known_fingerprints(DATASET) == {"f1": [first.snapshot_id], "f2": [first.snapshot_id]}


def test_different_content_of_the_same_stamp_is_a_second_snapshot(data_root: Path) -> None:
    assert land().snapshot_id != land(b"two").snapshot_id


def test_a_selection_never_stands_for_the_dataset_even_with_the_same_files(data_root: Path) -> None:
    work = landing.work_folder(DATASET, PROBE)
    landing.keep_slice(work, "s1", [put(work, "a.json", b"one")])
    part = landing.seal(DATASET, PROBE, ["s1"], scope="partial")
    assert landing.known_fingerprints(DATASET) == {"f1": [part.snapshot_id]}
    assert landing.known_fingerprints(DATASET, whole=True) == {}
    whole = landing.seal(DATASET, PROBE, ["s1"], scope="full")
    assert whole.scope == "full"
    assert landing.known_fingerprints(DATASET, whole=True) == {"f1": [whole.snapshot_id]}


def test_sealing_twice_finds_what_the_first_time_made(data_root: Path) -> None:
    """A task that is killed after its last step is run again."""
    check = {"dataset_id": DATASET, "scope": "full", "probe": PROBE.as_dict()}
    work = landing.work_folder(DATASET, PROBE)
    landing.keep_slice(work, "s1", [put(work, "a.json", b"one")])
    sealed = pipeline.seal_snapshots(check, [{"id": "s1"}])
    assert not work.exists()
    assert pipeline.seal_snapshots(check, [{"id": "s1"}]) == sealed


def test_an_interrupted_fetch_goes_on_where_it_stopped(data_root: Path) -> None:
    work = landing.work_folder(DATASET, PROBE)
    landing.keep_slice(work, "s1", [put(work, "a.json", b"one")])
    assert landing.has_slice(landing.work_folder(DATASET, PROBE), "s1")
    assert not landing.has_slice(work, "s2")
    with pytest.raises(StorageError, match="s2"):
        landing.seal(DATASET, PROBE, ["s1", "s2"], scope="full")
    assert list(landing.snapshots(DATASET)) == []


def test_sample_snapshots_are_invisible_to_real_modes(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    land()
    monkeypatch.setenv("SOURCES", "live")
    assert list(landing.snapshots(DATASET)) == []


def test_a_failed_write_leaves_the_old_content_and_no_litter(tmp_path: Path) -> None:
    target = tmp_path / "x.json"
    atomic.write_json(target, {"a": 1})
    with pytest.raises(RuntimeError), atomic.replacing(target) as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError
    assert atomic.read_json(target) == {"a": 1}
    assert os.listdir(tmp_path) == ["x.json"]


def test_a_full_disk_is_reported_with_path_and_remedy(tmp_path: Path) -> None:
    target = tmp_path / "x.json"
    with pytest.raises(StorageError, match=r"disk is full.*x\.json.*Free space.*intact"), atomic.replacing(target):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_damaged_json_names_the_file_and_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(StorageError, match=r"bad\.json is damaged.*Delete the file"):
        atomic.read_json(tmp_path / "bad.json")


def test_a_snapshot_is_known_from_the_instant_it_appears(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill right after the rename must not leave a snapshot that later checks cannot read."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(landing, "_note_fingerprint", killed)
    with pytest.raises(KeyboardInterrupt):
        land()
    monkeypatch.undo()
    monkeypatch.setenv("AGROCLUSTER_DATA", str(data_root))
    (snapshots,) = landing.known_fingerprints(DATASET).values()
    assert snapshots == [land().snapshot_id]


def test_a_refused_snapshot_is_fetched_again_but_kept(data_root: Path) -> None:
    snapshot = land()
    landing.suspect(DATASET, snapshot.snapshot_id, "renamed column")
    assert landing.known_fingerprints(DATASET) == {}
    assert [s.snapshot_id for s in landing.snapshots(DATASET)] == [snapshot.snapshot_id]
    landing.clear(DATASET, snapshot.snapshot_id)
    assert landing.known_fingerprints(DATASET) == {"f1": [snapshot.snapshot_id]}


def test_a_landed_file_that_rots_is_noticed(data_root: Path) -> None:
    snapshot = land()
    with pytest.raises(StorageError, match=r"damaged.*Delete the folder.*fetched anew"):
        landing.verify(snapshot)  # its recorded hash is not that of the bytes


def test_leftovers_of_killed_processes_are_swept(tmp_path: Path) -> None:
    (tmp_path / "a" / f"{atomic.TEMPORARY}x").mkdir(parents=True)
    (tmp_path / f"{atomic.TEMPORARY}y.parquet").write_bytes(b"half")
    (tmp_path / "kept.parquet").write_bytes(b"whole")
    assert atomic.sweep(tmp_path, older_than_s=3600) == 0
    assert atomic.sweep(tmp_path) == 2
    assert [p.name for p in sorted(tmp_path.rglob("*"))] == ["a", "kept.parquet"]
