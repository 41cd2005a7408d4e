"""The model and its baselines on a folder of gold documents: one table a language.

    python -m training.benchmark gold FOLDER [--model FOLDER] [--minilm FOLDER]
        [--only words spacy …] [--also NAME=FOLDER …] [--alone NAME=FOLDER …]

FOLDER holds NAME.txt and NAME.jsonl (kind, text, labels, denied of each segment, in
reading order); NAME begins with the language. All are given the library's segments; a
gold segment is compared with the segment that covers most of it. Intervals (95 %) by
bootstrap over documents; differences by bootstrap over the same documents.

Other model folders (other encoders, trainings on one language, ablations) stand in the
same table by `--also`; by `--alone` those that are to read every segment without context.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import policyclf
from policyclf.segmenting import segments
from training import corpus
from training.baselines import Baseline, Example, Majority, TfIdf, examples
from training.baselines_neural import MINILM_SHA256, FrozenVectors, SentenceVectors, TextCat
from training.documents import found_lead_ins
from training.finetune import ENCODER

BASELINES = ("majority", "words", "characters", "spacy", "minilm", "encoder")
DRAWS = 1000

# A document's segments by a system: start and end in characters, and the labels given.
Labelled = list[tuple[int, int, set[str]]]


@dataclass(frozen=True)
class Gold:
    """A gold document: spans of its segments, headings left out, and their labels."""

    name: str
    language: str
    text: str
    spans: list[tuple[int, int]]
    labels: list[set[str]]


def read_gold(folder: Path) -> list[Gold]:
    """Every NAME.jsonl of `folder` with its NAME.txt; ValueError where they do not fit."""
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        text = path.with_suffix(".txt").read_text(encoding="utf-8")
        at, spans, labels = 0, [], []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            segment = json.loads(line)
            start = text.find(segment["text"], at)
            if start < 0:
                raise ValueError(f"{path}:{number}: not in the document")
            at = start + len(segment["text"])
            if segment["kind"] != "heading":
                spans.append((start, at))
                labels.append(set(segment["labels"]))
        found.append(Gold(path.stem, path.name.split("-")[0], text, spans, labels))
    if not found:
        raise ValueError(f"no NAME.jsonl in {folder}")
    return found


def counts(gold: Gold, found: Labelled, labels: Sequence[str]) -> np.ndarray:
    """Labels rightly given, wrongly given and missed, (n_labels, 3)."""
    table = np.zeros((len(labels), 3), dtype=int)
    for (start, end), true in zip(gold.spans, gold.labels, strict=True):
        best = max(found, key=lambda f: min(f[1], end) - max(f[0], start), default=None)
        given = best[2] if best and min(best[1], end) > max(best[0], start) else set()
        for row, label in zip(table, labels, strict=True):
            row += (
                label in given and label in true,
                label in given and label not in true,
                label in true and label not in given,
            )
    return table


def micro_f1(table: np.ndarray) -> float:
    """F1 of summed counts; `table` as from `counts`, or those of several documents."""
    right, wrong, missed = table.reshape(-1, 3).sum(axis=0)
    return float(2 * right / max(1, 2 * right + wrong + missed))


def macro_f1(table: np.ndarray) -> float:
    """Mean F1 of the labels that occur in the gold; counts of documents (n, n_labels, 3)."""
    each = table.sum(axis=0)
    return float(np.mean([micro_f1(row) for row in each if row[0] + row[2]]))


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The middle 95 % of bootstrap values."""
    ordered = sorted(values)
    return ordered[int(0.025 * len(ordered))], ordered[int(0.975 * len(ordered)) - 1]


# --- Systems ---


def library(model: Path | None, *, alone: bool = False) -> Callable[[str], Labelled]:
    """A model folder read by the library: a document at once, or segment by segment."""
    classifier = policyclf.load(model)

    def read(text: str) -> Labelled:
        if not alone:
            return [(c.start, c.end, {x.value for x in c.labels}) for c in classifier.classify(text)]
        found = segments(text)
        body = [s for s in found if s.kind != "heading"]
        clauses = iter(classifier.classify([text[s.start : s.end] for s in body]))
        return [
            (s.start, s.end, set() if s.kind == "heading" else {x.value for x in next(clauses).labels})
            for s in found
        ]

    return read


def fitted(
    baseline: Baseline, train: Sequence[Example], validation: Sequence[Example], labels: Sequence[str]
) -> Callable[[str], Labelled]:
    """A baseline, trained."""
    baseline.fit(train, validation, len(labels))
    print(f"{baseline.name}: {baseline.rule}", file=sys.stderr, flush=True)

    def read(text: str) -> Labelled:
        found = segments(text)
        given = examples(
            [s.kind for s in found],
            [text[s.start : s.end] for s in found],
            [s.lead_in for s in found],
            [()] * len(found),
        )
        predicted = iter(baseline.predict(given))
        return [
            (s.start, s.end, set() if s.kind == "heading" else {labels[i] for i in next(predicted)})
            for s in found
        ]

    return read


