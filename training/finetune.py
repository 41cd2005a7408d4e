"""From data/ to models/: fine-tune the encoder on the corpus and release the model.

    python -m training.finetune [--out models/policyclf] [--epochs N] [--seed N]

1. Read the corpus and its splits; cut every policy into segments' pieces.
2. Train: windows of every size, from lone segments to the whole budget, so that the
   model reads a sentence by itself as well as a document (design: context is read, once).
   Two losses: binary cross-entropy for the practices, and for the denial of those
   practices that a segment states. The released weights are a running average.
3. Calibrate on the validation split: one temperature for either output, a threshold for
   each label.
4. Export to ONNX, int8, and write the model folder.
5. Score the folder, through the library, on the validation and test splits.

Two processor cores need about 21 minutes for the corpus as it stands. Needs the `train` extra.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from policyclf.segmenting import segments
from policyclf.windows import Window, windows
from training import calibration, corpus, export
from training.model import ClauseModel, Document, collate, from_encoder, load, save, special_ids

ROOT = Path(__file__).resolve().parent.parent
ENCODER = ROOT / "models" / "encoder"
RELEASED = ROOT / "models" / "policyclf"


@dataclass(frozen=True)
class Settings:
    """What decides the result; written into the model's configuration."""

    epochs: int = 8
    batch_tokens: int = 2048
    max_tokens: int = 256
    # budgets of the windows that a policy is cut into for an epoch, and how often;
    # 0 stands for each segment alone
    budgets: tuple[tuple[int, float], ...] = ((0, 0.25), (64, 0.15), (128, 0.2), (254, 0.4))
    rate: float = 1e-4  # encoder
    rate_head: float = 1e-3
    warmup: float = 0.06  # share of the steps
    decay: float = 0.01
    average: float = 0.99  # of the running average of weights, a step
    denial_weight: float = 1.0
    train_embeddings: bool = False
    seed: int = 0


