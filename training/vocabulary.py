"""The encoder's starting point: an English MiniLM whose vocabulary becomes bilingual.

    python -m training.vocabulary --base FOLDER --policies FOLDER --text FOLDER -o build/start

1. Count English word pieces of the base and Japanese words (fugashi, unidic-lite) in
   real text, privacy policies weighed up.
2. Keep the frequent ones as one Unigram vocabulary (Kudo, ACL 2018), whose most
   probable cut needs no dictionary at run time. Japanese pieces are words, so that
   no piece runs over a word's end.
3. Give each Japanese piece the mean of the English pieces that translate it, by IBM
   Model 1 (Brown et al., 1993) on sentence pairs: a start that the encoder's training
   refines, where a random one would have to be learnt from nothing.

Needs the `train` and `words` extras.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import math
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
from transformers import AutoModel, AutoTokenizer

# sentence-transformers/all-MiniLM-L6-v2, Apache-2.0, as published.
BASE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

# The last three open a segment in a window of segments and tell its kind.
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[SENTENCE]", "[ITEM]", "[HEADING]"]
ENGLISH_PIECES = 9_500
JAPANESE_WORDS = 9_500
CHARACTER_MINIMUM = 20  # occurrences that give a single character a piece of its own

# A policy speaks for many users' texts, a manual for few: occurrences count so often.
POLICY_WEIGHT = {"en": 5, "ja": 30}
# Everyday and programming sentences are plenty; the rest speak of accounts, data, privacy.
SOURCE_LIMIT = {"tanaka_graded": 50_000, "php": 8_000, "python_docs": 10_000, "keycloak": 8_000,
                "docker_docs": 6_000, "react": 5_000, "angular": 4_000, "rust_book": 3_000,
                "rails_guides": 5_000}  # fmt: skip
PRIVACY = re.compile(
    r"privacy|personal (data|information)|cookie|consent|third part|opt[- ]out|policy|GDPR|"
    r"data (protection|controller)|your (data|information|account)|security|visitor|advertis",
    re.IGNORECASE,
)

# Sources of pairs kept out of all training, to measure retrieval across languages on.
HELD_OUT_POLICIES = ("windyboyy", "ywamjapan", "zeteohorg", "sakiyamaK")
HELD_OUT_NEWS = "ud_pud"

JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff々〆ヶ]")


@dataclass(frozen=True)
class Pair:
    """A sentence in both languages."""

    en: str
    ja: str
    source: str


def normalizer() -> normalizers.Normalizer:
    """NFKC and case folding; Latin accents go, dakuten (U+3099, U+309A) stay."""
    return normalizers.Sequence(
        [
            normalizers.NFKD(),
            normalizers.Replace(Regex("[\u0300-\u036f]"), ""),
            normalizers.NFKC(),
            normalizers.Lowercase(),
        ]
    )


def policies(folder: Path, language: str) -> list[str]:
    """Texts of `folder`/`language`, each policy whole."""
    return [p.read_text(encoding="utf-8") for p in sorted((folder / language).rglob("*.txt"))]


def prose(path: Path, share: float = 1.0, seed: int = 0) -> Iterator[str]:
    """Paragraphs of a gzipped text, one a line; a random `share` of them."""
    rng = random.Random(seed)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from (line.strip() for line in lines if rng.random() < share)


def pairs(folder: Path, seed: int = 0) -> list[Pair]:
    """Sentence pairs of `folder`, large sources capped, those on privacy always kept."""
    with gzip.open(folder / "pairs.tsv.gz", "rt", encoding="utf-8") as lines:
        every = [Pair(*line.rstrip("\n").split("\t")) for line in lines]
    random.Random(seed).shuffle(every)
    taken: Counter[str] = Counter()
    kept = []
    for pair in every:
        if PRIVACY.search(pair.en) or taken[pair.source] < SOURCE_LIMIT.get(pair.source, 10**9):
            taken[pair.source] += 1
            kept.append(pair)
    return [p for p in kept if 3 <= len(p.en) <= 600 and 2 <= len(p.ja) <= 300]


def policy_pairs(folder: Path) -> list[Pair]:
    """Aligned sentences of policies published in both languages."""
    lines = (folder / "policy_pairs.tsv").read_text(encoding="utf-8").splitlines()
    return [Pair(*line.split("\t")) for line in lines]


def held_out(folder: Path) -> dict[str, list[Pair]]:
    """At most 1,000 pairs a kind to measure retrieval on, each English sentence once."""
    policy = [p for p in policy_pairs(folder) if p.source.startswith(HELD_OUT_POLICIES)]
    news = [p for p in pairs(folder) if p.source == HELD_OUT_NEWS]
    return {
        "policies": list({p.en: p for p in policy}.values())[:1000],
        "news": list({p.en: p for p in news}.values())[:1000],
    }


def teaching_pairs(folder: Path) -> list[Pair]:
    """All pairs but those whose English sentence is held out; policies' pairs come last."""
    out = {p.en for held in held_out(folder).values() for p in held}
    return [p for p in pairs(folder) + policy_pairs(folder) if p.en not in out]


