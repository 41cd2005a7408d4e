"""Agreement of two annotations of the same policies: Cohen's kappa and F1 for each label.

    python -m training.agreement SECOND_FOLDER [--first FOLDER] [--disagreements OUT.tsv]

SECOND_FOLDER holds policy files of the same names and texts as the first annotation's.
Cohen's kappa (1960) on segments, headings left out: how far agreement is above what the
two annotators' shares of a label would give by chance. F1 takes either annotation as the
reference; it is the same both ways.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from training import corpus
from training.corpus import Policy, Segment

Pairs = list[tuple[Policy, Segment, Segment]]


def matched(first: Sequence[Policy], second: Sequence[Policy]) -> Pairs:
    """Segments of both annotations side by side; ValueError where texts differ."""
    by_name = {(p.language, p.name): p for p in first}
    found: Pairs = []
    for theirs in second:
        mine = by_name.get((theirs.language, theirs.name))
        if mine is None:
            raise ValueError(f"{theirs.path} has no first annotation")
        spans = [[(s.start, s.end) for s in p.segments] for p in (mine, theirs)]
        if mine.text != theirs.text or spans[0] != spans[1]:
            raise ValueError(f"{theirs.path} is not cut as {mine.path} is")
        both = zip(mine.segments, theirs.segments, strict=True)
        found += [(mine, a, b) for a, b in both if a.kind != "heading"]
    return found


def kappa(first: Sequence[bool], second: Sequence[bool]) -> float:
    """Cohen's kappa of two yes/no judgements; 1 where both are the same throughout."""
    n = len(first)
    observed = sum(a == b for a, b in zip(first, second, strict=True)) / n
    p, q = sum(first) / n, sum(second) / n
    chance = p * q + (1 - p) * (1 - q)
    return 1.0 if observed == 1 else (observed - chance) / (1 - chance)


def f1(first: Sequence[bool], second: Sequence[bool]) -> float:
    """2·both / (first + second); 1 where neither says yes."""
    both = sum(a and b for a, b in zip(first, second, strict=True))
    total = sum(first) + sum(second)
    return 2 * both / total if total else 1.0


def table(pairs: Pairs) -> str:
    """Kappa, F1 and support of each label and of any denial, by language."""
    lines = []
    for language in corpus.LANGUAGES:
        rows = [(a, b) for p, a, b in pairs if p.language == language]
        if not rows:
            continue
        exact = sum(set(a.labels) == set(b.labels) for a, b in rows) / len(rows)
        lines += [
            f"{language}: {len(rows)} segments, the same labels in {exact:.1%}",
            f"{'':<34}{'kappa':>7}{'F1':>7}{'first':>7}{'second':>7}",
        ]
        every: list[tuple[bool, bool]] = []
        for label in (*corpus.codes().values(), "(none)", "denied"):
            if label == "denied":
                one = [bool(a.denied) for a, _ in rows]
                two = [bool(b.denied) for _, b in rows]
            elif label == "(none)":
                one, two = [not a.labels for a, _ in rows], [not b.labels for _, b in rows]
            else:
                one, two = [label in a.labels for a, _ in rows], [label in b.labels for _, b in rows]
                every += zip(one, two, strict=True)
            figures = f"{kappa(one, two):>7.2f}{f1(one, two):>7.2f}{sum(one):>7}{sum(two):>7}"
            lines.append(f"{label:<34}{figures}")
        one, two = [a for a, _ in every], [b for _, b in every]
        lines.append(f"{'all labels together':<34}{kappa(one, two):>7.2f}{f1(one, two):>7.2f}\n")
    return "\n".join(lines)


def tag(segment: Segment) -> str:
    """The labels as a policy file writes them."""
    by_id = {label: code for code, label in corpus.codes().items()}
    words = [by_id[x] + ("!" if x in segment.denied else "") for x in segment.labels]
    return " ".join([*(["item"] if segment.kind == "list_item" else []), *(words or ["-"])])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("second", type=Path)
    parser.add_argument("--first", type=Path, default=corpus.DATA / "policies")
    parser.add_argument("--disagreements", type=Path, metavar="OUT.tsv")
    options = parser.parse_args()
    pairs = matched(corpus.load([options.first]), corpus.load([options.second]))
    print(table(pairs))
    if options.disagreements:
        with options.disagreements.open("w", encoding="utf-8") as file:
            for policy, a, b in pairs:
                if set(a.labels) != set(b.labels) or set(a.denied) != set(b.denied):
                    place = f"{policy.language}/{policy.path.name}\t{a.line}"
                    print(place, tag(a), tag(b), " ".join(a.text.split()), sep="\t", file=file)


if __name__ == "__main__":
    main()
