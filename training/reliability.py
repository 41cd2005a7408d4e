"""Reliability diagram: of what the model gives probability p, how much is so?

    python -m training.reliability [--model FOLDER] [--split test] [--gold FOLDER] -o FILE.svg

Whole documents go through the library, with its own segmentation; a segment of the split
(or of gold documents, which are for measuring only) is compared with the clause that
covers most of it. Printed is the expected calibration error (Guo et al., ICML 2017; ten
equally wide bins) by language: over every pair of segment and label, over each segment's
most probable label alone, which the many clear negatives do not flatter, and by label.
The diagram (Niculescu-Mizil and Caruana, ICML 2005) shows the first two.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import policyclf
from training import corpus
from training.calibration import expected_calibration_error
from training.gold import Gold, read_gold

BINS = 10
LANGUAGE_NAMES = {"en": "English", "ja": "Japanese"}


@dataclass(frozen=True)
class Scored:
    """Probabilities and truth (0 or 1) of segments, headings left out, (n_segments, n_labels)."""

    p: np.ndarray
    truth: np.ndarray

    def most_probable(self) -> Scored:
        """Each segment's most probable label alone, (n_segments, 1)."""
        best = self.p.argmax(axis=1)[:, None]
        return Scored(*(np.take_along_axis(a, best, axis=1) for a in (self.p, self.truth)))

    def error(self) -> float:
        """Expected calibration error over all pairs, in [0, 1]."""
        return expected_calibration_error(self.p.ravel(), self.truth.ravel(), BINS)


@dataclass(frozen=True)
class Bin:
    """Pairs whose probability lies in one bin: how many, the mean of it, how many are so."""

    count: int
    predicted: float
    observed: float
    low: float  # 95 % interval of the observed share
    high: float


def from_corpus(policies: Sequence[corpus.Policy]) -> list[Gold]:
    """Policies of the corpus as documents to measure on."""
    documents = []
    for policy in policies:
        body = [s for s in policy.segments if s.kind != "heading"]
        spans = [(s.start, s.end) for s in body]
        documents.append(
            Gold(policy.name, policy.language, policy.text, spans, [set(s.labels) for s in body])
        )
    return documents


def scored(classifier: policyclf.Classifier, documents: Sequence[Gold]) -> Scored:
    """The documents' segments as the library scores them; at least one document."""
    labels = classifier.config.labels
    p, truth = [], []
    for document in documents:
        clauses = classifier.classify(document.text)
        for (start, end), true in zip(document.spans, document.labels, strict=True):
            best = max(clauses, key=lambda c: min(c.end, end) - max(c.start, start))
            p.append([best.scores[x] for x in labels])
            truth.append([x.value in true for x in labels])
    return Scored(np.array(p), np.array(truth, dtype=float))


def bins(found: Scored) -> list[Bin]:
    """The bins that are not empty, in ascending order.

    Intervals are Wilson's (1927), as if pairs were independent: segments of a document are
    not, so that they are somewhat too narrow.
    """
    p, truth = found.p.ravel(), found.truth.ravel()
    which = np.minimum((p * BINS).astype(int), BINS - 1)
    result = []
    for b in np.unique(which):
        inside = which == b
        n, share, z = int(inside.sum()), float(truth[inside].mean()), 1.96
        middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * (share * (1 - share) / n + z**2 / (4 * n**2)) ** 0.5
        result.append(Bin(n, float(p[inside].mean()), share, middle - half, middle + half))
    return result


# --- The diagram: 240 units a plot, drawn by hand so that no plotting library is needed ---

SIDE, LEFT, TOP, GAP, FOOT = 240, 56, 52, 76, 66


