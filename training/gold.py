"""The model and its baselines on a folder of gold documents: one table a language.

FOLDER holds NAME.txt and NAME.jsonl (kind, text, labels, denied of each segment, in
reading order); NAME begins with the language. All are given the library's segments; a
gold segment is compared with the segment that covers most of it. Intervals (95 %) by
bootstrap over documents; differences by bootstrap over the same documents.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import policyclf
from policyclf.segmenting import Segment, segments
from training import corpus
from training.baselines import Baseline, Example, examples
from training.finetune import found_lead_ins

Counts = tuple[int, int, int]  # right, wrongly given, missed


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


def counts(gold: Gold, found: Sequence[tuple[int, int, set[str]]]) -> Counts:
    """Compare labelled spans with the gold."""
    right = wrong = missed = 0
    for (start, end), labels in zip(gold.spans, gold.labels, strict=True):
        best = max(found, key=lambda f: min(f[1], end) - max(f[0], start), default=None)
        given = best[2] if best and min(best[1], end) > max(best[0], start) else set()
        right += len(given & labels)
        wrong += len(given - labels)
        missed += len(labels - given)
    return right, wrong, missed


def micro_f1(rows: Sequence[Counts]) -> float:
    """Micro-F1 of summed counts."""
    right, wrong, missed = (sum(r[i] for r in rows) for i in range(3))
    return 2 * right / max(1, 2 * right + wrong + missed)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The middle 95 % of bootstrap values."""
    ordered = sorted(values)
    return ordered[int(0.025 * len(ordered))], ordered[int(0.975 * len(ordered)) - 1]


def gold_table(folder: Path, model: Path | None) -> None:
    """Print micro-F1 of every system, and how far the model is above each baseline."""
    labels = list(corpus.codes().values())
    splits = corpus.load_splits([corpus.DATA / "policies"])
    for language in corpus.LANGUAGES:
        documents = [g for g in read_gold(folder) if g.language == language]
        if not documents:
            continue
        classifier = policyclf.load(model)
        systems: dict[str, list[Counts]] = {"policyclf": []}
        for gold in documents:
            clauses = classifier.classify(gold.text)
            rows = [(c.start, c.end, {x.value for x in c.labels}) for c in clauses]
            systems["policyclf"].append(counts(gold, rows))
        train, validation = (_examples(splits[s], language, labels) for s in ("train", "validation"))
        for baseline in (
            Baseline(language, context=False),
            Baseline(language, context=True),
            Baseline(language, context=False, characters=True),
            Baseline(language, context=True, characters=True),
        ):
            baseline.fit(train, validation, len(labels))
            systems[baseline.name] = [counts(g, _baseline_rows(baseline, g.text, labels)) for g in documents]
        most = max(range(len(labels)), key=lambda i: sum(i in e.labels for e in train))
        systems[f"always {labels[most]}"] = [
            counts(g, [(s.start, s.end, {labels[most]}) for s in segments(g.text)]) for g in documents
        ]
        _print(language, documents, systems)


def _examples(policies: Sequence[corpus.Policy], language: str, labels: Sequence[str]) -> list[Example]:
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


def _baseline_rows(
    baseline: Baseline, text: str, labels: Sequence[str]
) -> list[tuple[int, int, set[str]]]:
    found: list[Segment] = segments(text)
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


def _print(language: str, documents: Sequence[Gold], systems: Mapping[str, list[Counts]]) -> None:
    rng = random.Random(0)
    draws = [rng.choices(range(len(documents)), k=len(documents)) for _ in range(1000)]
    ours = systems["policyclf"]
    print(f"\n{language}: {len(documents)} documents, {sum(len(g.spans) for g in documents)} segments")
    print(f"{'system':<66}{'micro-F1':>9}  {'95 %':<16}{'ours above it':>14}")
    for name, rows in systems.items():
        low, high = interval([micro_f1([rows[i] for i in d]) for d in draws])
        above = ""
        if rows is not ours:
            gaps = [micro_f1([ours[i] for i in d]) - micro_f1([rows[i] for i in d]) for d in draws]
            gap_low, gap_high = interval(gaps)
            gap = micro_f1(ours) - micro_f1(rows)
            above = f"{100 * gap:+.1f} [{100 * gap_low:+.1f}, {100 * gap_high:+.1f}]"
        print(f"{name:<66}{micro_f1(rows):>9.3f}  [{low:.3f}, {high:.3f}]  {above:>14}")
