"""Which clause of one policy answers which of another: two versions, or two languages.

    >>> import policyclf
    >>> left = policyclf.classify("We keep logs for 30 days. We never sell them.")
    >>> right = policyclf.classify("We keep logs for 60 days. Write to us.")
    >>> [(p.left, p.right, p.kind) for p in counterparts(left, right).pairs]
    [((0,), (0,), 'changed')]

Versions are aligned by their words: the cosine of TF-IDF over character trigrams. Where
the languages differ, or the words have nothing to do with each other, clauses are aligned
by practice, order, length (Gale & Church, Computational Linguistics 19, 1993) and by what
is the same in every language: numbers, names in Latin script, addresses. Either way the
alignment is the monotone one of the greatest sum; clauses of a version that stand
elsewhere in the other one are found afterwards and called moved.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from policyclf.lines import JAPANESE, mark_of
from policyclf.practices import Practice
from policyclf.results import Clause

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Comparison", "Pair", "counterparts", "monotone"]

PairKind = Literal["same", "changed", "moved", "practice"]

SIMILAR = 0.45  # cosine from which a clause is another wording of the same one
UNRELATED = 0.2  # of the clauses: with fewer alike, the two are no versions of one text
BUCKETS = 4096  # trigrams are hashed into so many features
# Weights and threshold were chosen on every second of the corpus' 32 bilingual policies.
ALIKE = 0.6  # of practice, names, length and place, from which clauses of two languages answer each other
WIDE = 2.2  # Latin characters that one Japanese character stands for in a translation

_ANCHOR = re.compile(r"[A-Za-z][\w.@-]*\w|[0-9]+")


@dataclass(frozen=True, slots=True)
class Pair:
    """Clauses of the left policy and their counterparts in the right one.

    `left` and `right` are indices, one each; two on one side where two sentences say
    what the other language says in one. `kind`: "same" words, "changed" words, "moved"
    to another place (its words may have changed too), "practice": aligned by practice.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    kind: PairKind


@dataclass(frozen=True, slots=True)
class Comparison:
    """All pairs, in the left policy's order; a clause in none has no counterpart."""

    by: Literal["words", "practice"]
    pairs: tuple[Pair, ...]


def counterparts(left: Sequence[Clause], right: Sequence[Clause]) -> Comparison:
    """The clauses of `left` and of `right` that answer each other."""
    if _main_language(left) == _main_language(right):
        pairs = _versions(left, right)
        paired = sum(left[p.left[0]].kind != "heading" for p in pairs)
        fewer = min(sum(c.kind != "heading" for c in side) for side in (left, right))
        if paired >= UNRELATED * fewer:
            return Comparison("words", tuple(pairs))
    return Comparison("practice", tuple(_translations(left, right)))


def _main_language(clauses: Sequence[Clause]) -> str:
    japanese = sum(len(c.text) * WIDE for c in clauses if c.language == "ja")
    return "ja" if japanese > sum(len(c.text) for c in clauses if c.language == "en") else "en"


def _versions(left: Sequence[Clause], right: Sequence[Clause]) -> list[Pair]:
    import numpy as np

    if not left or not right:
        return []
    wordings = [_wording(c) for c in left], [_wording(c) for c in right]
    similar = _cosines(*wordings)
    heading = [np.array([c.kind == "heading" for c in side]) for side in (left, right)]
    similar[heading[0][:, None] != heading[1][None, :]] = 0
    similar[similar < SIMILAR] = 0
    found = [(i[0], j[0]) for i, j in monotone(similar)]
    pairs = [Pair((i,), (j,), "same" if wordings[0][i] == wordings[1][j] else "changed") for i, j in found]
    for i, j in found:
        similar[i, :] = similar[:, j] = 0
    # A moved heading says nothing that its moved section does not say.
    similar[heading[0], :] = 0
    while similar.any():
        i, j = (int(k) for k in np.unravel_index(int(similar.argmax()), similar.shape))
        pairs.append(Pair((i,), (j,), "moved"))
        similar[i, :] = similar[:, j] = 0
    return sorted(pairs, key=lambda p: p.left)


def _wording(clause: Clause) -> str:
    """The words of a clause: without its mark (1. may have become 2.), case and white space."""
    mark = mark_of(clause.text)
    text = clause.text[mark.end :] if mark and mark.end < len(clause.text) else clause.text
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _cosines(left: Sequence[str], right: Sequence[str]) -> NDArray[np.float32]:
    """Cosine of every pair's TF-IDF vectors, (n_left, n_right), in [0, 1]."""
    import numpy as np

    counts = np.zeros((len(left) + len(right), BUCKETS), dtype=np.float32)
    for row, text in enumerate([*left, *right]):
        padded = f"  {text}  "
        for i in range(len(padded) - 2):
            gram = padded[i : i + 3].encode("utf-8", "surrogatepass")
            counts[row, zlib.crc32(gram) % BUCKETS] += 1
    documents = (counts > 0).sum(axis=0)
    weighted = np.log1p(counts) * np.log((1 + len(counts)) / (1 + documents) + 1)
    weighted /= np.maximum(np.linalg.norm(weighted, axis=1, keepdims=True), 1e-9)
    cosines: NDArray[np.float32] = (weighted[: len(left)] @ weighted[len(left) :].T).astype(np.float32)
    return cosines


def _translations(left: Sequence[Clause], right: Sequence[Clause]) -> list[Pair]:
    if not left or not right:
        return []
    ones = [[(c,) for c in side] for side in (left, right)]
    twos = [[(c, d) for c, d in pairwise(side)] for side in (left, right)]
    found = monotone(_bonds(ones[0], ones[1]), _bonds(twos[0], ones[1]), _bonds(ones[0], twos[1]))
    return [Pair(i, j, "practice") for i, j in found]


