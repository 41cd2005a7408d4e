"""The page: its parts put together, and the lock on its door (Content-Security-Policy)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from string import Template

import policyclf
from policyclf.report.aligned import Row, compare, rows
from policyclf.report.documents import Entry, Labelled, entries, nodes_of
from policyclf.report.escaping import attribute, visible
from policyclf.report.interface import both, script_words, spoken
from policyclf.report.layout import Heading
from policyclf.report.markup import Markup, extent
from policyclf.report.overview import facts, legend, strip, strip_head, table
from policyclf.script import Language

__all__ = ["render"]

_SPOKEN = ("language", "policy", "map", "practices", "previous", "next", "details", "close")
_WRITTEN = (
    "skip", "practices", "only_matches", "only_differences", "clear", "how", "map", "advice",
    "previous", "next", "close",
)  # fmt: skip
_SHORTEST = 24  # characters: a row of fewer takes as much of the strip


def render(
    documents: Sequence[Labelled],
    *,
    language: Language | None = None,
    model: str = "",
    embedded: bool = False,
) -> str:
    """A self-contained HTML page of one document, of two side by side, or of several in turn.

    `language` is that of the page's own words; None lets the reader's browser choose
    between English and Japanese (the documents' language where it wants neither). `model`
    is named at the foot. `embedded` leaves out title and foot, for a frame in another page.
    Raises ValueError where there are no documents.
    """
    if not documents:
        raise ValueError("a page needs at least one document")
    found = [entries(document, f"d{i}c") for i, document in enumerate(documents)]
    names = [document.name for document in documents]
    own = language or _main_language(documents)
    writers = [Markup(d, e) for d, e in zip(documents, found, strict=True)]
    by = compare(found[0], found[1]) if len(documents) == 2 else None
    if by:
        aligned = rows(writers[0], writers[1], (nodes_of(documents[0]), nodes_of(documents[1])))
        _place_side_by_side(aligned, writers)
        body = _side_by_side(aligned, writers, names)
    else:
        _place_in_turn(documents, found)
        body = _in_turn(documents, writers)
    titles = [document.name or _title(document) or "policyclf" for document in documents]
    style, script = (_part(name) for name in ("style.css", "script.js"))
    return Template(_part("page.html")).substitute(
        {f"{key}_name": spoken(key, own) for key in _SPOKEN},
        **{key: both(key) for key in _WRITTEN},
        own=own,
        chosen=language or "",
        view="pair" if by else "one",
        frame="embedded" if embedded else "",
        lock=_lock(style, script),
        title=attribute(" / ".join(titles)),
        heading=' <span class="slash">/</span> '.join(f"<bdi>{visible(title)}</bdi>" for title in titles),
        facts=facts(found, names, by),
        table=table(found, names),
        legend=legend(bool(by)),
        body=body,
        strip_head=strip_head(),
        strip=strip(found, names, own),
        version=visible(f"policyclf {policyclf.__version__}{' · ' + model if model else ''}"),
        words=script_words(),
        style=style,
        script=script,
    )


def _part(name: str) -> str:
    return files("policyclf.report").joinpath(name).read_text(encoding="utf-8")


def _lock(style: str, script: str) -> str:
    """The policy under which the page runs its own script and style, and nothing else."""

    def digest(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    return (
        f"default-src 'none'; script-src 'sha256-{digest(script)}'; style-src 'sha256-{digest(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _main_language(documents: Sequence[Labelled]) -> Language:
    japanese = sum(c.language == "ja" for d in documents for c in d.clauses)
    return "ja" if japanese > sum(len(d.clauses) for d in documents) / 2 else "en"


def _title(document: Labelled) -> str:
    """The document's first heading."""
    for node in nodes_of(document):
        if isinstance(node, Heading):
            return " ".join(document.text[node.content.start : node.content.end].split())
    return ""


def _in_turn(documents: Sequence[Labelled], writers: Sequence[Markup]) -> str:
    articles = []
    for i, (document, writer) in enumerate(zip(documents, writers, strict=True)):
        nodes = nodes_of(document)
        content = "".join(writer.node(node) for node in nodes) or f'<p class="nothing">{both("nothing")}</p>'
        head = (
            f'<p class="file" id="d{i}"><bdi>{visible(document.name)}</bdi></p>' if len(documents) > 1 else ""
        )
        articles.append(f'<article class="policy">{head}{content}</article>')
    return "\n".join(articles)


def _side_by_side(aligned: Sequence[Row], writers: Sequence[Markup], names: Sequence[str]) -> str:
    heads = "".join(f'<p class="file"><bdi>{visible(name)}</bdi></p>' for name in names)
    written = [f'<div class="pair heads">{heads}</div>']
    for row in aligned:
        sides = []
        for side, node in enumerate((row.left, row.right)):
            content = (
                writers[side].node(node) if node else f'<p class="nothing"><span>{both("empty")}</span></p>'
            )
            sides.append(
                f'<div class="side{"" if node else " bare"}" role="group" '
                f'aria-label="{attribute(names[side])}">{content}</div>'
            )
        written.append(f'<div class="pair">{"".join(sides)}</div>')
    return f'<article class="policy">{"".join(written)}</article>'


def _place_in_turn(documents: Sequence[Labelled], found: Sequence[Sequence[Entry]]) -> None:
    """Put the clauses on the strip by their characters."""
    total = sum(len(document.text) for document in documents) or 1
    before = 0
    for document, of_one in zip(documents, found, strict=True):
        for entry in of_one:
            entry.top = 1000 * (before + entry.clause.start) / total
            entry.height = 1000 * (entry.clause.end - entry.clause.start) / total
        before += len(document.text)


def _place_side_by_side(aligned: Sequence[Row], writers: Sequence[Markup]) -> None:
    """Put the clauses of both on one scale: that of the rows in which they stand."""
    spans = [[extent(node) if node else (0, 0) for node in (row.left, row.right)] for row in aligned]
    heights = [max(_SHORTEST, *(end - start for start, end in both_)) for both_ in spans]
    total = sum(heights) or 1
    top = 0
    for row, sides, height in zip(aligned, spans, heights, strict=True):
        for writer, node, (start, end) in zip(writers, (row.left, row.right), sides, strict=True):
            share = height / max(end - start, 1)
            for entry in writer.within(node) if node else ():
                first, last = max(entry.clause.start, start), min(entry.clause.end, end)
                entry.top = 1000 * (top + share * (first - start)) / total
                entry.height = 1000 * share * (last - first) / total
        top += height
