"""Temperatures and thresholds, chosen on the validation split.

Temperature scaling (Guo et al., ICML 2017): one number divides all logits of an output.
A label's threshold is the one with the best F1 on validation, drawn to the threshold
that is best for all labels together the more, the rarer the label is: forty examples
do not tell 0.43 from 0.47.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.model import Document

CANDIDATES = np.arange(0.2, 0.8, 0.02)
# A label with so many validation examples gets a threshold half its own, half the common one.
HALFWAY = 40


@dataclass(frozen=True)
class Decisions:
    """What turns logits into labels; thresholds are probabilities, in the labels' order."""

    temperature: float
    denied_temperature: float
    thresholds: list[float]
    denied_thresholds: list[float]
    calibration_error: float


def fit(
    docs: Sequence[Document], practice: Sequence[np.ndarray], denial: Sequence[np.ndarray]
) -> Decisions:
    """Temperatures and thresholds from documents and their logits, (n_segments, n_labels) each."""
    x, y, xd, yd = _stacked(docs, practice, denial)
    temperature = best_temperature(x.ravel(), y.ravel())
    p = _sigmoid(x / temperature)
    stated = y.astype(bool)
    denied_temperature = best_temperature(xd[stated], yd[stated])
    pd = _sigmoid(xd / denied_temperature)
    common = float(max(CANDIDATES, key=lambda t: f1(p >= t, y)))
    thresholds = [_threshold(p[:, i], y[:, i], common) for i in range(y.shape[1])]
    # Denials are too few for thresholds label by label; only those of stated practices count.
    common_denied = float(max(CANDIDATES, key=lambda t: f1(pd[stated] >= t, yd[stated])))
    return Decisions(
        temperature=round(temperature, 4),
        denied_temperature=round(denied_temperature, 4),
        thresholds=[round(t, 3) for t in thresholds],
        denied_thresholds=[round(common_denied, 3)] * y.shape[1],
        calibration_error=round(expected_calibration_error(p.ravel(), y.ravel()), 4),
    )


def _threshold(p: np.ndarray, y: np.ndarray, common: float) -> float:
    best = max(CANDIDATES, key=lambda t: (f1(p >= t, y), -abs(t - common)))
    weight = y.sum() / (y.sum() + HALFWAY)
    return float(weight * best + (1 - weight) * common)


def best_temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """The divisor of `logits` with the least cross-entropy, 0.3 to 5."""
    candidates = np.geomspace(0.3, 5, 113)
    return float(min(candidates, key=lambda t: _cross_entropy(logits / t, truth)))


def _cross_entropy(logits: np.ndarray, truth: np.ndarray) -> float:
    return float(np.mean(np.logaddexp(0, logits) - truth * logits))


def expected_calibration_error(p: np.ndarray, truth: np.ndarray, bins: int = 10) -> float:
    """Mean distance of predicted from observed share, over equally wide bins (Guo et al.)."""
    which = np.minimum((p * bins).astype(int), bins - 1)
    error = 0.0
    for b in range(bins):
        inside = which == b
        if inside.any():
            error += inside.mean() * abs(float(p[inside].mean()) - float(truth[inside].mean()))
    return error


def f1(predicted: np.ndarray, truth: np.ndarray) -> float:
    """F1 over all places of two arrays of 0 and 1."""
    truth = truth.astype(bool)
    hit = int((predicted & truth).sum())
    total = int(predicted.sum()) + int(truth.sum())
    return 2 * hit / total if total else 1.0


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-logits)))


def _stacked(
    docs: Sequence[Document], practice: Sequence[np.ndarray], denial: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Logits and truth of all segments but headings: practices, then denials."""
    body = [np.array([k != "heading" for k in doc.kinds]) for doc in docs]
    truths = []
    for which in ("labels", "denied"):
        rows = []
        for doc, keep, x in zip(docs, body, practice, strict=True):
            truth = np.zeros_like(x)
            for i, marked in enumerate(getattr(doc, which)):
                truth[i, marked] = 1
            rows.append(truth[keep])
        truths.append(np.concatenate(rows))
    x = np.concatenate([a[keep] for a, keep in zip(practice, body, strict=True)])
    xd = np.concatenate([a[keep] for a, keep in zip(denial, body, strict=True)])
    return x, truths[0], xd, truths[1]