def svg(panels: Sequence[Sequence[tuple[str, Scored]]]) -> str:
    """Rows of plots, each with its title, as an SVG document."""
    width = LEFT + max(map(len, panels)) * (SIDE + GAP) - GAP + 24
    height = len(panels) * (TOP + SIDE + FOOT)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="sans-serif" font-size="11" fill="#222">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for i, row in enumerate(panels):
        for j, (title, found) in enumerate(row):
            x, y = LEFT + j * (SIDE + GAP), TOP + i * (TOP + SIDE + FOOT)
            parts += [f'<g transform="translate({x} {y})">', *_plot(title, found), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _plot(title: str, found: Scored) -> Iterator[str]:
    yield f'<text x="0" y="-24" font-size="13" font-weight="bold">{title}</text>'
    yield f'<text x="0" y="-8">expected calibration error {found.error():.3f}, n = {found.p.size:,}</text>'
    yield f'<rect width="{SIDE}" height="{SIDE}" fill="none" stroke="#999"/>'
    yield f'<path d="M0 {SIDE}L{SIDE} 0" stroke="#999" stroke-dasharray="4 4"/>'
    for tick in range(0, 11, 2):
        at = SIDE * tick / 10
        yield f'<text x="{at:.0f}" y="{SIDE + 15}" text-anchor="middle">{tick / 10:g}</text>'
        yield f'<text x="-6" y="{SIDE - at + 4:.0f}" text-anchor="end">{tick / 10:g}</text>'
    below = f'x="{SIDE / 2:.0f}" y="{SIDE + 31}" text-anchor="middle"'
    yield f"<text {below}>probability given (bars: share of all)</text>"
    turned = f'transform="translate(-36 {SIDE / 2:.0f}) rotate(-90)" text-anchor="middle"'
    yield f"<text {turned}>share that is so</text>"
    shown = bins(found)
    # how full each bin is, by its share of the pairs, along the foot of the plot
    for b in shown:
        bar = 40 * b.count / found.p.size
        at = SIDE * min(int(b.predicted * BINS), BINS - 1) / BINS
        yield (
            f'<rect x="{at + 1:.1f}" y="{SIDE - bar:.1f}" width="{SIDE / BINS - 2:.1f}" '
            f'height="{bar:.1f}" fill="#cfd8e3"><title>{b.count:,} pairs</title></rect>'
        )
    line = " ".join(f"{SIDE * b.predicted:.1f},{SIDE * (1 - b.observed):.1f}" for b in shown)
    yield f'<polyline points="{line}" fill="none" stroke="#1f5fa8" stroke-width="1.5"/>'
    for b in shown:
        x = SIDE * b.predicted
        yield f'<path d="M{x:.1f} {SIDE * (1 - b.low):.1f}V{SIDE * (1 - b.high):.1f}" stroke="#1f5fa8"/>'
        yield (
            f'<circle cx="{x:.1f}" cy="{SIDE * (1 - b.observed):.1f}" r="3.5" fill="#1f5fa8">'
            f"<title>{b.predicted:.3f} given, {b.observed:.3f} so, of {b.count:,}</title></circle>"
        )


def _table(found: Mapping[str, Scored], labels: Sequence[str]) -> str:
    """Errors by language."""
    rows = [("every pair of segment and label", {k: s.error() for k, s in found.items()})]
    rows.append(("most probable label alone", {k: s.most_probable().error() for k, s in found.items()}))
    for i, label in enumerate(labels):
        column = {k: Scored(s.p[:, i : i + 1], s.truth[:, i : i + 1]) for k, s in found.items()}
        rows.append((label, {k: s.error() for k, s in column.items()}))
    head = f"{'expected calibration error':<34}" + "".join(f"{LANGUAGE_NAMES[k]:>20}" for k in found)
    lines = [head, f"{'segments':<34}" + "".join(f"{len(s.p):>20,}" for s in found.values())]
    for i, (name, errors) in enumerate(rows):
        support = [f" ({int(s.truth[:, i - 2].sum())})" if i >= 2 else "" for s in found.values()]
        cells = [f"{e:.4f}{n}" for e, n in zip(errors.values(), support, strict=True)]
        lines.append(f"{name:<34}" + "".join(f"{c:>20}" for c in cells))
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, help="a model folder (default: the released one)")
    parser.add_argument("--split", choices=corpus.SPLITS, default="test")
    parser.add_argument("--gold", type=Path, metavar="FOLDER", help="gold documents instead of a split")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FILE.svg")
    options = parser.parse_args(arguments)
    classifier = policyclf.load(options.model)
    split = options.split
    documents = read_gold(options.gold) if options.gold else from_corpus(corpus.load_splits()[split])
    found = {}
    for language in corpus.LANGUAGES:
        mine = [d for d in documents if d.language == language]
        if mine:
            found[language] = scored(classifier, mine)
    print(_table(found, [x.value for x in classifier.config.labels]))
    pairs = [(f"{LANGUAGE_NAMES[k]}: every label", s) for k, s in found.items()]
    best = [(f"{LANGUAGE_NAMES[k]}: most probable label", s.most_probable()) for k, s in found.items()]
    temporary = options.out.with_name(options.out.name + ".new")
    temporary.write_text(svg([pairs, best]), encoding="utf-8")
    temporary.replace(options.out)


if __name__ == "__main__":
    main()
