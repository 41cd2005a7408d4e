"""The released network, fine-tuned on a split of OPP-115: settings, batches, training, reading."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from policyclf.model import MARKS
from policyclf.windows import Piece, Window, windows
from training.model import Batch, ClauseModel, Document, collate, from_encoder
from training.opp115_data import Split, Unit


@dataclass(frozen=True)
class Settings:
    """What decides the result: common values, none tuned on a test split."""

    epochs: int = 12
    batch: int = 16  # segments, or windows of `sentences`
    max_tokens: int = 512  # of a segment read by itself
    window: int = 256  # tokens of a window of `sentences`
    rate: float = 1e-4  # encoder
    rate_head: float = 1e-3
    layer_decay: float = 1.0  # a layer learns at so many times the rate of the one above it
    warmup: float = 0.1  # share of the steps
    decay: float = 0.01
    average: float = 0.99  # of the running average of weights, a step
    dropout: float = 0.1  # before the head
    # R-Drop (Liang et al., NeurIPS 2021): weight of the divergence between two passes
    # with different dropout; 0 makes one pass.
    rdrop: float = 1.0
    smoothing: float = 0.0  # targets are drawn so far towards 0.5
    doubtful: float = 0.0  # target of a label that one annotator alone gave
    train_embeddings: bool = True
    steps: int = 0  # stop after so many; 0 runs all epochs


def add_marks(model: ClauseModel, tokenizer: Tokenizer) -> dict[str, int]:
    """Ids of the pieces that windows are built with; those that the encoder lacks are added.

    Our own encoders have them all; BERT's lack the marks of segments, RoBERTa's also
    call the others by other names.
    """
    names = {"[PAD]": "<pad>", "[CLS]": "<s>", "[SEP]": "</s>"} | {mark: mark for mark in MARKS.values()}
    tokenizer.add_special_tokens([m for m in MARKS.values() if tokenizer.token_to_id(m) is None])
    pieces = tokenizer.get_vocab_size()
    if pieces > model.encoder.config.vocab_size:
        # the mean of the other vectors, so that a new piece starts as no word in particular
        model.encoder.resize_token_embeddings(pieces, mean_resizing=False)
        with torch.no_grad():
            vectors = model.encoder.get_input_embeddings().weight
            assert isinstance(vectors, Tensor)
            for mark in MARKS.values():
                vectors[tokenizer.token_to_id(mark)] = vectors.mean(dim=0)
    marks = {}
    for name, other in names.items():
        found = tokenizer.token_to_id(name)
        found = tokenizer.token_to_id(other) if found is None else found
        if found is None:
            raise ValueError(f"the tokenizer has neither {name} nor {other}")
        marks[name] = found
    return marks


def documents(units: Sequence[Unit], tokenizer: Tokenizer) -> list[Document]:
    """A document for each unit."""
    found = []
    for unit in units:
        encodings = tokenizer.encode_batch([p.text for p in unit], add_special_tokens=False)
        nothing = np.zeros((len(unit), 0))  # targets are handed to the loss apart
        found.append(
            Document(
                language="en",
                rows=[e.ids for e in encodings],
                kinds=["sentence"] * len(unit),
                lead_ins=[None] * len(unit),
                practice=nothing,
                denial=nothing,
            )
        )
    return found


def cut(doc: Document, budget: int) -> list[Window]:
    """Windows of at most `budget` tokens; a segment without neighbours is cut evenly."""
    lengths = [len(row) + 1 for row in doc.rows]
    if len(lengths) > 1:
        return windows(lengths, [False] * len(lengths), doc.lead_ins, budget)
    parts = -(-lengths[0] // budget)
    ends = [lengths[0] * i // parts for i in range(parts + 1)]
    return [Window((), (Piece(0, a, b),)) for a, b in pairwise(ends)]


Group = list[tuple[int, Window]]  # windows, with their document, that are read in one batch


def epoch(docs: Sequence[Document], rng: np.random.Generator, settings: Settings) -> Iterator[Group]:
    """Batches that judge every segment once, in random order.

    Like lengths come together within a stretch of a few dozen batches, so that there is
    little padding. Pieces of a lone segment stay together.
    """
    groups: list[Group] = []
    for d, doc in enumerate(docs):
        if len(doc.rows) == 1:
            groups.append([(d, w) for w in cut(doc, settings.max_tokens - 2)])
        else:
            budget = int(settings.window * rng.uniform(0.5, 1.0)) - 2
            groups += [[(d, w)] for w in cut(doc, budget)]
    groups = [groups[i] for i in rng.permutation(len(groups))]
    stretch = 32 * settings.batch
    batches = []
    for at in range(0, len(groups), stretch):
        near = sorted(groups[at : at + stretch], key=_length)
        batches += [near[i : i + settings.batch] for i in range(0, len(near), settings.batch)]
    for i in rng.permutation(len(batches)):
        yield [row for group in batches[i] for row in group]


def _length(group: Group) -> int:
    return max(sum(p.length for p in (*w.context, *w.own)) for _, w in group)


# --- Training and reading ---


def train(split: Split, encoder: Path, weights: Path | None, seed: int, settings: Settings) -> Reader:
    """Fine-tune on the split's training part, on the device that torch finds."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tokenizer = Tokenizer.from_file(str(encoder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    model = from_encoder(encoder, len(split.labels))
    marks = add_marks(model, tokenizer)
    if weights is not None:
        begin_from(model, weights)
    model.to(device)
    model.encoder.get_input_embeddings().weight.requires_grad_(settings.train_embeddings)
    model.dropout.p = settings.dropout
    groups = parameter_groups(model, settings)
    every = [p for group in groups for p in group["params"]]
    optimizer = torch.optim.AdamW(groups, weight_decay=settings.decay, fused=device.type == "cuda")
    docs = documents(split.train, tokenizer)
    targets = [_targets(unit, len(split.labels), settings) for unit in split.train]
    a_epoch = sum(1 for _ in epoch(docs, np.random.default_rng(seed), settings))
    steps = settings.steps or settings.epochs * a_epoch

    def factor(step: int) -> float:
        return min(1.0, (step + 1) / (settings.warmup * steps)) * max(0.0, 1 - step / steps)

    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    average: AveragedModel | None = None
    model.train()
    step = 0
    while step < steps:
        for chosen in epoch(docs, rng, settings):
            batch = collate(chosen, docs, marks)
            truth = torch.stack([targets[d][s] for d, s in batch.members]).to(device)
            passes = _forward(model, batch, 2 if settings.rdrop else 1).chunk(2 if settings.rdrop else 1)
            loss = torch.stack([F.binary_cross_entropy_with_logits(x, truth) for x in passes]).mean()
            if settings.rdrop:
                loss = loss + settings.rdrop * divergence(passes[0], passes[1])
            loss.backward()
            nn.utils.clip_grad_norm_(every, 1.0)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad(set_to_none=True)
            step += 1
            # the first steps, far from where training ends, are not worth averaging
            if step > settings.warmup * steps:
                if average is None:
                    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(settings.average))
                average.update_parameters(model)
            if step >= steps:
                break
    tuned = model if average is None else average.module
    assert isinstance(tuned, ClauseModel)
    return Reader(tuned.eval(), tokenizer, marks, settings)


