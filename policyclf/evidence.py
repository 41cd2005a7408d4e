"""Evidence: which words speak for a label.

A label's logit is a sum over the segment's tokens (see policyclf.model); the tokens
with the largest summands are its evidence. In spaced scripts they are widened to whole
words; in Japanese the model's pieces are words or characters and stand as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from policyclf.results import Span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# The evidence is the fewest tokens that bear this share of what speaks for the label,
# and no more tokens than the limit: a reader wants words to look at, not the sentence again.
SHARE = 0.6
LIMIT = 8


def spans_for(
    text: str,
    start: int,
    end: int,
    offsets: Sequence[tuple[int, int]],
    weights: NDArray[np.float32],
) -> tuple[Span, ...]:
    """Spans of `text`, in reading order, that speak for a label of the segment [start, end).

    `offsets` are the tokens' characters within the segment, `weights` their parts in
    the label's logit, (n_tokens,). Empty where no token speaks for it.
    """
    order = sorted(range(len(offsets)), key=lambda t: -float(weights[t]))
    positive = [t for t in order if weights[t] > 0 and offsets[t][1] > offsets[t][0]]
    total = sum(float(weights[t]) for t in positive)
    chosen: list[tuple[int, int]] = []
    so_far = 0.0
    for t in positive[:LIMIT]:
        chosen.append(_word(text, start + offsets[t][0], start + offsets[t][1], start, end))
        so_far += float(weights[t])
        if so_far >= SHARE * total:
            break
    return tuple(Span(a, b) for a, b in _joined(text, sorted(chosen)))


def _word(text: str, first: int, last: int, start: int, end: int) -> tuple[int, int]:
    """The span widened to the Latin word or number that it is part of."""

    def joins(i: int) -> bool:
        return text[i].isalnum() and (text[i].isascii() or "\u00c0" <= text[i] <= "\u024f")

    while first < last and text[first].isspace():
        first += 1
    while first > start and first < end and joins(first - 1) and joins(first):
        first -= 1
    while last < end and last > first and joins(last) and joins(last - 1):
        last += 1
    return first, last


def _joined(text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans that touch, or stand a white space apart, as one."""
    joined: list[tuple[int, int]] = []
    for first, last in spans:
        if joined and (first <= joined[-1][1] or text[joined[-1][1] : first].isspace()):
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        elif last > first:
            joined.append((first, last))
    return joined
