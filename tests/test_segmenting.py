"""Segments, as a person would mark them: `¦` stands where one ends and the next begins."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyclf.segmenting import Segment, segments

MARK = "¦"


def marked(text: str) -> str:
    """`text` with a mark at the start of every segment but the first."""
    starts = [s.start for s in segments(text)][1:]
    for start in reversed(starts):
        text = text[:start] + MARK + text[start:]
    return text


def kinds(text: str) -> list[str]:
    return [s.kind for s in segments(text)]


def texts(text: str) -> list[str]:
    return [text[s.start : s.end] for s in segments(text)]


# --- boundaries inside a line ---------------------------------------------------------

ENGLISH = [
    "We sell tickets. ¦We keep bookings for two years.",
    "Questions? ¦Write to us! ¦We answer.",
    "We are Brackwater Ferries Inc. and we sell tickets. ¦You buy them.",
    "The controller is Brackwater Ferries, Inc. ¦We run eight boats.",
    "We log details (e.g. your browser) and send them nowhere. ¦That is all.",
    "We use partners, i.e. Harbour Mail Ltd. and two others. ¦They may not sell data.",
    "Servers stand in the U.S. and in Norway. ¦Backups do not.",
    "Servers stand in the U.S. ¦We copy nothing.",
    "We rely on Art. 6(1)(f) GDPR. ¦You may object.",
    "See No. 5 below, or para. 3 of the terms. ¦Both apply.",
    "Write to help@brackwater.co.jp or see www.brackwater.co.jp. ¦We reply.",
    "About 2.5 percent of records are older, see section 4.1.2 for which. ¦We erase them.",
    "He asked “Who reads it? Does anyone?” before he signed. ¦We told him.",
    'Write "No. Never. Not me." on the form. ¦We obey.',
    "We share your name (and your cabin. If you have one.) with the purser. ¦No one else sees it.",
    "We do sell nothing. ¦(We never did.) ¦Ask us.",
    "We serve contextual ads (no profiling). ¦They pay for the boats.",
    "Mr. Harbour and Dr. Quay answer, Mon. to Fri., from 8 a.m. to 4 p.m. on the pier. ¦Call them.",
    "Business transfers. As we grow, we may sell boats and the data of their passengers.",
    "**Cookies.** We set two. ¦Both expire.",
    "Your rights. You may see what we hold, at no cost.",
    "Most browsers accept cookies. ¦You can change that in yours at any time.",
    "We keep it for a year.Then we erase it, as the law asks.",
    "© 2026 Brackwater Ferries, Inc. All rights reserved.",
    "No. ¦Not your name, not your face.",
    "We comply with section 5 of the Act. ¦41 days later we erase the log.",
]

JAPANESE = [
    "当社は氏名を取得します。¦住所は取得しません。",
    "「取得しない。」と定めています。¦例外はありません。",
    "当社（以下「当社」といいます。）は、情報を守ります。¦以上です。",
    "関係会社（資本関係のある会社（上場会社を除く。）をいう。）は、情報を共有します。¦他社は含みません。",
    "氏名を取得します。¦（法人の名称を除きます。）¦住所は任意です。",
    "氏名を取得します。 ¦（法人の名称を除きます。）",
    "提供できますか？¦いいえ、提供しません！¦ご安心ください。",
    "「本当に消えますか？」と尋ねられたら、はいと答えます。¦記録は残しません。",
    "Yahoo! JAPANの広告を利用します。¦Yahoo！ショッピングは利用しません。",
    "利用目的は下記６．のとおりです。¦手数料は1,000円（税込1.1倍）です。",
    "当社は，情報を取得します．¦また，第三者に提供しません．",
    "詳細はwww.minato.co.jpをご覧ください。¦Art. 6(1)(f)に基づきます。",
    "委託先はMinato Inc.とHarbor Co., Ltd.です。¦他にはありません。",
    "1) 委託処理:円滑な配送のため、委託することがあります。¦委託先は監督します。",
    "統計データ。 お客様は、年齢や性別などの情報を任意で登録できます。¦削除もできます。",
    "（閉じない括弧があっても文は終わります。¦次の文です。¦その次の文です。",
    "閉じる括弧だけ）があっても文は終わります。¦次の文です。",
    "退会できます｡¦いつでもどうぞ｡",
    "We do not sell your personal data. ¦当社は個人情報を販売しません。",
]


@pytest.mark.parametrize("golden", [*ENGLISH, *JAPANESE])
def test_sentence_ends(golden: str) -> None:
    plain = golden.replace(MARK, "")
    if ".Then" in golden:
        golden = golden.replace(".Then", f".{MARK}Then")
    assert marked(plain) == golden


# --- lines and blocks -----------------------------------------------------------------

DOCUMENTS = {
    "scraped lines are segments of their own": """\
