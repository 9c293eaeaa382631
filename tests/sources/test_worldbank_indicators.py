"""The indicator lists: complete, bilingual, and consistent with the method."""

from __future__ import annotations

import re

import pytest

from agrocluster.model.loader import catalog

LISTED = [i for name, entries in catalog().indicators.items() if name.startswith("worldbank__") for i in entries]
BLOCKS = {"finance", "logistics_trade", "governance", "skills_infrastructure"}


@pytest.mark.parametrize("indicator", LISTED, ids=lambda i: i.code)
def test_every_line_is_usable(indicator):
    assert re.search("[А-Яа-я]", indicator.text.ru)
    assert not re.search("[А-Яа-я]", indicator.text.en)
    assert indicator.enabling in {None, *BLOCKS}
    # A block needs to know which way is better, and only live series can enter it.
    assert not indicator.enabling or (indicator.direction != "context" and not indicator.archived)


def test_standard_errors_are_listed_series():
    codes = {i.code for i in LISTED}
    pairs = {i.code: i.se_code for i in LISTED if i.se_code}
    assert set(pairs.values()) <= codes
    assert pairs["GOV_WGI_RL.EST"] == "GOV_WGI_RL.SE"


def test_every_block_has_several_indicators():
    for block in BLOCKS:
        assert len([i for i in LISTED if i.enabling == block]) >= 4


def test_renamed_governance_series_are_asked_for_by_their_new_names():
    codes = {i.code for i in catalog().indicators["worldbank__wgi"]}
    assert len(codes) == 36
    assert "CC.EST" not in codes


@pytest.mark.real
def test_names_and_codes_are_those_of_the_published_list(real_data):
    import csv
    import gzip
    import io

    path = real_data / "worldbank" / "api_csv_zip" / "Metadata_Indicator_API_KAZ_DS2_en_csv_v2_18751.csv.gz"
    lines = csv.reader(io.StringIO(gzip.decompress(path.read_bytes()).decode("utf-8-sig")))
    published = {line[0]: " ".join(line[1].split()) for line in lines if len(line) > 1}
    wdi = catalog().indicators["worldbank__wdi"]
    live = {i.code: i.text.en for i in wdi if not i.archived}
    assert set(live) <= set(published)
    assert not {i.code for i in wdi if i.archived} & set(published)
    shared = {code: name for code, name in live.items() if not name.endswith("(% of firms)")}
    assert {code: published[code] for code in shared} == shared
