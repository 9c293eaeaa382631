"""The runbooks do what they say: their commands are run, in order, in the state that each page is about."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from agrocluster.cli import main
from agrocluster.release import history, reading
from agrocluster.sample.server import SampleServer
from agrocluster.storage import vintages
from support.small_release import publish_small
from support.world import use

PAGES = Path(__file__).resolve().parents[2] / "docs" / "runbooks"
SMALL, EK, LPI, ANNUAL = "2026-01-01-sample-small", "faostat__ek", "worldbank__lpi", "comtrade__annual"
_ASSIGNMENT = re.compile(r"([A-Z_]+)=(\S*)")
Page = Callable[[str], list[str]]


def blocks(page: str) -> list[str]:
    found = re.findall(r"^```sh\n(.*?)^```$", (PAGES / f"{page}.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no command"
    return found


def command(line: str, folder: Path, code: int = 0) -> str:
    """Run one line in ``folder``, our own program in this process; returns what it says."""
    words = shlex.split(line, comments=True)
    environment = {}
    while match := _ASSIGNMENT.fullmatch(words[0]):
        environment[match[1]] = match[2]
        words.pop(0)
    if words[0] == "agrocluster":
        done = CliRunner().invoke(main, words[1:], env=environment)
        assert done.exit_code == code, (line, done.output)
        return done.output
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line], cwd=folder, env={"PATH": path, **environment}, text=True,
        capture_output=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode == code, (line, ended.stderr)
    return ended.stdout


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the data root ``data``, as in the project."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCES", "sample")
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with two releases."""
    root = tmp_path_factory.mktemp("small") / "data"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGROCLUSTER_DATA", str(root))
        patch.setenv("SOURCES", "sample")
        publish_small(SMALL)
        publish_small("2026-02-01-sample-small")
    return root


@pytest.fixture
def run(here: Path) -> Page:
    """Runs the blocks of a page one after the other; returns what each command said."""
    return lambda page: [command(line, here) for block in blocks(page) for line in block.splitlines()]


@pytest.fixture(scope="module")
def started(sample_cache: Path) -> Iterator[SampleServer]:
    with SampleServer(sample_cache) as server:
        yield server


@pytest.fixture
def server(here: Path, started: SampleServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[SampleServer]:
    """The sample server as every publisher; its faults end with the test."""
    use(monkeypatch, started.url, here / "data")
    monkeypatch.delenv("AGROCLUSTER_DATA")
    yield started
    started.state.faults.clear()


def strike(server: SampleServer, match: str, fault: str) -> None:
    server.state.faults.add({"match": match, "fault": fault, "params": {}})


def test_the_index_names_every_page_and_every_link_leads_somewhere() -> None:
    pages = {path.name for path in PAGES.glob("*.md")}
    index = (PAGES / "README.md").read_text("utf-8")
    assert set(re.findall(r"\]\(([\w-]+\.md)\)", index)) == pages - {"README.md"}
    for path in PAGES.glob("*.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text("utf-8")):
            assert (PAGES / target).exists(), (path.name, target)


def test_a_source_changed_its_format(server: SampleServer, run: Page, here: Path) -> None:
    strike(server, r"\.zip", "rename_column")
    told = command(f"agrocluster fetch {EK}", here, code=1)
    assert "column" in told
    assert "What to do:" in told
    server.state.faults.clear()
    listed, members, fetched, broken = run("source-format")
    assert listed.strip()
    assert ".csv" in members
    assert "fetched" in fetched
    assert "critical" not in broken


def test_a_gate_failed(server: SampleServer, run: Page, here: Path) -> None:
    strike(server, r"\.zip", "duplicate_keys")
    assert "critical rule" in command(f"agrocluster fetch {EK}", here, code=1)
    server.state.faults.clear()
    broken, as_json, _, after = run("gate-failed")
    (accepted,) = vintages.accepted([EK])
    failed = {rule["subject_id"] for rule in json.loads(as_json) if rule["severity"] == "critical"}
    assert len(failed) == 1
    assert failed.pop() in broken
    assert accepted.vintage_id not in after


def test_a_quota_is_exhausted(server: SampleServer, run: Page, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGROCLUSTER_COMTRADE_CALLS_PER_DAY", "1")
    told = command(f"agrocluster fetch {ANNUAL} --years 2013 2013", here, code=1)
    assert "allowance" in told
    plan, accounts, more = run("quota")
    assert "0 of 1" in plan
    assert "comtrade-sample-" in accounts
    assert ANNUAL in more
    assert "fetched" in more


def test_the_disk_is_full(small: Path, run: Page, here: Path) -> None:
    shutil.copytree(small, here / "data")
    (here / "data" / "marts" / "build" / "old").mkdir(parents=True)
    free, used, _, dry, done, doctor = run("disk-full")
    assert "Avail" in free
    assert "data/marts" in used
    assert not (here / "data" / "marts" / "build").exists()
    for text in (dry, done):
        assert text.count("stays") == 2
    assert "marts intact" in doctor
    assert len(reading.names()) == 2


def test_restore(server: SampleServer, small: Path, run: Page, here: Path) -> None:
    """The copy is made first, then everything is lost but the archive, then a dataset is staged anew."""
    shutil.copytree(small, here / "data", dirs_exist_ok=True)
    command(f"agrocluster fetch {EK}", here)
    (saving,), (mending, examining), (_, bringing, looking), rebuilding = (
        block.splitlines() for block in blocks("restore")
    )
    command(saving, here)
    (here / "data" / "marts" / "latest.json").write_text("{", encoding="utf-8")
    harmed = here / "data" / "marts" / "releases" / SMALL / "mart_cluster_baseline.parquet"
    harmed.write_bytes(b"")
    command(mending, here)
    assert harmed.stat().st_size > 0
    assert "marts intact" in command(examining, here)
    asked = len(server.state.log)
    shutil.rmtree(here / "data")
    (here / "data").mkdir()
    command(bringing, here)
    assert "marts intact" in command(looking, here)
    assert not (here / "data" / "staged").exists()
    remove, fetch = rebuilding
    command(remove, here)
    assert EK in command(fetch, here)
    assert not [r for r in server.state.log[asked:] if ".zip" in r["path"] and r["method"] == "GET"]


def test_backfill_and_run_again(server: SampleServer, run: Page) -> None:
    years, again, checked = run("backfill")
    assert "fetched" in years
    assert "fetched" in again
    assert LPI in checked


def test_roll_back(small: Path, run: Page, here: Path) -> None:
    shutil.copytree(small, here / "data")
    before, diff, back, after, forward = run("rollback")
    assert before.count("current") == 1
    assert "marts hold the same rows" in diff
    assert f"Release {SMALL} is current" in back
    assert "on hold" in after
    assert "no longer on hold" in forward
    assert [r["current"] for r in history.releases()] == [True, False]
    record = json.loads((here / "data" / "marts" / "record.json").read_text("utf-8"))
    assert [e["note"] for e in record if e["note"]] == ["unit of exports was wrong", "it was right"]
