"""Windows: consecutive segments that the model reads in one pass.

A sentence of a policy is understood with its heading, its lead-in and its neighbours
(sequential sentence classification: Cohan et al., EMNLP 2019). `windows` packs whole
sections together up to a budget of tokens, begins at headings where it can, and where
a section is longer than the budget lets the next window overlap the one before. Every
token of every segment is `own` in exactly one window; in others it is context.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

# Of the budget of a window that begins inside a section: what the repeated heading, lead-in
# and preceding segments may take.
CONTEXT_SHARE = 0.35
# A window is closed before the last heading in it once it is at least this full: the section
# that begins there is then read whole.
FULL_ENOUGH = 0.5


@dataclass(frozen=True, slots=True)
class Piece:
    """Tokens `first` to `last` (exclusive) of a segment; a whole segment, unless over-long."""

    segment: int
    first: int
    last: int

    @property
    def length(self) -> int:
        """Tokens."""
        return self.last - self.first


@dataclass(frozen=True, slots=True)
class Window:
    """Pieces in reading order: first those repeated as context, then the window's own."""

    context: tuple[Piece, ...]
    own: tuple[Piece, ...]


def windows(
    lengths: Sequence[int],
    headings: Sequence[bool],
    lead_ins: Sequence[int | None],
    budget: int,
) -> list[Window]:
    """Cut a document of `len(lengths)` segments into windows of at most `budget` tokens.

    `lengths` are the segments' tokens (each at least 1), `headings` tells which are
    headings, `lead_ins` the index of the segment that introduces a list item, or None.
    `budget` is the tokens that one window may hold, at least 8.
    """
    pieces = _pieces(lengths, budget)
    found: list[Window] = []
    heading_of = _nearest_heading(headings)
    at = 0
    while at < len(pieces):
        context = _context(pieces, at, lengths, headings, heading_of, lead_ins, budget)
        used = sum(p.length for p in context)
        end = at
        while end < len(pieces) and (end == at or used + pieces[end].length <= budget):
            used += pieces[end].length
            end += 1
        end = _back_to_heading(pieces, at, end, headings, budget)
        found.append(Window(context, tuple(pieces[at:end])))
        at = end
    return found


def _pieces(lengths: Sequence[int], budget: int) -> list[Piece]:
    """One piece a segment; a segment that leaves no room for context in equal pieces."""
    largest = max(1, budget - int(budget * CONTEXT_SHARE))
    pieces = []
    for segment, length in enumerate(lengths):
        parts = -(-length // largest)
        cuts = [length * i // parts for i in range(parts + 1)]
        pieces += [Piece(segment, a, b) for a, b in pairwise(cuts)]
    return pieces


def _nearest_heading(headings: Sequence[bool]) -> list[int | None]:
    """For each segment, the heading at or before it."""
    last: int | None = None
    found = []
    for i, heading in enumerate(headings):
        last = i if heading else last
        found.append(last)
    return found


def _context(
    pieces: Sequence[Piece],
    at: int,
    lengths: Sequence[int],
    headings: Sequence[bool],
    heading_of: Sequence[int | None],
    lead_ins: Sequence[int | None],
    budget: int,
) -> tuple[Piece, ...]:
    """What a window that begins at piece `at` repeats: heading, lead-in, then neighbours."""
    segment = pieces[at].segment
    if at == 0 or headings[segment]:
        return ()
    room = min(int(budget * CONTEXT_SHARE), budget - pieces[at].length)
    chosen: dict[tuple[int, int], Piece] = {}
    for wanted in (heading_of[segment], lead_ins[segment]):
        if wanted is not None and wanted < segment and 0 < lengths[wanted] <= room:
            whole = Piece(wanted, 0, lengths[wanted])
            if (wanted, 0) not in chosen:
                chosen[(wanted, 0)] = whole
                room -= whole.length
    for piece in reversed(pieces[:at]):
        if (piece.segment, piece.first) in chosen:
            continue
        if piece.length > room or headings[piece.segment]:
            break
        chosen[(piece.segment, piece.first)] = piece
        room -= piece.length
    return tuple(chosen[key] for key in sorted(chosen))


def _back_to_heading(
    pieces: Sequence[Piece], at: int, end: int, headings: Sequence[bool], budget: int
) -> int:
    """`end`, or the last heading before it where the window is then still full enough."""
    if end == len(pieces) or headings[pieces[end].segment]:
        return end
    used = sum(p.length for p in pieces[at:end])
    for i in range(end - 1, at, -1):
        used -= pieces[i].length
        if used < budget * FULL_ENOUGH:
            return end
        if headings[pieces[i].segment]:
            # the first of headings that follow one another (part, section)
            while i - 1 > at and headings[pieces[i - 1].segment]:
                i -= 1
            return i
    return end
