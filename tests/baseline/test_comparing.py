"""Comparing baselines: change, revision and prices told apart, and nothing said that is not known."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agrocluster.baseline.compare import compare
from agrocluster.baseline.freeze import freeze
from agrocluster.cli import main
from agrocluster.errors import UsageError
from agrocluster.storage.paths import layout
from support.releases import CHAINS, publish

THEN = {"B2018_2020": {"dairy": 40.0, "beef": 42.0, "cotton": 30.0, "wool": 30.0}}
NOW = {
    "B2018_2020": {"dairy": 40.0, "beef": 50.0, "cotton": 30.0, "wool": 30.0},
    "Bcurrent": {"dairy": 52.0, "beef": 50.0, "cotton": 40.0, "wool": None},
}


@pytest.fixture(autouse=True)
def root(data_root: Path) -> Path:
    return data_root


@pytest.fixture
def frozen_then() -> None:
    """A frozen baseline, and a newer release in which one chain improved, one was revised, one moved with prices."""
    publish("r1", THEN)
    freeze("B2018_2020")
    publish("r2", NOW, prices={"cotton": 10.0})


def cells(before: str, after: str) -> dict[str, dict[str, Any]]:
    return {cell["chain"]: cell for cell in compare(before, after)["cells"]}


def parts(cell: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(cell[f"potential_{part}"] for part in ("total", "real", "revision", "price", "verdict"))


@pytest.mark.usefixtures("frozen_then")
def test_a_planted_change_a_revision_and_a_price_are_told_apart() -> None:
    found = cells("B2018_2020@v1", "Bcurrent")
    assert sorted(found) == sorted(CHAINS), "focus countries only"
    assert parts(found["dairy"]) == (12, 12, 0, 0, "improved")
    assert parts(found["beef"]) == (8, 0, 8, 0, "no_detectable_change")
    assert parts(found["cotton"]) == (10, 10, 0, 10, "moved_with_world_prices")
    assert parts(found["wool"]) == (None, None, 0, None, "not_comparable")
    assert 1.5 < found["dairy"]["potential_mdc"] < 4.0, "1.96 sqrt(2) for what the windows do not share"


@pytest.mark.usefixtures("frozen_then")
def test_two_versions_of_one_window_differ_by_revision_alone() -> None:
    freeze("B2018_2020")
    found = cells("B2018_2020@v1", "B2018_2020@v2")
    assert parts(found["beef"]) == (8, 0, 8, 0, "no_detectable_change")
    assert {cell["potential_real"] for cell in found.values()} == {0}


@pytest.mark.usefixtures("frozen_then")
def test_baselines_of_named_releases_compare_too() -> None:
    assert cells("r1/B2018_2020", "r2/Bcurrent") == cells("B2018_2020@v1", "Bcurrent")


@pytest.mark.usefixtures("frozen_then")
def test_without_the_release_of_the_later_one_the_split_is_not_known() -> None:
    freeze("Bcurrent")
    whole = cells("B2018_2020@v1", "Bcurrent-2022_2024@v1")
    shutil.rmtree(layout().releases / "r2")
    found = compare("B2018_2020@v1", "Bcurrent-2022_2024@v1")
    (dairy,) = (cell for cell in found["cells"] if cell["chain"] == "dairy")
    assert parts(whole["dairy"]) == (12, 12, 0, 0, "improved")
    assert parts(dairy) == (12, None, None, None, "not_comparable")
    assert "cannot be told apart" in found["notes"][0]


def test_another_scale_gives_both_scores_and_no_difference() -> None:
    publish("r1", THEN)
    freeze("B2018_2020")
    publish("r2", NOW, goalpost_id="v9-other")
    found = compare("B2018_2020@v1", "Bcurrent")
    (dairy,) = (cell for cell in found["cells"] if cell["chain"] == "dairy")
    assert (dairy["potential_before"], dairy["potential_after"]) == (40.0, 52.0)
    assert parts(dairy) == (None, None, None, None, "not_comparable")
    assert "do not compare" in found["notes"][0]


def test_without_draws_nothing_is_told_from_noise() -> None:
    publish("r1", NOW, draws=False)
    found = compare("B2018_2020", "Bcurrent")
    assert {cell["potential_verdict"] for cell in found["cells"]} == {"not_comparable"}
    assert "no Monte Carlo draws" in found["notes"][0]
    assert found["cells"][2]["potential_real"] == 12


def test_sample_data_are_never_compared_with_real_ones() -> None:
    publish("r1", THEN)
    freeze("B2018_2020")
    publish("r2", NOW, data_mode="live")
    with pytest.raises(UsageError, match="one is sample data"):
        compare("B2018_2020@v1", "Bcurrent")


@pytest.mark.usefixtures("frozen_then")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("B2018_2020@v7", r"no frozen baseline.*Frozen are: B2018_2020@v1"),
        ("Bx", r"no baseline 'Bx'.*frozen one: B2018_2020@v1"),
        ("r9/Bcurrent", r"no release 'r9'.*r1, r2"),
    ],
)
def test_what_does_not_exist_is_named_with_what_does(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        compare("B2018_2020@v1", text)


@pytest.mark.usefixtures("frozen_then")
def test_the_command_prints_a_table_or_json() -> None:
    call = ["baseline", "compare", "B2018_2020@v1", "Bcurrent", "--country", "kgz"]
    text = CliRunner().invoke(main, call)
    assert text.exit_code == 0, text.output
    (dairy,) = (line for line in text.stdout.splitlines() if "dairy" in line)
    assert [part.strip() for part in dairy.split("│")][3:8] == ["40.0", "52.0", "+12.0", "+12.0", "+0.0"]
    assert "improved" in dairy
    found = json.loads(CliRunner().invoke(main, [*call, "--json"]).stdout)
    assert found["cells"] == compare("B2018_2020@v1", "Bcurrent")["cells"]
    assert found["before"]["window"] == [2018, 2020]
