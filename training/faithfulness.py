"""Is the evidence faithful? Erase it, and see how far the label's score falls.

    python -m training.faithfulness [--model FOLDER] [--segments 200] [--draws 10] [--dictionary-words]

Comprehensiveness (ERASER: DeYoung et al., ACL 2020), against chance: segments to which the
model gives a label are drawn from the validation and test splits, as many in each language.
For each label the words that its evidence touches are counted, and the fall of the label's
probability when the evidence is erased is held against the mean fall when as many words are
erased at random. Random words are drawn from all of the segment's, those of the evidence
among them, several times. Words are letters and digits in a row in English, short units of
UniDic in Japanese (the extra "words"), whatever the evidence is made of.

Each segment is read twice: alone, and in its window of the document, the other segments of
which stay as they are. Printed is the share of labels where the evidence falls further,
with a 95 % interval by bootstrap over documents. Where the evidence touches every word of
the segment there is nothing to compare: such labels are counted, and left out.
"""

from __future__ import annotations

import argparse
import functools
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import policyclf
from policyclf.classifier import Classifier, shipped_model
from policyclf.evidence import dictionary_words, words
from policyclf.model import Model
from policyclf.segmenting import segments
from policyclf.windows import windows
from training import corpus

EACH = 8  # segments of a policy at most
DRAWS_OF_DOCUMENTS = 1000


@dataclass(frozen=True)
class Case:
    """One label of one segment: falls of its probability, and how many words were erased."""

    language: str
    document: str
    fall: float
    random_fall: float  # mean over draws
    erased: int
    words: int  # of the segment

    @property
    def comparable(self) -> bool:
        """Whether other words could have been erased instead."""
        return self.erased < self.words

    @property
    def won(self) -> bool:
        """Whether the evidence lowers the probability more than random words do."""
        return self.fall > self.random_fall


Scores = Mapping[policyclf.Practice, float]
# A clause with labels, and what scores its text anew when some of it is erased.
Read = tuple[policyclf.Clause, Callable[[str], Scores]]


def cases(
    clause: policyclf.Clause, read: Callable[[str], Scores], document: str, draws: int
) -> Iterator[Case]:
    """A case for each label of `clause`; see Read. The same draws at every call."""
    rng = random.Random(clause.text)
    own = dictionary_words(clause.text) if clause.language == "ja" else words(clause.text, ())
    scored: dict[str, Scores] = {}

    def fall(label: policyclf.Practice, spans: Sequence[tuple[int, int]]) -> float:
        rest = erased(clause.text, spans)
        if rest not in scored:
            scored[rest] = read(rest)
        return clause.scores[label] - scored[rest][label]

    for label in clause.labels:
        spans = [(s.start - clause.start, s.end - clause.start) for s in clause.evidence[label]]
        count = sum(any(a < last and first < b for a, b in spans) for first, last in own)
        falls = (0.0, 0.0)
        if count < len(own):
            by_chance = [fall(label, rng.sample(own, count)) for _ in range(draws)]
            falls = (fall(label, spans), float(np.mean(by_chance)))
        yield Case(clause.language, document, *falls, count, len(own))


