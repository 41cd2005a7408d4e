"""Teaching the encoder, on a tiny scale: draws, masks, exact resume, retrieval."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from training import encoder, vocabulary
from training.encoder import CLS, MASK, Pairs, Settings, corpus_pairs, masked_batch, train
from training.vocabulary import Pair

WORDS = {"we": "私たち", "keep": "保管", "your": "あなた", "name": "名前", "logs": "記録", "share": "共有",
         "cookies": "クッキー", "data": "データ"}  # fmt: skip
TINY = Settings(
    steps=6, pair_tokens=120, text_tokens=128, length=16, warmup=2, rate=1e-3, rate_new=1e-3,
    evaluate_every=3, prose_share=1.0,
)  # fmt: skip


def sentences(count: int, seed: int = 0) -> list[tuple[str, str]]:
    rng = np.random.default_rng(seed)
    drawn = [rng.choice(list(WORDS), size=5) for _ in range(count)]
    return [(" ".join(words), "".join(WORDS[w] for w in words)) for words in drawn]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    pieces = [*WORDS, *WORDS.values()]
    return vocabulary.unigram([(s, 0.0) for s in vocabulary.SPECIAL] + [(p, -3.0) for p in pieces])


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("encoder")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=64,
    )  # fmt: skip
    for name in ("start", "teacher"):
        BertModel(config).save_pretrained(root / name)
        tokenizer.save(str(root / name / "tokenizer.json"))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]").save_pretrained(root / "teacher")
    text = root / "text"
    text.mkdir()
    rows = [f"{en}\t{ja}\ttest" for en, ja in sentences(60)]
    news = [f"{en}\t{ja}\t{vocabulary.HELD_OUT_NEWS}" for en, ja in sentences(10, seed=1)]
    with gzip.open(text / "pairs.tsv.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(rows + news) + "\n")
    held = vocabulary.HELD_OUT_POLICIES[0]
    lines = [f"{en}\t{ja}\t{held}" for en, ja in sentences(10, seed=2)]
    (text / "policy_pairs.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for language, index in (("en", 0), ("ja", 1)):
        prose = "\n".join(pair[index] for pair in sentences(30, seed=3)) + "\n"
        with gzip.open(text / f"{language}.txt.gz", "wt", encoding="utf-8") as file:
            file.write(prose)
        (root / "policies" / language).mkdir(parents=True)
        (root / "policies" / language / "a.txt").write_text(prose, encoding="utf-8")
    return {name: root / name for name in ("start", "teacher", "policies", "text")}


@pytest.fixture
def tiny_corpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """The corpus' own pairs are thousands, and long: a few short ones in their place."""
    few = [Pair(en, ja, "corpus") for en, ja in sentences(10, seed=4)]
    monkeypatch.setattr(encoder, "corpus_pairs", lambda splits: few)


def taught(folders: dict[str, Path], out: Path, settings: Settings) -> dict[str, torch.Tensor]:
    train(folders["start"], folders["teacher"], folders["policies"], folders["text"], out, settings)
    return load_file(out / "model.safetensors")


@pytest.mark.usefixtures("tiny_corpus")
def test_a_run_that_was_stopped_ends_in_the_same_weights(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = taught(folders, tmp_path / "whole", TINY)
    real = encoder.save

    def stop(*arguments: object) -> None:
        real(*arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(encoder, "save", stop)
        with pytest.raises(KeyboardInterrupt):
            taught(folders, tmp_path / "halves", TINY)
    state = torch.load(tmp_path / "halves" / "checkpoint.pt", weights_only=True)
    assert state["step"] == 3
    halves = taught(folders, tmp_path / "halves", TINY)
    assert halves.keys() == whole.keys()
    assert all(torch.equal(halves[k], whole[k]) for k in whole)
    steps = [json.loads(x)["step"] for x in (tmp_path / "halves" / "log.jsonl").read_text().splitlines()]
    assert steps == [3, 6]


@pytest.mark.usefixtures("tiny_corpus")
def test_teaching_brings_partners_together(folders: dict[str, Path], tmp_path: Path) -> None:
    taught(folders, tmp_path, replace(TINY, steps=120, evaluate_every=40))
    lines = [json.loads(x) for x in (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert lines[-1]["pairs"] < lines[0]["pairs"]
    assert lines[-1]["text"] < lines[0]["text"]
    assert lines[-1]["news"] > lines[0]["news"]


@pytest.mark.usefixtures("tiny_corpus")
@pytest.mark.parametrize("without", ["pairs", "policies"])
def test_ablations_leave_a_part_out(folders: dict[str, Path], tmp_path: Path, without: str) -> None:
    taught(folders, tmp_path, replace(TINY, without=without))
    line = json.loads((tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert ("pairs" in line) == (without != "pairs")
    assert json.loads((tmp_path / "settings.json").read_text(encoding="utf-8"))["without"] == without


def test_pairs_are_drawn_by_weight_and_never_twice_a_batch(tokenizer: Tokenizer) -> None:
    every = [(Pair(en, ja, "x"), 9.0 if i < 20 else 1.0) for i, (en, ja) in enumerate(sentences(200))]
    pairs = Pairs(every, tokenizer, tokenizer)
    drawn = [pairs.batch(np.random.default_rng(i), 80) for i in range(200)]
    assert all(len(set(batch)) == len(batch) for batch in drawn)
    heavy = np.mean([i < 20 for batch in drawn for i in batch])
    assert heavy > 0.3  # a tenth of the pairs, nearly half of the weight


def test_masks_hide_pieces_and_name_them(tokenizer: Tokenizer) -> None:
    row = np.array(tokenizer.encode(" ".join(WORDS) * 40, add_special_tokens=False).ids, dtype=np.int32)
    settings = replace(TINY, text_tokens=1024)
    ids, labels = masked_batch({"en_policies": row}, np.random.default_rng(0), settings, 24)
    assert ids.shape == labels.shape == (64, 16)
    assert (ids[:, 0] == CLS).all()
    chosen = labels != -100
    assert 0.1 < chosen[:, 1:].float().mean() < 0.2
    assert 0.7 < (ids[chosen] == MASK).float().mean() < 0.9
    assert (ids[~chosen][ids[~chosen] != CLS] != MASK).all()


def test_pairs_of_the_corpus_leave_out_what_is_measured_on() -> None:
    train_pairs, test_pairs = corpus_pairs(["train"]), corpus_pairs(["test"])
    assert len(train_pairs) > 1000
    assert not {p.ja for p in test_pairs} & {p.ja for p in train_pairs if len(p.ja) > 30}
    assert all(p.en.strip() and p.ja.strip() for p in train_pairs)
