"""``agrocluster profile``: what the marts hold, on one screen, in both languages; what is unknown is said to be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import agrocluster as ac
from agrocluster.cli import main
from agrocluster.errors import UsageError
from agrocluster.explain.facts import STAGES
from agrocluster.explain.language import LANGUAGES, language
from agrocluster.release.profile import MARKETS, profile
from agrocluster.release.profile_cli import BAR, screen
from agrocluster.settings import SAMPLE_LABEL
from support.small_release import CHAINS, contents, publish_small

KEY = {"baseline_id": "B2018_2020", "iso3": "KGZ", "chain": "dairy"}


@pytest.fixture(autouse=True)
def here(small_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGROCLUSTER_DATA", str(small_root))
    monkeypatch.setenv("COLUMNS", "110")


def called(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["profile", *arguments])


def cell(chain: str = "dairy") -> dict[str, Any]:
    (row,) = (
        ac.sql(f"FROM mart_cluster_baseline WHERE baseline_id = 'B2018_2020' AND chain = '{chain}'").arrow().to_pylist()
    )
    return dict(row)


def line(lines: list[str], beginning: str) -> str:
    (found,) = [text for text in lines if text.strip().startswith(beginning)]
    return found


def test_every_figure_is_that_of_the_marts() -> None:
    found, row = profile("KGZ", "dairy"), cell()
    for part in ("score", "confidence"):
        assert found[part] == {name: row[name] for name in found[part]}
    assert found["stages"] == {stage: row[f"b_{stage}"] for stage in STAGES}
    assert found["rank"] == {"rank": 1, "low": 1, "high": 3, "of": 3, "tied_with": []}
    assert found["trade"]["exports_usd"] == row["exports_usd"]
    assert found["trade"]["imports_usd"] == 9_000_000.0 / 3
    assert (found["trade"]["year"], found["trade"]["rca_agri"], found["trade"]["n_markets"]) == (2020, 1.13, 7)
    assert [(m["market"], m["actual_usd"], m["untapped_usd"]) for m in found["markets"]] == [
        ("KAZ", 22.0e6, 0.4e6), ("RUS", 12.0e6, 1.9e6), ("CHN", 0.0, 10.0e6),
    ]  # fmt: skip
    assert found["reasons"] == {"p4": "no_oblast_data", "territory_unknown": ""}
    assert found["release"] == ac.open().id


@pytest.mark.parametrize(("lang", "country", "chain"), [("en", "Kyrgyzstan", "Dairy"), ("ru", "Киргизия", "молоко")])
def test_the_screen_tells_all_of_it_in_both_languages(lang: Any, country: str, chain: str) -> None:
    done = called(country, chain, "--lang", lang)
    assert done.exit_code == 0, done.output
    lines, words, row = done.output.splitlines(), language(lang).report, cell()
    assert SAMPLE_LABEL in lines[0]
    assert "B2018_2020 (2018–2020)" in lines[1]
    assert row[f"country_{lang}"] in lines[1]
    say = language(lang)
    score = line(lines, words["potential"])
    assert say.number(row["potential"], 1) in score
    assert say.range(row["potential_p05"], row["potential_p95"], 1) in score
    assert words["of_ranked"].format(rank=1, of=3) in done.output
    assert say.word("quadrant", "build") in " ".join(done.output.split())
    for figure in (row["exports_usd"], 3_000_000.0, row["untapped_usd"], 22.0e6, 10.0e6):
        assert say.money(figure) in done.output
    assert row[f"explain_{lang}"].split() == done.output.split()[-len(row[f"explain_{lang}"].split()) :]
    assert max(map(len, lines)) <= 110
    assert len(lines) <= 45


@pytest.mark.parametrize("lang", LANGUAGES)
def test_bars_are_as_long_as_the_stages_are_easy_and_the_bottleneck_is_marked(lang: Any) -> None:
    say = language(lang)
    lines = screen(profile("KGZ", "dairy"), say)
    for stage, points in profile("KGZ", "dairy")["stages"].items():
        shown = line(lines[lines.index(say.report["stages"]) :], say.word("stage", stage))
        assert shown.count("█") == (0 if points is None else round(BAR * points / 100))
        assert (say.report["unknown"] in shown) == (points is None)
        assert (say.report["tightest"] in shown) == (stage == "processed")


def test_a_chain_without_a_score_is_unknown_and_not_zero() -> None:
    done = called("KGZ", "tobacco")
    lines = done.output.splitlines()
    assert CHAINS["tobacco"] is None
    assert line(lines, "POTENTIAL").split() == ["POTENTIAL", "not", "known"]
    assert line(lines, "rank").split() == ["rank", "not", "known"]
    assert line(lines, "Trade") == "Trade (not known)"
    assert "not known" in line(lines, "imports a year")
    assert "No market potentials are published" in done.output
    assert "0 US dollars" not in done.output


def test_an_interval_of_no_width_is_not_shown_as_one(data_root: Path) -> None:
    row = next(dict(r) for r in contents()["mart_cluster_baseline"] if r["chain"] == "dairy")
    row |= {"potential_p05": row["potential"], "potential_p95": row["potential"], "rank_p05": None, "rank_p95": None}
    publish_small("2026-01-01-sample-aa", {**contents(), "mart_cluster_baseline": [row]})
    assert "interval" not in line(called("KGZ", "dairy").output.splitlines(), "POTENTIAL")


def test_only_the_largest_markets_are_named(data_root: Path) -> None:
    codes = [f"X{n:02}" for n in range(30)]
    rows = [{**KEY, "market": m, "actual_usd": 100.0 - n, "untapped_usd": float(n)} for n, m in enumerate(codes)]
    rows.append({**KEY, "market": "WLD", "actual_usd": 1e9, "untapped_usd": 1e9})
    publish_small("2026-01-01-sample-aa", {**contents(), "mart_export_potential_chain": rows})
    found = profile("KGZ", "dairy")["markets"]
    assert [m["market"] for m in found] == codes[:MARKETS] + codes[-MARKETS:]
    assert "X00" in called("KGZ", "dairy").output  # a market without a name in the release keeps its code


def test_the_other_baseline_and_release_can_be_asked_for(data_root: Path, small_root: Path) -> None:
    publish_small("2026-01-01-sample-aa")
    publish_small("2026-01-02-sample-bb", {})
    asked = json.loads(called("KGZ", "dairy", "--json", "--release", "2026-01-01-sample-aa").output)
    assert asked["release"] == "2026-01-01-sample-aa"
    other = json.loads(called("KGZ", "dairy", "--json", "--release", asked["release"], "--baseline", "Bcurrent").output)
    assert (other["first_year"], other["last_year"]) == (2022, 2024)
    assert profile("KGZ", "dairy", root=small_root)["release"] == "2026-01-01-sample-small"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("KGZ", "dary"), "Did you mean dairy"),
        (("Kirgistan", "dairy"), "There is no country"),
        (("KAZ", "dairy"), "no row for KAZ, dairy"),
        (("KGZ", "dairy", "--baseline", "B1990"), "Baselines are: B2018_2020, Bcurrent"),
        (("KGZ", "dairy", "--release", "old"), "Use one of: 2026-01-01-sample-small"),
    ],
)
def test_what_is_not_there_is_answered_with_what_is(arguments: tuple[str, ...], said: str) -> None:
    done = called(*arguments)
    assert done.exit_code == 1
    assert said in done.stderr


def test_from_python_it_raises_what_the_command_prints() -> None:
    with pytest.raises(UsageError, match="no row for KAZ, dairy"):
        profile("KAZ", "dairy")


def test_query_and_show_take_a_release(data_root: Path) -> None:
    publish_small("2026-01-01-sample-aa")
    publish_small("2026-01-02-sample-bb", {})
    asked = ["query", "--json", "--release", "2026-01-01-sample-aa", "SELECT count(*) AS n FROM mart_cluster_baseline"]
    assert json.loads(CliRunner().invoke(main, asked).output) == [{"n": 8}]
    shown = CliRunner().invoke(main, ["show", "--json", "--release", "2026-01-01-sample-aa"])
    assert json.loads(shown.output)["release"] == "2026-01-01-sample-aa"
