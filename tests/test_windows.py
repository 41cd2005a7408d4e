"""Windows: every token judged once, within the budget, under its heading."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from policyclf.windows import Piece, windows


@given(
    st.lists(st.tuples(st.integers(1, 120), st.booleans(), st.booleans()), max_size=60),
    st.sampled_from([8, 30, 64, 254]),
)
def test_every_token_is_own_once_and_no_window_is_over_budget(
    rows: list[tuple[int, bool, bool]], budget: int
) -> None:
    lengths = [length for length, _, _ in rows]
    headings = [heading for _, heading, _ in rows]
    lead_ins = [i - 1 if item and i else None for i, (_, _, item) in enumerate(rows)]
    found = windows(lengths, headings, lead_ins, budget)
    own = [piece for window in found for piece in window.own]
    assert [(p.segment, t) for p in own for t in range(p.first, p.last)] == [
        (segment, t) for segment, length in enumerate(lengths) for t in range(length)
    ]
    for window in found:
        assert window.own
        assert sum(p.length for p in (*window.context, *window.own)) <= budget
        places = [(p.segment, p.first) for p in (*window.context, *window.own)]
        assert places == sorted(set(places))


def test_a_document_that_fits_is_one_window() -> None:
    (window,) = windows([5, 20, 20, 5, 30], [True, False, False, True, False], [None] * 5, 100)
    assert window.context == ()
    assert [p.segment for p in window.own] == [0, 1, 2, 3, 4]


def test_a_window_begins_at_a_heading_where_one_stands() -> None:
    lengths = [5, 40, 5, 40, 5, 40]
    headings = [True, False] * 3
    first, second = windows(lengths, headings, [None] * 6, 100)
    assert [p.segment for p in first.own] == [0, 1, 2, 3]
    assert second.context == ()
    assert [p.segment for p in second.own] == [4, 5]


def test_a_window_inside_a_section_repeats_heading_lead_in_and_neighbours() -> None:
    lengths = [5, 12, *[20] * 10]
    lead_ins = [None, None, *[1] * 10]
    first, second, *_ = windows(lengths, [True] + [False] * 11, lead_ins, 100)
    assert [p.segment for p in first.own] == [0, 1, 2, 3, 4, 5]
    assert [p.segment for p in second.context] == [0, 1]
    lengths = [5, 6, *[10] * 20]
    _, second, *_ = windows(lengths, [True] + [False] * 21, [None, None, *[1] * 20], 100)
    assert [p.segment for p in second.context] == [0, 1, 8, 9]


def test_an_over_long_segment_is_cut_in_pieces() -> None:
    found = windows([3, 500, 10], [True, False, False], [None] * 3, 100)
    pieces = [p for w in found for p in w.own if p.segment == 1]
    assert len(pieces) > 5
    assert pieces[0].first == 0
    assert pieces[-1].last == 500
    assert all(Piece(0, 0, 3) in w.context for w in found[1:])


def test_nothing_gives_nothing() -> None:
    assert windows([], [], [], 100) == []
