"""The benchmark: reading OPP-115, intervals, and every baseline on made-up data."""

from __future__ import annotations

import argparse
import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

from training import benchmark, gold, opp115, opp115_data, opp115_table, vocabulary
from training.baselines import Baseline, Example, Majority, Rule, TfIdf, examples, matrix
from training.baselines_neural import FrozenVectors, SentenceVectors, TextCat
from training.model import from_encoder
from training.opp115_data import Passage, Split
from training.opp115_finetune import Settings, add_marks, cut, divergence, documents, epoch, train

# Words that give a label away; a passage is made of one or two of them and filler.
TELLING = {"Data Security": "encrypted", "Data Retention": "kept", "Policy Change": "updated"}
FILLER = ["we", "our", "your", "data", "the", "is", "are", "will", "be", "and", "of", "it"]
LABELS = tuple(sorted(TELLING))


def made_up(rng: np.random.Generator, telling: list[str], length: int = 6) -> str:
    words = [*telling, *rng.choice(FILLER, length)]
    return " ".join(str(words[i]) for i in rng.permutation(len(words)))


def passages(count: int, seed: int) -> list[Passage]:
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        labels = sorted(rng.choice(3, rng.integers(1, 3), replace=False).tolist())
        found.append(Passage(made_up(rng, [TELLING[LABELS[i]] for i in labels]), tuple(labels)))
    return found


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    words = sorted({*TELLING.values(), *FILLER, "保存", "暗号", "化", "します", "変更", "。"})
    letters = sorted(set("".join(words)))
    pieces = [(s, 0.0) for s in vocabulary.SPECIAL] + [(w, -3.0) for w in words]
    tokenizer = vocabulary.unigram(pieces + [(c, -9.0) for c in letters if c not in words])
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=32, num_hidden_layers=2,
        num_attention_heads=2, intermediate_size=64, max_position_embeddings=80,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="module")
