"""Frozen baselines under fire: killed, raced, and damaged."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from agrocluster import health, pipeline
from agrocluster.baseline.freeze import freeze, listing
from agrocluster.errors import AgroclusterError, DataGateError
from agrocluster.storage import atomic, frozen
from agrocluster.storage.paths import layout
from support.releases import publish

FORK = multiprocessing.get_context("fork")


@pytest.fixture(autouse=True)
def root(data_root: Path) -> Path:
    return data_root


def in_processes(*targets: Callable[[], object]) -> list[int | None]:
    """Exit codes of children that run ``targets`` at the same time."""
    processes = [FORK.Process(target=target) for target in targets]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    return [process.exitcode for process in processes]


def content() -> dict[str, bytes]:
    """Everything that readers of frozen baselines see."""
    return {f"{f.frozen_id}/{p.name}": p.read_bytes() for f in frozen.known() for p in sorted(f.folder.iterdir())}


@pytest.mark.parametrize("at", range(7))
@pytest.mark.parametrize("earlier", [False, True], ids=["first", "sibling"])
def test_a_kill_between_files_leaves_what_was_there_and_no_mixture(at: int, earlier: bool) -> None:
    if earlier:
        publish("r0", {"B2018_2020": {"dairy": 1.0}})
        freeze("B2018_2020")
    publish("r1", {"B2018_2020": {"dairy": 40.0}})
    before = content()

    def killed() -> None:
        calls = iter(range(at + 1))

        def counted(original: Callable) -> Callable:
            def call(*arguments: object) -> object:
                if next(calls, None) == at:
                    os._exit(9)
                return original(*arguments)

            return call

        frozen._write_rows = counted(frozen._write_rows)
        atomic.sync = counted(atomic.sync)
        freeze("B2018_2020")

    assert in_processes(killed) == [9]
    assert content() == before
    assert freeze("B2018_2020")["new"], "the next attempt does it"
    assert [f["intact"] for f in listing()] == [True] * (1 + earlier)
    assert atomic.sweep(layout().root) == 1, "what the killed one had begun"


def test_a_kill_right_after_the_rename_leaves_a_whole_baseline() -> None:
    publish("r1", {})

    def killed() -> None:
        rename = Path.rename

        def renamed(path: Path, target: Path) -> None:
            rename(path, target)
            os._exit(9)

        Path.rename = renamed  # type: ignore[assignment, method-assign]
        freeze("B2018_2020")

    assert in_processes(killed) == [9]
    assert [(f["frozen_id"], f["intact"]) for f in listing()] == [("B2018_2020@v1", True)]
    assert freeze("B2018_2020")["new"] is False


@pytest.mark.parametrize("same", [True, False], ids=["same content", "other content"])
def test_two_at_once_end_as_one_after_the_other(same: bool) -> None:
    publish("r1", {"B2018_2020": {"dairy": 40.0}})
    publish("r2", {"B2018_2020": {"dairy": 40.0 if same else 50.0}})
    together: Barrier = FORK.Barrier(2)

    def run(release: str) -> Callable[[], None]:
        def frozen_at_once() -> None:
            together.wait(30)
            freeze("B2018_2020", release)

        return frozen_at_once

    assert in_processes(run("r1"), run("r2")) == [0, 0]
    found = listing()
    assert [f["frozen_id"] for f in found] == [f"B2018_2020@v{n}" for n in range(1, 2 if same else 3)]
    assert all(f["intact"] for f in found)
    assert {f["release_id"] for f in found} <= {"r1", "r2"}


def test_an_id_that_another_machine_took_meanwhile_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks hold on one machine; on shared storage the rename decides."""
    publish("r1", {"B2018_2020": {"dairy": 40.0}})
    publish("r2", {"B2018_2020": {"dairy": 50.0}})
    write, raced = frozen.write, []

    def slow(frozen_id: str, *arguments: object) -> frozen.Frozen | None:
        if not raced:
            raced.append(frozen_id)
            assert in_processes(lambda: (monkeypatch.setattr(frozen, "write", write), elsewhere())) == [0]
        return write(frozen_id, *arguments)  # type: ignore[arg-type]

    def elsewhere() -> None:
        from agrocluster.baseline import freeze as module

        module.exclusive = lambda path: atomic.writing(path)  # type: ignore[assignment]
        freeze("B2018_2020", "r1")

    monkeypatch.setattr(frozen, "write", slow)
    assert freeze("B2018_2020", "r2")["frozen_id"] == "B2018_2020@v2"
    assert [(f["frozen_id"], f["release_id"]) for f in listing()] == [("B2018_2020@v1", "r1"), ("B2018_2020@v2", "r2")]


FILES = ("mart_cluster_baseline.parquet", "mart_goalposts.parquet", "mart_baseline_draws.parquet", "SHA256SUMS")


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
@pytest.mark.parametrize("how", ["changed", "gone"])
def test_a_changed_byte_stops_the_release_and_is_named(name: str, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "_inputs", lambda: [object()])
    publish("r1", {})
    path = Path(freeze("B2018_2020")["folder"]) / name
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle] ^= 1
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(AgroclusterError) as caught:
        pipeline.plan_release()
    text = str(caught.value)
    assert "B2018_2020@v1 has changed" in text
    assert name in text or "manifest.json" in text
    assert "Put the file back" in text
    doctor = next(e for e in health.examine() if e["check"] == "baselines")
    assert doctor["state"] == "failed"
    assert "B2018_2020@v1" in doctor["detail"]
    with pytest.raises(AgroclusterError, match="has changed"):
        freeze("B2018_2020")


def test_a_release_that_is_planned_looks_at_every_frozen_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    publish("r1", {})
    path = Path(freeze("B2018_2020")["folder"]) / "mart_baseline_draws.parquet"
    path.write_bytes(path.read_bytes() + b" ")
    monkeypatch.setattr(pipeline, "_inputs", lambda: [object()])
    with pytest.raises(DataGateError, match=r"mart_baseline_draws\.parquet.*freeze B2018_2020 --release r1"):
        pipeline.plan_release()
