"""BACI flows: exact sums, both spellings of the unknown, and no error passes silently."""

from __future__ import annotations

import gzip
import zipfile
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agrocluster.errors import SourceContractError, SourceUnavailable
from agrocluster.model.fetching import StageLog
from agrocluster.model.loader import catalog
from agrocluster.sources import textblocks
from agrocluster.sources.baci import read_csv, read_zip
from agrocluster.sources.baci_countries import country_codes

HEADER = "t,i,j,k,v,q\n"
LIST = (
    "country_code,country_name,country_iso2,country_iso3\n398,Kazakhstan,KZ,KAZ\n276,Germany,DE,DEU\n842,USA,US,USA\n"
)
SPEC = catalog().dataset("cepii__baci_hs12")


def staged(folder: Path, text: str, spec: Any = SPEC, log: StageLog | None = None) -> list[dict[str, Any]]:
    path = folder / "flows.csv"
    path.write_text(text)
    return [row for batch in read_csv(path, spec, log or StageLog()) for row in batch.to_pylist()]


def is_total(row: dict[str, Any]) -> bool:
    return "WLD" in (row["exporter"], row["importer"])


def release(folder: Path, members: dict[str, str]) -> Path:
    path = folder / "release.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def rows_of(path: Path, log: StageLog | None = None) -> list[dict[str, Any]]:
    return [row for batch in read_zip(path, SPEC, log or StageLog()) for row in batch.to_pylist()]


FLOW = st.tuples(
    st.sampled_from([4, 276, 398, 762, 842]),
    st.sampled_from([8, 417, 490, 860]),
    st.sampled_from([10121, 100199, 520100]),
    st.decimals("0.001", 10**8, places=3),
    st.one_of(st.none(), st.decimals("0.001", 10**7, places=3)),
)


@settings(max_examples=60, deadline=None)
@given(flows=st.lists(FLOW, min_size=1, max_size=60, unique_by=lambda f: f[:3]), block=st.integers(60, 2000))
def test_totals_equal_decimal_sums_in_any_order_and_chunking(tmp_path_factory, flows, block):
    lines = [f"2020,{i},{j},{k},{v},{'           NA' if q is None else q}\n" for i, j, k, v, q in flows]
    folder = tmp_path_factory.mktemp("baci")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(textblocks.TextBlocks.__init__, "__defaults__", (block,))
        rows = staged(folder, HEADER + "".join(lines))
    names = {4: "AFG", 8: "ALB", 276: "DEU", 398: "KAZ", 417: "KGZ"}
    names |= {490: "TWN", 762: "TJK", 842: "USA", 860: "UZB"}
    expected: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for i, j, k, v, _ in flows:
        expected[names[i], "WLD", f"{k:06d}"] += v * 1000
        expected["WLD", names[j], f"{k:06d}"] += v * 1000
    totals = {(r["exporter"], r["importer"], r["hs_code"]): r["value_usd"] for r in rows if is_total(r)}
    assert totals == {key: float(value) for key, value in expected.items()}
    focus = [f for f in flows if f[0] in (398, 762) or f[1] in (417, 860)]
    assert len([r for r in rows if not is_total(r)]) == len(focus)


def test_the_weight_of_a_total_is_given_from_six_tenths_of_its_value(tmp_path):
    rows = staged(
        tmp_path, HEADER + "2020,276,8,10121,6,1\n2020,276,12,10121,4,\n2020,842,8,10121,5,1\n2020,842,12,10121,5,\n"
    )
    totals = {r["exporter"]: (r["net_kg"], r["flag"]) for r in rows if r["importer"] == "WLD"}
    assert totals == {"DEU": (1000.0, "q_partial"), "USA": (None, "q_missing")}
    assert {r["importer"]: r["value_usd"] for r in rows if r["exporter"] == "WLD"} == {"ALB": 11000.0, "DZA": 9000.0}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("t,i,j,k,value,q\n2020,276,8,10121,1,1\n", r"lacks the column\(s\) v; its header is t,i,j,k,value,q"),
        (
            HEADER + "2020,276,8,10121,1,1\n2020,276,8,10121,1,1\n",
            r"repeats 1 flow.*276 to 8, product 010121 \(duplicate",
        ),
        (HEADER + "2020,276,12,10121,1,1\n2020,276,8,1,1,1\n2020,276,12,10121,2,1\n", "duplicate key"),
        (HEADER + "2020,276,8,10121,1,-1\n", "negative tonnage"),
        (HEADER + "2020,276,8,10121,,1\n", "without value"),
        (HEADER + "2020,276,998,10121,1,1\n", r"importer code\(s\) 998.*baci_countries\.csv"),
        (HEADER + "2020,276,8,1012199,1,1\n", "more than six digits"),
        (HEADER + "2020,276,8,10121,1,1\n2021,276,8,10121,1,1\n", "2020 to 2021 where one year is expected"),
        (HEADER + "1999,276,8,10121,1,1\n", "outside the dataset's years"),
        (HEADER + "2020,276,8,live horses,1,1\n", "cannot be read"),
        ("<html>Sorry</html>\n", r"lacks the column"),
        ("", r"lacks the column"),
    ],
)
def test_a_file_that_breaks_the_contract_is_refused_with_the_reason(tmp_path, text, problem):
    with pytest.raises(SourceContractError, match=problem) as caught:
        staged(tmp_path, text)
    assert caught.value.source == "cepii"
    assert caught.value.remedy


