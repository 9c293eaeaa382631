"""Working copies of an object store: whatever is killed, whoever is quicker, a reader sees whole things or nothing."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as given_settings
from hypothesis import strategies as st
from memory_store import BrokenStore, Killed, MemoryStore

from agrocluster.errors import QuotaExhausted, StorageError, UsageError
from agrocluster.settings import settings
from agrocluster.storage import atomic, mirror, zones
from agrocluster.storage.budget import Budget
from agrocluster.storage.copies import Contents
from agrocluster.storage.mirror import EVERYTHING, WorkingCopy, working_copy
from agrocluster.storage.objects import Taken

Step = Callable[[Path], None]


def write(path: Path, text: str) -> None:
    atomic.write_bytes(path, text.encode())


def sha(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def run(store: MemoryStore, step: Step, folder: Path, *, patterns: tuple[str, ...] = EVERYTHING) -> None:
    """One step on a machine of its own."""
    folder.mkdir(parents=True)
    copy = WorkingCopy(store, folder / "data", Contents(folder / "objects"))
    copy.root.mkdir()
    copy.pull(patterns)
    step(copy.root)
    copy.push()


def publish(name: str) -> Step:
    """Publish a release of two marts and remove its build, in the order of the pipeline."""

    def step(root: Path) -> None:
        release = root / "marts" / "releases" / name
        marts = {mart: f"{mart} of {name}" for mart in ("a", "b")}
        if not (release / "manifest.json").exists():
            with atomic.folder(release) as folder:
                for mart, text in marts.items():
                    write(folder / f"{mart}.parquet", text)
                atomic.write_json(folder / "manifest.json", {m: sha(t.encode()) for m, t in marts.items()})
        atomic.write_json(root / "marts" / "latest.json", {"release": name})
        shutil.rmtree(root / "marts" / "build" / name, ignore_errors=True)

    return step


def stage(code: str) -> Step:
    """Stage a vintage again, as ``staging.stage`` and ``pipeline.validate`` do."""

    def step(root: Path) -> None:
        folder = root / "staged" / "x__y" / "2026-01-01-ab"
        for marker in ("gate.json", "report.json"):
            (folder / marker).unlink(missing_ok=True)
        write(folder / "data.parquet", f"rows by {code}")
        atomic.write_json(folder / "report.json", {"sha256": sha(f"rows by {code}".encode())})
        atomic.write_json(folder / "gate.json", {"passed": True})

    return step


def seal(root: Path) -> None:
    """Turn a work folder into a snapshot, as ``landing.seal`` and ``discard_work`` do."""
    home = root / "landing" / "x" / "y"
    work, final = home / ".work-1", home / "2026-01-01-ab"
    if not (final / "snapshot.json").exists():
        with atomic.folder(final) as folder:
            (folder / "raw.zip").hardlink_to(work / "raw.zip")
            atomic.write_json(folder / "fingerprints.json", ["f"])
            atomic.write_json(folder / "snapshot.json", {"sha256": sha((work / "raw.zip").read_bytes())})
    shutil.rmtree(work, ignore_errors=True)


def fetch(root: Path) -> None:
    work = root / "landing" / "x" / "y" / ".work-1"
    write(work / "raw.zip", "bytes of the publisher")
    atomic.write_json(work / "all.slice.json", ["raw.zip"])


def check(root: Path) -> None:
    """What any process sees that begins now."""
    pointer = root / "marts" / "latest.json"
    if pointer.exists():
        release = root / "marts" / "releases" / json.loads(pointer.read_text())["release"]
        for mart, digest in json.loads((release / "manifest.json").read_text()).items():
            assert sha((release / f"{mart}.parquet").read_bytes()) == digest
    for gate in root.glob("staged/*/*/gate.json"):
        report = json.loads(gate.with_name("report.json").read_text())
        assert sha(gate.with_name("data.parquet").read_bytes()) == report["sha256"]
    for record in root.glob("landing/*/*/*/snapshot.json"):
        assert sha(record.with_name("raw.zip").read_bytes()) == json.loads(record.read_text())["sha256"]
        assert record.with_name("fingerprints.json").exists()
    for record in root.glob("landing/*/*/.work-*/all.slice.json"):
        assert record.with_name("raw.zip").exists()
    for folder in [*root.glob("marts/releases/*"), *root.glob("landing/*/*/[!.]*")]:
        assert (folder / "manifest.json").exists() or (folder / "snapshot.json").exists(), folder


def files(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def seen(store: MemoryStore, folder: Path) -> dict[str, bytes]:
    """All files of a copy made now, after a look at whether they are whole."""
    found: dict[str, bytes] = {}

    def look(root: Path) -> None:
        check(root)
        found.update(files(root))

    run(store.twin(), look, folder)
    return found


@pytest.mark.parametrize(
    ("before", "step"),
    [
        ([publish("r1")], publish("r2")),
        ([], publish("r1")),
        ([stage("old")], stage("new")),
        ([fetch], seal),
        ([], fetch),
    ],
    ids=["release", "first_release", "staged_again", "sealed", "fetched"],
)
def test_killed_between_any_two_operations_others_see_whole_things(
    before: list[Step], step: Step, tmp_path: Path
) -> None:
    start = MemoryStore()
    for number, earlier in enumerate(before):
        run(start, earlier, tmp_path / f"before{number}")
    whole = start.twin()
    run(whole, step, tmp_path / "whole")
    wanted = seen(whole, tmp_path / "wanted")
    assert wanted != seen(start, tmp_path / "start")
    assert len(whole.changes) > 1
    for operations in range(len(whole.changes)):
        store = start.twin(left=operations)
        with pytest.raises(Killed):
            run(store, step, tmp_path / f"killed{operations}")
        store.left = None
        seen(store, tmp_path / f"seen{operations}")
        run(store, step, tmp_path / f"again{operations}")
        assert seen(store, tmp_path / f"end{operations}") == wanted


def test_marks_come_last_and_the_pointer_after_everything(tmp_path: Path) -> None:
    store = MemoryStore()
    run(store, publish("r1"), tmp_path / "one")
    assert store.changes[-2:] == ["put marts/releases/r1/manifest.json", "put marts/latest.json"]
    run(store, fetch, tmp_path / "two")
    run(store, seal, tmp_path / "three")
    done = [what for what in store.changes if "landing" in what]
    assert done.index("put landing/x/y/2026-01-01-ab/snapshot.json") < done.index("delete landing/x/y/.work-1/raw.zip")
    assert "copy landing/x/y/2026-01-01-ab/raw.zip" in done, "what the store has already is not sent again"


KEYS = st.sampled_from(
    [f"staged/x__y/{v}/{n}" for v in ("v1", "v2") for n in ("data.parquet", "report.json", "gate.json")]
    + [f"marts/build/r/{n}.parquet" for n in "ab"]
    + ["quality/quality_results.parquet", "landing/x/y/.work-1/a.zip", "landing/x/y/.work-1/a.slice.json"]
)


@given_settings(max_examples=30)
@given(
    steps=st.lists(st.dictionaries(KEYS, st.none() | st.binary(max_size=3), max_size=8), min_size=1, max_size=4),
    machines=st.lists(st.booleans(), min_size=4, max_size=4),
)
def test_the_store_ends_as_one_folder_would(
    steps: list[dict[str, bytes | None]], machines: list[bool], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Steps that write and remove files, on two machines in turn, against the same steps in one folder."""
    home = tmp_path_factory.mktemp("machines")
    store, folder = MemoryStore(), home / "folder"
    folder.mkdir()

    def apply(root: Path, changes: dict[str, bytes | None]) -> None:
        for key, data in changes.items():
            if data is None:
                (root / key).unlink(missing_ok=True)
            else:
                atomic.write_bytes(root / key, data)

    for number, (changes, second) in enumerate(zip(steps, machines, strict=False)):
        apply(folder, changes)
        copy = WorkingCopy(store, home / f"step{number}", Contents(home / f"machine{second}"))
        copy.root.mkdir()
        copy.pull(EVERYTHING)
        apply(copy.root, changes)
        copy.push()
    assert {key: data for key, (data, _) in store.objects.items()} == files(folder)