def _bonds(left: Sequence[Sequence[Clause]], right: Sequence[Sequence[Clause]]) -> NDArray[np.float32]:
    """How far beyond ALIKE each group of clauses is like each other one, (n_left, n_right)."""
    import numpy as np

    a, b = _features(left), _features(right)
    practices = _unit(a.practices) @ _unit(b.practices).T
    anchors = _jaccard(a.anchors, b.anchors)
    lengths = np.minimum.outer(a.lengths, b.lengths) / np.maximum.outer(a.lengths, b.lengths)
    places = 1 - np.abs(np.subtract.outer(a.places, b.places))
    bare = np.logical_not(np.logical_or.outer(a.practices.any(axis=1), b.practices.any(axis=1)))
    # Headings state nothing: order, length and names are all there is to go by.
    alike = np.where(bare, 0.3, 0.5 * practices) + 0.6 * anchors + 0.3 * lengths + 0.2 * places
    weights = np.minimum.outer(a.weights, b.weights)
    bonds = np.maximum(alike - ALIKE, 0) * weights
    bonds[np.not_equal.outer(a.headings, b.headings)] = 0
    bonds[a.broken, :] = 0
    bonds[:, b.broken] = 0
    result: NDArray[np.float32] = bonds.astype(np.float32)
    return result


@dataclass(frozen=True, slots=True)
class _Features:
    practices: NDArray[np.float32]  # (n, 24): probabilities, stated and denied
    anchors: NDArray[np.float32]  # (n, 512): hashed numbers and names
    lengths: NDArray[np.float32]  # (n,) Latin characters, or as many as they stand for
    places: NDArray[np.float32]  # (n,) in [0, 1]
    weights: NDArray[np.float32]  # (n,) clauses in the group
    headings: NDArray[np.bool_]
    broken: NDArray[np.bool_]  # groups of more than a heading


def _features(groups: Sequence[Sequence[Clause]]) -> _Features:
    import numpy as np

    order = {practice: i for i, practice in enumerate(Practice)}
    n = len(groups)
    practices = np.zeros((n, 2 * len(order)), dtype=np.float32)
    anchors = np.zeros((n, 512), dtype=np.float32)
    for row, group in enumerate(groups):
        for clause in group:
            for practice, probability in clause.scores.items():
                column = order[practice] + len(order) * (practice in clause.denied)
                practices[row, column] = max(practices[row, column], probability)
            text = unicodedata.normalize("NFKC", clause.text).casefold()
            for anchor in _ANCHOR.findall(text):
                anchors[row, zlib.crc32(anchor.encode()) % 512] = 1
    sizes = [sum(WIDE if JAPANESE.match(c) else 1 for clause in g for c in clause.text) for g in groups]
    titles = [{clause.kind == "heading" for clause in group} for group in groups]
    return _Features(
        practices,
        anchors,
        np.array(sizes, dtype=np.float32),
        np.linspace(0, 1, n, dtype=np.float32),
        np.array([len(g) for g in groups], dtype=np.float32),
        np.array([True in t for t in titles], dtype=np.bool_),
        np.array([len(g) > 1 and True in t for t, g in zip(titles, groups, strict=True)], dtype=np.bool_),
    )


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    import numpy as np

    result: NDArray[np.float32] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return result


def _jaccard(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shared features by all features of each pair of rows; 0 where neither has one."""
    import numpy as np

    shared = a @ b.T
    result: NDArray[np.float32] = shared / np.maximum(a.sum(1)[:, None] + b.sum(1)[None, :] - shared, 1)
    return result


def monotone(
    one: NDArray[np.float32],
    two_left: NDArray[np.float32] | None = None,
    two_right: NDArray[np.float32] | None = None,
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The order-keeping alignment of the greatest sum (Needleman & Wunsch 1970, gaps free).

    `one[i, j]` is what it is worth to pair i with j, `two_left[i, j]` i and i + 1 with j,
    `two_right[i, j]` i with j and j + 1; 0 forbids.
    """
    import numpy as np

    n, m = one.shape
    best = np.zeros((n + 1, m + 1), dtype=np.float32)
    for i in range(1, n + 1):
        row = best[i - 1].copy()
        row[1:] = np.maximum(row[1:], best[i - 1, :-1] + one[i - 1])
        if two_left is not None and i > 1:
            row[1:] = np.maximum(row[1:], best[i - 2, :-1] + two_left[i - 2])
        if two_right is not None and m > 1:
            row[2:] = np.maximum(row[2:], best[i - 1, :-2] + two_right[i - 1])
        best[i] = np.maximum.accumulate(row)
    found: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    i, j = n, m
    while i and j:
        here = best[i, j]
        if here == best[i - 1, j]:
            i -= 1
        elif here == best[i, j - 1]:
            j -= 1
        elif here == best[i - 1, j - 1] + one[i - 1, j - 1]:
            found.append(((i - 1,), (j - 1,)))
            i, j = i - 1, j - 1
        elif two_left is not None and i > 1 and here == best[i - 2, j - 1] + two_left[i - 2, j - 1]:
            found.append(((i - 2, i - 1), (j - 1,)))
            i, j = i - 2, j - 1
        else:  # i with j and j + 1: nothing else is left
            found.append(((i - 1,), (j - 2, j - 1)))
            i, j = i - 1, j - 2
    return found[::-1]
