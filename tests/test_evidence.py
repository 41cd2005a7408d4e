"""Evidence: which words are shown, and whether the label falls without them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

import policyclf
from policyclf.evidence import LIMIT, dictionary_words, spans_for, words
from policyclf.windows import Piece, Window
from training import corpus, evidence, vocabulary
from training.documents import documents
from training.faithfulness import Case, alone, cases, erased, in_context, summary
from training.model import ClauseModel, collate, special_ids


def shown(text: str, found: list[tuple[int, int]]) -> list[str]:
    return [text[first:last] for first, last in found]


def pieces(text: str, cut: Sequence[str]) -> list[tuple[int, int]]:
    """Offsets of `cut` in `text`, in order."""
    found, at = [], 0
    for piece in cut:
        at = text.index(piece, at)
        found.append((at, at + len(piece)))
        at += len(piece)
    return found


@pytest.mark.parametrize(
    ("text", "cut", "expected"),
    [
        ("We won't sell e-mails.", "We won ' t sell e - mails .", "We|won't|sell|e|mails"),
        ("個人データを提供します。", "個人 データ を 提供 し ます 。", "個人|データ|を|提供|し|ます"),
        ("メールアドレス、ID番号", "メール アドレス 、 I D番 号", "メールアドレス|ID|番|号"),
        ("• logs: 30 days", "• logs : 30 days", "logs|30|days"),
        ("ТОВ зберігає", "ТОВ зберіг ає", "ТОВ|зберіг|ає"),
        ("※。…", "※ 。 …", ""),
    ],
)
def test_words_are_whole_and_hold_no_punctuation(text: str, cut: str, expected: str) -> None:
    assert "|".join(shown(text, words(text, pieces(text, cut.split())))) == expected


def test_the_strongest_words_are_shown_and_neighbours_joined() -> None:
    text = "We share your e-mail address with our printers."
    offsets = pieces(text, [*text[:13].split(), "e", "-", "mail", "address", "with", "our", "printers", "."])
    weights = np.zeros((len(offsets), 3), dtype=np.float32)
    weights[1] = (3.0, 0.5, -1.0)  # share
    weights[2] = (0.1, 2.0, -2.0)  # your
    weights[9] = (2.0, 0.4, -0.5)  # printers
    weights[10] = (9.0, 9.0, 9.0)  # the full stop
    one, two, three = spans_for(text, words(text, offsets), offsets, weights, start=100)
    assert [text[s.start - 100 : s.end - 100] for s in one] == ["share", "printers"]
    assert [text[s.start - 100 : s.end - 100] for s in two] == ["your"]
    assert len(three) == 1, "there is evidence even where nothing speaks for the label"
    weights[2, 0] = 2.5
    (joined, *_) = spans_for(text, words(text, offsets), offsets, weights)
    assert [text[s.start : s.end] for s in joined] == ["share your"]


def test_a_dictionary_word_has_its_share_of_a_longer_token() -> None:
    text = "個人情報保護"
    offsets = [(0, 6)]
    weights = np.array([[6.0]], dtype=np.float32)
    ((span,),) = spans_for(text, [(0, 2), (2, 6)], offsets, weights)
    assert (span.start, span.end) == (2, 6)


def test_a_segment_without_words_has_no_evidence() -> None:
    assert spans_for("…。", [], [(0, 1), (1, 2)], np.ones((2, 3), dtype=np.float32)) == [(), (), ()]


@given(st.text(max_size=60), st.data())
def test_evidence_is_in_order_apart_and_within_the_segment(text: str, data: st.DataObject) -> None:
    edges = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=20)) | {0, len(text)})
    offsets = [(0, 0), *pairwise(edges)]
    weights = np.array(
        data.draw(st.lists(st.floats(-9, 9), min_size=len(offsets), max_size=len(offsets))), dtype=np.float32
    )
    found = words(text, offsets)
    assert all(a < b <= c < d for (a, b), (c, d) in pairwise(found))
    (spans,) = spans_for(text, found, offsets, weights[:, None])
    assert bool(spans) == bool(found)
    assert len(spans) <= LIMIT
    for span in spans:
        assert 0 <= span.start < span.end <= len(text)
        assert text[span.start].isalnum()
        assert text[span.end - 1].isalnum()
    for one, other in pairwise(spans):
        assert text[one.end : other.start].strip(), "spans that only white space parts are one"


def test_dictionary_words_cover_the_text_but_its_punctuation() -> None:
    text = "当社は、個人情報を 委託先に提供します（Google Analyticsを除く）。"
    found = dictionary_words(text)
    assert {"個人", "情報", "提供", "Google"} <= set(shown(text, found))
    assert not any(c.isalnum() for c in erased(text, found))
    assert dictionary_words("") == []


def test_dictionary_words_in_several_threads() -> None:
    texts = [f"{n}番の書類を第三者に提供します。" * 5 for n in range(40)]
    expected = [dictionary_words(t) for t in texts]
    found: dict[int, list[tuple[int, int]]] = {}

    def cut(i: int) -> None:
        found[i] = dictionary_words(texts[i])

    threads = [threading.Thread(target=cut, args=(i,)) for i in range(len(texts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[i] for i in range(len(texts))] == expected


def test_evidence_in_dictionary_words_changes_evidence_alone() -> None:
    text = "当社は、取得した個人情報を業務委託先に提供することがあります。We keep it for a year."
    pieces_, dictionary = policyclf.load().classify(text), policyclf.load(words=True).classify(text)
    for one, other in zip(pieces_, dictionary, strict=True):
        assert (one.labels, one.denied, dict(one.scores)) == (other.labels, other.denied, dict(other.scores))
    cut = dictionary_words(dictionary[0].text)
    edges = {edge for span in cut for edge in span}
    for spans in dictionary[0].evidence.values():
        assert {s.start for s in spans} | {s.end for s in spans} <= edges
    assert pieces_[1].evidence == dictionary[1].evidence, "English words are the same"


def test_without_the_dictionary_only_those_who_ask_for_it_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    from policyclf import evidence as module

    expected = policyclf.classify("当社は、個人情報を提供します。")
    module._surfaces.cache_clear()
    monkeypatch.setitem(sys.modules, "fugashi", None)
    try:
        with pytest.raises(policyclf.MissingExtraError, match=r'pip install "policyclf\[words\]"'):
            policyclf.classifier.Classifier(policyclf.load()._model, words=True)
        assert policyclf.classify("当社は、個人情報を提供します。") == expected
    finally:
        module._surfaces.cache_clear()


def test_words_must_be_a_bool() -> None:
    with pytest.raises(TypeError, match="words must be a bool"):
        policyclf.load(words="yes")  # type: ignore[arg-type]


# --- Faithfulness ---


def test_erasing_leaves_single_spaces() -> None:
    assert erased("We sell  your data.", [(3, 7)]) == "We your data."
    assert erased("We sell your data.", [(13, 17), (0, 2)]) == "sell your ."


def test_a_case_counts_words_and_holds_evidence_against_chance() -> None:
    practice = policyclf.Practice.DATA_RETENTION
    text = "Old logs are kept for thirty days"
    clause = policyclf.Clause(
        text, 50, 50 + len(text), "sentence", "en", (practice,), (), {practice: 0.9},
        {practice: (policyclf.Span(63, 67),)},
    )  # fmt: skip

    def read(rest: str) -> dict[policyclf.Practice, float]:
        return {practice: 0.9 if "kept" in rest else 0.1}

    (case,) = cases(clause, read, "a", 400)
    assert (case.erased, case.words, case.comparable, case.won) == (1, 7, True, True)
    assert case.fall == pytest.approx(0.8)
    assert case.random_fall == pytest.approx(0.8 / 7, abs=0.04)
    whole = Case("en", "a", 0.0, 0.0, 7, 7)
    assert summary([case, whole]).startswith(" 100.0% [100.0, 100.0]  of 1 labels")
    assert summary([case, whole]).endswith("left out 1")


MADE_UP = """
When you open an account, we collect your name, postal address and date of birth.
Our website records the pages you visit by means of cookies that we set ourselves.
We use your purchase history to recommend other kites to you.
We share your telephone number with the courier that brings the parcel.
Advertising networks may set their own cookies on our pages and follow you across websites.
We do not sell your personal information to anybody.
You can unsubscribe from the newsletter by clicking the link at its foot.
To opt out of analytics, switch it off in the settings of the app.
You have the right to ask for a copy of your data and to have mistakes corrected.
Write to us if you want your account to be deleted; we answer within a month.
Order records are kept for seven years and then destroyed.
We delete server logs after thirty days.
All traffic to our servers is encrypted with TLS.
Only staff who need it have access to customer files, behind two passwords.
We may change this policy; the new version will be posted on this page.
If the changes are material, we will notify you by e-mail before they take effect.
Our site does not respond to Do Not Track signals sent by browsers.
Our service is not meant for children under thirteen.
Residents of California have additional rights under the CCPA.
If you have questions, contact our privacy officer at privacy@kite.example.
会員登録の際に、氏名、住所、生年月日を取得します。
当社は、お客様の購入履歴を商品のご案内に利用します。
ウェブサイトでは、クッキーを用いて閲覧履歴を記録しています。
配送のため、お名前と電話番号を運送会社に提供します。
法令に基づく場合を除き、個人データを第三者に提供しません。
広告配信事業者が、当サイトで独自にクッキーを設置することがあります。
メールマガジンの配信は、末尾のリンクからいつでも停止できます。
位置情報の取得を望まない場合は、端末の設定で拒否することができます。
お客様は、保有個人データの開示、訂正、利用停止を請求することができます。
開示の請求には、一件につき千円の手数料をいただきます。
注文の記録は七年間保存し、その後廃棄します。
アクセスログは三十日後に削除します。
個人情報への不正アクセスを防ぐため、通信を暗号化しています。
従業者に対し、個人データの取扱いに関する研修を毎年行います。
本ポリシーは、予告なく変更することがあります。
変更後の内容は、当ウェブサイトに掲載した時から効力を生じます。
当サイトは、ブラウザのトラッキング拒否信号に対応していません。
十六歳未満の方は、保護者の同意を得てご利用ください。
個人データをアメリカ合衆国のサーバーに移転することがあります。
個人情報に関するお問い合わせは、下記の窓口までご連絡ください。
""".strip().splitlines()


def test_the_evidence_of_the_shipped_model_is_faithful() -> None:
    """Erasing it lowers the score more than erasing as many random words, nine times in ten."""
    classifier = policyclf.load()
    assert len(MADE_UP) == 40
    found: list[Case] = []
    for text in MADE_UP:
        for clause, read in alone(classifier, text):
            found += cases(clause, read, text, draws=6)
    compared = [case for case in found if case.comparable]
    assert len(compared) >= 40
    assert sum(case.won for case in compared) >= 0.9 * len(compared), [
        (case.document, round(case.fall, 3), round(case.random_fall, 3)) for case in compared if not case.won
    ]


def test_a_window_read_anew_is_read_as_in_its_document() -> None:
    classifier = policyclf.load()
    text = "# Kites\n\n" + "\n".join(MADE_UP[:15]) + "\n\n## 個人情報\n\n" + "\n".join(MADE_UP[20:30])
    found = list(in_context(classifier._model, classifier, text))
    assert len(found) >= 20
    for clause, read in found:
        again = read(clause.text)
        assert all(again[label] == pytest.approx(clause.scores[label], abs=1e-6) for label in again)


# --- Fitting ---


def test_fitted_evidence_foretells_what_erasure_does() -> None:
    """On erasures that it was not fitted to, of a model with random weights."""
    rng = np.random.default_rng(0)
    vocabulary_of = [f"w{n}" for n in range(60)]
    made = [" ".join(rng.choice(vocabulary_of, 12)) + "." for _ in range(60)]
    tokenizer = vocabulary.unigram(
        [(s, 0.0) for s in vocabulary.SPECIAL] + [(w, -3.0) for w in [*vocabulary_of, "."]]
    )
    torch.manual_seed(0)
    encoder = BertModel(
        BertConfig(
            vocab_size=tokenizer.get_vocab_size(), hidden_size=48, num_hidden_layers=1,
            num_attention_heads=2, intermediate_size=64, max_position_embeddings=300, initializer_range=0.3,
        )
    )  # fmt: skip
    torch.nn.init.zeros_(encoder.embeddings.position_embeddings.weight)  # order tells nothing here
    model = ClauseModel(encoder, 3)
    torch.nn.init.normal_(model.head.weight, std=0.3)
    torch.nn.init.constant_(model.head.bias, 1.0)
    policies = [policy(made[i : i + 10]) for i in range(0, 60, 10)]
    settings = evidence.Settings(windows=40, lone=60, draws=8, least_logit=-9.0, ridge=10.0)
    before = {k: v.clone() for k, v in model.state_dict().items() if not k.startswith("evidence.")}
    evidence.fit(model, policies[:5], tokenizer, settings)
    assert all(torch.equal(v, model.state_dict()[k]) for k, v in before.items()), "nothing else changes"
    held_out = foretold(model, policies[5], tokenizer)
    assert np.corrcoef(held_out.T)[0, 1] > 0.5


@torch.inference_mode()
def foretold(model: ClauseModel, of: corpus.Policy, tokenizer: Tokenizer) -> np.ndarray:
    """Sums of evidence and falls of the logit, (n, 2), as three pieces of a segment are erased."""
    (doc,) = documents([of], tokenizer)
    rng = np.random.default_rng(1)
    rows = []
    for i, row in enumerate(doc.rows):
        gone = rng.choice(len(row), 3, replace=False)
        rest = [piece for t, piece in enumerate(row) if t not in gone]
        versions = [doc, replace(doc, rows=[rest if k == i else r for k, r in enumerate(doc.rows)])]
        cut = [(v, Window((), (Piece(i, 0, versions[v].lengths[i]),))) for v in (0, 1)]
        batch = collate(cut, versions, special_ids(tokenizer))
        hidden = model.encoder(input_ids=batch.input_ids, attention_mask=batch.attention_mask)[0]
        (before, after), _ = model.segment_logits(model.head(hidden), batch.segment, 2)
        mine = hidden[0][batch.segment[0] == 0]
        share = model.head(mine)[:, : model.labels].softmax(0)
        by_share, plain = model.evidence(mine).chunk(2, dim=-1)
        told = (share * by_share + plain)[1:][gone].sum(0)  # the mark stands before the pieces
        rows += zip(told.tolist(), (before - after).tolist(), strict=True)
    return np.array(rows)


def policy(texts: Sequence[str]) -> corpus.Policy:
    """A policy with these segments."""
    whole, found = "\n".join(texts), []
    at = 0
    for text in texts:
        found.append(corpus.Segment("sentence", text, (), (), at, at + len(text), 1))
        at += len(text) + 1
    return corpus.Policy(Path("en/made-up.txt"), "Made Up", "shop", "plain", "en", None, whole, tuple(found))
