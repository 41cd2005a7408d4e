"""The training loop: windows in random cuts, two losses, a running average of the weights.

    model = train(documents, tokenizer, encoder, Settings(epochs=8))
    practice, denial = logits(model, documents, tokenizer, budget=254)[0]

Windows of every size, from lone segments to the whole budget, are mixed, so that the
model reads a sentence by itself as well as a document (design: context is read, once).
Binary cross-entropy for the practices, and for the denial of those practices that a
segment states; R-Drop (Liang et al., NeurIPS 2021) draws two passes with different
dropout together.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from policyclf.windows import Window, windows
from training.model import Batch, ClauseModel, Document, collate, from_encoder, special_ids


@dataclass(frozen=True)
class Settings:
    """What decides the result; written into the model's configuration."""

    epochs: int = 8
    batch_tokens: int = 2048
    max_tokens: int = 256
    # budgets of the windows that a policy is cut into for an epoch, and how often;
    # 0 stands for each segment alone, 1 for the whole budget of the model
    budgets: tuple[tuple[int, float], ...] = ((0, 0.25), (64, 0.15), (128, 0.2), (1, 0.4))
    rate: float = 1e-4  # encoder
    rate_head: float = 1e-3
    layer_decay: float = 1.0  # of the rate, a layer downwards
    warmup: float = 0.06  # share of the steps
    decay: float = 0.01
    average: float = 0.99  # of the running average of weights, a step
    denial_weight: float = 0.25  # of the denials' loss beside the practices'
    consistency: float = 1.0  # weight of R-Drop (Liang et al., NeurIPS 2021); 0: one pass, half the work
    folds: int = 5  # teachers; 0 for none
    hard: float = 0.5  # share of the annotation in a target, the rest being the teachers'
    unlabelled: float = 1.0  # unlabelled policies an epoch, for each labelled one
    train_embeddings: bool = False
    seed: int = 0


def epoch(
    docs: Sequence[Document], rng: np.random.Generator, settings: Settings
) -> Iterator[list[tuple[int, Window]]]:
    """Batches of windows that judge every segment once, in random order and cut."""
    sizes, shares = zip(*settings.budgets, strict=True)
    whole = settings.max_tokens - 2
    by_size: dict[int, list[tuple[int, int, Window]]] = {size: [] for size in sizes}
    for d, doc in enumerate(docs):
        size = int(rng.choice(sizes, p=shares))
        lengths, headings = doc.lengths, doc.headings
        if size == 0:
            for i, length in enumerate(lengths):
                if not headings[i]:
                    # over-long segments are rare: as lone ones they are cut short here
                    (cut, *_) = windows([length], [False], [None], whole)
                    piece = replace(cut.own[0], segment=i)
                    by_size[0].append((piece.length, d, Window((), (piece,))))
        else:
            budget = int((whole if size == 1 else size) * rng.uniform(0.8, 1.0))
            for window in windows(lengths, headings, doc.lead_ins, budget):
                length = sum(p.length for p in (*window.context, *window.own))
                by_size[size].append((length, d, window))
    batches = []
    for rows in by_size.values():
        # like lengths side by side, with some noise, so that there is little padding
        rows.sort(key=lambda row: row[0] + rng.normal(0, 4))
        batch: list[tuple[int, Window]] = []
        longest = 0
        for length, d, window in rows:
            if batch and max(longest, length) * (len(batch) + 1) > settings.batch_tokens:
                batches.append(batch)
                batch, longest = [], 0
            batch.append((d, window))
            longest = max(longest, length)
        if batch:
            batches.append(batch)
    for i in rng.permutation(len(batches)):
        yield batches[i]


def train(
    docs: Sequence[Document],
    tokenizer: Tokenizer,
    encoder: Path,
    settings: Settings,
    unlabelled: Sequence[Document] = (),
    checkpoint: Path | None = None,
) -> ClauseModel:
    """A fine-tuned model (the running average of the weights), on the device torch finds.

    Each epoch reads all of `docs` and as many of `unlabelled`, drawn anew, as the settings say.
    After each epoch the state is written to `checkpoint`; where that file is there, training
    goes on from it, to the same result.
    """
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    marks = special_ids(tokenizer)
    model = from_encoder(encoder, docs[0].practice.shape[1]).to(device)
    model.encoder.get_input_embeddings().weight.requires_grad_(settings.train_embeddings)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(_groups(model, settings), fused=device.type == "cuda")

    def read(rng: np.random.Generator) -> tuple[list[Document], Iterator[list[tuple[int, Window]]]]:
        count = min(len(unlabelled), int(settings.unlabelled * len(docs)))
        drawn = rng.choice(len(unlabelled), size=count, replace=False).tolist() if count else []
        every = [*docs, *(unlabelled[i] for i in drawn)]
        return every, epoch(every, rng, settings)

    steps = settings.epochs * sum(1 for _ in read(np.random.default_rng(settings.seed))[1])

    def factor(step: int) -> float:
        return min(1.0, (step + 1) / (settings.warmup * steps)) * max(0.02, 1 - step / steps)

    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(settings.average))
    first = 0
    if checkpoint and checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        for name, part in (("model", model), ("average", average)):
            part.load_state_dict(state[name])
        optimizer.load_state_dict(state["optimizer"])
        scheduler.load_state_dict(state["scheduler"])
        torch.set_rng_state(state["torch"].cpu())
        rng.bit_generator.state = json.loads(state["numpy"])
        first = int(state["epochs"])
    began = time.monotonic()
    model.train()
    for number in range(first, settings.epochs):
        losses = []
        every, batches = read(rng)
        for chosen in batches:
            batch = collate(chosen, every, marks)
            loss = _loss(model, batch, every, settings, device)
            loss.backward()
            nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad(set_to_none=True)
            average.update_parameters(model)
            losses.append(loss.detach())
        place = f"epoch {number + 1}/{settings.epochs}"
        mean = float(torch.stack(losses).mean())
        print(f"{place}  loss {mean:.4f}  {time.monotonic() - began:.0f} s", flush=True)
        if checkpoint:
            state = {
                "epochs": number + 1,
                "model": model.state_dict(),
                "average": average.state_dict(),
                "optimizer": optimizer.state_dict(),
                "scheduler": scheduler.state_dict(),
                "torch": torch.get_rng_state(),
                "numpy": json.dumps(rng.bit_generator.state),
            }
            checkpoint.parent.mkdir(parents=True, exist_ok=True)
            torch.save(state, checkpoint.with_suffix(".new"))
            checkpoint.with_suffix(".new").replace(checkpoint)
    result = average.module
    assert isinstance(result, ClauseModel)
    return result.eval()