def baselines(
    language: str, only: Sequence[str], vectors: Mapping[str, SentenceVectors]
) -> Iterator[Baseline]:
    """Those named in `only`; frozen vectors for which there is an encoder in `vectors`.

    all-MiniLM-L6-v2 reads no Japanese and is held against the model in English alone.
    """
    if "majority" in only:
        yield Majority()
    for context in (False, True):
        if "words" in only:
            yield TfIdf(language, context=context)
        if "characters" in only:
            yield TfIdf(language, context=context, characters=True)
        if "spacy" in only:
            yield TextCat(language, context=context)
        if "minilm" in only and "minilm" in vectors and language == "en":
            yield FrozenVectors("all-MiniLM-L6-v2", vectors["minilm"], context=context)
        if "encoder" in only and "encoder" in vectors:
            yield FrozenVectors("models/encoder", vectors["encoder"], context=context)


def training_examples(
    policies: Sequence[corpus.Policy], language: str, labels: Sequence[str]
) -> list[Example]:
    """The corpus as the baselines see it, one language."""
    return [
        example
        for policy in policies
        if policy.language == language
        for example in examples(
            [s.kind for s in policy.segments],
            [s.text for s in policy.segments],
            found_lead_ins(policy),
            [[labels.index(x) for x in s.labels] for s in policy.segments],
        )
    ]


# --- The table ---


def table(language: str, documents: Sequence[Gold], systems: Mapping[str, np.ndarray]) -> str:
    """A line for each system, by its counts (n_documents, n_labels, 3); the first is ours."""
    rng = random.Random(0)
    draws = [rng.choices(range(len(documents)), k=len(documents)) for _ in range(DRAWS)]
    ours = next(iter(systems.values()))
    drawn = [micro_f1(ours[d]) for d in draws]
    lines = [
        f"{language}: {len(documents)} documents, {sum(len(g.spans) for g in documents)} segments",
        f"{'system':<78}{'micro-F1':>9}  {'95 %':<16}{'macro-F1':>9}{'ours above it, micro':>24}",
    ]
    for name, rows in systems.items():
        values = [micro_f1(rows[d]) for d in draws]
        low, high = interval(values)
        above = ""
        if rows is not ours:
            gap = micro_f1(ours) - micro_f1(rows)
            gap_low, gap_high = interval([a - b for a, b in zip(drawn, values, strict=True)])
            above = f"{100 * gap:+.1f} [{100 * gap_low:+.1f}, {100 * gap_high:+.1f}]"
        lines.append(
            f"{name:<78}{micro_f1(rows):>9.3f}  [{low:.3f}, {high:.3f}]  {macro_f1(rows):>9.3f}{above:>24}"
        )
    return "\n".join(lines)


def options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path, help="a model folder (default: the released one)")
    parser.add_argument("--only", nargs="+", choices=BASELINES, default=BASELINES, metavar="NAME",
                        help=f"run these baselines alone, of {', '.join(BASELINES)}")  # fmt: skip
    parser.add_argument("--minilm", type=Path, help="folder of all-MiniLM-L6-v2, for that baseline")
    parser.add_argument("--encoder", type=Path, default=ENCODER, help="for the baseline `encoder`")
    for flag, what in (("--also", "score this model too"), ("--alone", "the same, without context")):
        parser.add_argument(flag, type=named, action="append", default=[], metavar="NAME=FOLDER", help=what)


def named(argument: str) -> tuple[str, Path]:
    """NAME=FOLDER."""
    name, equals, folder = argument.partition("=")
    if not name or not equals or not Path(folder).is_dir():
        raise argparse.ArgumentTypeError(f"{argument!r} is not NAME=FOLDER with a folder that is there")
    return name, Path(folder)


def main(given: argparse.Namespace) -> None:
    """Fit the baselines, score all systems, print a table for each language."""
    labels = list(corpus.codes().values())
    splits = corpus.load_splits([corpus.DATA / "policies"])
    gold = read_gold(given.folder)
    vectors = {}
    if given.minilm and "minilm" in given.only:
        vectors["minilm"] = SentenceVectors(given.minilm, MINILM_SHA256)
    if "encoder" in given.only:
        vectors["encoder"] = SentenceVectors(given.encoder)
    for language in corpus.LANGUAGES:
        documents = [g for g in gold if g.language == language]
        if not documents:
            continue
        systems = {
            "policyclf": library(given.model),
            "policyclf, no context": library(given.model, alone=True),
        }
        systems |= {name: library(folder) for name, folder in given.also}
        systems |= {name: library(folder, alone=True) for name, folder in given.alone}
        train, validation = (training_examples(splits[s], language, labels) for s in ("train", "validation"))
        for baseline in baselines(language, given.only, vectors):
            systems[baseline.name] = fitted(baseline, train, validation, labels)
        scored = {
            name: np.stack([counts(g, read(g.text), labels) for g in documents])
            for name, read in systems.items()
        }
        print(f"\n{table(language, documents, scored)}", flush=True)
