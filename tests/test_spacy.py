"""The spaCy component: spans, clauses and sentences on the Doc, and where a Doc travels."""

from __future__ import annotations

import importlib
import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy import displacy
from spacy.lang.en import English
from spacy.language import Language
from spacy.tokens import Doc, DocBin

import policyclf
from policyclf import MissingExtraError, ModelError
from policyclf.spacy_component import PracticeComponent

POLICY = """# Privacy at Marram Boats

We collect your name when you hire a boat. We never sell it, and you may ask us to delete it.

We share it with:

- the harbour office
- our insurer

## How long

Bookings are kept for one year.
"""
JAPANESE = "## 安全管理\n\nお名前を取得します。第三者に提供しません。\n\n記録は暗号化して保管します。\n"


def pipeline(language: str = "en", **config: object) -> Language:
    nlp = spacy.blank(language)
    nlp.add_pipe("policyclf", config=config)
    return nlp


@pytest.fixture(scope="module")
def nlp() -> Language:
    return pipeline()


@pytest.fixture(scope="module")
def doc(nlp: Language) -> Doc:
    return nlp(POLICY)


@pytest.fixture
def folder(tmp_path: Path, classifier: policyclf.Classifier) -> Path:
    """A model folder of one's own, which gives every label to every clause."""
    copy = tmp_path / "own"
    copy.mkdir()
    for name in ("config.json", "model.onnx", "tokenizer.json"):
        shutil.copy(classifier.folder / name, copy / name)
    config = json.loads((copy / "config.json").read_text(encoding="utf-8"))
    balanced = config["thresholds"]["balanced"]
    balanced["labels"] = dict.fromkeys(balanced["labels"], 0.0)
    (copy / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return copy


def labelled(doc: Doc, key: str = "policyclf") -> list[tuple[str, str, policyclf.Clause]]:
    return [(span.label_, span.text, span._.policyclf) for span in doc.spans[key]]


def expected(text: str) -> list[tuple[str, str, policyclf.Clause]]:
    return [(label.value, c.text, c) for c in policyclf.classify(text) for label in c.labels]


def test_a_span_for_each_practice_of_each_clause(doc: Doc) -> None:
    assert labelled(doc) == expected(POLICY)
    assert ("third_party_sharing_collection", "- our insurer") in [row[:2] for row in labelled(doc)]
    scores = doc.spans["policyclf"].attrs["scores"]
    assert scores.dtype == np.float32
    assert scores.tolist() == [clause.scores[label] for label, _, clause in labelled(doc)]
    denied = [span for span in doc.spans["policyclf"] if span.label_ in span._.policyclf.denied]
    assert [span.text for span in denied][:1] == [
        "We never sell it, and you may ask us to delete it."
    ]


def test_the_doc_has_every_clause(doc: Doc) -> None:
    assert doc._.policyclf == policyclf.classify(POLICY)
    assert "## How long" in [clause.text for clause in doc._.policyclf]


@pytest.mark.filterwarnings("ignore:Dictionary.create.. is deprecated:DeprecationWarning")  # spaCy's call
def test_japanese_with_japanese_tokens() -> None:
    text = JAPANESE + POLICY
    doc = pipeline("ja", set_sents=True)(text)
    assert labelled(doc) == expected(text)
    assert [sent.text.strip() for sent in doc.sents] == [c.text for c in policyclf.classify(text)]


def test_the_multilingual_tokenizer() -> None:
    doc = pipeline("xx")(JAPANESE + POLICY)
    assert doc._.policyclf == policyclf.classify(JAPANESE + POLICY)
    assert [(label, clause) for label, _, clause in labelled(doc)] == [
        (label, clause) for label, _, clause in expected(JAPANESE + POLICY)
    ]


# Without Japanese words, 「お名前を取得します。第三者に提供しません」 is one token; 「。」 another.
@pytest.mark.parametrize(
    ("mode", "spans"),
    [
        ("expand", {"お名前を取得します。": "お名前を取得します。第三者に提供しません",
                    "第三者に提供しません。": "お名前を取得します。第三者に提供しません。"}),
        ("contract", {"第三者に提供しません。": "。"}),
        ("strict", {}),
    ],
)  # fmt: skip
def test_clauses_that_end_inside_a_token(mode: str, spans: dict[str, str]) -> None:
    text = "お名前を取得します。第三者に提供しません。"
    doc = pipeline("xx", alignment_mode=mode)(text)
    assert [token.text for token in doc] == ["お名前を取得します。第三者に提供しません", "。"]
    assert {clause.text: found for _, found, clause in labelled(doc)} == spans
    assert doc._.policyclf == policyclf.classify(text)  # places and texts are exact all the same
    assert len(doc.spans["policyclf"]) == len(doc.spans["policyclf"].attrs["scores"])


def test_any_other_span_has_the_clause_that_it_is_most_in(nlp: Language, doc: Doc) -> None:
    second, third = doc._.policyclf[1:3]
    assert doc.char_span(second.start + 3, second.end - 1)._.policyclf == second
    across = doc.char_span(second.end - 7, third.start + 13, alignment_mode="expand")
    assert across.text == "a boat. We never sell"
    assert across._.policyclf == third
    for token in doc:
        assert (doc[token.i : token.i + 1]._.policyclf is None) == token.is_space
    assert doc[0:0]._.policyclf is None
    assert nlp.make_doc(POLICY)[2:4]._.policyclf is None
    assert nlp.make_doc(POLICY)._.policyclf == []


def test_sentences_on_demand(doc: Doc) -> None:
    assert not doc.has_annotation("SENT_START")
    doc = pipeline(set_sents=True)("\n " + POLICY)
    assert [sent.text.strip() for sent in doc.sents] == [c.text for c in policyclf.classify(POLICY)]
    doc = pipeline("xx", set_sents=True)("取得します。提供しません。\n\n暗号化します。")
    # the first two share a token, so that no sentence can begin between them
    assert [sent.text for sent in doc.sents] == ["取得します。提供しません。\n\n", "暗号化します。"]


def test_the_sentences_of_a_parsed_doc_stay_as_they_are(nlp: Language) -> None:
    words = ["We", "collect", "it", "."]
    parsed = Doc(nlp.vocab, words=words, heads=[1, 1, 1, 1], deps=["nsubj", "ROOT", "dobj", "punct"])
    with pytest.raises(ValueError, match=r'add policyclf before the parser, nlp\.add_pipe'):
        pipeline(set_sents=True).get_pipe("policyclf")(parsed)
    assert labelled(nlp(parsed)) == [
        (label, "We collect it .", clause) for label, _, clause in expected("We collect it . ")
    ]


@pytest.mark.parametrize("text", ["", " ", "\n\n\u3000\n"])
def test_text_without_characters(text: str) -> None:
    doc = pipeline(set_sents=True)(text)
    assert list(doc.spans["policyclf"]) == doc._.policyclf == []
    assert doc.spans["policyclf"].attrs["scores"].shape == (0,)


def test_a_doc_that_is_read_again_keeps_nothing_old(nlp: Language) -> None:
    whole = nlp(POLICY)
    cut = whole[8:20].as_doc(copy_user_data=True)
    assert nlp(cut)._.policyclf == policyclf.classify(cut.text)
    assert sum(key[:2] == ("._.", "policyclf") for key in cut.user_data) == len(cut._.policyclf)


def test_two_components_with_keys_of_their_own() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("policyclf", name="sure", config={"thresholds": "precision", "spans_key": "sure"})
    nlp.add_pipe("policyclf", name="wide", config={"thresholds": "recall", "spans_key": "wide"})
    doc = nlp(POLICY)
    assert set(doc.spans) == {"sure", "wide"}
    assert len(doc.spans["sure"]) <= len(doc.spans["wide"])
    assert doc._.policyclf == policyclf.load(thresholds="recall").classify(POLICY)  # the last one's


def same(first: Iterable[Doc], second: Iterable[Doc]) -> None:
    for a, b in zip(first, second, strict=True):
        assert labelled(a) == labelled(b)
        assert a._.policyclf == b._.policyclf
        assert [s.text for s in a.sents] == [s.text for s in b.sents]


def test_a_stream_in_one_process_and_in_two() -> None:
    nlp = pipeline("xx", set_sents=True, threads=1)
    texts = [POLICY, "", JAPANESE, *(f"We keep it for {n} days. We never sell it." for n in range(9))]
    docs = [nlp(text) for text in texts]  # so that the workers inherit a model that has run
    same(nlp.pipe(texts), docs)
    same(nlp.pipe(texts, n_process=2, batch_size=2), docs)


SPAWNED = """
import multiprocessing, spacy
if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    nlp = spacy.blank("en")
    nlp.add_pipe("policyclf", config={"threads": 1})
    for doc in nlp.pipe(["We never sell it.", "We keep it for a year."], n_process=2, batch_size=1):
        print([(span.label_, list(span._.policyclf.denied)) for span in doc.spans["policyclf"]])
"""


def test_workers_that_are_spawned(tmp_path: Path) -> None:
    script = tmp_path / "spawned.py"
    script.write_text("import policyclf.spacy_component\n" + SPAWNED, encoding="utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.startswith("[('third_party_sharing_collection', [<Practice.THIRD_PARTY_SHARING")
    assert second == "[('data_retention', [])]"


def test_docs_travel_with_their_clauses(nlp: Language, doc: Doc) -> None:
    packed = DocBin(store_user_data=True)
    packed.add(doc)
    (unpacked,) = DocBin().from_bytes(packed.to_bytes()).get_docs(spacy.blank("en").vocab)
    sent = Doc(nlp.vocab).from_bytes(doc.to_bytes())
    for twin in (sent, unpacked, pickle.loads(pickle.dumps(doc)), doc.copy()):
        assert labelled(twin) == labelled(doc)
        assert twin._.policyclf == doc._.policyclf


def test_docs_that_are_joined_or_cut() -> None:
    nlp = pipeline("xx")
    parts = [nlp(JAPANESE), nlp("We never sell it.")]
    whole = Doc.from_docs(parts)
    moved = len(whole.text) - len("We never sell it.")
    assert [clause.text for _, _, clause in labelled(whole)] == [
        clause.text for part in parts for _, _, clause in labelled(part)
    ]
    last = whole._.policyclf[-1]
    assert (last.start, last.end) == (moved, len(whole.text))
    assert [[(s.start - moved, s.end - moved) for s in spans] for spans in last.evidence.values()] == [
        [(s.start, s.end) for s in spans] for spans in parts[1]._.policyclf[0].evidence.values()
    ]
    (alone,) = whole.char_span(moved, len(whole.text)).as_doc(copy_user_data=True)._.policyclf
    assert alone == parts[1]._.policyclf[0]


def test_displacy_draws_it(nlp: Language) -> None:
    options = {"spans_key": "policyclf"}
    page = displacy.render(nlp("We never sell it."), style="span", options=options, jupyter=False)
    assert "third_party_sharing_collection" in page


def test_the_pipeline_knows_what_it_sets(nlp: Language) -> None:
    assert nlp.pipe_labels["policyclf"] == [practice.value for practice in policyclf.Practice]
    assert nlp.analyze_pipes()["summary"]["policyclf"]["assigns"] == [
        "doc.spans", "doc._.policyclf", "span._.policyclf"
    ]  # fmt: skip


def test_a_saved_pipeline_with_the_shipped_model(tmp_path: Path) -> None:
    nlp = pipeline(thresholds="precision", spans_key="practices")
    nlp.to_disk(tmp_path / "saved")
    assert not (tmp_path / "saved" / "policyclf").exists()
    for twin in (spacy.load(tmp_path / "saved"), English.from_config(nlp.config).from_bytes(nlp.to_bytes())):
        assert labelled(twin(POLICY), "practices") == labelled(nlp(POLICY), "practices")


def test_a_saved_pipeline_takes_a_model_of_ones_own_along(folder: Path, tmp_path: Path) -> None:
    nlp = pipeline(model=str(folder))
    text = "We collect your name."
    assert len(nlp(text).spans["policyclf"]) == 12
    nlp.to_disk(tmp_path / "saved")
    content = nlp.to_bytes()
    folder.rename(tmp_path / "elsewhere")

    unpacked = English.from_config(nlp.config).from_bytes(content)
    component = unpacked.get_pipe("policyclf")
    copies = [pickle.loads(pickle.dumps(component)), pickle.loads(pickle.dumps(component))]
    held = Path(component.model)
    del component, unpacked
    assert not held.exists()  # what a component unpacked goes with it
    for twin in (spacy.load(tmp_path / "saved"), English.from_config(nlp.config).from_bytes(content)):
        assert len(twin(text).spans["policyclf"]) == 12
    for copy in copies:
        assert len(copy(nlp.make_doc(text)).spans["policyclf"]) == 12
    loaded = spacy.load(tmp_path / "saved")
    loaded.to_disk(tmp_path / "saved")  # over itself
    loaded.to_disk(tmp_path / "again")
    shutil.rmtree(tmp_path / "saved")
    assert len(spacy.load(tmp_path / "again")(text).spans["policyclf"]) == 12


def test_bytes_write_no_file_of_another_name(tmp_path: Path) -> None:
    import srsly

    component = PracticeComponent()
    component.from_bytes(srsly.msgpack_dumps({"../escaped": b"x", "config.json": b"{}"}))
    held = Path(component.model or "")
    assert [path.name for path in held.iterdir()] == ["config.json"]
    assert not (held.parent / "escaped").exists()


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"thresholds": "nonsense"}, ValueError, "thresholds must be one of balanced, precision, recall"),
        ({"alignment_mode": "nearest"}, ValueError, "alignment_mode must be one of expand, contract, strict"),
        ({"threads": 0}, ValueError, "threads must be at least 1"),
        ({"model": str(Path(__file__).parent)}, ModelError, "is not a policyclf model"),
        ({"treads": 1}, ValueError, "treads"),
    ],
)
def test_wrong_settings_are_refused_when_added(config: dict[str, object], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        pipeline(**config)


def test_a_model_that_is_not_there_is_named_at_the_first_doc() -> None:
    with pytest.raises(ModelError, match=r"no model folder at .*absent"):
        pipeline(model="absent")("We collect it.")


def test_without_spacy_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spacy.language", None)
    monkeypatch.delitem(sys.modules, "policyclf.spacy_component")
    with pytest.raises(MissingExtraError, match=r'"policyclf\[spacy\]"'):
        importlib.import_module("policyclf.spacy_component")