def parameter_groups(model: ClauseModel, settings: Settings) -> list[dict[str, Any]]:
    """Parameters that are trained, with their rates: the head's, then the encoder's by depth."""
    layers = model.encoder.config.num_hidden_layers
    by_depth: dict[int, list[nn.Parameter]] = {}
    for name, parameter in model.encoder.named_parameters():
        if parameter.requires_grad:
            number = re.search(r"layers?\.(\d+)\.", name)
            depth = int(number[1]) + 1 if number else 0 if "embeddings" in name else layers
            by_depth.setdefault(depth, []).append(parameter)
    groups: list[dict[str, Any]] = [{"params": list(model.head.parameters()), "lr": settings.rate_head}]
    for depth, parameters in by_depth.items():
        groups.append({"params": parameters, "lr": settings.rate * settings.layer_decay ** (layers - depth)})
    return groups


def begin_from(model: ClauseModel, weights: Path) -> None:
    """Take the encoder's weights from a fine-tuned `model.safetensors`; the head stays new."""
    prefix = "encoder."
    found = {k: v.float() for k, v in load_file(weights).items() if k.startswith(prefix)}
    _, unexpected = model.load_state_dict(found, strict=False)
    if unexpected or not found:
        raise ValueError(f"{weights} does not fit the encoder: unknown {unexpected}")


def divergence(one: Tensor, other: Tensor) -> Tensor:
    """Mean symmetric Kullback-Leibler divergence of two passes' Bernoulli distributions.

    Logits (n, n_labels) each; with p, q their probabilities it comes to (p - q)(x - y) / 2.
    """
    return ((one.sigmoid() - other.sigmoid()) * (one - other)).mean() / 2


def _forward(model: ClauseModel, batch: Batch, passes: int = 1) -> Tensor:
    """Logits (passes * n_segments, n_labels) of a batch's segments; dropout differs in each pass."""
    device = next(model.parameters()).device
    ids, mask, segment = (x.to(device) for x in (batch.input_ids, batch.attention_mask, batch.segment))
    count = len(batch.members)
    if passes > 1:
        ids, mask = ids.repeat(passes, 1), mask.repeat(passes, 1)
        segment = torch.cat([torch.where(segment < 0, -1, segment + i * count) for i in range(passes)])
    with torch.autocast(device.type, dtype=torch.bfloat16):
        outputs = model(ids, mask)
    logits, _ = model.segment_logits(outputs, segment, passes * count)
    return logits


def _targets(unit: Unit, count: int, settings: Settings) -> Tensor:
    targets = torch.zeros(len(unit), count)
    for row, passage in zip(targets, unit, strict=True):
        row[list(passage.doubtful)] = settings.doubtful
        row[list(passage.labels)] = 1
    return targets * (1 - settings.smoothing) + settings.smoothing / 2


@dataclass(frozen=True)
class Reader:
    """A fine-tuned model with what it needs to read text."""

    model: ClauseModel
    tokenizer: Tokenizer
    marks: dict[str, int]
    settings: Settings

    @torch.inference_mode()
    def probabilities(self, units: Sequence[Unit]) -> np.ndarray:
        """Of every label of every passage, in order: (n_passages, n_labels)."""
        docs = documents(units, self.tokenizer)
        starts = np.cumsum([0, *map(len, units)])
        found = np.zeros((starts[-1], self.model.labels))
        lone, window = self.settings.max_tokens - 2, self.settings.window - 2
        groups = [
            [(d, w) for w in cut(doc, lone if len(doc.rows) == 1 else window)] for d, doc in enumerate(docs)
        ]
        groups.sort(key=_length)
        # a policy's windows are read together: a long sentence is pooled over all its pieces
        batches: list[Group] = [[]]
        for group in groups:
            if batches[-1] and len(batches[-1]) + len(group) > 64:
                batches.append([])
            batches[-1].extend(group)
        for chosen in batches:
            batch = collate(chosen, docs, self.marks)
            logits = _forward(self.model, batch)
            rows = [int(starts[d]) + s for d, s in batch.members]
            found[rows] = logits.sigmoid().float().cpu().numpy()
        return found
