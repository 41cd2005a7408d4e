"""Figures of runs on OPP-115, and the table that sets them beside published ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from training.calibration import decided, f_beta
from training.opp115_data import SPLITS, Split, Unit

# Every segment of `majority` and `plue` has a label, so a floor of 0 (always give one) is
# among those to choose from; 1 is no floor.
THRESHOLDS = np.arange(0.2, 0.8, 0.02)
FLOORS = (0.0, 0.1, 0.2, 0.3, 0.4, 1.0)
DRAWS = 1000

# Published figures on the same files: micro-F1, macro-F1 (None: not reported).
PUBLISHED: Mapping[str, Sequence[tuple[str, float, float | None]]] = {
    "majority": (
        ("PrivBERT (Srinath et al., 2021)", 87.2, 82.1),
        ("one human annotator against the majority", 85.8, 82.7),
        ("RoBERTa-base", 85.4, 79.5),
        ("BERT-base", 84.0, 78.4),
        ("TF-IDF + SVM", 79.1, 72.3),
    ),
    "plue": (
        ("best published", 80.2, None),
        ("SVM", 77.5, None),
    ),
    "sentences": (),
}


@dataclass(frozen=True)
class Run:
    """One fine-tuned model's figures, or a baseline's, which has no settings; F1 in [0, 1].

    `labels` gives (right, wrongly given, missed) on the test part for each label,
    `units` the same for each test unit (segment or policy), for the bootstrap.
    """

    split: str
    seed: int
    encoder: str
    settings: Mapping[str, float]
    threshold: float
    floor: float
    validation_micro: float
    validation_macro: float
    micro: float
    macro: float
    labels: Mapping[str, Sequence[int]]
    units: Sequence[Sequence[int]] = field(repr=False)
    device: str
    seconds: float


def truth_of(units: Sequence[Unit], labels: int) -> np.ndarray:
    """Of 0 and 1, (n_passages, n_labels)."""
    passages = [p for unit in units for p in unit]
    truth = np.zeros((len(passages), labels), dtype=bool)
    for row, passage in zip(truth, passages, strict=True):
        row[list(passage.labels)] = True
    return truth


def choose(p: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """The threshold and floor with the best micro-F1; the middle one of equals."""
    scores = {
        (float(t), floor): f_beta(decided(p, [t] * p.shape[1], floor), truth)
        for t in THRESHOLDS
        for floor in FLOORS
    }
    best = max(scores.values())
    equals = sorted(pair for pair, score in scores.items() if score > best - 1e-9)
    return equals[len(equals) // 2]


def macro_f1(given: np.ndarray, truth: np.ndarray) -> float:
    """Mean over labels of F1; a label that neither bears counts 0, as in scikit-learn."""
    each = [
        f_beta(given[:, i], truth[:, i]) if given[:, i].any() or truth[:, i].any() else 0.0
        for i in range(truth.shape[1])
    ]
    return float(np.mean(each))


def figures(split: Split, read: Mapping[str, np.ndarray], **about: Any) -> Run:
    """A run's figures from probabilities of the `validation` and `test` passages.

    `about` are the fields of Run that say how the probabilities came about.
    """
    truth = {
        part: truth_of(units, len(split.labels))
        for part, units in (("validation", split.validation), ("test", split.test))
    }
    threshold, floor = choose(read["validation"], truth["validation"])
    given = {part: decided(p, [threshold] * p.shape[1], floor) for part, p in read.items()}
    right = given["test"] & truth["test"]
    wrong, missed = given["test"] & ~truth["test"], truth["test"] & ~given["test"]
    places = np.cumsum([0, *map(len, split.test)])[:-1]
    by_unit = np.stack([np.add.reduceat(x.sum(axis=1), places) for x in (right, wrong, missed)], axis=1)
    by_label = np.stack([x.sum(axis=0) for x in (right, wrong, missed)], axis=1)
    return Run(
        split=split.name,
        threshold=round(threshold, 3),
        floor=floor,
        validation_micro=f_beta(given["validation"], truth["validation"]),
        validation_macro=macro_f1(given["validation"], truth["validation"]),
        micro=f_beta(given["test"], truth["test"]),
        macro=macro_f1(given["test"], truth["test"]),
        labels=dict(zip(split.labels, by_label.tolist(), strict=True)),
        units=by_unit.tolist(),
        **about,
    )


def interval(runs: Sequence[Run]) -> tuple[float, float]:
    """95 % interval of the micro-F1, mean over the runs, by bootstrap over test units."""
    rng = np.random.default_rng(0)
    counts = np.array([run.units for run in runs])  # (n_runs, n_units, 3)
    values = []
    for _ in range(DRAWS):
        right, wrong, missed = counts[:, rng.integers(0, counts.shape[1], counts.shape[1])].sum(axis=1).T
        values.append(float(np.mean(2 * right / np.maximum(1, 2 * right + wrong + missed))))
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def table(runs: Sequence[Run], usual: Mapping[str, float], *, test: bool = True) -> str:
    """Ours (mean over seeds, and how far they spread) beside published figures, in percent.

    Settings that differ from `usual` are named. Without `test` only figures of the
    validation part are given, to choose settings by.
    """
    lines = []
    for split in [s for s in SPLITS if any(r.split == s for r in runs)]:
        lines += ["", f"{split:<64}{'micro-F1':>10}{'95 %':>16}{'macro-F1':>10}   over seeds"]
        alike: dict[str, list[Run]] = {}
        for run in runs:
            if run.split == split:
                others = [f"{k}={v}" for k, v in run.settings.items() if v != usual.get(k)]
                name = f"ours ({run.encoder})" if run.settings else run.encoder
                alike.setdefault(" ".join([name, *others]), []).append(run)
        for name, mine in alike.items():
            if mine[0].settings:
                name += f", {len(mine)} seed" + "s" * (len(mine) > 1)
            validation = [r.validation_micro for r in mine], [r.validation_macro for r in mine]
            lines.append(_line(f"{name}, validation", *validation))
            if test:
                figures = [r.micro for r in mine], [r.macro for r in mine]
                lines.append(_line(name, *figures, interval(mine)))
        if test:
            for who, micro, macro in PUBLISHED[split]:
                lines.append(f"{who:<64}{micro:>10.1f}{'':>16}{'' if macro is None else f'{macro:.1f}':>10}")
    return "\n".join(lines)


def _line(
    name: str, micro: Sequence[float], macro: Sequence[float], around: tuple[float, float] | None = None
) -> str:
    between = "" if around is None else f"[{100 * around[0]:.1f}, {100 * around[1]:.1f}]"
    spread = "micro {:.1f} to {:.1f}, macro {:.1f} to {:.1f}".format(
        *(100 * x for values in (micro, macro) for x in (min(values), max(values)))
    )
    return f"{name:<64}{100 * np.mean(micro):>10.1f}{between:>16}{100 * np.mean(macro):>10.1f}   {spread}"
