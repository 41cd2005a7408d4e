"""From data/ to models/: fine-tune the encoder on the corpus and release the model.

    python -m training.finetune [--out models/policyclf] [--unlabelled FOLDER] [--seed N]

1. Read the corpus and its splits; cut every policy into segments' pieces.
2. Teachers: `folds` models, each trained without one part of the training policies. What
   they say, together, of a policy that they were not trained on is a softer and steadier
   answer than its annotation alone (knowledge distillation: Hinton et al., 2015; by folds, so
   that nobody marks homework of his own). `training.suspects` lists where they disagree.
3. Train: windows of every size, from lone segments to the whole budget, so that the
   model reads a sentence by itself as well as a document (design: context is read, once).
   Two losses: binary cross-entropy for the practices, and for the denial of those
   practices that a segment states. The targets are the annotation mixed with what the
   teachers say; with `--unlabelled`, real policies take part on the teachers' word alone.
   The released weights are a running average.
4. Calibrate on the validation split: one temperature for either output, thresholds for
   each label.
5. Export to ONNX, int8, and write the model folder.
6. Score the folder, through the library, on the validation and test splits.

Everything that is trained is kept under `--work`; the same command goes on where it
stopped. Two processor cores need about 20 minutes a model, six models in all; a GPU a
minute each. Needs the `train` extra.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from policyclf.segmenting import segments
from policyclf.windows import Window, windows
from training import calibration, corpus, export
from training.model import Batch, ClauseModel, Document, collate, from_encoder, load, save, special_ids

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
    # 0 stands for each segment alone, 1 for the whole budget of the model
    budgets: tuple[tuple[int, float], ...] = ((0, 0.25), (64, 0.15), (128, 0.2), (1, 0.4))
    rate: float = 1e-4  # encoder
    rate_head: float = 1e-3
    layer_decay: float = 1.0  # of the rate, a layer downwards
    warmup: float = 0.06  # share of the steps
    decay: float = 0.01
    average: float = 0.99  # of the running average of weights, a step
    denial_weight: float = 0.25  # of the denials' loss beside the practices'
    consistency: float = 0.0  # weight of R-Drop (Liang et al., NeurIPS 2021); doubles the work
    folds: int = 5  # teachers; 0 for none
    hard: float = 0.5  # share of the annotation in a target, the rest being the teachers'
    unlabelled: float = 1.0  # unlabelled policies an epoch, for each labelled one
    train_embeddings: bool = False
    seed: int = 0


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
) -> ClauseModel:
    """A fine-tuned model (the running average of the weights), on the device torch finds.

    Each epoch reads all of `docs` and as many of `unlabelled`, drawn anew, as the settings say.
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
    began = time.monotonic()
    model.train()
    for number in range(settings.epochs):
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
    rows = [i for i, ((d, s), own) in enumerate(zip(batch.members, batch.judged.tolist(), strict=True))
            if own and docs[d].kinds[s] != "heading"]  # fmt: skip
    members = [batch.members[i] for i in rows]
    judged = torch.tensor(rows, device=device)
    practice = torch.from_numpy(np.stack([docs[d].practice[s] for d, s in members])).to(device)
    denial = torch.from_numpy(np.stack([docs[d].denial[s] for d, s in members])).to(device)
    ids, mask = batch.input_ids.to(device), batch.attention_mask.to(device)
    segment, context = batch.segment.to(device), batch.context.to(device)

    def passed() -> tuple[Tensor, Tensor]:
        with torch.autocast(device.type, dtype=torch.bfloat16):
            outputs = model(ids, mask)
        own = model.segment_logits(outputs, segment, len(batch.members))
        stated, denied = model.in_context(*own, context)
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
    model: ClauseModel, docs: Sequence[Document], tokenizer: Tokenizer, budget: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each document, practice and denial logits of its segments, (n_segments, n_labels).

    A window at a time, as the library reads; `budget` 1 reads every segment alone.
    """
    marks = special_ids(tokenizer)
    device = next(model.parameters()).device
    found = []
    for d, doc in enumerate(docs):
        lengths, headings = doc.lengths, doc.headings
        parts: list[list[Tensor]] = [[] for _ in doc.rows]
        if budget == 1:
            cut = [
                Window((), tuple(replace(p, segment=i) for p in w.own))
                for i, length in enumerate(lengths)
                for w in windows([length], [False], [None], 254)
            ]
        else:
            cut = windows(lengths, headings, doc.lead_ins, budget)
        for window in cut:
            batch = collate([(d, window)], docs, marks)
            output = model(batch.input_ids.to(device), batch.attention_mask.to(device))[0].float()
            at = 1
            for piece in (*window.context, *window.own):
                if piece in window.own:
                    parts[piece.segment].append(output[at : at + piece.length])
                at += piece.length
        index = torch.repeat_interleave(torch.tensor([sum(map(len, p)) for p in parts]))
        tokens = torch.cat([t for p in parts for t in p])
        own = model.segment_logits(tokens[None], index[None].to(device), len(parts))
        around = [(-1, -1, -1)] * len(parts) if budget == 1 else doc.surroundings
        practice, denial = model.in_context(*own, torch.tensor(around, device=device))
        found.append((practice.cpu().numpy(), denial.cpu().numpy()))
    return found


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
) -> list[tuple[np.ndarray, np.ndarray]]:
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
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each training document, the probabilities by the one teacher not trained on it."""
    found: list[tuple[np.ndarray, np.ndarray] | None] = [None] * len(docs)
    for k, teacher in enumerate(teachers):
        mine = [i for i, f in enumerate(fold) if f == k]
        opinions = said([teacher], [docs[i] for i in mine], tokenizer, settings)
        for i, opinion in zip(mine, opinions, strict=True):
            found[i] = opinion
    return [f for f in found if f is not None]


