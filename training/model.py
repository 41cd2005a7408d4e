"""The classifier in torch: an encoder and label-wise attention over each segment's tokens.

What policyclf.model computes from the exported network is computed here the same way,
for training and to hold the export against. Needs the `train` extra.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedModel

from policyclf.model import MARKS
from policyclf.windows import Window

EMBEDDINGS = "encoder.embeddings.word_embeddings.weight"


class ClauseModel(nn.Module):
    """Token outputs from which a segment's practices and denials are pooled."""

    def __init__(self, encoder: PreTrainedModel, labels: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.labels = labels
        self.dropout = nn.Dropout(0.1)
        # attention and value of each practice, attention and value of its denial
        self.head = nn.Linear(encoder.config.hidden_size, 4 * labels)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)
        # two numbers for each practice's evidence; training.evidence fits them
        self.evidence = nn.Linear(encoder.config.hidden_size, 2 * labels)
        nn.init.zeros_(self.evidence.weight)
        nn.init.zeros_(self.evidence.bias)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """(n, length) -> token outputs (n, length, 4 * n_labels)."""
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask)[0]
        output: Tensor = self.head(self.dropout(hidden))
        return output

    def segment_logits(
        self, outputs: Tensor, segment: Tensor, count: int
    ) -> tuple[Tensor, Tensor]:
        """Practice and denial logits of segments by themselves, each (count, n_labels).

        `outputs` (n, length, 4 * n_labels); `segment` (n, length) gives each token's
        segment in [0, count), or -1 for tokens that belong to none.
        """
        own = segment >= 0
        index = segment[own]
        attention, value, denied_attention, denied_value = outputs[own].float().chunk(4, dim=-1)
        return (
            _attended(attention, value, index, count),
            _attended(denied_attention, denied_value, index, count),
        )


def _attended(attention: Tensor, value: Tensor, index: Tensor, count: int) -> Tensor:
    """Per segment, the mean of `value` weighted by the softmax of `attention`.

    (n_tokens, n_labels) each, with the tokens' segments -> (count, n_labels).
    """
    rows = index[:, None].expand_as(attention)
    highest = attention.new_zeros(count, attention.shape[1])
    highest = highest.scatter_reduce(0, rows, attention.detach(), "amax", include_self=False)
    powers = (attention - highest[index]).exp()
    total = powers.new_zeros(count, powers.shape[1]).index_add(0, index, powers)
    summed = powers.new_zeros(count, powers.shape[1]).index_add(0, index, powers * value)
    return summed / total.clamp_min(1e-9)


@dataclass(frozen=True)
class Document:
    """A policy ready for windows: pieces of each segment and what is known of it."""

    language: str
    rows: list[list[int]]  # each segment's pieces, without its mark
    kinds: list[str]
    lead_ins: list[int | None]
    practice: np.ndarray  # (n_segments, n_labels): 1 or a probability where the segment states it
    denial: np.ndarray  # likewise: where it denies it

    @property
    def lengths(self) -> list[int]:
        """Pieces of each segment, its mark counted."""
        return [len(r) + 1 for r in self.rows]

    @property
    def headings(self) -> list[bool]:
        """Which segments are headings."""
        return [k == "heading" for k in self.kinds]


@dataclass
class Batch:
    """Windows side by side; `segment` numbers the tokens to be judged, see ClauseModel."""

    input_ids: Tensor  # (n, length)
    attention_mask: Tensor  # (n, length)
    segment: Tensor  # (n, length)
    members: list[tuple[int, int]]  # (document, segment) of each number


def collate(
    chosen: Sequence[tuple[int, Window]],
    documents: Sequence[Document],
    marks: dict[str, int],
) -> Batch:
    """Windows, each with the index of its document, as one batch.

    Only the tokens of each window's own pieces are numbered; the pieces of an over-long
    segment that meet in one batch bear one number.
    """
    members: dict[tuple[int, int], int] = {}
    rows: list[list[int]] = []
    numbers: list[list[int]] = []
    for document_index, window in chosen:
        document = documents[document_index]
        ids, segment = [marks["[CLS]"]], [-1]
        for piece in (*window.context, *window.own):
            marked = [marks[MARKS[document.kinds[piece.segment]]], *document.rows[piece.segment]]
            part = marked[piece.first : piece.last]
            ids += part
            if piece in window.context:
                segment += [-1] * len(part)
            else:
                key = (document_index, piece.segment)
                segment += [members.setdefault(key, len(members))] * len(part)
        rows.append([*ids, marks["[SEP]"]])
        numbers.append([*segment, -1])
    longest = max(map(len, rows))
    return Batch(
        input_ids=torch.tensor([r + [marks["[PAD]"]] * (longest - len(r)) for r in rows]),
        attention_mask=torch.tensor([[1] * len(r) + [0] * (longest - len(r)) for r in rows]),
        segment=torch.tensor([n + [-1] * (longest - len(n)) for n in numbers]),
        members=list(members),
    )


def special_ids(tokenizer: Tokenizer) -> dict[str, int]:
    """Ids of the pieces that windows are built with; ValueError where one is missing."""
    names = ("[PAD]", "[CLS]", "[SEP]", *MARKS.values())
    ids = {name: tokenizer.token_to_id(name) for name in names}
    found = {name: i for name, i in ids.items() if i is not None}
    if len(found) < len(names):
        raise ValueError(f"the tokenizer lacks the pieces {', '.join(ids.keys() - found.keys())}")
    return found


def from_encoder(folder: Path, labels: int) -> ClauseModel:
    """An untrained head on the encoder in `folder`."""
    return ClauseModel(AutoModel.from_pretrained(folder, dtype=torch.float32), labels)


def save(model: ClauseModel, path: Path, *, embeddings: bool) -> None:
    """The weights in fp16; without the word embeddings where fine-tuning left them alone."""
    weights = {
        k: v.detach().to("cpu", torch.float16).contiguous()
        for k, v in model.state_dict().items()
        if (embeddings or k != EMBEDDINGS) and "pooler" not in k
    }
    temporary = path.with_name(path.name + ".new")
    save_file(weights, temporary, metadata={"format": "pt"})
    temporary.replace(path)


def load(path: Path, encoder: Path, labels: int) -> ClauseModel:
    """A fine-tuned model: `encoder` gives the shape and the embeddings that `path` leaves out."""
    model = ClauseModel(AutoModel.from_config(AutoConfig.from_pretrained(encoder)), labels)
    base = {f"encoder.{k}": v for k, v in load_file(encoder / "model.safetensors").items()}
    weights = {k: v.float() for k, v in (base | load_file(path)).items()}
    missing, unexpected = model.load_state_dict(weights, strict=False)
    # weights that were saved before their evidence was fitted lack it
    missing = [k for k in missing if "pooler" not in k and not k.startswith("evidence.")]
    if missing or unexpected:
        raise ValueError(f"{path} does not fit {encoder}: lacks {missing}, unknown {unexpected}")
    return model.eval()
