"""Teach the bilingual encoder: distillation across languages and masked-language modelling.

    python -m training.encoder --start build/start --teacher FOLDER --policies FOLDER \\
        --text FOLDER -o build/encoder

Each step takes one batch of either kind of text:

- sentence pairs: the student's mean-pooled vector of the Japanese sentence, and of the
  English one, is drawn to the English teacher's vector of the latter (Reimers and
  Gurevych, EMNLP 2020), by squared error and by picking the partner out of the batch;
- running text: masked pieces are guessed (Devlin et al., NAACL 2019), for policies of
  both languages and Japanese statutes and prose. The loss is computed on masked places.

Checkpoints hold weights, optimiser, step and random state; the same command goes on
where it stopped. Batches are drawn from the step's own seed, so a resumed run sees what
an unbroken one would. Needs the `train` extra; uses a GPU where torch finds one.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer, BertModel

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
    text_share: float = 0.5  # steps that are masked-language modelling
    english_every: int = 3  # pair steps between those that train the English side too
    evaluate_every: int = 250
    seed: int = 0


# Of running text: shares of the batches.
MIXTURE = {"ja_policies": 0.45, "ja_prose": 0.2, "en_policies": 0.35}
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


def pooled(model: BertModel, ids: Tensor, mask: Tensor) -> Tensor:
    """Mean-pooled sentence vectors, (n, length) -> (n, width)."""
    hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
    weights = mask[:, :, None].to(hidden.dtype)
    mean: Tensor = (hidden * weights).sum(1).float() / weights.sum(1).float()
    return mean


def padded(rows: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Ids and attention mask, each (n, longest)."""
    longest = max(map(len, rows))
    ids = torch.tensor([[*r, *[PAD] * (longest - len(r))] for r in rows])
    return ids.to(device), (ids != PAD).long().to(device)


