"""Breaking changes of a contract need a version that says so."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agrocluster import pipeline
from agrocluster.errors import DataGateError
from agrocluster.model.loader import catalog
from agrocluster.release import compatibility
from agrocluster.release.compatibility import KINDS, Bump, breaches, changes, enough, smallest
from agrocluster.storage import atomic
from support.small_release import build_small, vintage

MART: dict[str, Any] = {
    "name": "mart_a",
    "contract_version": "1.2.3",
    "key": ["iso3", "year"],
    "sort": ["iso3", "year"],
    "licence": "CC-BY-4.0",
    "redistribution": "open",
    "columns": [
        {"name": "iso3", "type": "string", "unit": None, "nullable": False, "codelist": "KGZ|TJK"},
        {"name": "year", "type": "int16", "unit": None, "nullable": False, "codelist": None},
        {"name": "value", "type": "float64", "unit": "USD", "nullable": True},
    ],
}


def altered(**facts: Any) -> dict[str, Any]:
    return {**copy.deepcopy(MART), **facts}


def column(number: int, **facts: Any) -> dict[str, Any]:
    found = altered()
    found["columns"][number] |= facts
    return found


NEW = {"name": "share", "type": "float64", "unit": "%", "nullable": True}
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "column_removed": (altered(columns=MART["columns"][:2]), "column value (float64, USD) is gone"),
    "column_added": (altered(columns=[*MART["columns"], NEW]), "column share (float64, %) is new"),
    "type_changed": (column(1, type="int32"), "column year has type int32, before int16"),
    "unit_changed": (column(2, unit="1000 USD"), "column value has unit 1000 USD, before USD"),
    "nullable_widened": (column(1, nullable=True), "column year may be empty now"),
    "nullable_narrowed": (column(2, nullable=False), "column value is never empty now"),
    "codes_widened": (
        column(0, codelist="KGZ|TJK|UZB"),
        "column iso3 may hold more codes: KGZ|TJK|UZB, before KGZ|TJK",
    ),
    "codes_narrowed": (column(1, codelist="cat_year.year"), "column year holds codes of a list now: cat_year.year"),
    "codes_changed": (column(0, codelist="KGZ|UZB"), "column iso3 has the codes KGZ|UZB, before KGZ|TJK"),
    "key_changed": (altered(key=["iso3"]), "its key is iso3, before iso3, year"),
    "sort_changed": (altered(sort=["year", "iso3"]), "its rows are sorted by year, iso3, before by iso3, year"),
    "licence_changed": (altered(licence="CC-BY-NC-4.0"), "its licence is CC-BY-NC-4.0, before CC-BY-4.0"),
    "redistribution_narrowed": (altered(redistribution="by_source"), "its redistribution is by_source, before open"),
    "version_lowered": (altered(contract_version="1.2.2"), "its version is lower than before"),
}


@pytest.mark.parametrize("kind", CASES)
def test_each_kind_of_change_is_found_and_told(kind: str) -> None:
    after, text = CASES[kind]
    (found,) = changes(MART, after)
    assert (found.kind, str(found)) == (kind, text)


def test_opening_a_mart_is_an_addition_and_a_mart_that_goes_needs_the_version_of_the_package() -> None:
    (opened,) = changes(altered(redistribution="restricted"), MART)
    assert (opened.kind, opened.needs) == ("redistribution_widened", Bump.MINOR)
    (gone,) = breaches({"version": "0.1.0", "marts": [MART]}, {"version": "0.1.0", "marts": []})
    assert (gone.mart, gone.needed, gone.changes[0].kind) == ("mart_a", "0.2.0", "mart_removed")
    assert breaches({"version": "0.1.0", "marts": [MART]}, {"version": "0.2.0", "marts": []}) == []
    assert {*CASES, "redistribution_widened", "mart_removed"} == set(KINDS), "every kind is tried"


@pytest.mark.parametrize("codes", [None, "cat_country.iso3", "KGZ", "KGZ|UZB"])
def test_codes_that_go_break_readers(codes: str | None) -> None:
    (found,) = changes(MART, column(0, codelist=codes))
    assert (found.kind, found.needs) == ("codes_changed", Bump.MAJOR)


def test_what_an_older_manifest_does_not_state_is_not_compared() -> None:
    bare = {"name": "mart_a", "contract_version": "1.2.3"}
    assert changes(bare, MART) == []
    without_codes = [{k: v for k, v in c.items() if k != "codelist"} for c in MART["columns"]]
    assert changes(altered(columns=without_codes), MART) == []
    assert breaches({"version": "0.1.0", "marts": [{"name": "mart_a"}]}, {"version": "0.1.0", "marts": [MART]}) == []


@pytest.mark.parametrize(
    ("before", "needs", "wanted"),
    [
        ("1.2.3", Bump.MAJOR, "2.0.0"),
        ("1.2.3", Bump.MINOR, "1.3.0"),
        ("0.2.3", Bump.MAJOR, "0.3.0"),
        ("0.2.3", Bump.MINOR, "0.2.4"),
    ],
)
def test_below_one_every_bump_counts_one_place_lower(before: str, needs: Bump, wanted: str) -> None:
    assert smallest(before, needs) == wanted


numbers = st.tuples(*[st.integers(0, 30)] * 3)
versions = numbers.map(lambda parts: ".".join(map(str, parts)))


@given(versions, st.sampled_from(Bump))
def test_the_smallest_version_is_enough_and_the_one_before_it_is_not(version: str, needs: Bump) -> None:
    wanted = smallest(version, needs)
    assert enough(version, wanted, needs)
    assert not enough(version, version, needs)
    assert enough(version, smallest(wanted, Bump.MINOR), needs), "any later version is enough as well"
    assert enough(version, smallest(version, Bump.MAJOR), Bump.MINOR), "a breaking version says an addition too"


@given(versions, versions, versions)
def test_a_later_version_never_says_less(before: str, one: str, other: str) -> None:
    earlier, later = sorted((one, other), key=lambda v: tuple(map(int, v.split("."))))
    for needs in Bump:
        assert enough(before, later, needs) or not enough(before, earlier, needs)


names = st.sampled_from(["a", "b", "c", "d"])
columns = st.dictionaries(
    names,
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["int16", "int32", "string"]),
            "unit": st.sampled_from([None, "USD", "%"]),
            "nullable": st.booleans(),
            "codelist": st.sampled_from([None, "cat_chain.chain", "x|y", "x|y|z"]),
        }
    ),
).map(lambda found: [{"name": name, **facts} for name, facts in found.items()])


@given(columns, columns)
def test_whatever_changes_in_columns_is_named_and_only_that(before: Any, after: Any) -> None:
    found = changes(altered(columns=before), altered(columns=after))
    was, now = ({c["name"]: c for c in side} for side in (before, after))
    assert {c.column for c in found} == {n for n in was.keys() | now.keys() if was.get(n) != now.get(n)}
    assert {c.column for c in found if c.kind == "column_removed"} == was.keys() - now.keys()
    assert changes(altered(columns=before), altered(columns=before)) == []


@given(columns, columns)
def test_readers_of_columns_that_are_left_keep_their_type_unit_and_values_below_a_major_version(
    before: Any, after: Any
) -> None:
    minor = altered(columns=after, contract_version="1.3.0")
    if not breaches({"version": "1.0.0", "marts": [altered(columns=before)]}, {"version": "1.0.0", "marts": [minor]}):
        now = {c["name"]: c for c in after}
        for c in before:
            kept = now[c["name"]]
            assert (kept["type"], kept["unit"]) == (c["type"], c["unit"])
            assert c["nullable"] or not kept["nullable"]


def _without_column(data_root: Path, release: str) -> None:
    """Makes the current release have had one more column, as if the catalogue had just lost it."""
    path = data_root / "marts" / "releases" / release / "manifest.json"
    manifest = json.loads(path.read_bytes())
    mart = next(m for m in manifest["marts"] if m["name"] == "mart_cluster_baseline")
    mart["columns"].append({"name": "stars", "type": "float64", "unit": "points", "nullable": True})
    atomic.write_json(path, manifest)


@pytest.mark.usefixtures("quickly")
def test_a_release_that_would_break_its_readers_is_neither_planned_nor_published(
    two: tuple[str, str], data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pointer = (data_root / "marts" / "latest.json").read_bytes()
    _without_column(data_root, two[1])
    monkeypatch.setattr(pipeline, "_inputs", lambda: [vintage(day="2026-03-01")])
    version = catalog().marts["mart_cluster_baseline"].version
    wanted = smallest(version, Bump.MAJOR)
    with pytest.raises(DataGateError) as planning:
        pipeline.plan_release()
    for part in (
        two[1],
        f"mart_cluster_baseline ({version}, needs {wanted})",
        "column stars (float64, points) is gone",
    ):
        assert part in planning.value.problem
    assert f"version: {wanted}` in catalog/marts/mart_cluster_baseline.yaml" in str(planning.value.remedy)
    with monkeypatch.context() as patch:
        patch.setattr(compatibility, "breaches", lambda *_: [])
        release = str(pipeline.plan_release()["release_id"])
    build_small(release)
    with pytest.raises(DataGateError, match="column stars"):
        pipeline.publish(release)
    assert (data_root / "marts" / "latest.json").read_bytes() == pointer
    assert not (data_root / "marts" / "releases" / release).exists()
    changed = catalog().marts["mart_cluster_baseline"].model_copy(update={"version": wanted})
    monkeypatch.setitem(catalog().marts, "mart_cluster_baseline", changed)
    assert pipeline.publish(release)["release_id"] == release, "the version says it"


def test_a_current_release_whose_folder_was_removed_has_no_readers_to_break(
    two: tuple[str, str], data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(data_root / "marts" / "releases" / two[1])
    monkeypatch.setattr(pipeline, "_inputs", lambda: [vintage(day="2026-03-01")])
    assert pipeline.plan_release()["changed"] is True