def mixed(
    docs: Sequence[Document], opinions: Sequence[tuple[np.ndarray, np.ndarray]], hard: float
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


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--encoder", type=Path, default=ENCODER, help="the encoder's folder")
    parser.add_argument("--data", type=Path, default=corpus.DATA / "policies")
    parser.add_argument("--unlabelled", type=Path, metavar="FOLDER", help="real policies, as plain text")
    parser.add_argument("-o", "--out", type=Path, default=RELEASED)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "finetune", help="keeps the teachers")
    parser.add_argument("--only-teacher", type=int, metavar="K", help="train teacher K, nothing else")
    parser.add_argument(
        "--weights", type=Path, help="calibrate and export these weights instead of training anew"
    )
    parser.add_argument("--epochs", type=int, default=Settings.epochs)
    parser.add_argument("--folds", type=int, default=Settings.folds, help="teachers; 0 for none")
    parser.add_argument("--seed", type=int, default=Settings.seed)
    options = parser.parse_args(arguments)
    settings = Settings(epochs=options.epochs, seed=options.seed, folds=options.folds)

    tokenizer = Tokenizer.from_file(str(options.encoder / "tokenizer.json"))
    labels = len(corpus.codes())
    splits = corpus.load_splits([options.data])
    docs = {split: documents(policies, tokenizer) for split, policies in splits.items()}
    print({split: f"{len(d)} policies, {sum(len(x.rows) for x in d)} segments" for split, d in docs.items()})
    options.out.mkdir(parents=True, exist_ok=True)
    if options.weights:
        model = load(options.weights, options.encoder, labels)
    else:
        targets, unlabelled = docs["train"], list[Document]()
        if settings.folds:
            fold = folds(splits["train"], settings.folds)
            teachers = teach(
                targets, fold, tokenizer, options.encoder, settings, options.work, options.only_teacher
            )
            if options.only_teacher is not None:
                return
            targets = mixed(
                targets, held_out_opinions(teachers, targets, fold, tokenizer, settings), settings.hard
            )
            if options.unlabelled:
                unlabelled = unlabelled_documents(options.unlabelled, tokenizer, labels)
                unlabelled = mixed(unlabelled, said(teachers, unlabelled, tokenizer, settings), hard=0)
        model = train(targets, tokenizer, options.encoder, settings, unlabelled)
        save(model, options.out / "model.safetensors", embeddings=settings.train_embeddings)

    budget = settings.max_tokens - 2
    practice, denial = zip(*logits(model, docs["validation"], tokenizer, budget), strict=True)
    decisions = calibration.fit(docs["validation"], practice, denial)
    export.write(model, tokenizer, decisions, options.out, asdict(settings), data=options.data)
    print(json.dumps(export.score(options.out, splits), indent=1))


if __name__ == "__main__":
    main()