def build(base: Path, policy_folder: Path, text_folder: Path, out: Path) -> None:
    """Write the bilingual starting point (model, tokenizer.json) to `out`."""
    weights = base / "model.safetensors"
    if hashlib.sha256(weights.read_bytes()).hexdigest() != BASE_SHA256:
        raise SystemExit(f"{weights} is not the published all-MiniLM-L6-v2")
    base_tokenizer = AutoTokenizer.from_pretrained(base)
    base_model = AutoModel.from_pretrained(base)
    parallel = teaching_pairs(text_folder)

    english = count_english(base_tokenizer.backend_tokenizer, policy_folder, parallel)
    japanese, characters = count_japanese(policy_folder, text_folder, parallel)
    scores = vocabulary(english, japanese, characters)
    tokenizer = unigram(scores)
    print(f"{len(scores)} pieces, {sum(bool(JAPANESE.search(p)) for p, _ in scores)} Japanese")

    old = base_model.get_input_embeddings().weight.detach().numpy()
    known = base_tokenizer.get_vocab()
    new = start_embeddings(tokenizer, parallel, old, known)
    base_model.resize_token_embeddings(len(scores), mean_resizing=False)
    base_model.get_input_embeddings().weight.data = torch.from_numpy(new)
    base_model.config.pad_token_id = 0

    out.mkdir(parents=True, exist_ok=True)
    base_model.save_pretrained(out)
    tokenizer.save(str(out / "tokenizer.json"))


def count_english(
    wordpiece: Tokenizer, policy_folder: Path, parallel: Sequence[Pair]
) -> Counter[str]:
    """Weighted counts of the base's pieces, continuations (##ing) as plain pieces (ing)."""
    ids: Counter[int] = Counter()
    weighted = [(policies(policy_folder, "en"), POLICY_WEIGHT["en"])]
    weighted.append(([p.en for p in parallel], 1))
    wordpiece.no_truncation()
    wordpiece.no_padding()
    for texts, weight in weighted:
        paragraphs = [line for text in texts for line in text.splitlines() if line.strip()]
        for i in range(0, len(paragraphs), 4096):
            for encoding in wordpiece.encode_batch_fast(
                paragraphs[i : i + 4096], add_special_tokens=False
            ):
                for piece in encoding.ids:
                    ids[piece] += weight
    merged: Counter[str] = Counter()
    for piece, count in ids.items():
        plain = str(wordpiece.id_to_token(piece)).removeprefix("##")
        if plain not in SPECIAL and not JAPANESE.search(plain):
            merged[plain] += count
    return merged


def count_japanese(
    policy_folder: Path, text_folder: Path, parallel: Sequence[Pair]
) -> tuple[Counter[str], Counter[str]]:
    """Weighted counts of Japanese words and of the characters they are written with."""
    import fugashi

    tagger = fugashi.Tagger("-Owakati")
    fold = normalizer()
    words: Counter[str] = Counter()
    sources: list[tuple[Iterable[str], int]] = [
        (policies(policy_folder, "ja"), POLICY_WEIGHT["ja"]),
        ((p.ja for p in parallel), 1),
        (prose(text_folder / "ja.txt.gz", share=0.35), 1),
    ]
    for texts, weight in sources:
        for text in texts:
            for line in text.splitlines():
                for word in tagger.parse(fold.normalize_str(line)[:5000]).split():
                    words[word] += weight
    words = Counter({w: n for w, n in words.items() if JAPANESE.search(w)})
    characters: Counter[str] = Counter()
    for word, count in words.items():
        for character in word:
            if JAPANESE.match(character):
                characters[character] += count
    whole = Counter({w: n for w, n in words.items() if all(JAPANESE.match(c) for c in w)})
    return whole, characters


def vocabulary(
    english: Counter[str], japanese: Counter[str], characters: Counter[str]
) -> list[tuple[str, float]]:
    """Pieces with log-probabilities, special pieces first; each language sums to one."""
    scores = dict.fromkeys(SPECIAL, 0.0)
    chosen = dict(english.most_common(ENGLISH_PIECES))
    chosen |= {chr(c): english.get(chr(c), 1) for c in range(33, 127) if not chr(c).isupper()}
    scores |= _log_shares(chosen)
    chosen = dict(japanese.most_common(JAPANESE_WORDS))
    # A character that is no word counts once: words win wherever they fit.
    chosen |= {
        c: japanese.get(c, 1) for c, n in characters.items() if n >= CHARACTER_MINIMUM
    }
    scores |= _log_shares(chosen)
    return list(scores.items())


