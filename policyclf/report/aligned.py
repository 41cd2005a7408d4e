"""Two documents side by side: rows of what answers each other, and what differs in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from policyclf.report.comparing import counterparts, monotone
from policyclf.report.documents import Entry
from policyclf.report.layout import Items, Node
from policyclf.report.markup import Markup

__all__ = ["Row", "compare", "rows"]

_TOKEN = re.compile(r"[^\W_]*[A-Za-z0-9][A-Za-z0-9'’-]*|\S")
_MAX_TOKENS = 2000  # of a clause; the difference of longer ones is not looked for word by word


@dataclass(frozen=True, slots=True)
class Row:
    """Nodes that stand beside each other; one side may be empty."""

    left: Node | None
    right: Node | None


def compare(left: Sequence[Entry], right: Sequence[Entry]) -> Literal["words", "practice"]:
    """Note in each clause which of the other document answers it, and how they differ."""
    comparison = counterparts([e.clause for e in left], [e.clause for e in right])
    for pair in comparison.pairs:
        mine, theirs = [left[i] for i in pair.left], [right[j] for j in pair.right]
        for entry in mine:
            entry.others += [other.key for other in theirs]
        for entry in theirs:
            entry.others += [other.key for other in mine]
        if pair.kind in ("changed", "moved"):
            a, b = mine[0], theirs[0]
            a.status = b.status = pair.kind
            a.differing, b.differing = _differences(a, b)
    for entry in [*left, *right]:
        # A heading alone states nothing, nor does furniture.
        if not entry.others and entry.practices:
            entry.status = "only"
    return comparison.by


def rows(left: Markup, right: Markup, nodes: tuple[Sequence[Node], Sequence[Node]]) -> list[Row]:
    """The nodes of both in rows, in order; lists are taken apart into their outer items."""
    import numpy as np

    mine, theirs = (_parts(side) for side in nodes)
    places = {e.key: j for j, node in enumerate(theirs) for e in right.within(node)}
    bonds = np.zeros((len(mine), len(theirs)), dtype=np.float32)
    for i, node in enumerate(mine):
        for entry in left.within(node):
            for key in entry.others:
                if key in places and entry.status != "moved":
                    bonds[i, places[key]] += 1
    result: list[Row] = []
    i = j = 0
    for (a,), (b,) in [*(monotone(bonds) if bonds.size else []), ((len(mine),), (len(theirs),))]:
        result += [Row(node, None) for node in mine[i:a]]
        result += [Row(None, node) for node in theirs[j:b]]
        if a < len(mine):
            result.append(Row(mine[a], theirs[b]))
        i, j = a + 1, b + 1
    return result


def _parts(nodes: Sequence[Node]) -> list[Node]:
    parts: list[Node] = []
    for node in nodes:
        parts += [Items([item]) for item in node.items] if isinstance(node, Items) else [node]
    return parts


def _differences(a: Entry, b: Entry) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Characters of each document, in the two clauses, that the other clause does not have."""
    tokens = [list(_TOKEN.finditer(entry.clause.text)) for entry in (a, b)]
    if max(map(len, tokens)) > _MAX_TOKENS:
        return [], []
    words = [[token[0] for token in side] for side in tokens]
    matcher = SequenceMatcher(None, words[0], words[1], autojunk=False)
    found: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
    for kind, a1, a2, b1, b2 in matcher.get_opcodes():
        if kind == "equal":
            continue
        for entry, side, result, first, last in (
            (a, tokens[0], found[0], a1, a2),
            (b, tokens[1], found[1], b1, b2),
        ):
            if last > first:
                start = entry.clause.start
                result.append((start + side[first].start(), start + side[last - 1].end()))
    return found
