"""The corpus is without fault, and the checker finds every kind of fault where it stands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from policyclf import Practice
from training import corpus

HEADER = """+++
organisation = "Tidewick Bakery"
sector = "shop"
style = "plain"
language = "en"
written = 2026
+++
"""


def write(folder: Path, body: str, *, name: str = "tidewick", header: str = HEADER) -> Path:
    path = folder / f"{name}.txt"
    path.write_text(header + body, encoding="utf-8")
    return path


def faults(*paths: Path) -> list[str]:
    return [f"{fault.path.name}:{fault.line}: {fault.message}" for fault in corpus.check(paths)[1]]


def test_the_corpus_has_no_fault() -> None:
    policies, found = corpus.check()
    assert [str(fault) for fault in found] == []
    for language in corpus.LANGUAGES:
        assert sum(p.language == language for p in policies) >= 15
    assert sum(s.kind != "heading" for p in policies for s in p.segments) >= 2500


def test_every_label_occurs_in_both_languages() -> None:
    policies = corpus.load()
    for language in corpus.LANGUAGES:
        seen = {x for p in policies if p.language == language for s in p.segments for x in s.labels}
        assert seen == {practice.value for practice in Practice}


def test_taking_the_tags_away_gives_the_document(tmp_path: Path) -> None:
    body = (
        "Privacy [[heading]]\n\n  We bake. [[intro]] We do not sell data,\nonly bread. [[third!]]\n"
        "- your name [[item first]]\n- © Tidewick [[item -]]\n\n"
    )
    policy, found = corpus.read(write(tmp_path, body))
    assert found == []
    assert policy is not None
    assert policy.text == (
        "Privacy\n\n  We bake. We do not sell data,\nonly bread.\n- your name\n- © Tidewick\n\n"
    )
    assert [s.kind for s in policy.segments] == ["heading", "sentence", "sentence", "list_item", "list_item"]
    assert [policy.text[s.start : s.end] for s in policy.segments] == [s.text for s in policy.segments]
    assert policy.segments[2].text == "We do not sell data,\nonly bread."
    assert policy.segments[2].labels == policy.segments[2].denied == ("third_party_sharing_collection",)
    assert policy.segments[4].labels == ()
    assert [s.line for s in policy.segments] == [8, 10, 11, 12, 13]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("One. [[first]]\nTwo. [[thrid]]\n", "9: [[thrid]]: unknown label 'thrid'"),
        ("One. [[heading first]]\n", "8: [[heading first]]: a heading bears no labels"),
        ("One. [[]]\n", "8: [[]]: no label; write - for none"),
        ("One. [[first first!]]\n", "8: [[first first!]]: label 'first!' twice"),
        ("One.[[first]]\n", "8: no space before [[first]]"),
        ("One. [[first]] [[third]]\n", "8: no text before [[third]]"),
        ("One. [[first]]\nTwo.\n", "8: text without a tag: 'Two.'"),
        ("One. [[first]\nTwo. [[first]]\n", "8: a tag is malformed"),
        ("\n", "8: no segments"),
        ("One. [[first =3]]\n", "8: =3 in a policy without `pair`"),
    ],
)
def test_faults_are_named_with_their_line(tmp_path: Path, body: str, message: str) -> None:
    found = faults(write(tmp_path, body))
    assert any(fault.startswith(f"tidewick.txt:{message}") for fault in found), found


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("", "no header"),
        (HEADER.replace('sector = "shop"\n', ""), "header: sector is missing"),
        (HEADER.replace('"en"', '"de"'), "header: language is 'de'"),
        (HEADER.replace("= 2026", '= "2026"'), "header: written is missing or not of type int"),
        (HEADER.replace("style =", "stile ="), "header: unknown key 'stile'"),
        (HEADER.replace('"plain"', "plain"), "header: "),
    ],
)
def test_faults_of_the_header(tmp_path: Path, header: str, message: str) -> None:
    found = faults(write(tmp_path, "One. [[first]]\n", header=header))
    assert any(message in fault for fault in found), found


def test_a_file_that_is_no_utf8(tmp_path: Path) -> None:
    path = tmp_path / "sjis.txt"
    path.write_bytes("個人情報".encode("shift_jis"))
    assert "cannot be read as UTF-8" in faults(path)[0]


def test_a_file_in_the_other_languages_folder(tmp_path: Path) -> None:
    (tmp_path / "ja").mkdir()
    assert "language is 'en' in folder ja" in faults(write(tmp_path / "ja", "One. [[first]]\n"))[0]


def test_the_same_text_labelled_differently_in_like_contexts(tmp_path: Path) -> None:
    one = write(tmp_path, "Use [[heading]]\nWe send parcels. [[first]]\n", name="one")
    same = write(tmp_path, "Use [[heading]]\nWe send parcels. [[third]]\n", name="two")
    other = write(tmp_path, "Sharing [[heading]]\nWe send parcels. [[third]]\n", name="three")
    assert any("two.txt:9: labelled differently" in fault for fault in faults(one, same))
    assert faults(one, other) == []


def test_near_copies_in_another_policy(tmp_path: Path) -> None:
    sentence = "We keep a record of every loaf that you have ordered from our ovens for two years."
    one = write(tmp_path, f"{sentence} [[retention]]\n", name="one")
    two = write(tmp_path, f"{sentence.replace('two', 'six')} [[retention]]\n", name="two")
    assert any("two.txt:8: nearly the same as" in fault for fault in faults(one, two))
    assert len(corpus.near_copies(corpus.load([one]))) == 0


def test_a_pair_is_one_policy_in_each_language_with_counterparts(tmp_path: Path) -> None:
    header = HEADER.replace("written", 'pair = "tidewick"\nwritten')
    japanese = header.replace('"en"', '"ja"')
    en = write(tmp_path, "We bake. [[intro =1]]\nWe sell. [[intro =2]]\n", name="a", header=header)
    ja = write(tmp_path, "当店はパンを焼きます。 [[intro =1]]\n", name="b", header=japanese)
    assert faults(en, ja) == [f"a.txt:10: =2 has no counterpart in {ja}"]
    assert faults(en) == ["a.txt:1: pair 'tidewick' is " + f"{tmp_path.name}/a, not one in each"]


def test_shared_runs_of_words(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    text = "Yesterday we baked seven loaves of rye for the harbour master."
    (real / "x.txt").write_text(text, encoding="utf-8")
    path = write(tmp_path, "Today we baked seven loaves of rye for the harbour. [[other]]\n")
    (fault,) = corpus.shared_runs(corpus.load([path]), real)
    assert fault.line == 8
    assert "we baked seven loaves of rye for the" in fault.message


def test_the_command_prints_a_table_and_exits_1_on_a_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = write(tmp_path, "We bake. [[intro]]\n", name="good")
    assert corpus.main(["check", str(good)]) == 0
    assert "segments" in capsys.readouterr().out
    bad = write(tmp_path, "We bake. [[intr]]\n", name="bad")
    assert corpus.main(["check", str(bad)]) == 1
    assert "bad.txt:8:" in capsys.readouterr().err


def test_the_command_prints_figures_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "We bake. [[intro]]\nWe never share. [[third!]]\n")
    assert corpus.main(["check", "--json", str(path)]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["en"]["segments"] == 2
    assert figures["en"]["denied"]["third_party_sharing_collection"] == 1
    assert figures["faults"] == []


def test_splits_hold_every_policy_once() -> None:
    splits = corpus.load_splits()
    assert all(splits[split] for split in corpus.SPLITS)
    owners = [{p.pair or p.organisation for p in policies} for policies in splits.values()]
    assert not owners[0] & owners[1] | owners[0] & owners[2] | owners[1] & owners[2]
