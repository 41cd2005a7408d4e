"""From a corpus to a model folder, on a tiny scale: the real code, a tiny encoder."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

import policyclf
from policyclf.model import Config
from policyclf.windows import windows
from training import calibration, corpus, export, finetune, suspects, teachers, vocabulary
from training.documents import documents, unlabelled_documents
from training.fitting import Settings, epoch, logits, train
from training.model import ClauseModel, Document, collate, load, save, special_ids

LABELS = list(corpus.codes().values())
SENTENCES = {
    "en": [
        ("We collect your name.", "first"), ("We share it with printers.", "third"),
        ("We do not sell it.", "third!"), ("Write to our desk.", "contact"),
        ("Orders are kept for a year.", "retention"), ("It is encrypted.", "security"),
    ],
    "ja": [
        ("お名前を取得します。", "first"), ("印刷会社に提供します。", "third"),
        ("第三者に提供しません。", "third!"), ("窓口までご連絡ください。", "contact"),
        ("注文の記録は一年間保存します。", "retention"), ("暗号化して保管します。", "security"),
    ],
}  # fmt: skip


def policy_file(folder: Path, language: str, number: int) -> Path:
    rng = np.random.default_rng((number, len(language)))
    body = "Privacy [[heading]]\n" if language == "en" else "個人情報 [[heading]]\n"
    for i in rng.permutation(len(SENTENCES[language])):
        text, tag = SENTENCES[language][i]
        body += f"{text} [[{tag}]]\n"
    path = folder / language / f"p{number}.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        f'+++\norganisation = "Shop {number}"\nsector = "shop"\nstyle = "plain"\n'
        f'language = "{language}"\nwritten = 2026\n+++\n{body}',
        encoding="utf-8",
    )
    return path


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> list[corpus.Policy]:
    folder = tmp_path_factory.mktemp("policies")
    return corpus.load([policy_file(folder, lang, n) for lang in ("en", "ja") for n in range(6)])


@pytest.fixture(scope="module")
def tokenizer(policies: list[corpus.Policy]) -> Tokenizer:
    pieces = {c for p in policies for c in vocabulary.normalizer().normalize_str(p.text) if c.strip()}
    words = {w for p in policies for w in p.text.lower().replace(".", " ").split()}
    chosen = sorted(pieces | {w for w in words if w.isascii()})
    scores = [(s, 0.0) for s in vocabulary.SPECIAL] + [(p, -len(p) / 9 - 3.0) for p in chosen]
    return vocabulary.unigram(scores)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=32, num_hidden_layers=2,
        num_attention_heads=2, intermediate_size=64, max_position_embeddings=300,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="module")
def docs(policies: list[corpus.Policy], tokenizer: Tokenizer) -> list[Document]:
    return documents(policies, tokenizer)


@pytest.fixture(scope="module")
def settings() -> Settings:
    return Settings(
        epochs=40, batch_tokens=256, rate=2e-3, rate_head=1e-2, average=0.9, train_embeddings=True,
        consistency=0.0, folds=3,
    )  # fmt: skip


@pytest.fixture(scope="module")
def model(docs: list[Document], tokenizer: Tokenizer, encoder: Path, settings: Settings) -> ClauseModel:
    return train(docs, tokenizer, encoder, settings)


@pytest.fixture(scope="module")
def folder(
    model: ClauseModel,
    docs: list[Document],
    tokenizer: Tokenizer,
    settings: Settings,
    policies: list[corpus.Policy],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    out = tmp_path_factory.mktemp("released")
    practice, denial = zip(*logits(model, docs, tokenizer, 254), strict=True)
    decisions = calibration.fit(docs, practice, denial)
    export.write(model, tokenizer, decisions, out, asdict(settings), policies[0].path.parent.parent)
    return out


def test_a_tiny_model_learns_its_corpus_and_works_in_the_library(folder: Path) -> None:
    classifier = policyclf.load(folder)
    codes = {code: policyclf.Practice(label) for code, label in corpus.codes().items()}
    for sentences in SENTENCES.values():
        for text, tag in sentences:
            clause = classifier.classify([text])[0]
            assert clause.labels == (codes[tag.removesuffix("!")],), text
            assert clause.denied == (clause.labels if tag.endswith("!") else ()), text


def test_every_segment_is_judged_once_an_epoch(docs: list[Document], tokenizer: Tokenizer) -> None:
    settings = Settings(batch_tokens=200, budgets=((0, 0.3), (16, 0.3), (1, 0.4)))
    seen: list[tuple[int, int]] = []
    for chosen in epoch(docs, np.random.default_rng(1), settings):
        batch = collate(chosen, docs, special_ids(tokenizer))
        assert batch.input_ids.shape == batch.segment.shape == batch.attention_mask.shape
        for number, member in enumerate(batch.members):
            if docs[member[0]].kinds[member[1]] != "heading":
                assert (batch.segment == number).any()
                seen.append(member)
    expected = [(d, s) for d, doc in enumerate(docs) for s, k in enumerate(doc.kinds) if k != "heading"]
    assert sorted(set(seen)) == expected


def test_epochs_of_one_seed_are_the_same(docs: list[Document]) -> None:
    first = list(epoch(docs, np.random.default_rng(3), Settings()))
    assert list(epoch(docs, np.random.default_rng(3), Settings())) == first
    assert list(epoch(docs, np.random.default_rng(4), Settings())) != first


def test_the_export_computes_what_torch_computes(
    model: ClauseModel, folder: Path, docs: list[Document], tokenizer: Tokenizer, tmp_path: Path,
    policies: list[corpus.Policy],
) -> None:  # fmt: skip
    """fp32 ONNX through the library's pooling, against torch's own."""
    import onnxruntime

    export.to_onnx(model, tmp_path / "full.onnx")
    reader = policyclf.load(folder)._model
    session = reader._session
    try:
        reader._session = onnxruntime.InferenceSession(str(tmp_path / "full.onnx"))
        expectations = logits(model, docs, tokenizer, 254)
        for doc, policy, (practice, denial) in zip(docs, policies, expectations, strict=True):
            readings = reader.read([s.text for s in policy.segments], doc.kinds, doc.lead_ins)
            config = reader.config
            for i, reading in enumerate(readings):
                expected = 1 / (1 + np.exp(-practice[i] / config.temperature))
                np.testing.assert_allclose(reading.scores, expected, atol=2e-4)
                expected = 1 / (1 + np.exp(-denial[i] / config.denied_temperature))
                np.testing.assert_allclose(reading.denied, expected, atol=2e-4)
                assert reading.weights.shape == (len(doc.rows[i]) + 1, len(LABELS))
    finally:
        reader._session = session


def test_a_segment_in_pieces_is_pooled_over_all_of_them(
    model: ClauseModel, tokenizer: Tokenizer, docs: list[Document]
) -> None:
    marks = special_ids(tokenizer)
    row = [i for r in docs[0].rows for i in r] * 5
    doc = replace(docs[0], rows=[row], kinds=["sentence"], lead_ins=[None])
    cut = windows([len(row) + 1], [False], [None], 64)
    assert len(cut) > 2
    batch = collate([(0, w) for w in cut], [doc], marks)
    assert batch.members == [(0, 0)]
    outputs = model(batch.input_ids, batch.attention_mask)
    practice, _ = model.segment_logits(outputs, batch.segment, 1)
    attention, value, _, _ = outputs[batch.segment == 0].chunk(4, dim=-1)
    expected = (attention.softmax(0) * value).sum(0)
    torch.testing.assert_close(practice[0], expected, atol=1e-4, rtol=1e-3)


def test_weights_survive_saving_with_and_without_embeddings(
    model: ClauseModel, encoder: Path, docs: list[Document], tokenizer: Tokenizer, tmp_path: Path
) -> None:
    save(model, tmp_path / "whole.safetensors", embeddings=True)
    again = load(tmp_path / "whole.safetensors", encoder, len(LABELS))
    assert_alike(model, again, docs[:1], tokenizer)
    frozen = Settings(epochs=1, batch_tokens=256)
    tuned = train(docs[:2], tokenizer, encoder, frozen)
    save(tuned, tmp_path / "rest.safetensors", embeddings=False)
    assert (tmp_path / "rest.safetensors").stat().st_size < (tmp_path / "whole.safetensors").stat().st_size
    again = load(tmp_path / "rest.safetensors", encoder, len(LABELS))
    assert_alike(tuned, again, docs[:1], tokenizer)


def assert_alike(one: ClauseModel, other: ClauseModel, docs: list[Document], tokenizer: Tokenizer) -> None:
    mine, theirs = (logits(model, docs, tokenizer, 254) for model in (one, other))
    for (a, _), (b, _) in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(a, b, atol=0.05)  # weights are saved in fp16


def test_foreign_weights_are_refused(encoder: Path, tmp_path: Path, model: ClauseModel) -> None:
    save(model, tmp_path / "w.safetensors", embeddings=True)
    with pytest.raises((ValueError, RuntimeError), match=r"fit|size mismatch"):
        load(tmp_path / "w.safetensors", encoder, len(LABELS) - 1)


def test_the_configuration_says_what_the_model_was_made_of(
    folder: Path, policies: list[corpus.Policy], settings: Settings
) -> None:
    config = Config.read(folder)
    assert config.raw["corpus_sha256"] == corpus.digest([policies[0].path.parent.parent])
    assert config.raw["training"]["epochs"] == settings.epochs
    assert [p.value for p in config.labels] == LABELS
    figures = export.score(folder, {"validation": policies[:1], "test": policies[-1:]})
    written = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert written["metrics"].items() >= figures.items()


def test_dakuten_survive_the_normaliser_and_accents_do_not() -> None:
    fold = vocabulary.normalizer()
    assert fold.normalize_str("ガイドライン") == "ガイドライン"
    assert fold.normalize_str("カ\u3099") == "ガ"
    assert fold.normalize_str("ｶﾞｲﾄﾞ") == "ガイド"
    assert fold.normalize_str("が・は・ば・ぱ") == "が・は・ば・ぱ"
    assert fold.normalize_str("Café ＡＢＣ １２３") == "cafe abc 123"


def test_the_released_tokenizer_keeps_japanese_words(classifier: policyclf.Classifier) -> None:
    tokenizer = Tokenizer.from_file(str(classifier.folder / "tokenizer.json"))
    assert tokenizer.encode("個人データを提供します。", add_special_tokens=False).tokens == [
        "個人", "データ", "を", "提供", "し", "ます", "。",
    ]  # fmt: skip
    text = "ガイドラインのﾊﾟｽﾜｰﾄﾞとcookies。"
    encoding = tokenizer.encode(text, add_special_tokens=False)
    assert "[UNK]" not in encoding.tokens
    assert [text[a:b] for a, b in encoding.offsets][-2:] == ["cookies", "。"]


def test_calibration_finds_the_temperature_and_sane_thresholds() -> None:
    rng = np.random.default_rng(0)
    logit = rng.normal(0, 2, 4000)
    truth = (rng.random(4000) < 1 / (1 + np.exp(-logit))).astype(float)
    assert calibration.best_temperature(logit, truth) == pytest.approx(1.0, abs=0.12)
    assert calibration.best_temperature(logit * 3, truth) == pytest.approx(3.0, abs=0.4)
    p = 1 / (1 + np.exp(-logit))
    assert calibration.expected_calibration_error(p, truth) < 0.03
    assert calibration.expected_calibration_error(np.clip(p * 1.5, 0, 1), truth) > 0.08


def test_the_most_probable_label_is_given_where_it_reaches_the_floor() -> None:
    p = np.array([[0.6, 0.2, 0.7], [0.3, 0.2, 0.1], [0.1, 0.05, 0.0]])
    given = calibration.decided(p, [0.5, 0.5, 0.5], 0.25)
    assert given.tolist() == [[True, False, True], [True, False, False], [False, False, False]]
    assert not calibration.decided(p, [0.5, 0.5, 0.5], 1.0)[1:].any()


def test_f_beta() -> None:
    truth = np.array([1, 1, 0, 0])
    assert calibration.f_beta(np.array([True, False, True, False]), truth) == 0.5
    assert calibration.f_beta(np.zeros(4, bool), np.zeros(4)) == 1.0
    assert calibration.f_beta(np.zeros(4, bool), truth) == 0.0
    one_of_two = np.array([True, False, False, False])  # precision 1, recall 0.5
    assert calibration.f_beta(one_of_two, truth, beta=0.5) == pytest.approx(5 / 6)
    assert calibration.f_beta(one_of_two, truth, beta=2.0) == pytest.approx(5 / 9)


def test_the_named_thresholds_trade_precision_for_recall(
    model: ClauseModel, docs: list[Document], tokenizer: Tokenizer
) -> None:
    rng = np.random.default_rng(0)
    noisy = [
        (x + rng.normal(0, 4, x.shape), xd) for x, xd in logits(model, docs, tokenizer, 254)
    ]
    decisions = calibration.fit(docs, *map(list, zip(*noisy, strict=True)))
    precision, balanced, recall = (
        np.mean(decisions.thresholds[name].labels) for name in ("precision", "balanced", "recall")
    )
    assert precision > balanced > recall


def test_teachers_are_never_asked_about_what_they_were_trained_on(policies: list[corpus.Policy]) -> None:
    fold = teachers.folds(policies, 3)
    assert sorted(set(fold)) == [0, 1, 2]
    owner = {p.organisation: f for p, f in zip(policies, fold, strict=True)}
    assert all(owner[p.organisation] == f for p, f in zip(policies, fold, strict=True))


@pytest.fixture(scope="module")
def taught(
    docs: list[Document], policies: list[corpus.Policy], tokenizer: Tokenizer, encoder: Path,
    settings: Settings, tmp_path_factory: pytest.TempPathFactory,
) -> tuple[list[ClauseModel], list[int], Path]:  # fmt: skip
    fold = teachers.folds(policies, settings.folds)
    work = tmp_path_factory.mktemp("work")
    return teachers.teach(docs, fold, tokenizer, encoder, settings, work), fold, work


def test_teachers_that_were_kept_are_not_trained_anew(
    taught: tuple[list[ClauseModel], list[int], Path], docs: list[Document], tokenizer: Tokenizer,
    encoder: Path, settings: Settings,
) -> None:  # fmt: skip
    _, fold, work = taught
    before = {p.name: p.stat().st_mtime_ns for p in work.iterdir()}
    assert sorted(before) == [f"teacher-{k}.safetensors" for k in range(settings.folds)]
    teachers.teach(docs, fold, tokenizer, encoder, settings, work)
    assert {p.name: p.stat().st_mtime_ns for p in work.iterdir()} == before


def test_targets_are_drawn_to_the_teachers(
    taught: tuple[list[ClauseModel], list[int], Path], docs: list[Document], tokenizer: Tokenizer,
    settings: Settings,
) -> None:  # fmt: skip
    models, fold, _ = taught
    opinions = teachers.held_out_opinions(models, docs, fold, tokenizer, settings)
    targets = teachers.mixed(docs, opinions, hard=0.5)
    for doc, target, (practice, _) in zip(docs, targets, opinions, strict=True):
        np.testing.assert_allclose(target.practice, (doc.practice + practice) / 2, atol=1e-6)
    # The tiny corpus says the same in every policy, so those who have not seen one know it too.
    right = np.concatenate([(o[0] > 0.5) == d.practice for d, o in zip(docs, opinions, strict=True)])
    assert right.mean() > 0.9


def test_a_wrong_annotation_is_suspected(
    taught: tuple[list[ClauseModel], list[int], Path], docs: list[Document], policies: list[corpus.Policy],
    tokenizer: Tokenizer, settings: Settings,
) -> None:  # fmt: skip
    models, fold, _ = taught
    opinions = teachers.held_out_opinions(models, docs, fold, tokenizer, settings)
    policy = policies[0]
    index = next(i for i, s in enumerate(policy.segments) if s.labels == ("data_retention",))
    wrong = replace(policy.segments[index], labels=("contact_information",))
    spoilt = replace(policy, segments=(*policy.segments[:index], wrong, *policy.segments[index + 1 :]))
    found = list(suspects.suspects(spoilt, opinions[0]))
    mine = next(s for s in found if s.segment is wrong)
    assert any(o.startswith("doubts contact") for o in mine.objections)
    assert any(o.startswith("would add retention") for o in mine.objections)
    assert any("[contact]" in line for line in suspects.report(spoilt, found))


def test_real_policies_take_part_without_labels_and_versions_of_one_only_once(
    tmp_path: Path, tokenizer: Tokenizer
) -> None:
    lines = [f"We collect item {i} of what you send us." for i in range(8)]
    (tmp_path / "a.txt").write_text("# Data\n\n" + "\n\n".join(lines), encoding="utf-8")
    (tmp_path / "b.txt").write_text("# Data\n\n" + "\n\n".join(lines[:7]), encoding="utf-8")
    found = unlabelled_documents(tmp_path, tokenizer, len(LABELS))
    assert [len(d.rows) for d in found] == [9]
    assert found[0].headings == [True] + [False] * 8
    assert not found[0].practice.any()


def test_unlabelled_policies_are_read_beside_the_labelled(
    docs: list[Document], tokenizer: Tokenizer, encoder: Path, settings: Settings
) -> None:
    """Labels come from the teachers alone: what only they say is learnt."""
    said = [replace(d, practice=np.roll(d.practice, 1, axis=1)) for d in docs[6:]]
    learnt = train(docs[:1], tokenizer, encoder, replace(settings, unlabelled=6.0), said)
    wanted = np.concatenate([d.practice for d in said])[~np.concatenate([d.headings for d in said])]
    given = np.concatenate([x for x, _ in logits(learnt, said, tokenizer, 254)])
    given = given[~np.concatenate([d.headings for d in said])]
    assert ((given > 0) == wanted).mean() > 0.95


def test_consistency_draws_two_passes_together(
    docs: list[Document], tokenizer: Tokenizer, encoder: Path, settings: Settings
) -> None:
    model = train(docs[:2], tokenizer, encoder, replace(settings, epochs=2, consistency=1.0))
    assert all(np.isfinite(x).all() for x, _ in logits(model, docs[:2], tokenizer, 254))


def test_translations_start_near_each_other() -> None:
    """IBM Model 1 finds which Japanese piece goes with which English one."""
    pairs = [
        vocabulary.Pair(en, ja, "test")
        for en, ja in zip(
            ["red dog", "red cat", "blue dog", "blue cat"] * 5,
            ["赤い犬", "赤い猫", "青い犬", "青い猫"] * 5,
            strict=True,
        )
    ]
    pieces = ["red", "blue", "dog", "cat", "赤い", "青い", "犬", "猫"]
    tokenizer = vocabulary.unigram([(s, 0.0) for s in vocabulary.SPECIAL] + [(p, -2.0) for p in pieces])
    rng = np.random.default_rng(0)
    old = rng.normal(size=(5, 16)).astype("float32")
    known = {"red": 0, "blue": 1, "dog": 2, "cat": 3, "[SEP]": 4}
    new = vocabulary.start_embeddings(tokenizer, pairs, old, known)
    for en, ja in zip(pieces[:4], pieces[4:], strict=True):
        vector = new[tokenizer.token_to_id(ja)]
        likeness = old[:4] @ vector / np.linalg.norm(old[:4], axis=1)
        assert int(likeness.argmax()) == known[en]


def test_settings_are_plain_json() -> None:
    assert json.loads(json.dumps(asdict(Settings())))["epochs"] == finetune.Settings().epochs
