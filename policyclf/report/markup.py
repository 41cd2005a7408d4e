"""A document's layout as HTML: every clause a coloured stretch with its label behind it."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from policyclf.practices import Practice
from policyclf.report.documents import Entry, Labelled
from policyclf.report.escaping import visible
from policyclf.report.interface import SHORT, WORDS, both, pair
from policyclf.report.layout import Heading, Item, Items, Node, Paragraph, Stretch, Table

__all__ = ["Markup", "tag"]

_BOLD = re.compile(r"\*\*(?=\S)([^*]+)(?<=\S)\*\*|__(?=\S)([^_]+)(?<=\S)__")
_BREAK = re.compile(r"\s*[\n\r\x0b\x0c\x85\u2028\u2029]\s*")


def tag(practice: Practice, denied: bool = False) -> str:
    """A practice's swatch and word, as they stand behind a clause."""
    words = [WORDS["not"][i].format(short) if denied else short for i, short in enumerate(SHORT[practice])]
    number = list(Practice).index(practice)
    return f'<span class="tag p{number}{" no" if denied else ""}">{pair(*words)}</span>'


class Markup:
    """Writes the nodes of one document."""

    def __init__(self, document: Labelled, entries: Sequence[Entry]) -> None:
        """`entries` are the document's clauses, in order."""
        self._text = document.text
        self._entries = entries
        self._starts = [entry.clause.start for entry in entries]
        self._written: set[str] = set()

    def node(self, node: Node) -> str:
        """A node as HTML."""
        if isinstance(node, Heading):
            level = node.level + 1  # h1 is the page's own
            return f"<h{level}{self._lang(node.content)}>{self._content(node.content)}</h{level}>\n"
        if isinstance(node, Paragraph):
            paragraph = f"<p{self._lang(node.content)}>{self._content(node.content)}</p>"
            return f"<blockquote>{paragraph}</blockquote>\n" if node.quoted else f"{paragraph}\n"
        if isinstance(node, Items):
            return f"{self._items(node.items)}\n"
        if isinstance(node, Table):
            return self._table(node)
        return "<hr>\n"

    def within(self, node: Node) -> list[Entry]:
        """The clauses that a node shows, in order."""
        start, end = extent(node)
        return [e for e in self._entries[self._first(start) :] if e.clause.start < end] if end > start else []

    def _items(self, items: Sequence[Item]) -> str:
        # role: list-style none takes the meaning of a list away in Safari
        rows = "".join(
            f'<li{self._lang(i.content)}><span class="mark">{self._mark(i.mark)}</span>'
            f'<div class="item">{self._content(i.content)}'
            f"{self._items(i.items) if i.items else ''}</div></li>"
            for i in items
        )
        return f'<ul role="list">{rows}</ul>'

    def _mark(self, mark: Stretch) -> str:
        shown = self._text[mark.start : mark.end]
        return '<span aria-hidden="true">•</span>' if shown in ("-", "*", "+") else visible(shown)

    def _table(self, table: Table) -> str:
        rows = []
        for i, row in enumerate(table.rows):
            cell = "th" if table.headed and i == 0 else "td"
            scope = ' scope="col"' if cell == "th" else ""
            rows.append(
                "<tr>"
                + "".join(f"<{cell}{scope}{self._lang(c)}>{self._content(c)}</{cell}>" for c in row)
                + "</tr>"
            )
        return f'<div class="scroll"><table>{"".join(rows)}</table></div>\n'

    def _lang(self, stretch: Stretch) -> str:
        """The attribute that says which language a block is in, for fonts and speech."""
        if stretch.end <= stretch.start or not self._entries:
            return ""
        return f' lang="{self._entries[self._first(stretch.start)].clause.language}" dir="auto"'

    def _first(self, place: int) -> int:
        """The index of the clause that holds `place`, or follows it."""
        at = max(bisect_right(self._starts, place) - 1, 0)
        while at < len(self._entries) - 1 and self._entries[at].clause.end <= place:
            at += 1
        return at

    def _content(self, stretch: Stretch) -> str:
        """The clauses of a stretch, and what little stands between them."""
        bold, dropped = self._bold(stretch)
        written: list[str] = []
        at = stretch.start
        for entry in self._entries[self._first(stretch.start) :] if self._entries else []:
            start, end = max(entry.clause.start, stretch.start), min(entry.clause.end, stretch.end)
            if start >= stretch.end:
                break
            if start < end:
                written += [self._plain(at, start), self._clause(entry, start, end, bold, dropped)]
                at = end
        written.append(self._plain(at, stretch.end))
        return "".join(written)

    def _bold(self, stretch: Stretch) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Stretches in bold type, and the marks around them, which are not shown."""
        bold, dropped = [], []
        for match in _BOLD.finditer(self._text, stretch.start, stretch.end):
            inner = match.span(1) if match[1] else match.span(2)
            bold.append(inner)
            dropped += [(match.start(), inner[0]), (inner[1], match.end())]
        return bold, dropped

    def _clause(
        self,
        entry: Entry,
        start: int,
        end: int,
        bold: Sequence[tuple[int, int]],
        dropped: Sequence[tuple[int, int]],
    ) -> str:
        clause = entry.clause
        spans = [
            (span.start, span.end, number)
            for number, label in zip(entry.practices, clause.labels, strict=True)
            for span in clause.evidence.get(label, ())
        ]
        edges = {start, end}
        for first, last in [*((a, b) for a, b, _ in spans), *bold, *dropped, *entry.differing]:
            edges |= {edge for edge in (first, last) if start < edge < end}
        cuts = sorted(edges)
        pieces = []
        for first, last in pairwise(cuts):
            if any(a <= first < b for a, b in dropped):
                continue
            piece = self._plain(first, last)
            speaking = [number for a, b, number in spans if a <= first < b]
            if speaking:
                numbers = " ".join(map(str, dict.fromkeys(speaking)))
                piece = f'<u class="e{speaking[0]}" data-e="{numbers}">{piece}</u>'
            if any(a <= first < b for a, b in bold):
                piece = f"<strong>{piece}</strong>"
            if any(a <= first < b for a, b in entry.differing):
                piece = f'<mark class="diff">{piece}</mark>'
            pieces.append(piece)
        if clause.kind == "heading":
            return f'<bdi class="h" {self._identity(entry)}>{"".join(pieces)}</bdi>{self._status(entry)}'
        kind = f" p{entry.practices[0]}" if entry.practices else ""
        kind += " furniture" if clause.furniture else ""
        kind += " no" if entry.denied and entry.denied[0] == entry.practices[0] else ""
        opened = f'<bdi class="c{kind}" {self._identity(entry)}>{"".join(pieces)}</bdi>'
        ends_here = not self._text[end : clause.end].strip("|｜ \t\r\n")
        return opened + (self._label(entry) if ends_here and entry.number else "")

    def _identity(self, entry: Entry) -> str:
        """What the script knows a clause by; only its first stretch has the id."""
        if entry.key in self._written:
            return f'data-c="{entry.key}"'
        self._written.add(entry.key)
        facts = {
            "id": entry.key,
            "data-c": entry.key,
            "data-n": entry.number or "",
            "data-p": " ".join(map(str, entry.practices)),
            "data-d": " ".join(map(str, entry.denied)),
            "data-s": ""
            if entry.clause.kind == "heading"
            else " ".join(f"{1000 * entry.clause.scores.get(p, 0.0):.0f}" for p in Practice),
            "data-y": f"{entry.top:.1f}",
            "data-x": entry.status,
            "data-to": " ".join(entry.others),
        }
        return " ".join(f'{name}="{value}"' for name, value in facts.items() if value != "")

    def _label(self, entry: Entry) -> str:
        """The button behind a clause: its practices in words, its scores on demand."""
        clause = entry.clause
        tags = "".join(tag(label, label in clause.denied) for label in clause.labels)
        if clause.furniture:
            tags += f'<span class="tag page">{both(clause.furniture)}</span>'
        tags = tags or f'<span class="tag none"><span class="sr">{both("none")}</span></span>'
        return (
            f'<button type="button" class="label" data-for="{entry.key}" tabindex="-1" '
            f'aria-expanded="false" aria-controls="details">{tags}</button>{self._status(entry)}'
        )

    def _status(self, entry: Entry) -> str:
        if not entry.status:
            return ""
        word = "only_here" if entry.status == "only" else entry.status
        return f'<span class="status {entry.status}">{both(word)}</span>'

    def _plain(self, start: int, end: int) -> str:
        """Text without markup of its own; a hard-wrapped line goes on as its script does."""
        text = self._text
        written: list[str] = []
        at = start
        for match in _BREAK.finditer(text, start, end):
            before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
            joint = "" if _is_wide(before) and _is_wide(after) else " "
            written += [visible(text, at, match.start()), joint]
            at = match.end()
        written.append(visible(text, at, end))
        return "".join(written)


def extent(node: Node) -> tuple[int, int]:
    """Characters from a node's first to its last, end exclusive."""
    if isinstance(node, Items):
        last = node.items[-1]
        while last.items:
            last = last.items[-1]
        return node.items[0].mark.start, last.content.end
    if isinstance(node, Table):
        return node.rows[0][0].start, node.rows[-1][-1].end
    return node.content.start, node.content.end


def _is_wide(character: str) -> bool:
    return bool(character) and unicodedata.east_asian_width(character) in "WF"