def _groups(model: ClauseModel, settings: Settings) -> list[dict[str, object]]:
    """Parameters by learning rate: the head's, and the encoder's, less in lower layers."""
    layers = int(model.encoder.config.num_hidden_layers)
    groups: dict[float, list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if not name.startswith("encoder."):
            rate = settings.rate_head
        else:
            found = re.search(r"\.layers?\.(\d+)\.", name)
            depth = layers - 1 - int(found[1]) if found else layers if "embed" in name else 0
            rate = settings.rate * settings.layer_decay**depth
        groups.setdefault(rate, []).append(parameter)
    return [{"params": p, "lr": rate, "weight_decay": settings.decay} for rate, p in groups.items()]


def _loss(
    model: ClauseModel, batch: Batch, docs: Sequence[Document], settings: Settings, device: torch.device
) -> Tensor:
    """Of the batch's judged segments: practices, denials of those stated, and consistency."""
    judged = [i for i, (d, s) in enumerate(batch.members) if docs[d].kinds[s] != "heading"]
    members = [batch.members[i] for i in judged]
    practice = torch.from_numpy(np.stack([docs[d].practice[s] for d, s in members])).to(device)
    denial = torch.from_numpy(np.stack([docs[d].denial[s] for d, s in members])).to(device)
    ids, mask = batch.input_ids.to(device), batch.attention_mask.to(device)
    segment = batch.segment.to(device)

    def passed() -> tuple[Tensor, Tensor]:
        with torch.autocast(device.type, dtype=torch.bfloat16):
            outputs = model(ids, mask)
        stated, denied = model.segment_logits(outputs, segment, len(batch.members))
        return stated[judged], denied[judged]

    passes = [passed() for _ in range(2 if settings.consistency else 1)]
    loss = torch.zeros((), device=device)
    for stated, denied in passes:
        loss = loss + F.binary_cross_entropy_with_logits(stated, practice) / len(passes)
        apart = F.binary_cross_entropy_with_logits(denied, denial, reduction="none")
        of_stated = (apart * practice).sum() / practice.sum().clamp_min(1)
        loss = loss + settings.denial_weight * of_stated / len(passes)
    if settings.consistency:
        (one, one_denied), (two, two_denied) = passes
        loss = loss + settings.consistency * (_divergence(one, two) + _divergence(one_denied, two_denied) / 4)
    return loss


def _divergence(one: Tensor, two: Tensor) -> Tensor:
    """Symmetric Kullback-Leibler divergence of two sets of yes/no probabilities (logits given)."""
    return ((one.sigmoid() - two.sigmoid()) * (one - two)).mean() / 2


@torch.inference_mode()
def logits(
    model: ClauseModel,
    docs: Sequence[Document],
    tokenizer: Tokenizer,
    budget: int,
    batch_tokens: int = 8192,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each document, practice and denial logits of its segments, (n_segments, n_labels).

    In windows as the library reads them; `budget` 1 reads every segment alone.
    """
    marks = special_ids(tokenizer)
    device = next(model.parameters()).device
    every: list[tuple[int, Window]] = []
    for d, doc in enumerate(docs):
        if budget > 1:
            every += [(d, w) for w in windows(doc.lengths, doc.headings, doc.lead_ins, budget)]
            continue
        for i, length in enumerate(doc.lengths):
            for window in windows([length], [False], [None], 254):
                every.append((d, Window((), tuple(replace(p, segment=i) for p in window.own))))
    every.sort(key=lambda row: sum(p.length for p in (*row[1].context, *row[1].own)))
    longest = [sum(p.length for p in (*w.context, *w.own)) + 2 for _, w in every]
    parts: dict[tuple[int, int, int], Tensor] = {}  # token outputs of each piece
    at = 0
    while at < len(every):
        end = at + 1
        while end < len(every) and longest[end] * (end + 1 - at) <= batch_tokens:
            end += 1
        batch = collate(every[at:end], docs, marks)
        outputs = model(batch.input_ids.to(device), batch.attention_mask.to(device)).float()
        for row, (d, window) in zip(outputs, every[at:end], strict=True):
            first = 1 + sum(p.length for p in window.context)
            for piece in window.own:
                parts[d, piece.segment, piece.first] = row[first : first + piece.length]
                first += piece.length
        at = end
    found = []
    keys = iter(sorted(parts))
    key = next(keys, None)
    for d, doc in enumerate(docs):
        tokens, index = [], []
        while key is not None and key[0] == d:
            tokens.append(parts[key])
            index += [key[1]] * len(parts[key])
            key = next(keys, None)
        numbers = torch.tensor([index], device=device)
        practice, denial = model.segment_logits(torch.cat(tokens)[None], numbers, len(doc.rows))
        found.append((practice.cpu().numpy(), denial.cpu().numpy()))
    return found
