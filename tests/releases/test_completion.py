"""The shell completes commands and the names they take: click's protocol, as a shell speaks it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import BashComplete
from click.testing import CliRunner

from agrocluster.cli import main
from agrocluster.completion import SHELLS
from agrocluster.explain.lookup import find_chain, find_country
from agrocluster.model.loader import catalog

PROGRAM = Path(sys.executable).with_name("agrocluster")
HEAVY = ("pydantic", "yaml", "pyarrow", "duckdb", "pandas", "airflow", "rich")


def offered(words: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is offered for the last word of a command line, in this process."""
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    complete = BashComplete(main, {}, "agrocluster", "_AGROCLUSTER_COMPLETE")
    return [line.partition(",")[2] for line in complete.complete().splitlines()]


@pytest.mark.parametrize(
    ("words", "some", "never"),
    [
        ("agrocluster re", {"release", "refresh"}, {"run"}),
        ("agrocluster release r", {"resume", "rollback"}, {"list"}),
        ("agrocluster show mart_cl", {"mart_cluster_baseline"}, {"mart_chain_trade"}),
        ("agrocluster build dim_", {"dim_chain", "dim_country"}, {"mart_cluster_baseline"}),
        ("agrocluster fetch faostat__q", {"faostat__qcl"}, {"worldbank__wdi"}),
        ("agrocluster check ", {"faostat__qcl", "mart_cluster_baseline"}, set()),
        ("agrocluster profile k", {"KGZ", "KAZ"}, {"UZB"}),
        ("agrocluster profile KGZ d", {"dairy"}, {"cotton"}),
        ("agrocluster explain KGZ co", {"cotton"}, {"dairy"}),
        ("agrocluster baseline compare B1 B2 --country U", {"UZB"}, {"KGZ"}),
    ],
)
def test_names_of_the_catalogue_are_offered(
    words: str, some: set[str], never: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = set(offered(words, monkeypatch))
    assert some <= found
    assert not never & found


def test_everything_that_is_offered_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(offered("agrocluster show ", monkeypatch)) == set(catalog().marts)
    assert set(offered("agrocluster fetch ", monkeypatch)) == set(catalog().datasets)
    countries = offered("agrocluster profile ", monkeypatch)
    assert [find_country(name) for name in countries] == countries
    assert set(countries[:4]) == set(catalog().focus())
    chains = offered("agrocluster profile KGZ ", monkeypatch)
    assert [find_chain(name) for name in chains] == chains
    assert len(chains) == 23


def test_releases_are_offered_newest_first(two: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for command in ("release rollback", "release diff", "show --release", "explain KGZ dairy --release"):
        assert offered(f"agrocluster {command} 2026", monkeypatch) == [two[1], two[0]]


def test_where_nothing_can_be_read_nothing_is_offered(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert offered("agrocluster release rollback ", monkeypatch) == []
    (data_root / "marts").mkdir(parents=True)
    (data_root / "marts" / "latest.json").write_text("{", encoding="utf-8")
    assert offered("agrocluster release rollback ", monkeypatch) == []


def test_a_shell_asks_and_no_library_of_data_is_loaded(two: tuple[str, str], data_root: Path) -> None:
    asked = {"COMP_WORDS": "agrocluster release rollback 2026-01", "COMP_CWORD": "3"}
    environment = {**os.environ, **asked, "_AGROCLUSTER_COMPLETE": "bash_complete", "PYTHONPROFILEIMPORTTIME": "1"}
    done = subprocess.run([PROGRAM], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == [f"plain,{two[0]}"]
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert "click" in loaded
    assert not loaded & set(HEAVY)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_of_each_shell_is_printed(shell: str) -> None:
    done = CliRunner().invoke(main, ["completion", shell])
    assert done.exit_code == 0, done.output
    assert f"_AGROCLUSTER_COMPLETE={shell}_complete" in done.output


def test_bash_understands_its_script() -> None:
    bash = shutil.which("bash")
    assert bash
    script = CliRunner().invoke(main, ["completion", "bash"]).output
    done = subprocess.run([bash, "-n"], input=script, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