def corpus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OPP-115's three forms, made up, with a damaged cell and a text that recurs."""
    folder = tmp_path_factory.mktemp("opp115")
    (folder / "majority").mkdir()
    (folder / "plue").mkdir()
    for seed, (part, other) in enumerate([("train", "train"), ("validation", "valid"), ("test", "test")]):
        made = passages({"train": 120, "validation": 40, "test": 40}[part], seed)
        with (folder / "majority" / f"{part}.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            for passage in made:
                rows.writerows([f"{passage.text} ", LABELS[i]] for i in passage.labels)
            rows.writerow(["Privacy “Policy” of, well, us ", LABELS[0]])
            if part == "train":
                rows.writerows([["#NAME?", LABELS[0]], ["#NAME?", LABELS[1]]])
        lines = [json.dumps({"text": p.text, "label": [LABELS[i] for i in p.labels]}) for p in made]
        (folder / "plue" / f"{other}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows_: list[str] = []
    for number in range(20):
        for i, passage in enumerate(passages(9, 100 + number)):
            labels = [LABELS[j] for j in passage.labels]
            row = {"policy": f"{number}_shop", "segment": i, "text": passage.text}
            rows_.append(json.dumps({**row, "labels": labels[:1], "any": labels}))
    (folder / "sentences.jsonl").write_text("\n".join(rows_) + "\n", encoding="utf-8")
    return folder


def test_rows_of_one_text_are_one_segment_and_damaged_cells_are_counted(corpus_folder: Path) -> None:
    split = opp115_data.read("majority", corpus_folder)
    assert split.labels == LABELS
    assert split.damaged == 2
    assert len(split.train) == len({p.text for p in passages(120, 0)}) + 1
    assert all(len(unit) == 1 for unit in split.train)
    texts = {unit[0].text: set(unit[0].labels) for unit in split.train}
    assert texts["Privacy “Policy” of, well, us"] == {0}
    assert not any("#NAME" in text for text in texts)
    for passage in passages(120, 0):
        assert texts[passage.text] >= set(passage.labels)
    assert split.repeated >= 1  # the policy's own name, in every part
    assert "2 damaged rows left out" in split.describe()


def test_plue_keeps_its_parts(corpus_folder: Path) -> None:
    split = opp115_data.read("plue", corpus_folder)
    assert [unit[0] for unit in split.validation] == passages(40, 1)
    assert [unit[0] for unit in split.test] == passages(40, 2)


def test_sentences_are_split_by_policy_and_doubt_is_kept(corpus_folder: Path) -> None:
    split = opp115_data.read("sentences", corpus_folder)
    assert (len(split.train), len(split.validation), len(split.test)) == (13, 3, 4)
    assert all(len(unit) == 9 for unit in split.train)
    assert opp115_data.read("sentences", corpus_folder) == split
    expected = {p.text: p.labels for n in range(20) for p in passages(9, 100 + n)}
    for unit in (*split.train, *split.validation, *split.test):
        for passage in unit:
            assert len(passage.labels) == 1
            assert {*passage.labels, *passage.doubtful} <= set(expected[passage.text])


def test_a_row_that_is_no_text_and_label_is_named(tmp_path: Path) -> None:
    (tmp_path / "majority").mkdir()
    (tmp_path / "majority" / "train.csv").write_text("a text,Data Security\nno label\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"train\.csv, row 2"):
        opp115_data.read("majority", tmp_path)
    with pytest.raises(ValueError, match="none of the splits"):
        opp115_data.read("random", tmp_path)


def test_a_tiny_encoder_fine_tunes_and_beats_chance(
    corpus_folder: Path, encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command itself, in two processes' worth of files that are merged."""
    common = ["opp115", "--data", str(corpus_folder), "--encoder", str(encoder), "--splits", "majority"]
    common += ["--set", "epochs=14", "rate=2e-3", "rate_head=1e-2", "average=0.9", "max_tokens=64"]
    for seed in (0, 1):
        out = tmp_path / f"{seed}.json"
        tfidf = ["--tfidf"] if seed == 0 else []
        benchmark.main([*common, "--seeds", "1", "--first-seed", str(seed), "--json", str(out), *tfidf])
    capsys.readouterr()
    benchmark.main(["opp115", "--merge", str(tmp_path / "0.json"), str(tmp_path / "1.json")])
    printed = capsys.readouterr().out
    assert "2 seeds" in printed
    assert "PrivBERT" in printed
    words, row = json.loads((tmp_path / "0.json").read_text(encoding="utf-8"))
    assert words["micro"] > 0.9
    assert "\nTF-IDF of words" in printed
    split = opp115_data.read("majority", corpus_folder)
    truth = opp115_table.truth_of(split.test, 3)
    everything = 2 * truth.sum() / (truth.sum() + truth.size)  # every label, always
    assert row["micro"] > 0.97 > everything
    right, wrong, missed = np.sum(row["units"], axis=0)
    assert row["micro"] == pytest.approx(2 * right / (2 * right + wrong + missed))
    assert np.sum(list(row["labels"].values()), axis=0).tolist() == [right, wrong, missed]
    assert len(row["units"]) == len(split.test)


def test_sentences_are_read_in_windows_of_their_policy(corpus_folder: Path, encoder: Path) -> None:
    split = opp115_data.read("sentences", corpus_folder)
    settings = Settings(epochs=1, window=40, max_tokens=64, rdrop=0, doubtful=0.3, smoothing=0.1)
    reader = train(split, encoder, None, 0, settings)
    p = reader.probabilities(split.test)
    assert p.shape == (36, 3)
    again = reader.probabilities(split.test[::-1])
    np.testing.assert_allclose(p, again.reshape(4, 9, 3)[::-1].reshape(36, 3), atol=0.02)
    alone = reader.probabilities([[passage] for unit in split.test for passage in unit])
    assert np.abs(p - alone).max() > 1e-4  # neighbours are read


def test_every_segment_comes_once_an_epoch_and_its_pieces_together(encoder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(encoder / "tokenizer.json"))
    units = [[Passage(text, (0,))] for text in ("data " * 150, "kept", "encrypted data " * 40)]
    units.append([Passage("updated data", (0,)) for _ in range(30)])
    docs = documents(units, tokenizer)
    lengths = [len(doc.rows[0]) + 1 for doc in docs]
    assert [len(cut(doc, 62)) for doc in docs[:3]] == [-(-n // 62) for n in lengths[:3]]
    seen: list[tuple[int, int, int]] = []
    for batch in epoch(docs, np.random.default_rng(0), Settings(batch=2, max_tokens=64, window=40)):
        for d in {d for d, _ in batch if d < 3}:
            pieces = [p for e, w in batch if e == d for p in w.own]
            assert sum(p.length for p in pieces) == lengths[d]
        seen += [(d, p.segment, i) for d, w in batch for p in w.own for i in range(p.first, p.last)]
    expected = [
        (d, s, i) for d, doc in enumerate(docs) for s, row in enumerate(doc.rows) for i in range(len(row) + 1)
    ]
    assert sorted(seen) == expected


def test_an_encoder_without_our_marks_gets_them(tmp_path: Path, encoder: Path) -> None:
    pieces = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    plain = vocabulary.unigram([(s, 0.0) for s in pieces] + [("a", -1.0)])
    config = BertConfig(
        vocab_size=plain.get_vocab_size(), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32,
    )  # fmt: skip
    BertModel(config).save_pretrained(tmp_path)
    plain.save(str(tmp_path / "tokenizer.json"))
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    model = from_encoder(tmp_path, 3)
    marks = add_marks(model, tokenizer)
    assert len(set(marks.values())) == 6
    out = model(torch.tensor([[marks["[CLS]"], marks["[SENTENCE]"], marks["[SEP]"]]]))
    assert out.shape == (1, 3, 12)
    ours = Tokenizer.from_file(str(encoder / "tokenizer.json"))
    before = ours.get_vocab_size()
    add_marks(from_encoder(encoder, 3), ours)
    assert ours.get_vocab_size() == before


def test_divergence_is_the_symmetric_kullback_leibler() -> None:
    x, y = torch.tensor([[0.3, -1.0]]), torch.tensor([[1.2, 0.4]])
    p, q = (torch.distributions.Bernoulli(logits=z) for z in (x, y))
    kl = torch.distributions.kl_divergence
    expected = ((kl(p, q) + kl(q, p)) / 2).mean()
    torch.testing.assert_close(divergence(x, y), expected)
    assert float(divergence(x, x)) == 0


def test_settings_from_the_command_line() -> None:
    found = opp115.changed(Settings(), ["epochs=3", "rate=5e-5", "train_embeddings=no"])
    assert found == replace(Settings(), epochs=3, rate=5e-5, train_embeddings=False)
    with pytest.raises(ValueError, match="no setting 'epoch'"):
        opp115.changed(Settings(), ["epoch=3"])


def test_threshold_and_floor_come_from_validation() -> None:
    split = Split(
        "majority", LABELS, [], [[Passage("a", (0,))], [Passage("b", (1,))]],
        [[Passage("c", (0,))], [Passage("d", (2,))]], 0, 0,
    )  # fmt: skip
    read = {
        "validation": np.array([[0.9, 0.3, 0.1], [0.1, 0.15, 0.1]]),
        "test": np.array([[0.8, 0.1, 0.1], [0.1, 0.1, 0.15]]),
    }
    about = {"seed": 0, "encoder": "e", "settings": {}, "device": "cpu", "seconds": 0.0}
    run = opp115_table.figures(split, read, **about)
    assert run.floor <= 0.1  # without one the second passage would bear no label
    assert run.threshold > 0.3
    assert (run.validation_micro, run.micro) == (1.0, 1.0)
    assert run.macro == pytest.approx(2 / 3)  # a label that is not there counts 0
    low, high = opp115_table.interval([run, replace(run, units=[[0, 1, 1], [1, 0, 0]])])
    assert 0 < low < 0.75 < high <= 1


# --- The gold table ---


def toy(language: str, count: int, seed: int) -> list[Example]:
    """Texts that give their label away, save those that only heading or lead-in explain."""
    joint, telling, filler = {
        "en": (" ", ("encrypted", "kept", "updated"), FILLER),
        "ja": ("", ("暗号化します", "保存します", "変更します"), ["当社は", "情報を", "お客様の", "、"]),
    }[language]
    rng = np.random.default_rng(seed)
    found = []
    for i in range(count):
        label = int(rng.choice(3, p=(0.5, 0.25, 0.25)))
        bare = joint.join(rng.choice(filler, 2))
        if i % 4 == 0:
            found.append(Example(bare, telling[label], "", (label,)))
        elif i % 4 == 1:
            found.append(Example(bare, "", telling[label], (label,)))
        else:
            found.append(Example(joint.join([bare, telling[label]]), "", "", (label,)))
    return found


def accuracy(baseline: Baseline, given: list[Example]) -> float:
    return float(np.mean([set(e.labels) == p for e, p in zip(given, baseline.predict(given), strict=True)]))


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("kind", ["words", "characters", "spacy", "encoder"])
def test_a_baseline_learns_and_gains_from_context(kind: str, language: str, encoder: Path) -> None:
    vectors = SentenceVectors(encoder)
    found = {}
    for context in (False, True):
        made: dict[str, Baseline] = {
            "words": TfIdf(language, context=context),
            "characters": TfIdf(language, context=context, characters=True),
            "spacy": TextCat(language, context=context, epochs=5),
            "encoder": FrozenVectors("tiny", vectors, context=context),
        }
        baseline = made[kind].fit(toy(language, 300, 0), toy(language, 80, 1), 3)
        found[context] = accuracy(baseline, toy(language, 80, 2))
        assert ("heading and lead-in given" in baseline.name) == context
    chance = accuracy(Majority().fit(toy(language, 300, 0), toy(language, 80, 1), 3), toy(language, 80, 2))
    assert found[False] > chance + 0.1
    assert found[True] > found[False]


def test_the_majority_class_is_the_commonest_label() -> None:
    given = [Example("a", "", "", (2,)), Example("b", "", "", (2, 0)), Example("c", "", "", (1,))]
    baseline = Majority().fit(given, given, 3)
    assert baseline.predict(given) == [{2}] * 3
    assert baseline.predict([]) == []
    with pytest.raises(RuntimeError, match="not fitted"):
        Majority().predict(given)


def test_a_rule_counts_the_unlabelled_little() -> None:
    """Nine unlabelled examples do not outweigh two labelled ones that are as sure."""
    p = np.array([[0.5]] * 9 + [[0.5]] * 2)
    assert Rule.best(p, np.array([[0]] * 9 + [[1]] * 2)).threshold <= 0.5


def test_vectors_are_of_unit_length_and_weights_are_checked(encoder: Path) -> None:
    vectors = SentenceVectors(encoder)
    found = vectors(["kept data", "", "encrypted", "kept data"])
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), [1, 0, 1, 1], atol=1e-5)
    np.testing.assert_array_equal(found[0], found[3])
    with pytest.raises(ValueError, match="another model"):
        SentenceVectors(encoder, sha256="0" * 64)


def test_examples_know_their_heading_and_lead_in() -> None:
    kinds, texts = ["heading", "sentence", "list_item"], ["Who", "We ask:", "- name"]
    found = examples(kinds, texts, [None, None, 1], [(), (1,), ()])
    assert found == [Example("We ask:", "Who", "", (1,)), Example("- name", "Who", "We ask:", ())]
    assert matrix(found, 2).tolist() == [[0, 1], [0, 0]]


@pytest.fixture
def gold_folder(tmp_path: Path) -> Path:
    for name, text, labels in (
        ("en-one", "We keep your name for a year.", ["data_retention"]),
        ("en-two", "Your name is encrypted.", ["data_security"]),
        ("ja-one", "お名前を暗号化して保管します。", ["data_security"]),
    ):
        (tmp_path / f"{name}.txt").write_text(f"{text}\n", encoding="utf-8")
        row = {"kind": "sentence", "text": text, "labels": labels, "denied": []}
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    return tmp_path


def test_counts_and_their_f1() -> None:
    document = gold.Gold("en-x", "en", "ab cd ef", [(0, 2), (3, 5), (6, 8)], [{"a"}, {"a", "b"}, set()])
    found = gold.counts(document, [(0, 2, {"a"}), (2, 5, {"b"}), (5, 8, {"c"})], ["a", "b", "c"])
    assert found.tolist() == [[1, 0, 1], [1, 0, 0], [0, 1, 0]]
    assert gold.micro_f1(found) == pytest.approx(4 / 6)
    assert gold.macro_f1(np.stack([found, found])) == pytest.approx((2 / 3 + 1) / 2)
    assert gold.counts(document, [], ["a", "b", "c"]).tolist() == [[0, 0, 2], [0, 0, 1], [0, 0, 0]]


def test_differences_are_measured_on_the_same_documents() -> None:
    documents_ = [gold.Gold(f"en-{i}", "en", "x", [(0, 1)], [{"a"}]) for i in range(4)]
    ours = np.array([[[n, 1, 1]] for n in (1, 5, 20, 50)])
    theirs = ours + np.array([[[0, 1, 1]]])
    printed = gold.table("en", documents_, {"ours": ours, "theirs": theirs, "same": ours.copy()})
    assert "en: 4 documents, 4 segments" in printed
    assert printed.splitlines()[-1].endswith("+0.0 [+0.0, +0.0]")
    low, high = gold.interval([i / 100 for i in range(100)])
    assert (low, high) == (0.02, 0.96)


def test_the_gold_command_scores_models_and_baselines(
    gold_folder: Path, encoder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    released = Path(benchmark.__file__).parent.parent / "models" / "policyclf"
    benchmark.main(["gold", str(gold_folder), "--only", "majority", "--also", f"again={released}"])
    printed = capsys.readouterr().out
    assert [line[:2] for line in printed.splitlines() if "documents" in line] == ["en", "ja"]
    rows = [line for line in printed.splitlines() if line.startswith("again")]
    assert all(row.rstrip().endswith("+0.0 [+0.0, +0.0]") for row in rows)
    assert len(rows) == 2
    assert "majority class" in printed
    with pytest.raises(argparse.ArgumentTypeError, match="not NAME=FOLDER"):
        gold.named(f"x={gold_folder / 'missing'}")


def test_gold_that_does_not_fit_its_document_is_named(gold_folder: Path) -> None:
    (gold_folder / "en-two.txt").write_text("Something else.\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"en-two\.jsonl:1"):
        gold.read_gold(gold_folder)
