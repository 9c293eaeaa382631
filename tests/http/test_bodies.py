"""Sizes, shapes and encodings of answers."""

from __future__ import annotations

import gzip

import pytest
from http_server import Reply

from agrocluster.errors import SourceContractError, SourceUnavailable
from agrocluster.http.body import first_words
from agrocluster.http.retry import Backoff

PAGE = b"<!DOCTYPE html><html><head><title>Down</title><style>b {}</style></head><body>We will be <b>back</b>.</body>"


def test_text_loses_its_byte_order_mark(script, client_for):
    script.says(Reply(body=b"\xef\xbb\xbfArea;\xc3\x9c"))
    assert client_for().get_text("data.csv") == "Area;Ü"


def test_json_may_start_with_a_byte_order_mark(script, client_for):
    script.says(Reply(body=b'\xef\xbb\xbf{"a": 1}'))
    assert client_for().get_json("data") == {"a": 1}


@pytest.mark.parametrize("declared", ["text/html", "application/json"])
def test_a_web_page_instead_of_json_is_quoted_and_not_retried(script, client_for, declared):
    script.says(Reply(body=PAGE, headers={"Content-Type": declared}))
    with pytest.raises(SourceContractError, match=r"HTML page that begins: 'Down We will be back \.'"):
        client_for().get_json("data")
    assert len(script.requests) == 1


def test_a_web_page_instead_of_a_csv_file(script, client_for):
    script.says(Reply(body=PAGE, headers={"Content-Type": "text/html"}))
    with pytest.raises(SourceContractError, match="data file and got an HTML page"):
        client_for().get_text("data.csv")


def test_an_announced_size_beyond_the_limit_is_not_even_read(script, client_for):
    script.says(Reply(body=b"x", announce=10**12))
    with pytest.raises(SourceContractError, match="announces 1,000,000,000,000 bytes"):
        client_for().get("data", max_bytes=1000)


def test_the_limit_of_the_source_holds_too(script, client_for):
    script.says(Reply(body=b"x" * 5000))
    with pytest.raises(SourceContractError, match="limit of 1,000"):
        client_for(max_bytes=1000).get("data", max_bytes=4000)


def test_a_small_body_that_unpacks_to_a_large_one_is_stopped(script, client_for):
    bomb = gzip.compress(b"0" * 50_000_000)
    assert len(bomb) < 60_000
    script.says(Reply(body=bomb, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(SourceContractError, match="larger than the limit of 1,000,000"):
        client_for().get("data", max_bytes=1_000_000)


def test_compressed_answers_are_unpacked(script, client_for):
    script.says(Reply(body=gzip.compress(b'{"a": 2}'), headers={"Content-Encoding": "gzip"}))
    assert client_for().get_json("data") == {"a": 2}


def test_a_damaged_compressed_answer_is_asked_for_again(script, client_for):
    good = gzip.compress(b'{"a": 2}')
    script.says(
        Reply(body=b"\x00" * 30, headers={"Content-Encoding": "gzip"}),
        Reply(body=good, headers={"Content-Encoding": "gzip"}),
    )
    assert client_for().get_json("data") == {"a": 2}


def test_an_answer_that_drips_for_ever_meets_the_deadline(script, client_for, waiting):
    script.says(Reply(body=b"x" * 5_000_000))
    client = client_for(deadline_s=10, backoff=Backoff(attempts=1))
    client.clock = iter([0.0, 0.0, *[100.0] * 50]).__next__
    with pytest.raises(SourceUnavailable, match="total time limit"):
        client.get("data")


def test_provenance_comes_from_the_publisher(script, client_for):
    script.says(Reply(body=b"{}", headers={"ETag": '"1"', "Last-Modified": "x", "X-Other": "y"}))
    got = client_for().get("data", params={"format": "json", "date": "2015:2020"})
    assert got.retrieved_at == "2026-07-13T08:15:00Z"
    assert got.url == "loopback:/data?format=json&date=2015:2020", "the port of a local server is no provenance"
    assert got.headers == {"ETag": '"1"', "Last-Modified": "x"}
    assert got.sha256 == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_our_clock_stands_in_for_a_missing_date(script, client_for):
    script.says(Reply(body=b"{}", headers={"Date": "yesterday"}))
    assert client_for().get("data").retrieved_at == "2026-07-13T09:00:00Z"


def test_head_reads_no_body_and_falls_back_where_it_is_refused(script, client_for):
    script.says(Reply(body=b"x" * 100, headers={"Last-Modified": "then"}))
    got = client_for().head("file.zip")
    assert (got.status, got.content, got.headers["Content-Length"]) == (200, b"", "100")
    script.says(Reply(405), Reply(206, b"x", {"Content-Range": "bytes 0-0/100"}))
    assert client_for().head("file.zip").headers["Content-Range"] == "bytes 0-0/100"
    assert [r.method for r in script.requests] == ["HEAD", "HEAD", "GET"]


def test_we_say_who_we_are(script, client_for):
    script.says(Reply(body=b"{}"))
    client_for().get("data")
    assert script.requests[0].headers["User-Agent"].startswith("agrocluster/")


def test_first_words_are_readable():
    assert first_words(PAGE) == "Down We will be back ."
    assert first_words(b"a " * 200).endswith(" ...")
    assert first_words(b"\x00\x01PK\x03") == "PK"