def _log_shares(counts: dict[str, int]) -> dict[str, float]:
    total = sum(counts.values())
    return {piece: math.log(max(count, 1) / total) for piece, count in counts.items()}


def unigram(scores: list[tuple[str, float]]) -> Tokenizer:
    """The run-time tokenizer: normaliser, white space and punctuation, most probable cut."""
    tokenizer = Tokenizer(models.Unigram(scores, unk_id=SPECIAL.index("[UNK]")))
    tokenizer.normalizer = normalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


def start_embeddings(
    tokenizer: Tokenizer, parallel: Sequence[Pair], old: np.ndarray, known: dict[str, int]
) -> np.ndarray:
    """Vectors (pieces, width): the base's own, and for Japanese their translations' mean."""
    pieces = [str(tokenizer.id_to_token(i)) for i in range(tokenizer.get_vocab_size())]
    mean, spread = old.mean(axis=0), old.std(axis=0)
    rng = np.random.default_rng(0)
    noise = 0.3 * spread * rng.standard_normal((len(pieces), old.shape[1]))
    new: np.ndarray = (mean + noise).astype("float32")
    norm = float(np.linalg.norm(old, axis=1).mean())
    english = np.zeros(len(pieces), dtype=bool)
    for i, piece in enumerate(pieces):
        source = known.get(piece, known.get(f"##{piece}"))
        if source is None and piece in SPECIAL:
            source = known["[SEP]"]
        if source is not None and not JAPANESE.search(piece):
            new[i] = old[source]
            english[i] = True
    table, columns = translation_table(tokenizer, parallel, english)
    for row, translations in table.items():
        weights = np.array([w for _, w in translations], dtype="float32")
        vector = weights @ new[[columns[e] for e, _ in translations]] / weights.sum()
        new[row] = vector * (norm / max(float(np.linalg.norm(vector)), 1e-6))
    print(f"{len(table)} pieces begin at their translations")
    return new


def translation_table(
    tokenizer: Tokenizer,
    parallel: Sequence[Pair],
    english: np.ndarray,
    rounds: int = 4,
    keep: int = 8,
) -> tuple[dict[int, list[tuple[int, float]]], np.ndarray]:
    """For each Japanese piece its likeliest English pieces with p(en | ja), by IBM Model 1.

    Both columns are sets of pieces a sentence: repeated words count once.
    """
    columns = np.flatnonzero(english)
    rows = np.flatnonzero(~english)
    to_column = np.full(len(english), -1)
    to_column[columns] = np.arange(len(columns))
    to_row = np.full(len(english), -1)
    to_row[rows] = np.arange(len(rows))
    sentences = []
    for en, ja in zip(
        tokenizer.encode_batch_fast([p.en for p in parallel], add_special_tokens=False),
        tokenizer.encode_batch_fast([p.ja for p in parallel], add_special_tokens=False),
        strict=True,
    ):
        es, js = to_column[np.unique(en.ids)], to_row[np.unique(ja.ids)]
        es, js = es[es >= 0], js[js >= 0]
        if 0 < len(es) <= 60 and 0 < len(js) <= 60:
            sentences.append((es, js))
    table = np.ones((len(rows), len(columns)), dtype="float32")
    for _ in range(rounds):
        counts = np.zeros_like(table)
        for es, js in sentences:
            part = table[np.ix_(js, es)]
            # each English piece is shared out among the Japanese ones that may have made it
            counts[np.ix_(js, es)] += part / part.sum(axis=0, keepdims=True)
        seen = counts.sum(axis=1, keepdims=True)
        table = counts / np.maximum(seen, 1e-9)
    found = {}
    for j in np.flatnonzero(seen[:, 0] > 3):
        best = np.argpartition(-table[j], keep)[:keep]
        found[int(rows[j])] = [(int(e), float(table[j, e])) for e in best if table[j, e] > 0.02]
    return {j: t for j, t in found.items() if t}, columns


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--base", type=Path, required=True, help="folder of all-MiniLM-L6-v2")
    parser.add_argument("--policies", type=Path, required=True, help="folder with en/ and ja/")
    parser.add_argument("--text", type=Path, required=True, help="folder with pairs and prose")
    parser.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args()
    build(options.base, options.policies, options.text, options.out)


if __name__ == "__main__":
    main()
