"""Teach the bilingual encoder: distillation across languages and masked-language modelling.

    python -m training.encoder --start build/start --teacher FOLDER --policies FOLDER \\
        --text FOLDER -o build/encoder

Each step takes a batch of either kind of text:

- sentence pairs: the student's mean-pooled vector of the Japanese sentence, and of the
  English one, is drawn to the English teacher's vector of the latter (Reimers and
  Gurevych, EMNLP 2020), by squared error and by picking the partner out of the batch;
- running text: masked pieces are guessed (Devlin et al., NAACL 2019), for policies of
  both languages and for statutes and prose. The loss is computed on masked places.

Checkpoints hold weights, optimiser and step; the same command goes on where it stopped.
Batches are drawn from the step's own seed, so a resumed run sees what an unbroken one
would. Needs the `train` extra; uses a GPU where torch finds one: the sizes of a batch are
for two processor cores, a GPU takes sixteen times as much (`--pair-tokens`, `--text-tokens`).
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from transformers import AutoModel, AutoTokenizer, BertModel

from training import corpus
from training.vocabulary import (
    PRIVACY,
    SPECIAL,
    Pair,
    held_out,
    policies,
    policy_pairs,
    prose,
    teaching_pairs,
)

PAD, UNK, CLS, SEP, MASK = range(5)


@dataclass(frozen=True)
class Settings:
    """What decides the result; written beside the weights."""

    steps: int = 4500
    pair_tokens: int = 1800  # Japanese pieces a batch, padding counted
    text_tokens: int = 2048  # pieces a batch
    length: int = 128  # pieces of running text in a row
    rate_new: float = 5e-4  # embeddings
    rate: float = 1e-4  # all else
    warmup: int = 100
    masked: float = 0.15
    temperature: float = 0.05
    text_weight: float = 0.5  # of the masked-language loss beside that of the pairs
    prose_share: float = 0.25  # of the Japanese prose, at random
    evaluate_every: int = 250
    seed: int = 0
    without: str = "nothing"  # for ablations: "pairs" or "policies"


# Of running text: shares of a batch's rows.
MIXTURE = {"ja_policies": 0.2, "ja_prose": 0.3, "en_policies": 0.4, "en_prose": 0.1}
# Pairs that speak of privacy are drawn so many times as often; policies' own even more.
PRIVACY_WEIGHT = 4.0
POLICY_PAIR_WEIGHT = 10.0


class MaskedHead(nn.Module):
    """BERT's masked-language head over the encoder's own (tied) embeddings."""

    def __init__(self, width: int, pieces: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.bias = nn.Parameter(torch.zeros(pieces))

    def forward(self, hidden: Tensor, embeddings: Tensor) -> Tensor:
        """(n_masked, width) -> logits (n_masked, n_pieces)."""
        return F.linear(self.norm(F.gelu(self.dense(hidden))), embeddings, self.bias)


def pooled(model: BertModel, ids: Tensor) -> Tensor:
    """Mean-pooled sentence vectors, (n, length) padded with 0 -> (n, width)."""
    mask = ids != PAD
    hidden = model(input_ids=ids, attention_mask=mask.long()).last_hidden_state
    weights = mask[:, :, None].to(hidden.dtype)
    mean: Tensor = (hidden * weights).sum(1).float() / weights.sum(1).float()
    return mean


def padded(rows: Sequence[np.ndarray]) -> Tensor:
    """Rows of ids as one tensor, (n, longest), padded with 0."""
    ids = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
    for row, own in zip(ids, rows, strict=True):
        row[: len(own)] = own
    return torch.from_numpy(ids)


class Pairs:
    """Sentence pairs as piece ids, drawn by weight in batches of like length."""

    def __init__(
        self, every: Sequence[tuple[Pair, float]], student: Tokenizer, teacher: Tokenizer
    ) -> None:
        self.student_en = _ids(student, [p.en for p, _ in every])
        self.student_ja = _ids(student, [p.ja for p, _ in every])
        self.teacher_en = [
            np.array(e.ids[:128], dtype=np.int32)
            for e in teacher.encode_batch_fast([p.en for p, _ in every])
        ]
        self.lengths = np.array([len(r) for r in self.student_ja])
        self.by_length = np.argsort(self.lengths, kind="stable")
        self.weights = np.array([w for _, w in every])[self.by_length]
        self.cumulative = np.cumsum(self.weights)

    def batch(self, rng: np.random.Generator, budget: int) -> list[int]:
        """Indices: one drawn by weight, and others by weight out of its lengths' neighbourhood."""
        centre = int(np.searchsorted(self.cumulative, rng.random() * self.cumulative[-1]))
        count = max(8, min(1024, budget // int(self.lengths[self.by_length[centre]])))
        low = max(0, centre - 4 * count)
        near = self.by_length[low : low + 8 * count]
        weights = self.weights[low : low + 8 * count]
        # by weight and without replacement: Efraimidis and Spirakis, 2006
        keys = rng.random(len(near)) ** (1 / weights)
        return [int(i) for i in near[np.argsort(-keys)[:count]]]


def _ids(tokenizer: Tokenizer, texts: Sequence[str], limit: int = 126) -> list[np.ndarray]:
    encodings = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    return [np.array([CLS, *e.ids[:limit], SEP], dtype=np.int32) for e in encodings]


def stream(tokenizer: Tokenizer, texts: Sequence[str]) -> np.ndarray:
    """All pieces of `texts` in one row, a [SEP] after each paragraph."""
    lines = [line for text in texts for line in text.splitlines() if line.strip()]
    row: list[int] = []
    for i in range(0, len(lines), 4096):
        for e in tokenizer.encode_batch_fast(lines[i : i + 4096], add_special_tokens=False):
            row += [*e.ids, SEP]
    return np.array(row, dtype=np.int32)


def masked_batch(
    streams: dict[str, np.ndarray], rng: np.random.Generator, settings: Settings, pieces: int
) -> tuple[Tensor, Tensor]:
    """Ids (n, length) with masks, and labels: the true id at masked places, else -100.

    Each row comes from one of `streams`, by the shares of MIXTURE.
    """
    shares = np.array([MIXTURE[name] for name in streams])
    names = rng.choice(list(streams), size=settings.text_tokens // settings.length, p=shares / shares.sum())
    rows = []
    for name in names:
        start = int(rng.integers(0, max(1, len(streams[name]) - settings.length)))
        rows.append(np.concatenate([[CLS], streams[name][start : start + settings.length - 1]]))
    ids = padded(rows).numpy()
    chosen = (rng.random(ids.shape) < settings.masked) & (ids >= len(SPECIAL))
    labels = np.where(chosen, ids, -100)
    lot = rng.random(ids.shape)
    ids = np.where(chosen & (lot < 0.8), MASK, ids)
    ids = np.where(chosen & (lot >= 0.9), rng.integers(len(SPECIAL), pieces, ids.shape), ids)
    return torch.from_numpy(ids), torch.from_numpy(labels)


class Steps(Dataset[dict[str, Tensor]]):
    """What each step reads, drawn from the step's own seed."""

    def __init__(
        self, sentences: Pairs, streams: dict[str, np.ndarray], settings: Settings, pieces: int
    ) -> None:
        self.sentences = sentences
        self.streams = streams
        self.settings = settings
        self.pieces = pieces

    def __len__(self) -> int:
        return self.settings.steps

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng((self.settings.seed, step))
        chosen = self.sentences.batch(rng, self.settings.pair_tokens)
        ids, labels = masked_batch(self.streams, rng, self.settings, self.pieces)
        return {
            "teacher": padded([self.sentences.teacher_en[i] for i in chosen]),
            "en": padded([self.sentences.student_en[i] for i in chosen]),
            "ja": padded([self.sentences.student_ja[i] for i in chosen]),
            "text": ids,
            "labels": labels,
        }


def corpus_pairs(splits: Sequence[str]) -> list[Pair]:
    """Segments of the corpus' policies in both languages that translate each other."""
    joined: dict[tuple[str, int], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    every = corpus.load_splits()
    for policy in (p for split in splits for p in every[split]):
        for segment in policy.segments:
            if policy.pair is not None and segment.match is not None:
                joined[policy.pair, segment.match][policy.language].append(segment.text)
    return [
        Pair(" ".join(texts["en"]), "".join(texts["ja"]), "corpus")
        for texts in joined.values()
        if len(texts) == len(corpus.LANGUAGES)
    ]


@torch.inference_mode()
def retrieval(
    model: BertModel, tokenizer: Tokenizer, held: Sequence[Pair], device: torch.device
) -> float:
    """Share of Japanese sentences whose nearest English sentence is their partner (cosine).

    An English sentence that differs from the partner in case and punctuation alone is right too.
    """
    model.eval()
    sides = []
    for texts in ([p.ja for p in held], [p.en for p in held]):
        rows = _ids(tokenizer, texts)
        order = np.argsort([len(r) for r in rows])
        vectors = torch.zeros(len(rows), model.config.hidden_size)
        for i in range(0, len(order), 32):
            part = order[i : i + 32]
            vectors[torch.from_numpy(part)] = pooled(model, padded([rows[j] for j in part]).to(device)).cpu()
        sides.append(F.normalize(vectors, dim=1))
    model.train()
    same = [corpus.normal(p.en) for p in held]
    nearest: list[int] = (sides[0] @ sides[1].T).argmax(1).tolist()
    return sum(same[found] == own for found, own in zip(nearest, same, strict=True)) / len(held)


def train(
    start: Path, teacher_folder: Path, policy_folder: Path, text: Path, out: Path, settings: Settings
) -> None:
    torch.manual_seed(settings.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tokenizer = Tokenizer.from_file(str(start / "tokenizer.json"))
    teacher_tokenizer = AutoTokenizer.from_pretrained(teacher_folder).backend_tokenizer
    teacher_tokenizer.no_padding()
    teacher_tokenizer.no_truncation()
    student = AutoModel.from_pretrained(start, attn_implementation="sdpa").float().to(device)
    teacher = AutoModel.from_pretrained(teacher_folder, attn_implementation="sdpa").float().to(device).eval()
    head = MaskedHead(student.config.hidden_size, student.config.vocab_size).to(device)

    measured = held_out(text) | {"corpus": corpus_pairs(["validation", "test"])[:1000]}
    data = Steps(*_read(policy_folder, text, tokenizer, teacher_tokenizer, settings), settings,
                 student.config.vocab_size)  # fmt: skip

    embeddings = student.get_input_embeddings().weight
    rest = [p for p in student.parameters() if p is not embeddings] + list(head.parameters())
    optimizer = torch.optim.AdamW(
        [
            {"params": [embeddings], "lr": settings.rate_new, "weight_decay": 0.0},
            {"params": rest, "lr": settings.rate, "weight_decay": 0.01},
        ],
        betas=(0.9, 0.98),
        fused=device.type == "cuda",
    )

    def factor(step: int) -> float:
        up = min(1.0, (step + 1) / settings.warmup)
        return up * 0.5 * (1 + math.cos(math.pi * min(1.0, step / settings.steps)))

    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / "checkpoint.pt"
    first = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        student.load_state_dict(state["student"])
        head.load_state_dict(state["head"])
        optimizer.load_state_dict(state["optimizer"])
        scheduler.load_state_dict(state["scheduler"])
        first = int(state["step"])

    loader = DataLoader(
        data,
        batch_size=None,
        sampler=range(first, settings.steps),
        num_workers=12 if device.type == "cuda" else 0,
        pin_memory=device.type == "cuda",
    )
    student.train()
    head.train()
    losses: dict[str, list[Tensor]] = {"pairs": [], "text": []}
    began = time.monotonic()
    for step, batch in enumerate(loader, first):
        torch.manual_seed(settings.seed * 1_000_003 + step)
        batch = {name: ids.to(device, non_blocking=True) for name, ids in batch.items()}
        loss = torch.zeros((), device=device)
        with torch.autocast(device.type, dtype=torch.bfloat16):
            places = batch["labels"] != -100
            logits = head(student(input_ids=batch["text"]).last_hidden_state[places], embeddings)
            text_loss = F.cross_entropy(logits.float(), batch["labels"][places])
            losses["text"].append(text_loss.detach())
            loss = loss + settings.text_weight * text_loss
            if settings.without != "pairs":
                with torch.no_grad():
                    target = pooled(teacher, batch["teacher"])
                ja = drawn_to(pooled(student, batch["ja"]), target, settings.temperature)
                en = drawn_to(pooled(student, batch["en"]), target, settings.temperature)
                losses["pairs"].append(ja.detach())
                loss = loss + ja + 0.5 * en
        loss.backward()
        nn.utils.clip_grad_norm_([embeddings, *rest], 1.0)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad(set_to_none=True)

        done = step + 1
        if done % 20 == 0 and device.type == "cpu":
            print(f"step {done}, {(time.monotonic() - began) / (done - first):.2f} s a step", flush=True)
        if done % settings.evaluate_every == 0 or done == settings.steps:
            found = {k: retrieval(student, tokenizer, v, device) for k, v in measured.items()}
            line = {
                "step": done,
                "seconds": round(time.monotonic() - began),
                **{k: round(float(torch.stack(v).mean()), 3) for k, v in losses.items() if v},
                **{k: round(v, 3) for k, v in found.items()},
            }
            losses = {"pairs": [], "text": []}
            print(json.dumps(line), flush=True)
            with (out / "log.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")
            temporary = checkpoint.with_suffix(".new")
            torch.save(
                {
                    "student": student.state_dict(),
                    "head": head.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "scheduler": scheduler.state_dict(),
                    "step": done,
                },
                temporary,
            )
            temporary.replace(checkpoint)
            save(student, tokenizer, out, settings)


def _read(
    policy_folder: Path, text: Path, tokenizer: Tokenizer, teacher_tokenizer: Tokenizer, settings: Settings
) -> tuple[Pairs, dict[str, np.ndarray]]:
    """Sentence pairs with their weights, and running text."""
    policy_sources = {p.source for p in policy_pairs(text)} | {"corpus"}
    drawn = [
        (p, POLICY_PAIR_WEIGHT if p.source in policy_sources else
         PRIVACY_WEIGHT if PRIVACY.search(p.en) else 1.0)
        for p in teaching_pairs(text) + corpus_pairs(["train"])
    ]  # fmt: skip
    texts = {
        "ja_prose": list(prose(text / "ja.txt.gz", settings.prose_share)),
        "en_prose": list(prose(text / "en.txt.gz", settings.prose_share)),
    }
    if settings.without != "policies":
        texts |= {f"{language}_policies": policies(policy_folder, language) for language in corpus.LANGUAGES}
    streams = {name: stream(tokenizer, lines) for name, lines in texts.items()}
    print(f"{len(drawn)} pairs; pieces of text:", {k: len(v) for k, v in streams.items()}, flush=True)
    return Pairs(drawn, tokenizer, teacher_tokenizer), streams


def drawn_to(vectors: Tensor, target: Tensor, temperature: float) -> Tensor:
    """Squared error to the targets, and the cross-entropy of picking one's own among the batch."""
    squared = (vectors - target).pow(2).sum(1).mean()
    likeness = F.normalize(vectors, dim=1) @ F.normalize(target, dim=1).T / temperature
    own = torch.arange(len(target), device=target.device)
    return squared * 0.25 + F.cross_entropy(likeness.float(), own)


def save(student: BertModel, tokenizer: Tokenizer, out: Path, settings: Settings) -> None:
    """The encoder as a Hugging Face folder, weights in fp16."""
    student.config.save_pretrained(out)
    weights = {
        k: v.detach().to("cpu", torch.float16).contiguous()
        for k, v in student.state_dict().items()
        if not k.startswith("pooler.")
    }
    temporary = out / "model.safetensors.new"
    save_file(weights, temporary, metadata={"format": "pt"})
    temporary.replace(out / "model.safetensors")
    tokenizer.save(str(out / "tokenizer.json"))
    (out / "settings.json").write_text(json.dumps(asdict(settings), indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--start", type=Path, required=True, help="folder of training.vocabulary")
    parser.add_argument("--teacher", type=Path, required=True, help="folder of all-MiniLM-L6-v2")
    parser.add_argument("--policies", type=Path, required=True, help="folder with en/ and ja/")
    parser.add_argument("--text", type=Path, required=True, help="folder with pairs and prose")
    parser.add_argument("-o", "--out", type=Path, required=True)
    for field in fields(Settings):
        name = "--" + field.name.replace("_", "-")
        parser.add_argument(name, type=type(field.default), default=field.default)
    options = vars(parser.parse_args())
    settings = Settings(**{field.name: options[field.name] for field in fields(Settings)})
    train(
        options["start"], options["teacher"], options["policies"], options["text"], options["out"], settings
    )


if __name__ == "__main__":
    main()
