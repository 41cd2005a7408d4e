"""What a page is made of: documents with their clauses, and each clause's part in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from policyclf.practices import Practice
from policyclf.report.layout import Node, Paragraph, Stretch, layout
from policyclf.results import Clause, Clauses

__all__ = ["Entry", "Labelled", "document_of", "entries", "nodes_of"]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text, its clauses in reading order, and the name that it goes by on the page."""

    name: str
    text: str
    clauses: Sequence[Clause]
    nodes: Sequence[Node] | None = None  # its layout; None: that of the text

    def __post_init__(self) -> None:
        """Check that the clauses are the text's own; ValueError where they are not."""
        at = 0
        for clause in self.clauses:
            if clause.start < at or self.text[clause.start : clause.end] != clause.text:
                raise ValueError(
                    f"{self.name}: the clause at {clause.start} is not the text's: {clause.text[:40]!r}"
                )
            at = clause.end


@dataclass(slots=True)
class Entry:
    """A clause on the page."""

    clause: Clause
    key: str  # its id there
    number: int  # among the document's clauses; 0 for headings and for what only makes layout
    top: float = 0.0  # where on the strip, in thousandths from its top
    height: float = 0.0
    status: str = ""  # in a comparison: "", "only", "changed", "moved"
    others: list[str] = field(default_factory=list)  # keys of its counterparts
    differing: list[tuple[int, int]] = field(default_factory=list)  # characters of the document

    @property
    def practices(self) -> list[int]:
        """Numbers of the labels, most probable first; none for what only makes layout."""
        return [_ORDER[label] for label in self.clause.labels] if self.number else []

    @property
    def denied(self) -> list[int]:
        """Those of `practices` that are denied."""
        return [_ORDER[label] for label in self.clause.denied] if self.number else []


_ORDER = {practice: i for i, practice in enumerate(Practice)}


def document_of(clauses: Sequence[Clause], name: str = "", text: str | None = None) -> Labelled:
    """The document that `clauses` were found in, as `classify` returned them.

    `text` is needed where they are a list of the caller's own; ValueError where it is
    missing. Sentences that were classified one by one stand under each other.
    """
    if text is None and isinstance(clauses, Clauses):
        if clauses.source is None:
            return _listed(clauses, name)
        return Labelled(name, clauses.source, clauses, layout(clauses.source, clauses.blocks))
    if text is None:
        raise ValueError("the text is needed where the clauses are not what classify() returned")
    return Labelled(name, text, clauses)


def _listed(clauses: Sequence[Clause], name: str) -> Labelled:
    """Sentences that are documents of their own, one a paragraph."""
    moved: list[Clause] = []
    nodes: list[Node] = []
    at = 0
    for clause in clauses:
        evidence = {
            label: tuple(replace(s, start=at + s.start, end=at + s.end) for s in spans)
            for label, spans in clause.evidence.items()
        }
        end = at + len(clause.text)
        moved.append(replace(clause, start=at, end=end, evidence=evidence))
        nodes.append(Paragraph(Stretch(at, end)))
        at = end + 1
    return Labelled(name, "\n".join(c.text for c in clauses), moved, nodes)


def entries(document: Labelled, prefix: str) -> list[Entry]:
    """The document's clauses, numbered; keys begin with `prefix`."""
    result: list[Entry] = []
    number = 0
    for i, clause in enumerate(document.clauses):
        # Rules and rulers (---, |---|) are segments too, but nothing to read.
        counts = clause.kind != "heading" and any(c.isalnum() or ord(c) > 127 for c in clause.text)
        number += counts
        result.append(Entry(clause, f"{prefix}{i}", number if counts else 0))
    return result


def nodes_of(document: Labelled) -> list[Node]:
    """The document's layout."""
    return list(layout(document.text) if document.nodes is None else document.nodes)