def documents(policies: Sequence[corpus.Policy], tokenizer: Tokenizer) -> list[Document]:
    """Policies as the network reads them, with the corpus' own segments."""
    order = {label: i for i, label in enumerate(corpus.codes().values())}
    found = []
    for policy in policies:
        texts = [s.text for s in policy.segments]
        found.append(
            Document(
                language=policy.language,
                rows=[e.ids for e in tokenizer.encode_batch(texts, add_special_tokens=False)],
                kinds=[s.kind for s in policy.segments],
                lead_ins=found_lead_ins(policy),
                labels=[[order[x] for x in s.labels] for s in policy.segments],
                denied=[[order[x] for x in s.denied] for s in policy.segments],
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


def epoch(
    docs: Sequence[Document], rng: np.random.Generator, settings: Settings
) -> Iterator[list[tuple[int, Window]]]:
    """Batches of windows that judge every segment once, in random order and cut."""
    sizes, shares = zip(*settings.budgets, strict=True)
    by_size: dict[int, list[tuple[int, int, Window]]] = {size: [] for size in sizes}
    for d, doc in enumerate(docs):
        size = int(rng.choice(sizes, p=shares))
        lengths = [len(r) + 1 for r in doc.rows]
        headings = [k == "heading" for k in doc.kinds]
        if size == 0:
            whole = settings.max_tokens - 2
            for i, length in enumerate(lengths):
                if not headings[i]:
                    # over-long segments are rare: as lone ones they are cut short here
                    (cut, *_) = windows([length], [False], [None], whole)
                    piece = type(cut.own[0])(i, 0, cut.own[0].last)
                    by_size[0].append((piece.length, d, Window((), (piece,))))
        else:
            budget = int(size * rng.uniform(0.8, 1.0))
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


def train(docs: Sequence[Document], tokenizer: Tokenizer, encoder: Path, settings: Settings) -> ClauseModel:
    """A fine-tuned model (the running average of the weights), on the device torch finds."""
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    marks = special_ids(tokenizer)
    count = len(corpus.codes())
    model = from_encoder(encoder, count).to(device)
    model.encoder.get_input_embeddings().weight.requires_grad_(settings.train_embeddings)
    head = list(model.head.parameters())
    body = [p for p in model.encoder.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        [{"params": body, "lr": settings.rate}, {"params": head, "lr": settings.rate_head}],
        weight_decay=settings.decay,
    )
    steps = settings.epochs * sum(1 for _ in epoch(docs, np.random.default_rng(settings.seed), settings))

    def factor(step: int) -> float:
        return min(1.0, (step + 1) / (settings.warmup * steps)) * max(0.02, 1 - step / steps)

    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(settings.average))
    began = time.monotonic()
    model.train()
    for number in range(settings.epochs):
        losses = []
        for chosen in epoch(docs, rng, settings):
            batch = collate(chosen, docs, marks)
            practice, denial, scored = _targets(batch.members, docs, count, device)
            with torch.autocast(device.type, dtype=torch.bfloat16):
                outputs = model(batch.input_ids.to(device), batch.attention_mask.to(device))
            logits, denied = model.segment_logits(outputs, batch.segment.to(device), len(batch.members))
            loss = F.binary_cross_entropy_with_logits(logits[scored], practice[scored])
            stated = practice > 0
            if stated.any():
                denial_loss = F.binary_cross_entropy_with_logits(denied[stated], denial[stated])
                loss = loss + settings.denial_weight * denial_loss / 4
            loss.backward()
            nn.utils.clip_grad_norm_([*body, *head], 1.0)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad(set_to_none=True)
            average.update_parameters(model)
            losses.append(float(loss.detach()))
        place = f"epoch {number + 1}/{settings.epochs}"
        print(f"{place}  loss {np.mean(losses):.4f}  {time.monotonic() - began:.0f} s", flush=True)
    result = average.module
    assert isinstance(result, ClauseModel)
    return result.eval()


def _targets(
    members: Sequence[tuple[int, int]], docs: Sequence[Document], count: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Practices and denials (n, n_labels), and which segments count: headings state nothing."""
    practice = torch.zeros(len(members), count)
    denial = torch.zeros(len(members), count)
    scored = torch.zeros(len(members), dtype=torch.bool)
    for row, (d, s) in enumerate(members):
        practice[row, docs[d].labels[s]] = 1
        denial[row, docs[d].denied[s]] = 1
        scored[row] = docs[d].kinds[s] != "heading"
    return practice.to(device), denial.to(device), scored.to(device)


@torch.inference_mode()
def logits(
    model: ClauseModel, docs: Sequence[Document], tokenizer: Tokenizer, budget: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each document, practice and denial logits of its segments, (n_segments, n_labels).

    A window at a time, as the library reads; `budget` 1 reads every segment alone.
    """
    marks = special_ids(tokenizer)
    device = next(model.parameters()).device
    found = []
    for d, doc in enumerate(docs):
        lengths = [len(r) + 1 for r in doc.rows]
        headings = [k == "heading" for k in doc.kinds]
        parts: list[list[torch.Tensor]] = [[] for _ in doc.rows]
        if budget == 1:
            cut = [
                Window((), tuple(type(p)(i, p.first, p.last) for p in w.own))
                for i, length in enumerate(lengths)
                for w in windows([length], [False], [None], 254)
            ]
        else:
            cut = windows(lengths, headings, doc.lead_ins, budget)
        for window in cut:
            batch = collate([(d, window)], docs, marks)
            output = model(batch.input_ids.to(device), batch.attention_mask.to(device))[0].float().cpu()
            for number, (_, segment) in enumerate(batch.members):
                parts[segment].append(output[batch.segment[0] == number])
        pooled = [
            model.segment_logits(
                torch.cat(p)[None], torch.zeros(1, sum(map(len, p)), dtype=torch.long), 1
            )
            for p in parts
        ]
        practice, denial = (np.stack([p[which][0].numpy() for p in pooled]) for which in (0, 1))
        found.append((practice, denial))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--encoder", type=Path, default=ENCODER, help="folder of the encoder to begin from")
    parser.add_argument("--data", type=Path, default=corpus.DATA / "policies")
    parser.add_argument("-o", "--out", type=Path, default=RELEASED)
    parser.add_argument(
        "--weights", type=Path, help="calibrate and export these weights instead of training anew"
    )
    parser.add_argument("--epochs", type=int, default=Settings.epochs)
    parser.add_argument("--seed", type=int, default=Settings.seed)
    options = parser.parse_args(arguments)
    settings = Settings(epochs=options.epochs, seed=options.seed)

    tokenizer = Tokenizer.from_file(str(options.encoder / "tokenizer.json"))
    splits = corpus.load_splits([options.data])
    docs = {split: documents(policies, tokenizer) for split, policies in splits.items()}
    print({split: f"{len(d)} policies, {sum(len(x.rows) for x in d)} segments" for split, d in docs.items()})
    options.out.mkdir(parents=True, exist_ok=True)
    if options.weights:
        model = load(options.weights, options.encoder, len(corpus.codes()))
    else:
        model = train(docs["train"], tokenizer, options.encoder, settings)
        save(model, options.out / "model.safetensors", embeddings=settings.train_embeddings)

    budget = settings.max_tokens - 2
    practice, denial = zip(*logits(model, docs["validation"], tokenizer, budget), strict=True)
    decisions = calibration.fit(docs["validation"], practice, denial)
    export.write(model, tokenizer, decisions, options.out, asdict(settings), data=options.data)
    print(json.dumps(export.score(options.out, splits), indent=1))


if __name__ == "__main__":
    main()
