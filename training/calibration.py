"""Temperatures and thresholds, chosen on the validation split.

Temperature scaling (Guo et al., ICML 2017): one number divides all logits of an output.
A label's threshold is the one with the best F1 on validation, drawn to the threshold
that is best for all labels together the more, the rarer the label is: forty examples
do not tell 0.43 from 0.47. Where no label reaches its threshold, the most probable one
is given if it reaches the floor: a sentence of a policy nearly always states something.

The corpus holds page furniture on purpose, far more than a cleaned policy does (one
segment in ten, against one in two hundred in the real policies looked at). All
thresholds are therefore chosen with unlabelled segments counted at a tenth.

There are three sets of thresholds, each the best by its own measure (F-beta: van
Rijsbergen, 1979): "balanced" by F1, "precision" by F0.5, "recall" by F2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.model import Document

CANDIDATES = np.arange(0.1, 0.92, 0.02)
# Of the floor; 1 is none at all.
FLOORS = (0.06, 0.08, 0.1, 0.12, 0.15, 0.18, 0.21, 0.25, 0.3, 1.0)
# A label with so many validation examples gets a threshold half its own, half the common one.
HALFWAY = 200
UNLABELLED_WEIGHT = 0.1
# The named sets of thresholds and the beta of the F-beta that each is best by.
BETAS = {"balanced": 1.0, "precision": 0.5, "recall": 2.0}


@dataclass(frozen=True)
class Thresholds:
    """What turns probabilities into labels; one threshold a label, in the labels' order."""

    labels: list[float]
    denied: list[float]
    floor: float


@dataclass(frozen=True)
class Decisions:
    """Temperatures of both outputs, and thresholds by name."""

    temperature: float
    denied_temperature: float
    thresholds: dict[str, Thresholds]
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
    return Decisions(
        temperature=round(temperature, 4),
        denied_temperature=round(denied_temperature, 4),
        thresholds={name: _thresholds(p, y, pd, yd, beta) for name, beta in BETAS.items()},
        calibration_error=round(expected_calibration_error(p.ravel(), y.ravel()), 4),
    )


def _thresholds(p: np.ndarray, y: np.ndarray, pd: np.ndarray, yd: np.ndarray, beta: float) -> Thresholds:
    """The thresholds best by F-beta for probabilities and truth, (n_segments, n_labels) each."""
    stated = y.astype(bool)
    weights = np.where(stated.any(axis=1), 1.0, UNLABELLED_WEIGHT)
    common = float(max(CANDIDATES, key=lambda t: f_beta(p >= t, y, weights, beta)))
    labels = [_threshold(p[:, i], y[:, i], common, weights, beta) for i in range(y.shape[1])]
    floor = max(FLOORS, key=lambda f: f_beta(decided(p, labels, f), y, weights, beta))
    # Denials are too few for thresholds label by label; only those of stated practices count.
    denied = float(max(CANDIDATES, key=lambda t: f_beta(pd[stated] >= t, yd[stated], beta=beta)))
    return Thresholds([round(t, 3) for t in labels], [round(denied, 3)] * y.shape[1], floor)


def decided(p: np.ndarray, thresholds: Sequence[float], floor: float) -> np.ndarray:
    """Labels given, bool (n_segments, n_labels), for probabilities of the same shape."""
    given = p >= np.array(thresholds)
    alone = ~given.any(axis=1) & (p.max(axis=1) >= floor)
    given[np.flatnonzero(alone), p[alone].argmax(axis=1)] = True
    return given


def _threshold(p: np.ndarray, y: np.ndarray, common: float, weights: np.ndarray, beta: float) -> float:
    best = max(CANDIDATES, key=lambda t: (f_beta(p >= t, y, weights, beta), -abs(t - common)))
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


def f_beta(
    predicted: np.ndarray, truth: np.ndarray, weights: np.ndarray | None = None, beta: float = 1.0
) -> float:
    """F-beta over all places of two arrays of 0 and 1; `weights` count the rows, (n_rows,)."""
    truth = truth.astype(bool)
    each = np.ones(len(truth)) if weights is None else weights
    hit, given, true = (
        float(each @ a.reshape(len(truth), -1).sum(axis=1)) for a in (predicted & truth, predicted, truth)
    )
    whole = given + beta**2 * true
    return (1 + beta**2) * hit / whole if whole else 1.0


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-logits)))


def _stacked(
    docs: Sequence[Document], practice: Sequence[np.ndarray], denial: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Logits and truth of all segments but headings: practices, then denials."""
    body = [~np.array(doc.headings) for doc in docs]
    x, xd = (np.concatenate([a[keep] for a, keep in zip(z, body, strict=True)]) for z in (practice, denial))
    y, yd = (
        np.concatenate([getattr(doc, which)[keep] for doc, keep in zip(docs, body, strict=True)])
        for which in ("practice", "denial")
    )
    return x, y, xd, yd
