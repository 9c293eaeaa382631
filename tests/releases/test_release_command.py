"""``agrocluster release``: what people see, and what scripts get."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from agrocluster import pipeline
from agrocluster.cli import main
from agrocluster.errors import AgroclusterError
from agrocluster.release import reading
from support.small_release import build_small, vintage


def run(*arguments: str) -> str:
    done = CliRunner().invoke(main, ["release", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def asked(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json"))


def refused(*arguments: str) -> str:
    done = CliRunner().invoke(main, ["release", *arguments])
    assert done.exit_code == 1
    assert not isinstance(done.exception, AgroclusterError), "no traceback"
    return done.output


def test_all_releases_are_listed_with_the_current_one_marked(two: tuple[str, str]) -> None:
    first, second = two
    lines = {line.split()[1]: line for line in run("list").splitlines() if "2026" in line}
    assert "current" in lines[second]
    assert "current" not in lines[first]
    assert all("SAMPLE DATA" in line for line in lines.values())
    assert [entry["release"] for entry in asked("list")] == [second, first]


def test_the_diff_tells_cells_first_then_marts_and_vintages(two: tuple[str, str]) -> None:
    text = run("diff")
    assert "SAMPLE DATA" in text
    parts = [
        "60.72 -> 71.00",
        "2 of 7 cells",
        "mart_cluster_baseline",
        "59 marts hold the same rows",
        "vintage + faostat",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    found = asked("diff", *two)
    assert (found["old"]["release"], found["new"]["release"]) == two
    assert asked("diff", two[0])["cells"] == found["cells"]
    assert asked("diff", two[1], two[0])["cells"][1]["change"] == pytest.approx(-found["cells"][1]["change"])
    assert "no release 'x'" in refused("diff", "x")
    run("rollback")
    assert "before" in refused("diff"), "nothing was published before the first"


def test_back_and_forth_with_words_that_say_which_is_current(two: tuple[str, str]) -> None:
    first, second = two
    assert f"Release {first} is current; {second} is on hold." in run("rollback", "--note", "wrong unit")
    assert "already" in run("rollback", first)
    assert "on hold" in run("list")
    assert f"release resume {second}" in run(), "publishing says why nothing is published"
    assert asked()["held"] is True
    assert f"{second} is current" in run("resume")
    assert "No release is on hold" in refused("resume")
    assert asked()["changed"] is False


@pytest.mark.usefixtures("quickly")
def test_plain_release_publishes(two: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "_inputs", lambda: [vintage(day="2026-03-01")])
    release = pipeline.plan_release()["release_id"]
    build_small(release)
    built: list[str] = []
    monkeypatch.setattr(pipeline, "build_mart", lambda _, name: built.append(name) or {"rows": 0})
    found = asked()
    assert (found["release_id"], found["changed"]) == (release, True)
    assert len(built) == len(found["rows"])
    assert reading.current()["release"] == release


def test_pruning_says_what_goes_and_why_the_others_stay(two: tuple[str, str]) -> None:
    first, second = two
    run("pin", first, "--note", "quoted")
    found = asked("prune", "--keep", "1", "--days", "0", "--dry-run")
    assert {e["release"]: (e["remove"], e["reason"]) for e in found} == {
        second: (False, "current"),
        first: (False, "before the current one"),
    }
    text = run("prune", "--keep", "1", "--days", "0")
    assert text.count("stays") == 2
    assert "not pinned" not in run("pin", first, "--remove")
    assert "At least one" in refused("prune", "--keep", "0")
    assert reading.names() == sorted(two)
