"""Policies as the network reads them: pieces, kinds, lead-ins, targets.

The corpus' own policies bring their labels and denials; real policies, read from plain
text, are unlabelled until teachers have spoken of them (training.teachers).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from policyclf.segmenting import segments
from training import corpus
from training.model import Document


def documents(policies: Sequence[corpus.Policy], tokenizer: Tokenizer) -> list[Document]:
    """Policies as the network reads them, with the corpus' own segments."""
    order = {label: i for i, label in enumerate(corpus.codes().values())}
    found = []
    for policy in policies:
        practice, denial = (np.zeros((len(policy.segments), len(order)), dtype=np.float32) for _ in range(2))
        for i, s in enumerate(policy.segments):
            practice[i, [order[x] for x in s.labels]] = 1
            denial[i, [order[x] for x in s.denied]] = 1
        texts = [s.text for s in policy.segments]
        found.append(
            Document(
                language=policy.language,
                rows=[e.ids for e in tokenizer.encode_batch(texts, add_special_tokens=False)],
                kinds=[s.kind for s in policy.segments],
                lead_ins=found_lead_ins(policy),
                practice=practice,
                denial=denial,
            )
        )
    return found


def found_lead_ins(policy: corpus.Policy) -> list[int | None]:
    """Lead-ins as the library will find them, where its segments are the corpus' own."""
    theirs = segments(policy.text)
    index = {(s.start, s.end): i for i, s in enumerate(policy.segments)}
    found: list[int | None] = [None] * len(policy.segments)
    for segment in theirs:
        mine = index.get((segment.start, segment.end))
        if mine is not None and segment.lead_in is not None:
            lead = theirs[segment.lead_in]
            found[mine] = index.get((lead.start, lead.end))
    return found


def unlabelled_documents(folder: Path, tokenizer: Tokenizer, labels: int) -> list[Document]:
    """The policies in `folder` (.txt, at any depth) as the library segments them.

    A text that mostly repeats earlier ones (versions of one policy) is passed over.
    """
    seen: set[str] = set()
    found = []
    for path in sorted(folder.rglob("*.txt")):
        text = path.read_text(encoding="utf-8")
        cut = segments(text)
        texts = [text[s.start : s.end] for s in cut]
        new = set(texts) - seen
        if len(new) < 5 or len(new) < 0.5 * len(set(texts)):
            continue
        seen |= new
        nothing = np.zeros((len(cut), labels), dtype=np.float32)
        found.append(
            Document(
                language=max(("en", "ja"), key=lambda x: sum(s.language == x for s in cut)),
                rows=[e.ids for e in tokenizer.encode_batch(texts, add_special_tokens=False)],
                kinds=[s.kind for s in cut],
                lead_ins=[s.lead_in for s in cut],
                practice=nothing,
                denial=nothing,
            )
        )
    return found