def test_an_order_of_its_own_is_no_repetition(tmp_path):
    rows = staged(tmp_path, HEADER + "2020,842,8,10121,1,1\n2020,276,8,10121,1,1\n")
    assert [(r["exporter"], r["importer"], r["value_usd"]) for r in rows] == [
        ("DEU", "WLD", 1000.0),
        ("USA", "WLD", 1000.0),
        ("WLD", "ALB", 2000.0),
    ]


def test_an_importer_that_is_no_country_counts_in_the_exporter_s_total_only(tmp_path):
    log = StageLog()
    rows = staged(tmp_path, HEADER + "2020,398,8,10121,1,1\n2020,398,697,10121,2,1\n", log=log)
    assert [(r["exporter"], r["importer"], r["value_usd"]) for r in rows] == [
        ("KAZ", "WLD", 3000.0),
        ("WLD", "ALB", 1000.0),
        ("KAZ", "ALB", 1000.0),
    ]
    assert log.excluded == {"importer is no country (counted in the exporter's total)": 1}


def test_editions_are_never_mixed(tmp_path):
    path = release(tmp_path, {"BACI_HS17_Y2020_V202601.csv": HEADER, "country_codes_V202601.csv": LIST})
    with pytest.raises(SourceContractError, match="is in HS17, the dataset in HS12"):
        rows_of(path)


def test_a_release_without_its_country_list_or_years_is_refused(tmp_path):
    with pytest.raises(SourceContractError, match=r"holds 0 members like 'country_codes"):
        rows_of(release(tmp_path, {"BACI_HS12_Y2020_V202601.csv": HEADER}))
    with pytest.raises(SourceContractError, match="holds no member BACI_HS12_Y"):
        rows_of(release(tmp_path, {"country_codes_V202601.csv": LIST}))


def test_years_outside_the_dataset_are_noted_not_read(tmp_path):
    log = StageLog()
    rows = rows_of(
        release(
            tmp_path,
            {
                "BACI_HS12_Y2011_V202601.csv": "anything",
                "BACI_HS12_Y2012_V202601.csv": HEADER + "2012,398,276,10121,1,1\n",
                "country_codes_V202601.csv": LIST,
            },
        ),
        log,
    )
    assert {r["year"] for r in rows} == {2012}
    assert log.notes["years_outside_the_dataset"] == [2011]


def test_a_member_named_after_another_year_is_refused(tmp_path):
    members = {"BACI_HS12_Y2013_V202601.csv": HEADER + "2012,398,276,10121,1,1\n", "country_codes_V202601.csv": LIST}
    with pytest.raises(SourceContractError, match="2012 to 2012 where one year is expected"):
        rows_of(release(tmp_path, members))


def test_a_cut_off_file_may_heal(tmp_path):
    path = tmp_path / "flows.csv.gz"
    path.write_bytes(gzip.compress((HEADER + "2020,276,8,10121,1,1\n" * 9999).encode())[:-30])
    with pytest.raises(SourceUnavailable, match="not complete"):
        list(read_csv(path, SPEC, StageLog()))


def test_an_unknown_country_of_the_shipped_list_is_named():
    with pytest.raises(SourceContractError, match=r"gives the code 'ATL' to 777 \(Atlantis\).*baci_countries\.csv"):
        country_codes((LIST + "777,Atlantis,AT,ATL\n").encode(), "country_codes_V202601.csv")
    with pytest.raises(SourceContractError, match="a country code and an ISO3 column are expected"):
        country_codes(b"id,name\n1,x\n", "country_codes_V202601.csv")


@pytest.mark.real
@pytest.mark.parametrize("release_of", ["V202001", "V202201"])
def test_every_entry_of_the_shipped_lists_is_placed_and_no_country_twice(real_data, release_of):
    name = f"country_codes_{release_of}.csv"
    data = (real_data / "baci" / name).read_bytes()
    codes = country_codes(data, name)
    listed = {int(line.split(",")[0]) for line in data.decode("latin-1").splitlines()[1:]}
    assert listed <= set(codes.iso3) | set(codes.outside)
    used = [codes.iso3[code] for code in listed if code in codes.iso3]
    assert len(used) == len(set(used))
    assert codes.iso3[28] == "ATG"
    assert {codes.iso3[c] for c in (398, 417, 762, 860, 842, 251, 490)} >= {"KAZ", "KGZ", "TJK", "UZB", "USA", "TWN"}
    assert codes.outside[697] == "aggregate"


@pytest.mark.real
def test_a_real_year_of_one_exporter_adds_up(real_data):
    import pandas as pd

    path = real_data / "baci" / "BACI_HS17_Y2020_V202201_AFG_incomplete.csv.gz"
    spec = SPEC.model_copy(update={"params": {**SPEC.params, "edition": "HS17"}})
    rows = pd.DataFrame([r for batch in read_csv(path, spec, StageLog()) for r in batch.to_pylist()])
    raw = pd.read_csv(path, skipinitialspace=True)
    totals = rows[rows["importer"] == "WLD"].set_index("hs_code")
    expected = raw.groupby(raw["k"].map("{:06d}".format))["v"].sum() * 1000
    assert totals["value_usd"].to_dict() == pytest.approx(expected.to_dict(), rel=1e-12)
    kazakh = rows[(rows["importer"] == "KAZ") & (rows["exporter"] != "WLD")]
    assert len(kazakh) == (raw["j"] == 398).sum() > 0
    assert kazakh["value_usd"].sum() == pytest.approx(raw.loc[raw["j"] == 398, "v"].sum() * 1000)
