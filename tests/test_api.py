"""The public surface: what comes back, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import policyclf
from policyclf import Practice

POLICY = """# Privacy at Fennimore Kites

We collect your name and address when you order a kite. We do not sell them to anyone.

## How long

Orders are kept for seven years, then deleted.

## 安全管理

当社は、取得した個人情報を暗号化して保管します。第三者に提供することはありません。
"""


def test_all_is_sorted_and_is_what_the_package_shows() -> None:
    assert policyclf.__all__ == sorted(policyclf.__all__)
    shown = {
        name
        for name, value in vars(policyclf).items()
        if not name.startswith("_") and getattr(value, "__module__", "").startswith("policyclf.")
    }
    shown |= {"__version__", "classify", "classify_file"}
    assert shown == set(policyclf.__all__)


def test_importing_and_classifying_loads_nothing_of_training() -> None:
    code = (
        "import sys, policyclf; heavy = {'torch', 'transformers', 'spacy', 'sklearn', 'datasets'};"
        "early = {'numpy', 'onnxruntime', 'tokenizers', 'nupunkt', 'selectolax', 'pypdfium2'};"
        "assert not (heavy | early) & set(sys.modules), 'at import';"
        "policyclf.classify('We collect your name.');"
        "assert not heavy & set(sys.modules), 'at classification'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_document_gives_its_clauses_in_reading_order() -> None:
    clauses = policyclf.classify(POLICY)
    assert [c.text for c in clauses] == [
        "# Privacy at Fennimore Kites",
        "We collect your name and address when you order a kite.",
        "We do not sell them to anyone.",
        "## How long",
        "Orders are kept for seven years, then deleted.",
        "## 安全管理",
        "当社は、取得した個人情報を暗号化して保管します。",
        "第三者に提供することはありません。",
    ]
    assert [c.kind for c in clauses if c.text.startswith("#")] == ["heading"] * 3
    assert [c.language for c in clauses] == ["en"] * 5 + ["ja"] * 3
    for clause in clauses:
        assert POLICY[clause.start : clause.end] == clause.text


def test_it_understands_the_plain_cases() -> None:
    by_text = {c.text: c for c in policyclf.classify(POLICY)}
    collects = by_text["We collect your name and address when you order a kite."]
    sells = by_text["We do not sell them to anyone."]
    kept = by_text["Orders are kept for seven years, then deleted."]
    encrypted = by_text["当社は、取得した個人情報を暗号化して保管します。"]
    gives = by_text["第三者に提供することはありません。"]
    assert Practice.FIRST_PARTY_COLLECTION_USE in collects.labels
    assert collects.denied == ()
    assert sells.labels == sells.denied == (Practice.THIRD_PARTY_SHARING_COLLECTION,)
    assert kept.labels == (Practice.DATA_RETENTION,)
    assert Practice.DATA_SECURITY in encrypted.labels
    assert gives.labels == gives.denied == (Practice.THIRD_PARTY_SHARING_COLLECTION,)


def test_a_clause_carries_its_evidence() -> None:
    for clause in policyclf.classify(POLICY):
        assert set(clause.denied) <= set(clause.labels)
        assert set(clause.evidence) == set(clause.labels)
        assert isinstance(clause.scores, Mapping)
        assert list(clause.scores) == list(Practice)
        assert all(0 <= p <= 1 for p in clause.scores.values())
        assert list(clause.labels) == sorted(clause.labels, key=lambda p: -clause.scores[p])
        for spans in clause.evidence.values():
            assert spans
            assert list(spans) == sorted(spans, key=lambda s: s.start)
            for span in spans:
                assert clause.start <= span.start < span.end <= clause.end
                assert POLICY[span.start : span.end].strip()


def test_headings_have_no_labels_and_no_scores() -> None:
    (heading,) = (c for c in policyclf.classify(POLICY) if c.text == "## How long")
    assert heading.labels == heading.denied == ()
    assert dict(heading.evidence) == {}
    assert set(heading.scores.values()) == {0.0}


def test_a_clause_is_frozen() -> None:
    clause = policyclf.classify("We collect your name.")[0]
    with pytest.raises(AttributeError):
        clause.text = "We do not."  # type: ignore[misc]
    with pytest.raises(TypeError):
        clause.scores[Practice.DATA_RETENTION] = 1.0  # type: ignore[index]


def test_to_dict_is_json_with_plain_names() -> None:
    row = policyclf.classify("We do not sell your data.")[0].to_dict()
    assert row["text"] == "We do not sell your data."
    assert (row["start"], row["end"], row["kind"], row["language"]) == (0, 25, "sentence", "en")
    assert row["labels"] == row["denied"] == ["third_party_sharing_collection"]
    assert list(row["scores"]) == [p.value for p in Practice]
    assert row["evidence"]["third_party_sharing_collection"]


@pytest.mark.parametrize("text", ["", " ", "\n\n\t\u3000\n", "\ufeff", "\ufeff\r\n"])
def test_text_without_characters_has_no_clauses(text: str) -> None:
    assert policyclf.classify(text) == []


@pytest.mark.parametrize(
    "sentences",
    [
        [],
        ["We collect your name."],
        ["We collect your name.", "お名前を取得します。"],
        ["We collect your name."] * 3,
        ["", "We collect your name.", "  ", "\u3000\n"],
        ("We collect your name. We share it with printers.",),
    ],
)
def test_a_list_gives_one_clause_for_each_item(sentences: list[str]) -> None:
    clauses = policyclf.classify(sentences)
    assert [c.text for c in clauses] == list(sentences)
    for clause, sentence in zip(clauses, sentences, strict=True):
        assert (clause.start, clause.end) == (0, len(sentence))
        if not sentence.strip():
            assert clause.labels == clause.denied == ()
            assert set(clause.scores.values()) == {0.0}


def test_a_generator_is_an_iterable_of_sentences_too() -> None:
    assert len(policyclf.classify(text for text in ["We collect it.", "We keep it."])) == 2


def test_what_an_item_gets_does_not_depend_on_its_neighbours() -> None:
    items = ["We collect your name.", "お名前を第三者に提供しません。", "Contact us at a@b.example.", ""]
    alone = [policyclf.classify([item])[0] for item in items]
    assert policyclf.classify(items) == alone
    assert policyclf.classify(items[::-1]) == alone[::-1]


def test_what_a_document_gets_is_the_same_every_time() -> None:
    first = policyclf.classify(POLICY)
    policyclf.classify("Something else in between.")
    assert policyclf.classify(POLICY) == first


@pytest.mark.parametrize(
    ("given", "name"), [(None, "NoneType"), (b"bytes", "bytes"), (3, "int"), (bytearray(b"x"), "bytearray")]
)
def test_what_is_no_text_is_refused(given: object, name: str) -> None:
    with pytest.raises(TypeError, match=f"takes a str .* or an iterable of str .*, not {name}"):
        policyclf.classify(given)  # type: ignore[arg-type]


@pytest.mark.parametrize("item", [None, b"bytes", 3, ["nested"]])
def test_an_item_that_is_no_str_is_named(item: object) -> None:
    with pytest.raises(TypeError, match=f"item 1 is {type(item).__name__}"):
        policyclf.classify(["We collect it.", item])  # type: ignore[list-item]


@pytest.mark.parametrize(
    "text",
    [
        "lone \ud800 surrogate \udfff in a sentence.",
        "\udc80\udc80",
        "null \x00 and bell \x07 and \x1b[31m escape.",
        "We 👩‍👩‍👧‍👦 love 🍪 cookies 🍪🍪. 私たちは🍪が好きです。",
        "نحن نجمع بياناتك. ولا نبيعها.",
        "我们收集您的个人信息。我们不会出售。",
        "당사는 개인정보를 수집합니다.",
        "（" * 3000,
        "。" * 3000,
        "a" * 50_000,
        "\u0301\u3099" * 200,
        "か\u3099き\u3099く\u3099 ｶﾞｷﾞｸﾞ ㌔㍿",
    ],
)
def test_strange_text_gets_an_answer_and_loses_nothing(text: str) -> None:
    clauses = policyclf.classify(text)
    covered = [False] * len(text)
    for clause in clauses:
        assert clause.text == text[clause.start : clause.end]
        for i in range(clause.start, clause.end):
            covered[i] = True
    assert all(seen or c.isspace() for seen, c in zip(covered, text, strict=True))
    assert len(policyclf.classify([text])) == 1


def test_a_line_of_a_megabyte() -> None:
    text = "we collect data " * 65_536
    clauses = policyclf.classify(text)
    assert sum(len(c.text) for c in clauses) >= len(text) - len(clauses) - 1


def test_a_segment_longer_than_a_window_is_read_to_its_end() -> None:
    filler = "the schedule, the annex, the appendix, the exhibit, " * 60
    tail = "and we do not sell your personal information to third parties"
    (short,) = policyclf.classify([filler + "."])
    (long,) = policyclf.classify([filler + tail + "."])
    practice = Practice.THIRD_PARTY_SHARING_COLLECTION
    # a dozen words in 800 do not decide the clause, but they are seen
    assert long.scores[practice] > 4 * short.scores[practice]


SITE = """<!doctype html><nav><ul><li><a href=/>Kites</a></ul></nav><div class=cookie-banner role=dialog>
<p>We use cookies of our own to count visits.</p><button>Fine</button></div><main><h1>Privacy</h1>
<p>We never sell your data to anyone.</p><p>We collect:</p><ul><li>your name</ul></main>
<footer>Fennimore Kites</footer>"""


def test_a_page_s_furniture_is_marked_and_says_nothing_about_its_policy(tmp_path: Path) -> None:
    path = tmp_path / "policy.html"
    path.write_text(SITE, encoding="utf-8")
    document = policyclf.read(path)
    clauses = policyclf.classify(document)
    assert clauses == policyclf.classify_file(path)
    assert all(document.text[c.start : c.end] == c.text for c in clauses)
    assert [(c.furniture, c.kind) for c in clauses] == [
        ("navigation", "list_item"),
        ("cookie_banner", "sentence"),
        ("cookie_banner", "sentence"),
        (None, "heading"),
        (None, "sentence"),
        (None, "sentence"),
        (None, "list_item"),
        ("footer", "sentence"),
    ]
    alone = tmp_path / "alone.html"
    alone.write_text(SITE[SITE.index("<main>") : SITE.index("<footer>")], encoding="utf-8")
    proper = [c for c in clauses if c.furniture is None]
    for mine, theirs in zip(proper, policyclf.classify_file(alone), strict=True):
        assert (mine.text, mine.labels, mine.denied) == (theirs.text, theirs.labels, theirs.denied)
        assert mine.to_dict()["scores"] == theirs.to_dict()["scores"]
    assert proper[1].denied == (Practice.THIRD_PARTY_SHARING_COLLECTION,)
    assert [c.to_dict()["furniture"] for c in clauses[:2]] == ["navigation", "cookie_banner"]


def test_classify_file(tmp_path: Path) -> None:
    path = tmp_path / "policy.md"
    path.write_text(POLICY, encoding="utf-8")
    assert policyclf.classify_file(path) == policyclf.classify(POLICY)
    assert policyclf.classify_file(str(path)) == policyclf.classify(POLICY)
    with pytest.raises(policyclf.FileError, match="cannot be read"):
        policyclf.classify_file(tmp_path / "absent.txt")


def test_loading_is_cached() -> None:
    assert policyclf.load() is policyclf.load()


@pytest.mark.parametrize(
    ("threads", "error"), [(0, ValueError), (-1, ValueError), ("2", TypeError), (True, TypeError)]
)
def test_threads_must_be_a_positive_int(threads: object, error: type[Exception]) -> None:
    with pytest.raises(error, match="threads must be"):
        policyclf.load(threads=threads)  # type: ignore[arg-type]


def test_the_number_of_threads_changes_no_answer() -> None:
    assert [c.labels for c in policyclf.load(threads=1).classify(POLICY)] == [
        c.labels for c in policyclf.classify(POLICY)
    ]


def test_classifying_opens_no_socket(no_sockets: None) -> None:
    policyclf.load(threads=2).classify(POLICY)
