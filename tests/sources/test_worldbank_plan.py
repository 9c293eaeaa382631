"""The addresses we ask for stay within the service's limits, whatever the catalogue lists."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agrocluster.errors import SourceContractError
from agrocluster.http import Client
from agrocluster.model.fetching import Years
from agrocluster.model.loader import catalog
from agrocluster.sources import worldbank_api as api

CODE = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._abcdef", min_size=1, max_size=60)
ECONOMY = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=3, max_size=3)


@given(
    codes=st.lists(CODE, min_size=1, max_size=400, unique=True),
    economies=st.lists(ECONOMY, min_size=1, max_size=370, unique=True),
    most=st.integers(1, 200),
)
def test_every_call_fits_and_nothing_is_lost_or_doubled(codes, economies, most):
    groups = api.batches(codes, most, economies)
    assert [code for group in groups for code in group] == codes
    for group in groups:
        assert 1 <= len(group) <= min(most, api.MAX_INDICATORS)
        path = api.data_path(group, economies)
        assert max(map(len, path.split("/"))) <= api.MAX_SEGMENT
        query = urlencode(api.data_query(99, Years(1960, 2099), page=99999), safe=":;,/")
        assert len(f"https://api.worldbank.org/v2/{path}?{query}") <= api.MAX_URL


def test_batches_are_even():
    assert [len(group) for group in api.batches([str(n) for n in range(61)])] == [30, 31]
    assert api.batches([]) == []


@pytest.mark.parametrize("dataset_id", [d for d in catalog().datasets if d.startswith("worldbank__")])
def test_the_catalogue_fits_into_a_few_calls(dataset_id):
    spec, source = catalog().dataset(dataset_id), catalog().sources["worldbank"]
    codes = [i.code for i in catalog().indicators[dataset_id] if not i.archived]
    groups = api.batches(codes)
    assert len(groups) <= 5
    with Client(source) as client:
        for group in groups:
            url = client.url(api.data_path(group), api.data_query(spec.params["source_id"], Years(2010, 2026)))
            assert len(url) <= api.MAX_URL
            assert url.startswith("https://api.worldbank.org/v2/country/all/indicator/")
            assert f"source={spec.params['source_id']}&date=2010:2026&per_page=20000&page=1" in url


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[{"message":[{"id":"120","key":"Invalid value","value":"Not valid"}]}]', ("120", "Invalid value: Not valid")),
        (
            '<?xml version="1.0" encoding="utf-8"?><wb:error xmlns:wb="http://www.worldbank.org">'
            '<wb:message id="175" key="Invalid format">The indicator was not found.</wb:message></wb:error>',
            ("175", "Invalid format: The indicator was not found."),
        ),
    ],
)
def test_messages_are_understood_as_json_and_as_xml(text, expected):
    said = api.read_answer(text)
    assert isinstance(said, api.Notice)
    assert (said.id, said.text) == expected


def test_pages_are_understood_with_numbers_as_text_and_no_rows():
    said = api.read_answer('[{"page":"1","pages":1,"per_page":"50","total":0,"lastupdated":"2026-07-13"},null]')
    assert said == api.Page(1, 1, 50, 0, 0, "2026-07-13", None)
    assert api.read_answer("[]") == api.Page(0, 0, 0, 0, 0, None, None)
    assert api.read_answer('[{"page":1,"pages":1,"per_page":50,"total":0}]').rows == 0


@pytest.mark.parametrize(
    "text", ["", "[1, 2]", '{"a": 1}', '[{"page":"x"},[]]', "<html>Down</html>", '[{"page":1},{}]']
)
def test_anything_else_is_refused_and_quoted(text):
    with pytest.raises(SourceContractError, match="neither a page of data nor a known message"):
        api.read_answer(text)