def test_a_step_fetches_what_it_needs_and_only_once(tmp_path: Path) -> None:
    store = MemoryStore()
    run(store, publish("r1"), tmp_path / "one")
    run(store, stage("code"), tmp_path / "two")
    contents, store.fetched = Contents(tmp_path / "objects"), []
    for number in range(2):
        copy = WorkingCopy(store, tmp_path / f"copy{number}", contents)
        copy.root.mkdir()
        copy.pull(("staged/*.json", "marts/releases/{current}/a*"))
        folder = "staged/x__y/2026-01-01-ab"
        assert sorted(files(copy.root)) == [
            "marts/releases/r1/a.parquet",
            f"{folder}/gate.json",
            f"{folder}/report.json",
        ]
        copy.push()
    assert sorted(store.fetched) == sorted(files(tmp_path / "copy0"))
    assert len(store.objects) == 7, "what was not asked for was not removed"


def test_two_machines_that_publish_at_once_do_not_hide_one_another(tmp_path: Path) -> None:
    store = MemoryStore()
    run(store, publish("r1"), tmp_path / "first")

    def slow(root: Path) -> None:
        run(store, publish("r2"), tmp_path / "quick")
        publish("r3")(root)

    with pytest.raises(Taken, match="another machine"):
        run(store, slow, tmp_path / "slow")
    assert json.loads(store.objects["marts/latest.json"][0]) == {"release": "r2"}
    run(store, publish("r3"), tmp_path / "again")
    assert json.loads(store.objects["marts/latest.json"][0]) == {"release": "r3"}