Privacy policy
¦We collect the following:
¦Your name
¦Your cabin number
¦The way you pay
¦Security
¦We lock our doors.
""",
    "hard-wrapped English": """\
Privacy notice

¦Brackwater Ferries runs eight boats between the islands and keeps a list
of everybody aboard, because the coast guard asks for it. ¦We erase the
list a month after the crossing. ¦Nobody but the purser and the master of
the ship may read it, and both have signed a promise of secrecy.

¦The list is on paper.
""",
    "wrapped once": """\
¦When you book a crossing we keep the list of passengers for a month, and the
name of whoever paid.
"""[1:],
    "wrapped Japanese": """\
¦当社は、お客様の個人情報を、利用目的の達成に必要な範囲を
超えて取り扱うことはなく、あらかじめご本人の同意を得ることなく、
第三者に提供することもありません。¦例外は法令に定めるものに限ります。
"""[1:],
    "a comma or a particle carries a Japanese line on": """\
保有個人データの開示、訂正、追加、
利用停止について
¦ご本人から請求があった場合は、法令の定めに
従って対応します。
""",
    "an open bracket carries a line on": """\
委託先（配送業者、決済代行業者
および印刷会社）の監督
¦委託先を監督します。
""",
    "an unclosed bracket swallows no page": """\
当社は（以下「当社」という
¦情報を取得します。¦情報を守ります。

¦お問い合わせ（本社
¦電話で承ります。¦郵送でも承ります。
""",
    "enumerators alone on their lines": """\
We keep:

¦1.
your name
¦2.

your cabin

¦・
氏名
¦（3）
住所を取得します。
""",
    "items of several sentences": """\
- We keep your name. ¦It is in the list.
¦- We keep your cabin number.
""",
    "a blank line ends a paragraph": """\
You may request

¦• a copy

¦• a correction

¦by writing to us.
""",
    "table rows": """\
Partner\tPlace\tData
¦Harbour Mail, Inc.\tNorway\tE-mail address. ¦Name.
¦Quay Pay Ltd.\tUSA\tCard number
""",
    "a Markdown table": """\
| Partner | Data |
¦|---|---|
¦| Harbour Mail, Inc. | E-mail |
¦| Who pays? | Your card number. |
""",
    "an abbreviation at the end of a line": """\
