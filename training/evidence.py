"""Fit the model's evidence: what a label's logit falls by when words are erased.

How far a score falls without certain words shows how much they spoke for it (erasure:
Li et al., 2016; comprehensiveness in ERASER, DeYoung et al., ACL 2020), but to ask for
every word costs a pass a word. As in FastSHAP (Jethani et al., ICLR 2022) the answers are
learnt: random words of training segments are erased, the falls of the labels' logits are
noted, and the two numbers that a token gives for each label's evidence (see
policyclf.model) are fitted so that, summed over the erased tokens, they come nearest to
the fall. Both are linear in the token's hidden state, so that this is a ridge regression,
solved exactly; the rest of the model is left as it is.

Attention weights and values by themselves are a poor guide: much of what a token's hidden
state says comes from its neighbours, and the model collects it on commas and particles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from policyclf.evidence import words
from policyclf.windows import Piece, Window, windows
from training import corpus
from training.documents import documents
from training.model import ClauseModel, Document, collate, special_ids


@dataclass(frozen=True)
class Settings:
    """How much is erased, and how the regression is held back."""

    windows: int = 1000  # of at most `budget` tokens
    budget: int = 254
    lone: int = 5000  # segments read alone
    draws: int = 6  # erasures of each
    segments: float = 0.34  # share of a window's segments that lose words in one erasure
    most: float = 0.5  # share of a segment's words erased at once
    # A label that is out of the question has no evidence: falls count only from logits above
    # this (a probability of about 0.27).
    least_logit: float = -1.0
    ridge: float = 1000.0  # on features scaled to a mean square of 1
    seed: int = 0


def fit(
    model: ClauseModel,
    policies: Sequence[corpus.Policy],
    tokenizer: Tokenizer,
    settings: Settings | None = None,
) -> None:
    """Fit `model.evidence` in place, on the device where the model is."""
    settings = settings or Settings()
    rng = np.random.default_rng(settings.seed)
    docs = documents(policies, tokenizer)
    units = [_units(policy, tokenizer) for policy in policies]
    marks = special_ids(tokenizer)
    regression = _Regression(model, settings)
    for d, window in _drawn(docs, rng, settings):
        doc = docs[d]
        own = [p.segment for p in window.own if doc.rows[p.segment] and not doc.headings[p.segment]]
        erasures = [_erasure(own, units[d], rng, settings) for _ in range(settings.draws)]
        regression.add(doc, window, [e for e in erasures if e], marks)
    regression.solve()


def _units(policy: corpus.Policy, tokenizer: Tokenizer) -> list[np.ndarray]:
    """For each segment, the word that each piece is part of, numbered; punctuation is its own."""
    encoded = tokenizer.encode_batch([s.text for s in policy.segments], add_special_tokens=False)
    found = []
    for segment, encoding in zip(policy.segments, encoded, strict=True):
        word = np.full(len(segment.text) + 1, -1)
        for number, (first, last) in enumerate(words(segment.text, encoding.offsets)):
            word[first:last] = number
        own = [max(word[first:last].tolist(), default=-1) for first, last in encoding.offsets]
        found.append(np.array([w if w >= 0 else -1 - t for t, w in enumerate(own)]))
    return found


def _drawn(
    docs: Sequence[Document], rng: np.random.Generator, settings: Settings
) -> Iterator[tuple[int, Window]]:
    """Windows of whole segments, and segments alone, each with the number of its document."""
    cut: list[tuple[int, Window]] = []
    alone: list[tuple[int, Window]] = []
    for d, doc in enumerate(docs):
        for window in windows(doc.lengths, doc.headings, doc.lead_ins, settings.budget):
            if all(p.length == doc.lengths[p.segment] for p in (*window.context, *window.own)):
                cut.append((d, window))
        for i, length in enumerate(doc.lengths):
            if not doc.headings[i] and 1 < length <= settings.budget:
                alone.append((d, Window((), (Piece(i, 0, length),))))
    for every, count in ((cut, settings.windows), (alone, settings.lone)):
        for i in rng.permutation(len(every))[:count]:
            yield every[i]


def _erasure(
    own: Sequence[int], units: Sequence[np.ndarray], rng: np.random.Generator, settings: Settings
) -> dict[int, np.ndarray]:
    """Which pieces some of the segments `own` lose, bool (n_pieces,) by segment."""
    found = {}
    for segment in own:
        if len(own) > 1 and rng.random() > settings.segments:
            continue
        each = np.unique(units[segment])
        count = max(1, round(rng.uniform(0, settings.most) * len(each)))
        found[segment] = np.isin(units[segment], rng.choice(each, count, replace=False))
    return found


class _Regression:
    """The normal equations of each label, filled erasure by erasure.

    A row's features, for each label: the sums over the erased tokens of attention times
    hidden state, attention, attention times value, hidden state, and 1.
    """

    def __init__(self, model: ClauseModel, settings: Settings) -> None:
        self.model = model.eval()
        self.settings = settings
        self.device = next(model.parameters()).device
        self.size = 2 * model.evidence.in_features + 3
        shape = (model.labels, self.size)
        self.left = torch.zeros(*shape, self.size, dtype=torch.float64, device=self.device)
        self.right = torch.zeros(*shape, dtype=torch.float64, device=self.device)
        self.count = torch.zeros(model.labels, dtype=torch.float64, device=self.device)
        self.rows: list[tuple[Tensor, Tensor, Tensor]] = []

    @torch.inference_mode()
    def add(
        self,
        doc: Document,
        window: Window,
        erasures: Sequence[dict[int, np.ndarray]],
        marks: dict[str, int],
    ) -> None:
        """Read `window` as it is and after each of the erasures."""
        versions = [doc, *(replace(doc, rows=_without(doc.rows, erased)) for erased in erasures)]
        cut = [(i, _resized(window, version)) for i, version in enumerate(versions)]
        batch = collate(cut, versions, marks)
        hidden = self.model.encoder(
            input_ids=batch.input_ids.to(self.device), attention_mask=batch.attention_mask.to(self.device)
        )[0]
        outputs = self.model.head(hidden)
        logits, _ = self.model.segment_logits(outputs, batch.segment.to(self.device), len(batch.members))
        number = {member: i for i, member in enumerate(batch.members)}
        for segment in {s for erased in erasures for s in erased}:
            mine = (batch.segment[0] == number[0, segment]).to(self.device)
            attention, value, _, _ = outputs[0][mine].chunk(4, dim=-1)
            share = attention.softmax(0)[1:]  # the segment's mark is never erased
            versions_of = [i for i, erased in enumerate(erasures) if segment in erased]
            gone = torch.tensor(np.stack([erasures[i][segment] for i in versions_of]), device=self.device)
            features = _features(gone.float(), hidden[0][mine][1:], share, value[1:])
            before = logits[number[0, segment]]
            fall = torch.stack([before - logits[number[i + 1, segment]] for i in versions_of])
            counts = (before > self.settings.least_logit).expand_as(fall).float()
            self.rows.append((features, fall, counts))
        if sum(len(fall) for _, fall, _ in self.rows) > 1000:
            self._flush()

    def _flush(self) -> None:
        if self.rows:
            parts = zip(*self.rows, strict=True)
            features, fall, counts = (torch.cat(part).transpose(0, 1) for part in parts)
            scored = (features * counts[..., None]).transpose(1, 2)  # (n_labels, size, n_rows)
            self.left += scored @ features
            self.right += (scored @ fall[..., None])[..., 0]
            self.count += counts.sum(1)
            self.rows = []

    @torch.inference_mode()
    def solve(self) -> None:
        """Put the solution into the model."""
        self._flush()
        labels, hidden = self.model.labels, self.model.evidence.in_features
        squares = self.left.diagonal(dim1=1, dim2=2) / self.count.clamp_min(1)[:, None]
        scale = squares.sqrt().clamp_min(1e-6)
        scaled = self.left / (scale[:, :, None] * scale[:, None, :])
        scaled += self.settings.ridge * torch.eye(self.size, dtype=torch.float64, device=self.device)
        found = (torch.linalg.solve(scaled, self.right / scale) / scale).float()
        by_share, bias, by_value, plain, constant = found.split([hidden, 1, 1, hidden, 1], dim=1)
        # value is linear in the hidden state too: its part goes into that of the hidden state
        value = self.model.head.weight[labels : 2 * labels]
        value_bias = self.model.head.bias[labels : 2 * labels]
        self.model.evidence.weight.copy_(torch.cat([by_share + by_value * value, plain]))
        self.model.evidence.bias.copy_(
            torch.cat([bias[:, 0] + by_value[:, 0] * value_bias, constant[:, 0]])
        )


def _features(gone: Tensor, hidden: Tensor, share: Tensor, value: Tensor) -> Tensor:
    """(n_rows, n_tokens) of 0 and 1, (n_tokens, hidden), twice (n_tokens, n_labels)
    -> (n_rows, n_labels, size).
    """
    weighted = gone[:, None, :] * share.T  # (n_rows, n_labels, n_tokens)
    plain = torch.cat([gone @ hidden, gone.sum(1, keepdim=True)], dim=1)
    return torch.cat(
        [
            weighted @ hidden,
            weighted.sum(2, keepdim=True),
            (gone @ (share * value))[..., None],
            plain[:, None, :].expand(-1, share.shape[1], -1),
        ],
        dim=2,
    )


def _without(rows: Sequence[list[int]], erased: dict[int, np.ndarray]) -> list[list[int]]:
    """Pieces of each segment, those erased left out."""
    return [
        [piece for piece, gone in zip(row, erased[i], strict=True) if not gone] if i in erased else row
        for i, row in enumerate(rows)
    ]


def _resized(window: Window, doc: Document) -> Window:
    """The same segments, whole, as long as they are in `doc`."""
    lengths = doc.lengths
    context, own = (
        tuple(Piece(p.segment, 0, lengths[p.segment]) for p in part) for part in (window.context, window.own)
    )
    return Window(context, own)