class Pairs:
    """Sentence pairs as piece ids, drawn by weight in batches of like length."""

    def __init__(self, every: list[tuple[Pair, float]], student: Tokenizer, teacher: Tokenizer):
        self.student_en = _ids(student, [p.en for p, _ in every])
        self.student_ja = _ids(student, [p.ja for p, _ in every])
        self.teacher_en = [
            e.ids[:128] for e in teacher.encode_batch_fast([p.en for p, _ in every])
        ]
        weights = np.array([w for _, w in every])
        self.weights = weights / weights.sum()
        lengths = np.array([len(r) for r in self.student_ja])
        self.by_length = np.argsort(lengths, kind="stable")
        self.rank = np.empty_like(self.by_length)
        self.rank[self.by_length] = np.arange(len(every))
        self.cumulative = np.cumsum(self.weights[self.by_length])

    def batch(self, rng: np.random.Generator, budget: int) -> list[int]:
        """Indices: one drawn by weight, and others by weight out of its lengths' neighbourhood."""
        centre = int(rng.choice(len(self.weights), p=self.weights))
        count = max(8, min(160, budget // len(self.student_ja[centre])))
        half = 2000
        low = max(0, int(self.rank[centre]) - half)
        near = self.by_length[low : low + 2 * half]
        weights = self.weights[near] / self.weights[near].sum()
        return [int(i) for i in rng.choice(near, size=min(count, len(near)), replace=False, p=weights)]


def _ids(tokenizer: Tokenizer, texts: Sequence[str], limit: int = 126) -> list[list[int]]:
    encodings = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    return [[CLS, *e.ids[:limit], SEP] for e in encodings]


def stream(tokenizer: Tokenizer, texts: Sequence[str]) -> np.ndarray:
    """All pieces of `texts` in one row, a [SEP] after each paragraph."""
    lines = [line for text in texts for line in text.splitlines() if line.strip()]
    row: list[int] = []
    for i in range(0, len(lines), 4096):
        for e in tokenizer.encode_batch_fast(lines[i : i + 4096], add_special_tokens=False):
            row += [*e.ids, SEP]
    return np.array(row, dtype=np.int32)


def masked_batch(
    row: np.ndarray, rng: np.random.Generator, settings: Settings, pieces: int
) -> tuple[Tensor, Tensor]:
    """Ids (n, length) with masks, and labels: the true id at masked places, else -100."""
    count = settings.text_tokens // settings.length
    starts = rng.integers(0, len(row) - settings.length, size=count)
    ids = np.stack([row[s : s + settings.length - 1] for s in starts]).astype(np.int64)
    ids = np.concatenate([np.full((count, 1), CLS), ids], axis=1)
    chosen = (rng.random(ids.shape) < settings.masked) & (ids >= len(SPECIAL))
    labels = np.where(chosen, ids, -100)
    lot = rng.random(ids.shape)
    ids = np.where(chosen & (lot < 0.8), MASK, ids)
    ids = np.where(chosen & (lot >= 0.9), rng.integers(len(SPECIAL), pieces, ids.shape), ids)
    return torch.from_numpy(ids), torch.from_numpy(labels)


@torch.inference_mode()
def retrieval(
    model: BertModel, tokenizer: Tokenizer, held: Sequence[Pair], device: torch.device
) -> float:
    """Share of Japanese sentences whose nearest English sentence is their partner (cosine)."""
    model.eval()
    sides = []
    for texts in ([p.ja for p in held], [p.en for p in held]):
        rows = _ids(tokenizer, texts)
        order = np.argsort([len(r) for r in rows])
        vectors = torch.zeros(len(rows), model.config.hidden_size)
        for i in range(0, len(order), 32):
            part = order[i : i + 32]
            ids, mask = padded([rows[j] for j in part], device)
            vectors[torch.from_numpy(part)] = pooled(model, ids, mask).cpu()
        sides.append(F.normalize(vectors, dim=1))
    model.train()
    nearest = (sides[0] @ sides[1].T).argmax(1)
    return float((nearest == torch.arange(len(held))).float().mean())


def train(
    start: Path, teacher_folder: Path, policy_folder: Path, text: Path, out: Path, settings: Settings
) -> None:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tokenizer = Tokenizer.from_file(str(start / "tokenizer.json"))
    teacher_tokenizer = AutoTokenizer.from_pretrained(teacher_folder).backend_tokenizer
    teacher_tokenizer.no_padding()
    teacher_tokenizer.no_truncation()
    student = AutoModel.from_pretrained(start, attn_implementation="sdpa").to(device)
    teacher = AutoModel.from_pretrained(teacher_folder).to(device).eval()
    head = MaskedHead(student.config.hidden_size, student.config.vocab_size).to(device)

    policy_sources = {p.source for p in policy_pairs(text)}
    measured = held_out(text)
    drawn = [
        (p, POLICY_PAIR_WEIGHT if p.source in policy_sources else
         PRIVACY_WEIGHT if PRIVACY.search(p.en) else 1.0)
        for p in teaching_pairs(text)
    ]  # fmt: skip
    sentences = Pairs(drawn, tokenizer, teacher_tokenizer)
    rows = {
        "ja_policies": stream(tokenizer, policies(policy_folder, "ja")),
        "ja_prose": stream(tokenizer, list(prose(text / "ja.txt.gz", share=0.25))),
        "en_policies": stream(tokenizer, policies(policy_folder, "en")),
    }
    print(f"{len(drawn)} pairs; pieces of text:", {k: len(v) for k, v in rows.items()}, flush=True)

    embeddings = student.get_input_embeddings().weight
    rest = [p for p in student.parameters() if p is not embeddings] + list(head.parameters())
    optimizer = torch.optim.AdamW(
        [
            {"params": [embeddings], "lr": settings.rate_new, "weight_decay": 0.0},
            {"params": rest, "lr": settings.rate, "weight_decay": 0.01},
        ],
        betas=(0.9, 0.98),
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

    student.train()
    head.train()
    losses: dict[str, list[float]] = {"pairs": [], "text": []}
    began = time.monotonic()
    for step in range(first, settings.steps):
        rng = np.random.default_rng((settings.seed, step))
        torch.manual_seed(settings.seed * 1_000_003 + step)
        with torch.autocast(device.type, dtype=torch.bfloat16):
            if rng.random() < settings.text_share:
                source = str(rng.choice(list(MIXTURE), p=list(MIXTURE.values())))
                ids, labels = masked_batch(rows[source], rng, settings, len(embeddings))
                ids, labels = ids.to(device), labels.to(device)
                hidden = student(input_ids=ids).last_hidden_state
                places = labels != -100
                logits = head(hidden[places], embeddings)
                loss = F.cross_entropy(logits.float(), labels[places])
                losses["text"].append(float(loss.detach()))
            else:
                batch = sentences.batch(rng, settings.pair_tokens)
                with torch.inference_mode():
                    target = pooled(teacher, *padded([sentences.teacher_en[i] for i in batch], device))
                target = target.clone()
                loss = drawn_to(
                    pooled(student, *padded([sentences.student_ja[i] for i in batch], device)),
                    target, settings.temperature,
                )  # fmt: skip
                losses["pairs"].append(float(loss.detach()))
                if step % settings.english_every == 0:
                    loss = loss + drawn_to(
                        pooled(student, *padded([sentences.student_en[i] for i in batch], device)),
                        target, settings.temperature,
                    )  # fmt: skip
        loss.backward()
        nn.utils.clip_grad_norm_([embeddings, *rest], 1.0)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad(set_to_none=True)

        done = step + 1
        if done % 20 == 0:
            print(f"step {done}, {(time.monotonic() - began) / (done - first):.2f} s a step", flush=True)
        if done % settings.evaluate_every == 0 or done == settings.steps:
            found = {k: retrieval(student, tokenizer, v, device) for k, v in measured.items()}
            line = {
                "step": done,
                "seconds": round(time.monotonic() - began),
                **{k: round(float(np.mean(v)), 3) for k, v in losses.items() if v},
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
    parser.add_argument("--steps", type=int, default=Settings.steps)
    options = parser.parse_args()
    train(
        options.start, options.teacher, options.policies, options.text, options.out,
        Settings(steps=options.steps),
    )  # fmt: skip


if __name__ == "__main__":
    main()