def erased(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """`text` without the spans; where white space meets, a single space stays."""
    for first, last in sorted(spans, reverse=True):
        text = text[:first] + text[last:]
    return re.sub(r"\s+", " ", text).strip()


def alone(classifier: Classifier, text: str) -> Iterator[Read]:
    """The segments of a document, those that get a label when each is read alone."""
    body = [text[s.start : s.end] for s in segments(text) if s.kind != "heading"]
    for clause in classifier.classify(body):
        if clause.labels:
            yield clause, lambda rest: classifier.classify([rest])[0].scores


def in_context(model: Model, classifier: Classifier, text: str) -> Iterator[Read]:
    """The clauses of a document that get a label, each read in its window.

    Not those in windows that hold a part of an over-long segment.
    """
    found = segments(text)
    texts = [text[s.start : s.end] for s in found]
    kinds = [s.kind for s in found]
    lead_ins = [s.lead_in for s in found]
    lengths = [len(reading.offsets) for reading in model.read(texts, kinds, lead_ins)]
    headings = [kind == "heading" for kind in kinds]
    clauses = classifier.classify(text)
    for window in windows(lengths, headings, lead_ins, model.config.max_tokens - 2):
        pieces = (*window.context, *window.own)
        if all(p.length == lengths[p.segment] for p in pieces):
            here = [p.segment for p in pieces]
            for segment in (p.segment for p in window.own if clauses[p.segment].labels):
                yield clauses[segment], functools.partial(_changed, model, texts, kinds, here, segment)


def _changed(
    model: Model, texts: Sequence[str], kinds: Sequence[str], here: Sequence[int], segment: int, text: str
) -> Scores:
    """Scores of `segment`, changed to `text`, when the segments `here` are a window."""
    # Read as a document they are one window again, since they fit into it.
    changed = [text if i == segment else texts[i] for i in here]
    readings = model.read(changed, [kinds[i] for i in here], [None] * len(here))
    return dict(zip(model.config.labels, readings[here.index(segment)].scores.tolist(), strict=True))


def drawn(
    policies: Sequence[corpus.Policy], reads: Callable[[str], Iterator[Read]], count: int
) -> Iterator[tuple[str, Read]]:
    """`count` segments, at most EACH of a policy, with the policy's name."""
    rng = random.Random(0)
    left = count
    for policy in rng.sample(policies, len(policies)):
        found = list(reads(policy.text)) if left else []
        for read in rng.sample(found, min(EACH, left, len(found))):
            yield policy.name, read
            left -= 1


def summary(found: Sequence[Case]) -> str:
    """One line: the share won, its interval, and mean falls and words."""
    compared = [case for case in found if case.comparable]
    if not compared:
        return "nothing to compare"
    by_document: dict[str, list[bool]] = {}
    for case in compared:
        by_document.setdefault(case.document, []).append(case.won)
    rng = np.random.default_rng(0)
    names = list(by_document)
    shares = []
    for draw in rng.integers(0, len(names), (DRAWS_OF_DOCUMENTS, len(names))):
        shares.append(np.mean([won for i in draw for won in by_document[names[i]]]))
    low, high = np.quantile(shares, [0.025, 0.975])
    fall, by_chance, erased_words, all_words = (
        float(np.mean([getattr(case, name) for case in compared]))
        for name in ("fall", "random_fall", "erased", "words")
    )
    share = np.mean([case.won for case in compared])
    return (
        f"{100 * share:6.1f}% [{100 * low:.1f}, {100 * high:.1f}]  of {len(compared)} labels"
        f"  fall {fall:.3f}, at random {by_chance:.3f}  words {erased_words:.1f} of {all_words:.1f}"
        f"  left out {len(found) - len(compared)}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, help="a model folder (default: the released one)")
    parser.add_argument("--segments", type=int, default=200)
    parser.add_argument("--draws", type=int, default=10, help="of random words, for each label")
    parser.add_argument("--dictionary-words", action="store_true", help="evidence in UniDic's words")
    options = parser.parse_args(arguments)
    model = Model(options.model or shipped_model(), threads=2)
    classifier = Classifier(model, words=options.dictionary_words)
    splits = corpus.load_splits()
    for name, reads in (
        ("in its document", functools.partial(in_context, model, classifier)),
        ("alone", functools.partial(alone, classifier)),
    ):
        found: list[Case] = []
        print(f"\nevidence lowers the score more than as many random words, each segment {name}:")
        for language in corpus.LANGUAGES:
            policies = [p for s in ("validation", "test") for p in splits[s] if p.language == language]
            mine = [
                case
                for document, read in drawn(policies, reads, options.segments // 2)
                for case in cases(*read, document, options.draws)
            ]
            print(f"{language}    {summary(mine)}", flush=True)
            found += mine
        print(f"both  {summary(found)}")


if __name__ == "__main__":
    main()