def test_nothing_that_is_recorded_of_releases_is_lost_to_another_machine(tmp_path: Path) -> None:
    """What was pinned or rolled back meanwhile stays written, and the pointer does not move on top of it."""
    store = MemoryStore()
    run(store, publish("r1"), tmp_path / "first")

    def note(event: str) -> Step:
        def step(root: Path) -> None:
            path = root / "marts" / "record.json"
            known = json.loads(path.read_text()) if path.exists() else []
            atomic.write_json(path, [*known, event])

        return step

    def slow(root: Path) -> None:
        run(store, note("pinned"), tmp_path / "quick")
        note("published")(root)
        publish("r2")(root)

    with pytest.raises(Taken):
        run(store, slow, tmp_path / "slow")
    assert json.loads(store.objects["marts/record.json"][0]) == ["pinned"]
    assert json.loads(store.objects["marts/latest.json"][0]) == {"release": "r1"}
    run(store, note("published"), tmp_path / "again")
    assert json.loads(store.objects["marts/record.json"][0]) == ["pinned", "published"]


def test_two_machines_that_publish_the_same_release_agree(tmp_path: Path) -> None:
    store = MemoryStore()

    def slow(root: Path) -> None:
        run(store, publish("r1"), tmp_path / "quick")
        publish("r1")(root)

    run(store, slow, tmp_path / "slow")
    seen(store, tmp_path / "seen")


def freeze(text: str) -> Step:
    def step(root: Path) -> None:
        write(root / "baselines" / "b@v1" / "rows.parquet", text)
        write(root / "baselines" / "b@v1" / "manifest.json", text)

    return step


def test_a_frozen_baseline_is_never_written_over(tmp_path: Path) -> None:
    store = MemoryStore()

    def slow(root: Path) -> None:
        run(store, freeze("first"), tmp_path / "quick")
        freeze("second")(root)

    with pytest.raises(Taken):
        run(store, slow, tmp_path / "slow")
    assert {data for data, _ in store.objects.values()} == {b"first"}


def test_remains_of_a_killed_machine_make_way_but_not_at_once(tmp_path: Path) -> None:
    store = MemoryStore(left=1)
    with pytest.raises(Killed):
        run(store, freeze("killed"), tmp_path / "killed")
    store.left = None
    with pytest.raises(Taken):
        run(store, freeze("later"), tmp_path / "soon")
    store.age(mirror.ABANDONED + timedelta(seconds=1))
    run(store, freeze("later"), tmp_path / "later")
    assert {data for data, _ in store.objects.values()} == {b"later"}


def test_a_release_without_its_marker_goes_whole(tmp_path: Path) -> None:
    """Retention removes a release that it has not fetched."""
    store = MemoryStore()
    for name in ("r1", "r2"):
        run(store, publish(name), tmp_path / name)
    run(
        store,
        lambda root: shutil.rmtree(root / "marts" / "releases" / "r1"),
        tmp_path / "retention",
        patterns=("marts/releases/*.json",),
    )
    assert sorted(store.objects) == [
        "marts/latest.json",
        *(f"marts/releases/r2/{name}" for name in ("a.parquet", "b.parquet", "manifest.json")),
    ]
    assert store.changes[-3] == "delete marts/releases/r1/manifest.json"


