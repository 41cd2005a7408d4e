"""Teachers: models that speak of policies they were not trained on.

Each of `folds` teachers is trained without one part of the training policies. What they
say, together, of a policy is a softer and steadier answer than its annotation alone
(knowledge distillation: Hinton et al., 2015), and by folds nobody marks homework of his
own. They serve twice: their opinions are mixed into the targets of the released model,
real policies without labels taking part on their word alone; and where they disagree
with an annotation, a person looks again (training.suspects).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from training import corpus
from training.fitting import Settings, logits, train
from training.model import ClauseModel, Document, load, save

Opinion = tuple[np.ndarray, np.ndarray]  # probabilities of practices and denials, (n_segments, n_labels)


def folds(policies: Sequence[corpus.Policy], count: int) -> list[int]:
    """A fold for each policy, 0 to `count` - 1; an organisation's policies share one."""
    owners = sorted({p.pair or p.organisation for p in policies})
    number = {owner: i % count for i, owner in enumerate(owners)}
    return [number[p.pair or p.organisation] for p in policies]


def teach(
    docs: Sequence[Document],
    fold: Sequence[int],
    tokenizer: Tokenizer,
    encoder: Path,
    settings: Settings,
    work: Path,
    only: int | None = None,
) -> list[ClauseModel]:
    """The teachers, each trained without its fold of `docs`; those in `work` are not trained anew."""
    work.mkdir(parents=True, exist_ok=True)
    found = []
    for k in range(settings.folds) if only is None else [only]:
        path = work / f"teacher-{k}.safetensors"
        if not path.exists():
            print(f"teacher {k + 1} of {settings.folds}", flush=True)
            rest = [doc for doc, f in zip(docs, fold, strict=True) if f != k]
            own = replace(settings, seed=settings.seed + k)
            save(train(rest, tokenizer, encoder, own), path, embeddings=settings.train_embeddings)
        found.append(load(path, encoder, docs[0].practice.shape[1]))
    return found


def said(
    teachers: Sequence[ClauseModel], docs: Sequence[Document], tokenizer: Tokenizer, settings: Settings
) -> list[Opinion]:
    """The teachers' mean probabilities: practices and denials of each document's segments."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    every = [logits(t.to(device), docs, tokenizer, settings.max_tokens - 2) for t in teachers]
    return [
        (_sigmoid(np.stack([x for x, _ in rows])).mean(0), _sigmoid(np.stack([x for _, x in rows])).mean(0))
        for rows in zip(*every, strict=True)
    ]


def held_out_opinions(
    teachers: Sequence[ClauseModel],
    docs: Sequence[Document],
    fold: Sequence[int],
    tokenizer: Tokenizer,
    settings: Settings,
) -> list[Opinion]:
    """Of each training document, the probabilities by the one teacher not trained on it."""
    found: list[Opinion | None] = [None] * len(docs)
    for k, teacher in enumerate(teachers):
        mine = [i for i, f in enumerate(fold) if f == k]
        opinions = said([teacher], [docs[i] for i in mine], tokenizer, settings)
        for i, opinion in zip(mine, opinions, strict=True):
            found[i] = opinion
    return [f for f in found if f is not None]


def mixed(
    docs: Sequence[Document], opinions: Sequence[Opinion], hard: float
) -> list[Document]:
    """Documents whose targets are `hard` parts annotation, the rest the teachers' opinions."""
    return [
        replace(
            doc,
            practice=(hard * doc.practice + (1 - hard) * practice).astype(np.float32),
            denial=(hard * doc.denial + (1 - hard) * denial).astype(np.float32),
        )
        for doc, (practice, denial) in zip(docs, opinions, strict=True)
    ]


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-x)), dtype=np.float32)
