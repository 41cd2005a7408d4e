"""What classification returns: clauses, with the spans that speak for their labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from policyclf.blocks import Block, Furniture
from policyclf.practices import Practice
from policyclf.script import Language
from policyclf.segmenting import SegmentKind


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the input: characters, end exclusive."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Clause:
    """One sentence, list item or heading of the input, and the practices that it states.

    `start` and `end` are characters of the input, end exclusive: ``text ==
    source[start:end]``, where the source is the document, or the item of the list,
    that was given. `labels` come most probable first and are ``()`` for headings, menu
    items and the like; `denied` are those of them whose practice the clause says is not
    done. `scores` gives every practice its calibrated probability in [0, 1] (all 0 for
    headings and blank text, which state nothing). `evidence` gives each of `labels`
    the spans, in reading order, that speak for it. `furniture` is None for what belongs
    to the document proper; of a web page or a PDF it names what else stands there:
    "navigation" (menus, breadcrumbs, tables of contents), "header", "footer" (page numbers
    too), "cookie_banner" or "button".
    """

    text: str
    start: int
    end: int
    kind: SegmentKind
    language: Language
    labels: tuple[Practice, ...]
    denied: tuple[Practice, ...]
    scores: Mapping[Practice, float]
    evidence: Mapping[Practice, tuple[Span, ...]]
    furniture: Furniture | None = None

    def to_dict(self) -> dict[str, Any]:
        """The clause as a JSON object: the row that `policyclf classify` prints in a pipe."""
        return {
            "text": self.text,
            "start": self.start,
            "end": self.end,
            "kind": self.kind,
            "language": self.language,
            "furniture": self.furniture,
            "labels": [label.value for label in self.labels],
            "denied": [label.value for label in self.denied],
            "scores": {practice.value: round(p, 4) for practice, p in self.scores.items()},
            "evidence": {
                practice.value: [[span.start, span.end] for span in spans]
                for practice, spans in self.evidence.items()
            },
        }


class Clauses(list[Clause]):
    """The list of clauses that classification returns; a notebook shows it as a page.

    `source` is the text that they were found in, None where each clause is an item of the
    list that was given; `blocks` are the text's, None where its words alone tell them.
    What is made from it (a slice, a sum) is a plain list.
    """

    def __init__(
        self,
        clauses: Iterable[Clause] = (),
        source: str | None = None,
        blocks: Sequence[Block] | None = None,
    ) -> None:
        """`source` must be the text that the clauses' offsets point into."""
        super().__init__(clauses)
        self.source = source
        self.blocks = blocks

    def _repr_html_(self) -> str:
        """The page of `policyclf report` in a frame, for notebooks."""
        from policyclf.report import notebook_frame

        return notebook_frame(self)