FOREIGN = ["../../etc/passwd", "marts/../../x", "/marts/x", "marts//x", "marts/a\\..\\b", "marts/\x00", "notes.txt"]
FOREIGN += [
    "marts/.hidden",
    "marts/.tmp-1",
    "staged/x.lock",
    "airflow/airflow.db",
    "a/" * 20 + "x",
    "marts/",
    "marts/./x",
]


def test_foreign_objects_are_never_written_here_nor_touched(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    for key in FOREIGN:
        store.write(key, b"foreign")
    run(store, publish("r1"), tmp_path / "deep" / "machine")
    names = [path.name for path in tmp_path.rglob("*") if path.is_file() and path.read_bytes() == b"foreign"]
    assert names == []
    assert all(store.objects[key][0] == b"foreign" for key in FOREIGN)
    assert f"{len(FOREIGN)} objects are none of ours" in caplog.text


def test_an_object_that_is_also_a_folder_is_an_error_of_the_storage(tmp_path: Path) -> None:
    store = MemoryStore()
    store.write("marts/x", b"a file")
    store.write("marts/x/y", b"a file in it")
    with pytest.raises(StorageError, match="cannot be written"):
        run(store, check, tmp_path / "one")


def test_accounts_are_not_copied_and_other_states_are(tmp_path: Path) -> None:
    store = MemoryStore()
    store.write("state/budget/comtrade-x.json", b"{}")
    store.write("state/health/real/x.json", b"[]")
    run(store, lambda root: write(root / "state" / "budget" / "comtrade-x.json", "9"), tmp_path / "one")
    assert seen(store, tmp_path / "two") == {"state/health/real/x.json": b"[]"}
    assert store.objects["state/budget/comtrade-x.json"][0] == b"{}"


@given(st.text(max_size=40))
def test_no_key_leads_out_of_the_folder(text: str) -> None:
    for key in (text, f"marts/{text}", f"landing/x/{text}/raw.zip"):
        if zones.is_plain(key):
            assert os.path.normpath(key) == key
            assert not key.startswith(("/", ".."))


def test_an_object_replaced_while_it_is_fetched_is_listed_anew(tmp_path: Path) -> None:
    class Restless(MemoryStore):
        restless = False

        def fetch(self, entry, into):  # type: ignore[no-untyped-def]
            with self._lock:
                first, self.restless = self.restless, False
            if first:
                self.delete(["staged/x__y/2026-01-01-ab/gate.json"])
                self.write("staged/x__y/2026-01-01-ab/data.parquet", b"new")
                self.write("staged/x__y/2026-01-01-ab/report.json", json.dumps({"sha256": sha(b"new")}).encode())
            super().fetch(entry, into)

    store = Restless()
    run(store, stage("old"), tmp_path / "one")
    store.restless = True
    copy = WorkingCopy(store, tmp_path / "copy", Contents(tmp_path / "objects"))
    copy.root.mkdir()
    copy.pull(EVERYTHING)
    assert (copy.root / "staged/x__y/2026-01-01-ab/data.parquet").read_bytes() == b"new"
    assert not (copy.root / "staged/x__y/2026-01-01-ab/gate.json").exists()


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryStore]:
    """The configured data root is a store."""
    store = MemoryStore()
    monkeypatch.setenv("AGROCLUSTER_DATA", store.address)
    monkeypatch.setenv("AGROCLUSTER_WORK", str(tmp_path / "work"))
    monkeypatch.setattr(mirror.S3, "at", lambda address: store)
    yield store
    assert os.environ["AGROCLUSTER_DATA"] == store.address


def test_the_pipeline_is_unaware(remote: MemoryStore, tmp_path: Path) -> None:
    with working_copy(*EVERYTHING) as copy:
        assert copy is not None
        assert settings().data == copy.root
        assert settings().store is None
        write(settings().data / "quality" / "x.json", "1")
        with working_copy(*EVERYTHING) as inner:
            assert inner is None
    assert list(remote.objects) == ["quality/x.json"]
    assert list((tmp_path / "work" / "steps").glob("step-*")) == []


