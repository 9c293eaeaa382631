"""Slices of a fetch in batches: every slice once, in order, in as few tasks as asked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agrocluster.pipeline import batches


@given(st.integers(0, 60), st.integers(1, 9))
def test_batches_hold_every_slice_once_and_are_of_one_length(number: int, most: int) -> None:
    pieces = [{"id": f"s{n}"} for n in range(number)]
    found = batches(pieces, most)
    assert [piece for batch in found for piece in batch["slices"]] == pieces
    assert len(found) == min(number, most)
    lengths = {len(batch["slices"]) for batch in found}
    assert max(lengths, default=0) - min(lengths, default=0) <= 1


def test_a_batch_is_named_after_its_first_and_last_slice() -> None:
    pieces = [{"id": "398-2012"}, {"id": "398-2013"}, {"id": "398-2014"}]
    assert [batch["id"] for batch in batches(pieces, 2)] == ["398-2012", "398-2013 .. 398-2014"]