Brackwater Ferries, Inc.
is a company of the islands.
""",
    "white space of every kind": (
        "\ufeff  見出し\r\n\r\n　¦本文です。　¦次です。\t¦終わりです。\r\n\x0c¦We go. \u2028¦We stay.\x85\n"
    ),
}


@pytest.mark.parametrize("golden", DOCUMENTS.values(), ids=DOCUMENTS)
def test_documents(golden: str) -> None:
    assert marked(golden.replace(MARK, "")) == golden


@pytest.mark.parametrize(
    "enumerator",
    ["ア.", "イ．", "1)", "1.", "１．", "(3)", "（3）", "①", "・", "※", "※1", "•", "a)", "(iv)", "-", "＊"],
)
def test_an_enumerator_belongs_to_the_segment_it_opens(enumerator: str) -> None:
    text = f"次の情報を取得します。\n{enumerator} 氏名を取得します。氏名は任意です。\n"
    assert texts(text)[1:] == [f"{enumerator} 氏名を取得します。", "氏名は任意です。"]
    assert kinds(text) == ["sentence", "list_item", "list_item"]


# --- kinds ----------------------------------------------------------------------------


def test_numbered_titles_are_headings_and_numbered_sentences_are_items() -> None:
    text = "1. Sharing\nWe share nothing.\n2. Keeping\n1. We keep names.\n2. We keep cabins. For a year.\n"
    assert kinds(text) == ["heading", "sentence", "heading", *["list_item"] * 3]


def test_notes_are_items() -> None:
    assert kinds("氏名を取得します。\n※法人は除きます。\n") == ["sentence", "list_item"]


def test_kinds_of_a_scraped_page_without_full_stops() -> None:
    text = (
        "プライバシーポリシー\n当社は次の場合に提供します。\n本人の同意がある場合\n法令に基づく場合\n"
        "第2条（安全管理）\n当社は安全に管理します\n"
    )
    assert kinds(text) == ["heading", "sentence", "list_item", "list_item", "heading", "sentence"]


def test_dates_and_companies_are_no_headings() -> None:
    text = (
        "Privacy policy\n\nLast updated: 3 May 2026\n\nWe sell tickets.\n\n2026年5月3日\n\n株式会社みなと\n"
    )
    assert kinds(text) == ["heading", *["sentence"] * 4]


# --- language -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Google Analyticsの利用", "ja"),
        ("We follow the Act (個人情報の保護に関する法律) to the letter.", "en"),
        ("当社は Amazon Web Services, Inc. および Google LLC を利用します。", "ja"),
        ("Minato Web Services, Inc.（アメリカ）", "en"),
        ("2026-06-08", "en"),
    ],
)
def test_language_by_script(text: str, language: str) -> None:
    assert [s.language for s in segments(text)] == [language]


def test_mixed_document() -> None:
    text = "当社は次の情報を取得します。\n\n- Your IP address\n- 氏名\n- 03-0000-0000\n\nWe sell nothing.\n"
    assert [s.language for s in segments(text)] == ["ja", "en", "ja", "ja", "en"]


# --- lead-in --------------------------------------------------------------------------


def test_lead_in_is_the_sentence_that_announces() -> None:
    text = (
        "# Data\n\nWe collect the following:\n\n- your name\n- your cabin, and there:\n  - the berth\n\n"
        "We share it. 提供先は次のとおりです。例外はありません。\n\n1. a harbour\n"
    )
    found = segments(text)
    leads = {text[s.start : s.end]: s.lead_in for s in found}
    assert leads["- your name"] == leads["- your cabin, and there:"] == 1
    assert leads["- the berth"] == 3
    lead = leads["1. a harbour"]
    assert lead is not None
    assert text[found[lead].start : found[lead].end] == "提供先は次のとおりです。"
    assert leads["# Data"] is None


# --- nothing is lost, nothing crashes -------------------------------------------------


def assert_covered(text: str) -> list[Segment]:
    found = segments(text)
    at = 0
    for i, segment in enumerate(found):
        assert at <= segment.start < segment.end <= len(text)
        gap = text[at : segment.start]
        assert not (gap.removeprefix("\ufeff") if at == 0 else gap).strip()
        piece = text[segment.start : segment.end]
        assert piece == piece.strip()
        assert segment.lead_in is None or 0 <= segment.lead_in < i
        at = segment.end
    rest = text[at:]
    assert not (rest.removeprefix("\ufeff") if at == 0 else rest).strip()
    return found


@pytest.mark.parametrize("text", ["", " ", "\n\r\n\t\u3000", "\ufeff", "\ufeff\n"])
def test_nothing(text: str) -> None:
    assert segments(text) == []


NASTY = [
    *"（）「」『』()[]【】\"“”'’.。．！？!?、,:：;…\n\r\t \u3000\ufeff\u200b\x00\x1c\x85\u2028\x0b\x0c",
    *"1２3①アイ・•-*#|｜>※=_~第条aBcd私個人情ーカ\ud83d\udc4dé한عا中",
    *[
        "\r\n",
        "\n\n",
        "\n  ",
        "1. ",
        "（2）",
        "##",
        "**",
        "---",
        "| a | b |",
        "\t|",
        "Inc. ",
        "e.g. ",
        "No. ",
    ],
    *[
        "次のとおり",
        "です。",
        "We share. ",
        "We share",
        "の場合\n",
        "👩‍👩‍👧",
        "https://a.example/?b=c",
        "2026年5月",
    ],
]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(NASTY), max_size=60).map("".join))
def test_any_text_is_covered(text: str) -> None:
    assert_covered(text)


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=()), max_size=120))
def test_any_characters_are_covered(text: str) -> None:
    assert_covered(text)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("نحن نجمع بياناتك. هل توافق؟", None),
        ("我们收集您的姓名。我们不出售数据。", 2),
        ("우리는 이름을 수집합니다. 판매하지 않습니다.", None),
        ("👍 We agree. 👎 We do not.", None),
        ("\ud800 alone, and \udfff too.", 1),
    ],
)
def test_other_languages_and_characters(text: str, count: int | None) -> None:
    found = assert_covered(text)
    assert found
    assert count is None or len(found) == count


@pytest.mark.parametrize(
    "unit",
    [
        "（",
        ". ",
        "（。",
        "「あ。",
        '"',
        "a.",
        "あ。",
        "x",
        "1. ",
        "|",
        "\t|",
        "e.g. ",
        "**",
        "_",
        "\u3000a",
        "あ（。）",
        "a (b. C) ",
    ],
)
def test_a_line_of_a_megabyte_finishes(unit: str) -> None:
    assert_covered(unit * (1_000_000 // len(unit.encode())))


@pytest.mark.parametrize("line", ["a", "1.", "（a", "あ、", "# a", "a / b", "a;", "- a", "=", "① a"])
def test_very_many_lines_finish(line: str) -> None:
    assert_covered(f"{line}\n" * 20_000)


def test_nothing_is_global() -> None:
    text = "We sell tickets. 当社は販売します。\n\n- a\n- b\n"
    assert segments(text) == segments(text)
    # What stands before a block may tell its kind, never shift its boundaries.
    shifted = segments("Preface.\n\n" + text)[1:]
    assert [(s.start - 10, s.end - 10) for s in shifted] == [(s.start, s.end) for s in segments(text)]


def test_importing_loads_no_splitter() -> None:
    code = "import sys, policyclf.segmenting; sys.exit('nupunkt' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
