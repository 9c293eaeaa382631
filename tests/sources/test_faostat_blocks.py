"""Cutting a text into blocks never changes what is read, and encodings are told apart or refused."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agrocluster.errors import SourceContractError
from agrocluster.sources.textblocks import TextBlocks, cut_records

CELL = st.text(st.sampled_from(list("ab1 ,;\"\n\r'é")), max_size=12)
TABLE = st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=30)


def pieces(data: bytes, size: int):
    return (data[start : start + size] for start in range(0, len(data), size))


def decode(blocks: TextBlocks) -> str:
    return b"".join(block.utf8() for block in blocks).decode()


@settings(max_examples=200, deadline=None)
@given(
    table=TABLE,
    piece=st.integers(1, 60),
    block=st.integers(1, 200),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_records_stay_whole_however_the_bytes_arrive(table, piece, block, end, quoting):
    text = io.StringIO()
    csv.writer(text, quoting=quoting, lineterminator=end).writerows(table)
    data = text.getvalue().encode()
    blocks = list(cut_records(pieces(data, piece), "t.csv", block))
    assert b"".join(blocks) == data
    rows = [row for part in blocks for row in csv.reader(io.StringIO(part.decode(), newline=""))]
    assert rows == list(csv.reader(io.StringIO(data.decode(), newline="")))


def test_blocks_are_cut_even_when_a_piece_ends_inside_quotes():
    data = b'"a\nb",1\n"c",2\n"d\n\ne",3\n'
    blocks = list(cut_records(pieces(data, 5), "t.csv", 4))
    assert len(blocks) > 1
    assert all(part.count(b'"') % 2 == 0 and part.endswith(b"\n") for part in blocks)


@pytest.mark.parametrize("encoding", ["ascii", "utf-8", "cp1252", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_encodings_give_the_same_text(encoding, piece):
    text = "a,b\nC,1\n" + ("" if encoding == "ascii" else "Côte d’Ivoire,2\n") + "D,3\n"
    assert decode(TextBlocks(pieces(text.encode(encoding), piece), "t.csv", 8)) == text


def test_a_windows_file_is_recognised_late_in_the_text():
    data = b"a,b\n" * 500 + "Réunion,1\n".encode("cp1252")
    blocks = TextBlocks(pieces(data, 64), "t.csv", 256)
    assert decode(blocks).endswith("Réunion,1\n")
    assert blocks.encoding == "cp1252"


@pytest.mark.parametrize(
    ("data", "position"),
    [
        ("Réunion\n".encode() * 40 + b"R\xe9union\n", "361"),
        ("Réunion\n".encode() * 3 + b"R\xe9union\n", "28"),
    ],
)
def test_a_file_that_mixes_encodings_is_refused_with_the_position(data, position):
    with pytest.raises(SourceContractError, match=f"UTF-8, but its bytes at position {position} "):
        decode(TextBlocks(pieces(data, 50), "t.csv", 100))


def test_an_unclosed_quote_ends_in_an_error_instead_of_all_memory(monkeypatch):
    monkeypatch.setattr("agrocluster.sources.textblocks.MAX_RECORD", 1000)
    with pytest.raises(SourceContractError, match="unclosed quote"):
        list(cut_records(pieces(b'a,"b\n' + b"c,d\n" * 1000, 100), "t.csv", 200))