def test_what_was_done_before_an_error_is_kept(remote: MemoryStore) -> None:
    with pytest.raises(ZeroDivisionError), working_copy(*EVERYTHING):
        write(settings().data / "quality" / "x.json", "1")
        raise ZeroDivisionError
    assert list(remote.objects) == ["quality/x.json"]


def test_long_work_can_be_saved_on_the_way(remote: MemoryStore) -> None:
    with working_copy(*EVERYTHING):
        fetch(settings().data)
        mirror.save()
        assert "landing/x/y/.work-1/all.slice.json" in remote.objects
        before = len(remote.changes)
        mirror.save()
        assert len(remote.changes) == before


def test_folders_of_killed_steps_are_removed_and_those_in_use_are_not(remote: MemoryStore, tmp_path: Path) -> None:
    home = tmp_path / "work" / "steps"
    (home / "step-dead" / "data").mkdir(parents=True)
    (home / "step-dead.lock").touch()
    with working_copy(*EVERYTHING) as outer:
        assert outer is not None
        os.environ["AGROCLUSTER_DATA"] = remote.address
        with working_copy(*EVERYTHING):
            assert outer.root.exists()
            assert not (home / "step-dead").exists()


def test_an_allowance_is_shared_by_all_machines(remote: MemoryStore) -> None:
    with working_copy(*EVERYTHING):
        budget = Budget("comtrade", "key", 3)
        budget.spend()
        os.environ["AGROCLUSTER_DATA"] = remote.address
        with working_copy(*EVERYTHING):
            other = Budget("comtrade", "key", 3)
            other.spend()
            assert (other.left(), budget.left()) == (1, 1)
    (key,) = remote.objects
    assert key.startswith("state/budget/comtrade-sample-")


def test_an_allowance_is_not_overdrawn_when_others_are_quicker(remote: MemoryStore) -> None:
    """Between reading and writing, another machine spends: the condition fails and the account is read again."""
    with working_copy(*EVERYTHING):
        mine, read = Budget("comtrade", "key", 2), remote.read

        def late(key: str) -> tuple[bytes, str] | None:
            answer = read(key)
            remote.read = read  # type: ignore[method-assign]
            Budget("comtrade", "key", 2).spend()
            return answer

        remote.read = late  # type: ignore[method-assign]
        mine.spend()
        assert mine.left() == 0
        with pytest.raises(QuotaExhausted):
            mine.spend()


def test_a_store_that_fails_hides_no_error_and_leaves_no_folder(
    remote: MemoryStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(mirror.S3, "at", lambda address: BrokenStore())
    with pytest.raises(StorageError, match="does not answer"), working_copy(*EVERYTHING):
        write(settings().data / "quality" / "x.json", "1")
    with pytest.raises(ZeroDivisionError), working_copy(*EVERYTHING):
        write(settings().data / "quality" / "x.json", "1")
        raise ZeroDivisionError
    assert "is lost" in caplog.text
    assert list((tmp_path / "work" / "steps").glob("step-*")) == []


def test_a_view_follows_the_store(remote: MemoryStore, tmp_path: Path) -> None:
    run(remote, publish("r1"), tmp_path / "one")
    remote.write("state/budget/comtrade-x.json", b"{}")
    mirror.refresh_view()
    assert (settings().data / "state" / "budget" / "comtrade-x.json").exists(), "accounts may be looked at"
    assert not list(settings().data.rglob("*.parquet")), "releases are read from the store"
    mirror.refresh_view(("marts/*",), 0)
    assert json.loads((settings().data / "marts" / "latest.json").read_text())["release"] == "r1"
    run(remote, publish("r2"), tmp_path / "two")
    remote.delete(key for key in list(remote.objects) if "/r1/" in key)
    mirror.refresh_view(("marts/*",), 600)
    assert json.loads((settings().data / "marts" / "latest.json").read_text())["release"] == "r1"
    mirror.refresh_view(("marts/*",), 0)
    check(settings().data)
    assert files(settings().data) == seen(remote, tmp_path / "seen")


@pytest.mark.parametrize("address", ["gs://bucket/x", "s3://", "http://somewhere/x"])
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(UsageError, match="no data root"):
        mirror.S3.at(address)
